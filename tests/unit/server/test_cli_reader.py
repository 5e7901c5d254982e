"""The one rule by which every command finds the clock of whoever reads and types."""

from pathlib import Path

import pytest

from kala_server.cli.text.reader import readers_clock


@pytest.fixture
def localtime(tmp_path: Path) -> Path:
    """A machine's /etc/localtime that leads to Berlin, by two links."""
    (tmp_path / "hop").symlink_to("../usr/share/zoneinfo/Europe/Berlin")
    link = tmp_path / "localtime"
    link.symlink_to("hop")
    return link


@pytest.mark.parametrize(
    ("tz", "name", "plain"),
    [
        (None, "Europe/Berlin", True),
        ("Asia/Tokyo", "Asia/Tokyo", True),
        (":Asia/Tokyo", "Asia/Tokyo", True),
        ("/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo", True),
        (":/etc/localtime", "Europe/Berlin", True),
        ("UTC", "UTC", True),
        ("", "UTC", True),
        ("UTC0", "UTC", True),
        # A rule, or nonsense, names no zone that a job could have: times are told in UTC, and say so.
        ("CET-1CEST,M3.5.0,M10.5.0/3", "UTC", False),
        ("Mars/Base", "UTC", False),
        ("right/Europe/Berlin", "UTC", False),
    ],
)
def test_it_is_that_of_tz_else_what_localtime_leads_to(
    localtime: Path, tz: str | None, name: str, plain: bool
) -> None:
    environ = {} if tz is None else {"TZ": tz}
    clock = readers_clock(utc=False, zone=None, environ=environ, localtime=localtime)
    assert (clock.name, clock.plain, clock.chosen) == (name, plain, False)


def test_what_is_asked_for_wins_and_is_said(localtime: Path) -> None:
    environ = {"TZ": "Asia/Tokyo"}
    utc = readers_clock(utc=True, zone=None, environ=environ, localtime=localtime)
    lima = readers_clock(utc=False, zone="America/Lima", environ=environ, localtime=localtime)
    assert (utc.titled("due"), utc.is_utc) == ("due (UTC)", True)
    assert (lima.titled("due"), lima.is_utc) == ("due (America/Lima)", False)


def test_where_nothing_says_it_it_is_utc_and_said(tmp_path: Path) -> None:
    for place in (tmp_path / "missing", tmp_path):
        clock = readers_clock(utc=False, zone=None, environ={}, localtime=place)
        assert clock.titled("due") == "due (UTC)"


def test_links_that_lead_round_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert readers_clock(utc=False, zone=None, environ={}, localtime=tmp_path / "a").name == "UTC"
