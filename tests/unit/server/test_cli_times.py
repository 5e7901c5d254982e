"""Times and periods as people type them on the command line."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click
import pytest

from kala_server.cli.times import instant, period, zone_name

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
        ("1mo", "P1M"),
        ("1m", "PT1M"),
        ("1y", "P1Y"),
        ("1h30m", "PT1H30M"),
        ("1y2mo3d4h5m6s", "P1Y2M3DT4H5M6S"),
        ("1w1d", "P8D"),
        ("90m", "PT90M"),
        ("36h", "PT36H"),
    ],
)
def test_a_period_is_iso_8601_or_a_number_and_a_unit(typed: str, meant: str) -> None:
    assert period(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "5",
        "m",
        "5 m",
        "5M",
        "-5m",
        "1.5h",
        "٥m",
        "5 minutes",
        "PT",
        "30m1h",
        "1h1h",
        "1h30",
        "99999999999999d",
    ],
)
def test_what_is_no_period_is_refused_with_the_short_forms(typed: str) -> None:
    with pytest.raises(click.BadParameter, match="short forms are 30s, 5m, 2h, 1d, 1w, 1mo, 1y, and 1h30m"):
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
        ("2035-06-04 9am", "2035-06-04T07:00:00+00:00"),
        ("2035-06-04 9:00", "2035-06-04T07:00:00+00:00"),
        ("today 9am", "2035-06-04T07:00:00+00:00"),
        ("tomorrow 02:00", "2035-06-05T00:00:00+00:00"),
        ("Tomorrow 2:30 pm", "2035-06-05T12:30:00+00:00"),
        ("2am tomorrow", "2035-06-05T00:00:00+00:00"),
        ("yesterday 18:00", "2035-06-03T16:00:00+00:00"),
        ("tomorrow 02:00Z", "2035-06-05T02:00:00+00:00"),
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
        ("9:00", "2035-06-04T07:00:00+00:00", "2035-06-05T07:00:00+00:00"),
        ("9am", "2035-06-04T07:00:00+00:00", "2035-06-05T07:00:00+00:00"),
        ("9 PM", "2035-06-04T19:00:00+00:00", "2035-06-04T19:00:00+00:00"),
        ("12am", "2035-06-03T22:00:00+00:00", "2035-06-04T22:00:00+00:00"),
        ("12:30pm", "2035-06-04T10:30:00+00:00", "2035-06-05T10:30:00+00:00"),
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


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "noon",
        "25:00",
        "2035-13-01T00:00",
        "9",
        "13pm",
        "0am",
        "9:5",
        "9:60",
        "tomorrow",
        "tomorrow x",
        "9am 9am",
        "1h",
    ],
)
def test_what_is_no_time_is_refused_with_what_would_be_one(typed: str) -> None:
    with pytest.raises(
        ValueError, match="is no time; say 09:00, 9am, tomorrow 02:00, or 2035-06-04T09:00:00"
    ):
        instant(typed, BERLIN, NOON, coming=True)
