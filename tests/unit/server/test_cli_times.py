"""Times and periods as people type them on the command line."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click
import pytest

from kala_server.cli.text.times import doubt, instant, period, zone_name

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
        "30m1h",
        "1h1h",
        "1h30",
    ],
)
def test_what_is_no_period_is_refused_with_the_short_forms(typed: str) -> None:
    with pytest.raises(click.BadParameter, match="short forms are 30s, 5m, 2h, 1d, 1w, 1mo, 1y, and 1h30m"):
        period(typed)


@pytest.mark.parametrize(
    "typed", ["99999999999999d", "10000y", "1y999999999999mo", "120000mo", "9" * 5_000 + "d", "P10000Y"]
)
def test_a_period_that_is_too_long_is_told_in_the_words_that_were_typed(typed: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        period(typed)
    assert typed[:20] in refused.value.message
    assert refused.value.message.endswith(" is longer than 9999 years, where the calendar ends")
    assert len(refused.value.message) < 150


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("-5m", "'-5m' is negative, and no length of time is; short forms are "),
        ("5min", "'5min' is no length of time; short forms are "),
        ("P1H", "'P1H' is not an ISO 8601 duration such as PT10S"),
        ("PT", "'PT' is no duration at all"),
        ("x" * 5_000, f"'{'x' * 60}…' is no length of time; "),
    ],
)
def test_what_is_no_period_is_told_by_what_it_is_most_like(typed: str, why: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        period(typed)
    assert refused.value.message.startswith(why)


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
    for near in ({"after": NOON}, {"before": NOON}, {}):
        assert instant(typed, BERLIN, NOON, **near).astimezone(UTC).isoformat() == meant


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
    assert instant(typed, BERLIN, NOON).astimezone(UTC).isoformat() == past
    assert instant(typed, BERLIN, NOON, after=NOON).astimezone(UTC).isoformat() == next_one


@pytest.mark.parametrize(
    ("typed", "last"),
    [("14:00", "2035-06-04T12:00:00+00:00"), ("14:01", "2035-06-03T12:01:00+00:00")],
)
def test_a_time_of_day_of_what_was_is_the_last_one(typed: str, last: str) -> None:
    assert instant(typed, BERLIN, NOON, before=NOON).astimezone(UTC).isoformat() == last


@pytest.mark.parametrize(
    "typed",
    ["9999-12-31T23:59", "0001-01-01T00:00", "0001-01-01T00:00+14:00", "9999-12-31T23:59:59-14:00"],
)
def test_a_time_that_cannot_be_computed_is_told_as_it_was_typed(typed: str) -> None:
    for near in ({"after": NOON}, {"before": NOON}, {}):
        with pytest.raises(ValueError, match=f"{re.escape(repr(typed))} is out of reach"):
            instant(typed, BERLIN, NOON, **near)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("2027-03-28 02:30", "does not show 02:30 on 2027-03-28: 03:30 is meant"),
        (
            "2027-10-31 02:30",
            "shows 02:30 twice on 2027-10-31: the first one is meant (the second: 2027-10-31T02:30+01:00)",
        ),
        ("2027-03-28 03:00", None),
        ("2027-03-28 02:30+01:00", None),
        ("2027-06-28 02:30", None),
    ],
)  # fmt: skip
def test_what_a_clock_does_not_show_or_shows_twice_is_told(typed: str, words: str | None) -> None:
    told = doubt(instant(typed, BERLIN, NOON))
    assert told == (words and f"the clock of Europe/Berlin {words}")


def test_today_is_the_day_in_the_zone() -> None:
    late = datetime(2035, 6, 4, 23, 0, tzinfo=UTC)
    assert instant("09:00", BERLIN, late).isoformat() == "2035-06-05T09:00:00+02:00"


def test_the_next_one_keeps_its_time_of_day_across_a_change_of_the_clock() -> None:
    before = datetime(2035, 3, 24, 12, 0, tzinfo=UTC)
    assert instant("09:00", BERLIN, before, after=before).isoformat() == "2035-03-25T09:00:00+02:00"


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
        "1700",
        "1700000000",
        "17",
        "20350604509",
        "2035-06-04x09:00",
        "24:00",
        "9:30am Z",
        "x" * 5_000,
    ],
)
def test_what_is_no_time_is_refused_with_what_would_be_one(typed: str) -> None:
    with pytest.raises(
        ValueError, match="is no time; say 09:00, 9am, tomorrow 02:00, or 2035-06-04T09:00:00"
    ):
        instant(typed, BERLIN, NOON, after=NOON)
