"""Times and periods as people type them on the command line."""

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import click
import pytest

from kala_client import Job
from kala_server.cli.times import clock_of, instant, period, zone_name

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2035, 6, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("30s", "PT30S"),
        ("5m", "PT5M"),
        ("2h", "PT2H"),
        ("1d", "P1D"),
        ("1w", "P1W"),
        ("PT0.5S", "PT0.5S"),
        (" P1M ", "P1M"),
    ],
)
def test_a_period_is_iso_8601_or_a_number_and_a_unit(typed: str, meant: str) -> None:
    assert period(typed) == meant


@pytest.mark.parametrize("typed", ["", "5", "m", "5 m", "5M", "-5m", "1.5h", "٥m", "5 minutes", "PT"])
def test_what_is_no_period_is_refused_with_the_short_forms(typed: str) -> None:
    with pytest.raises(click.BadParameter, match="short forms are 30s, 5m, 2h, 1d, 1w"):
        period(typed)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Sao_Paulo"])
def test_a_zone_goes_by_its_iana_name(name: str) -> None:
    assert zone_name(name) == name


@pytest.mark.parametrize("name", ["", "Mars/Base", "../../etc/passwd", "/etc/localtime", "Europe", "a\0b"])
def test_what_is_no_zone_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(click.BadParameter, match=r" time zone .* Europe/Berlin"):
        zone_name(name)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2035-06-04T09:00:00+02:00", "2035-06-04T07:00:00+00:00"),
        ("2035-06-04T09:00:00Z", "2035-06-04T09:00:00+00:00"),
        ("2035-06-04T09:00", "2035-06-04T07:00:00+00:00"),
        ("2035-12-04 09:00", "2035-12-04T08:00:00+00:00"),
        ("2035-06-05", "2035-06-04T22:00:00+00:00"),
    ],
)
def test_a_date_and_time_is_on_the_clock_of_the_zone_unless_it_has_an_offset(typed: str, meant: str) -> None:
    for coming in (True, False):
        assert instant(typed, BERLIN, NOON, coming=coming).astimezone(UTC).isoformat() == meant


@pytest.mark.parametrize(
    ("typed", "past", "next_one"),
    [
        ("14:00", "2035-06-04T12:00:00+00:00", "2035-06-05T12:00:00+00:00"),
        ("14:01", "2035-06-04T12:01:00+00:00", "2035-06-04T12:01:00+00:00"),
        ("09:00", "2035-06-04T07:00:00+00:00", "2035-06-05T07:00:00+00:00"),
        ("09:00Z", "2035-06-04T09:00:00+00:00", "2035-06-05T09:00:00+00:00"),
    ],
)
def test_a_time_of_day_is_todays_or_where_it_must_come_the_next_one(
    typed: str, past: str, next_one: str
) -> None:
    assert instant(typed, BERLIN, NOON, coming=False).astimezone(UTC).isoformat() == past
    assert instant(typed, BERLIN, NOON, coming=True).astimezone(UTC).isoformat() == next_one


def test_today_is_the_day_in_the_zone() -> None:
    late = datetime(2035, 6, 4, 23, 0, tzinfo=UTC)
    assert instant("09:00", BERLIN, late, coming=False).isoformat() == "2035-06-05T09:00:00+02:00"


def test_the_next_one_keeps_its_time_of_day_across_a_change_of_the_clock() -> None:
    before = datetime(2035, 3, 24, 12, 0, tzinfo=UTC)
    assert instant("09:00", BERLIN, before, coming=True).isoformat() == "2035-03-25T09:00:00+02:00"


@pytest.mark.parametrize("typed", ["", "noon", "25:00", "2035-13-01T00:00", "9"])
def test_what_is_no_time_is_refused_with_what_would_be_one(typed: str) -> None:
    with pytest.raises(ValueError, match="is no time; say 09:00, or 2035-06-04T09:00:00"):
        instant(typed, BERLIN, NOON, coming=True)


@pytest.mark.parametrize(
    ("fields", "zone"),
    [
        ({"schedule": "0 23 * * *", "timezone": "Europe/Berlin"}, BERLIN),
        ({"schedule": "R/2035-06-04T09:00:00+05:30/P1D", "timezone": "Europe/Berlin"}, BERLIN),
        ({"schedule": "R/2035-06-04T09:00:00+05:30/P1D"}, timezone(timedelta(hours=5, minutes=30))),
        ({"schedule": "R/2035-06-04T09:00:00/P1D"}, UTC),
        ({"schedule": "0 23 * * *"}, UTC),
        ({"schedule": "never", "timezone": None}, UTC),
        ({}, UTC),
    ],
)
def test_a_jobs_own_clock_is_that_of_its_zone_else_of_its_start_else_utc(
    fields: dict[str, Any], zone: tzinfo
) -> None:
    found = clock_of(Job.model_validate({"name": "a", "command": "true", **fields}))
    assert str(found) == str(zone)  # zones are read anew by other tests, and are then other objects
