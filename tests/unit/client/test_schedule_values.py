"""What Period and Schedule accept, refuse and say; their arithmetic is in tests/property."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from kala_client import Period, Schedule, clock

START = datetime(2035, 6, 4, 19, 25, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("P1Y2M10DT2H30M15S", Period(years=1, months=2, days=10, hours=2, minutes=30, seconds=15)),
        ("P2W", Period(weeks=2)),
        ("PT0.5S", Period(seconds=0.5)),
        ("PT0,5S", Period(seconds=Decimal("0.5"))),
        ("P1W2D", Period(days=9)),
    ],
)
def test_iso_8601_durations_are_read(text: str, period: Period) -> None:
    assert Period.parse(text) == period


def test_parts_stay_what_they_were_called() -> None:
    assert str(Period(minutes=90)) == "PT90M"
    assert str(Period(weeks=2)) == "P2W"
    assert str(Period()) == "PT0S"
    assert str(Period(seconds=Decimal("0.000001"))) == "PT0.000001S"
    assert str(Period(years=1, days=1, seconds=1.5)) == "P1Y1DT1.5S"


@pytest.mark.parametrize(
    "text", ["", "1D", "P", "PT", "P1DT", "P1YT", "P1.5D", "PT1.5H", "P1S", "PT1D", "p1d", "P1D ", "P٣D"]
)
def test_other_durations_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="such as PT10S"):
        Period.parse(text)


def test_a_negative_period_is_refused_however_it_is_said() -> None:
    with pytest.raises(ValueError, match="cannot be negative"):
        Period.parse("-P1D")
    with pytest.raises(ValueError, match="days is -1"):
        Period(days=-1)
    with pytest.raises(ValueError, match="seconds is -1"):
        Period(seconds=-1)
    with pytest.raises(ValueError, match="cannot be negative"):
        Period.from_timedelta(timedelta(seconds=-1))


@pytest.mark.parametrize("seconds", [float("nan"), float("inf")])
def test_seconds_must_be_a_number(seconds: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Period(seconds=seconds)


def test_only_seconds_have_a_fraction() -> None:
    with pytest.raises(ValueError, match="hours must be a whole number"):
        Period(hours=1.5)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["P10000Y", "P999999999999D", "PT999999999999S", "P3652060D", "P120000M"])
def test_a_period_longer_than_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="longer than 9999 years"):
        Period.parse(text)


def test_a_duration_that_nobody_could_read_is_refused_and_not_shown_whole() -> None:
    for digits, told in ((60, "longer than 9999 years"), (10_000, "has at most")):
        with pytest.raises(ValueError, match=told) as raised:
            Period.parse(f"P{'9' * digits}D")
        assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("CRON_TZ=Europe/Berlin 0 9 * * *", "CRON_TZ=… is no field of a cron line: the zone of a schedule"),
        ("TZ=Europe/Berlin 0 9 * * *", "belongs in timezone, such as Europe/Berlin"),
        (
            "MAILTO=me 0 9 * * *",
            "MAILTO=… is no field of a cron line: what the command finds in its environment",
        ),
        ("0 0 9 * * *", "there is none for seconds, a year, a user or a command"),
    ],
)
def test_what_stands_before_the_fields_of_a_crontab_is_said_elsewhere(line: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Schedule.cron(line)


def test_months_have_no_fixed_length() -> None:
    assert Period(days=1, hours=1).as_timedelta() == timedelta(hours=25)
    with pytest.raises(ValueError, match="P1M has no fixed length"):
        Period(months=1).as_timedelta()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("R2/2035-06-04T19:25:16.828696-07:00/PT10S", "R2/2035-06-04T19:25:16.828696-07:00/PT10S"),
        ("R/2035-06-04T19:25:16.828696151Z/P1M", "R/2035-06-04T19:25:16.828696Z/P1M"),
        ("R-1/2035-06-04T19:25:16+0530/P1D", "R/2035-06-04T19:25:16+05:30/P1D"),
        ("R/2035-06-04T19:25:16+02/P1D", "R/2035-06-04T19:25:16+02:00/P1D"),
        ("R/20350604T192516/P1D", "R/2035-06-04T19:25:16/P1D"),
        ("R/2035-06-04T19:25Z/P1D", "R/2035-06-04T19:25:00Z/P1D"),
        ("R0/2035-06-04T19:25:16Z/", "R0/2035-06-04T19:25:16Z/PT1S"),
        ("R0/2035-06-04T19:25:16Z/PT0S", "R0/2035-06-04T19:25:16Z/PT0S"),
    ],
)
def test_schedules_are_read_and_written_in_one_way(text: str, written: str) -> None:
    assert str(Schedule.parse(text)) == written


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("bbbbbbbb", "R\\[n\\]/START/PERIOD"),
        ("2/2035-06-04T19:25:16Z/PT10S", "begins with R"),
        ("Rx/2035-06-04T19:25:16Z/PT10S", "begins with R"),
        ("R-2/2035-06-04T19:25:16Z/PT10S", "begins with R"),
        ("R/2035-06-04/P1D", "full ISO 8601 date"),
        ("R/2035-06-04 19:25:16Z/P1D", "full ISO 8601 date"),
        ("R/2035-06-31T19:25:16Z/P1D", "day is out of range"),
        ("R/2035-06-04T19:25:16+25:00/P1D", "full ISO 8601 date"),
        ("R/2035-06-04T19:25:16+24:00/P1D", "full ISO 8601 date"),
        ("R/2035-06-04T19:25:16+02:60/P1D", "full ISO 8601 date"),
        ("R/2035-06-04T19:25:16-0260/P1D", "full ISO 8601 date"),
        ("R/2035-06-04T19:25:16+02:99/P1D", "full ISO 8601 date"),
        ("R/2035-06-04T19:25:16+2/P1D", "full ISO 8601 date"),
        ("R/2035-06-04T24:00:00Z/P1D", "hour must be"),
        ("R/2035-06-04T23:59:60Z/P1D", "second must be"),
        ("R/2035-02-29T00:00:00Z/P1D", "day is out of range"),
        ("R/0000-06-04T19:25:16Z/P1D", "year 0"),
        ("R/0001-01-01T00:00:00+23:59/P1D", "out of range"),
        ("R/9999-12-31T23:59:59-23:59/P1D", "out of range"),
        ("R/9999-12-31T23:59:59/P1D", "out of range"),
        ("R/10000-01-01T00:00:00Z/P1D", "full ISO 8601 date"),
        ("R/0001-01-01T00:00:00Z/P1D", "out of range"),
        ("R/2035-06-04T19:25:16Z/nonsense", "not an ISO 8601 duration"),
        ("R/2035-06-04T19:25:16Z/", "not an ISO 8601 duration"),
        ("R2/2035-06-04T19:25:16Z/P", "no duration at all"),
        ("R0/2035-06-04T19:25:16Z/PT", "no duration at all"),
        ("R/2035-06-04T19:25:16Z/PT0.0000001S", "period of zero"),
    ],
)
def test_other_schedules_are_refused_and_told_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Schedule.parse(text)


def test_a_start_without_an_offset_floats_only_where_that_is_said() -> None:
    floating = Schedule.parse("R/2035-06-04T09:00:00/P1D")
    assert floating.floating
    assert floating.start == datetime(2035, 6, 4, 9, tzinfo=UTC)
    assert Schedule(datetime(2035, 6, 4, 9), Period(days=1), floating=True) == replace(floating, repeat=None)
    assert floating.slot(0) == datetime(2035, 6, 4, 9, tzinfo=UTC)
    assert floating.slot(0, tz=ZoneInfo("Europe/Berlin")) == datetime(2035, 6, 4, 7, tzinfo=UTC)
    with pytest.raises(ValueError, match="astimezone"):
        Schedule(datetime(2035, 6, 4), Period(days=1))
    with pytest.raises(ValueError, match="floating start has no offset"):
        Schedule(START.astimezone(ZoneInfo("Europe/Berlin")), Period(days=1), floating=True)


def test_only_the_offset_of_start_is_kept() -> None:
    berlin = Schedule(datetime(2035, 6, 4, 9, tzinfo=ZoneInfo("Europe/Berlin")), Period(days=1))
    assert berlin.start.tzinfo == timezone(timedelta(hours=2))
    old = Schedule(datetime(1880, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")), Period(days=1))  # +00:53:28
    assert str(old) == "R/1879-12-31T23:06:32Z/P1D"


def test_a_negative_repeat_is_refused() -> None:
    with pytest.raises(ValueError, match="None for ever"):
        Schedule(START, Period(days=1), -1)


def test_the_last_day_of_the_month_comes_back_after_a_short_month() -> None:
    schedule = Schedule(datetime(2035, 1, 31, tzinfo=UTC), Period(months=1), 3)
    slots = [schedule.slot(n) for n in range(5)]
    assert [slot and (slot.month, slot.day) for slot in slots] == [(1, 31), (2, 28), (3, 31), (4, 30), None]


def test_slots_end_with_the_calendar() -> None:
    yearly = Schedule(START, Period(years=100))
    assert yearly.slot(79) == datetime(9935, 6, 4, 19, 25, 16, tzinfo=UTC)
    assert yearly.slot(80) is None
    assert yearly.index_after(datetime(9935, 6, 5, tzinfo=UTC)) is None
    assert Schedule(START, Period(hours=1)).slot(10**12) is None


def test_a_slot_before_the_first_is_an_error() -> None:
    with pytest.raises(ValueError, match="counted from 0"):
        Schedule(START, Period(days=1)).slot(-1)


def test_a_schedule_that_runs_once_is_due_once() -> None:
    once = Schedule.once(START)
    assert str(once) == "R0/2035-06-04T19:25:16Z/PT1S"
    assert list(once.occurrences(after=START - timedelta(days=1))) == [START]
    assert once.index_after(START) is None
    assert Schedule(START, Period(), 0).index_after(START) is None


def test_a_naive_time_to_search_from_is_refused() -> None:
    with pytest.raises(ValueError, match="after has no time zone"):
        Schedule(START, Period(days=1)).index_after(datetime(2035, 1, 1))


def test_a_day_that_a_zone_left_out_is_not_run_twice() -> None:
    daily = Schedule.parse("R3/2011-12-28T10:00:00/P1D")
    due = daily.occurrences(after=datetime(2011, 1, 1, tzinfo=UTC), tz=ZoneInfo("Pacific/Apia"))
    assert [slot.day for slot in due] == [28, 29, 30]  # 10:00 in Samoa is the evening before in UTC


def test_every_starts_one_period_from_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "utc_now", lambda: START)
    assert str(Schedule.every(minutes=5)) == "R/2035-06-04T19:30:16Z/PT5M"
    assert str(Schedule.every(Period(months=1), repeat=0)) == "R0/2035-07-04T19:25:16Z/P1M"
    assert str(Schedule.every(timedelta(days=1), start=START, repeat=3)) == "R3/2035-06-04T19:25:16Z/PT24H"
    with pytest.raises(ValueError, match="after the year 9999"):
        Schedule.every(years=9000)


def test_every_wants_one_period() -> None:
    with pytest.raises(ValueError, match="either a period or its parts"):
        Schedule.every()
    with pytest.raises(ValueError, match="either a period or its parts"):
        Schedule.every(Period(days=1), hours=1)


def test_the_clock_is_aware_and_in_utc() -> None:
    assert clock.utc_now().tzinfo is UTC


def test_every_start_can_be_compared_and_every_schedule_reads_back_as_itself() -> None:
    schedules = [Schedule.parse(f"R/2035-06-04T19:25:16{offset}/P1D") for offset in ("", "Z", "+02:00")]
    assert min(schedule.start for schedule in schedules) == schedules[2].start
    assert [schedule.floating for schedule in schedules] == [True, False, False]
    assert [Schedule.parse(str(schedule)) for schedule in schedules] == schedules
    assert schedules[0] != schedules[1]
