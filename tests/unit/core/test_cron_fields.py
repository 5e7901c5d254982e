"""What the fields of a cron line say, and what is said where one is wrong. Debian's cron: tests/property."""

import calendar
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kala_client.schedules import cron_line
from kala_client.schedules.cron_line import LONGEST, CronLine, days_in, read_line
from kala_client.schedules.due import is_cron
from kala_server.core.model import inputs
from kala_server.core.time import cron
from kala_server.core.time.cron import Cron
from kala_server.core.time.durations import FOREVER
from kala_server.core.time.occurrences import between, read, read_stored
from tests.unit.core.simulation import START, World, new_job


def slots(line: str, count: int, zone: str = "") -> list[str]:
    found = islice(between(read(line, zone), datetime(2035, 1, 1, tzinfo=UTC), FOREVER), count)
    return [f"{slot:%m-%d %H:%M}" for slot in found]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("18 1-1/2 * * *", ["01-01 01:18", "01-02 01:18"]),
        ("5-5/15 * * * *", ["01-01 00:05", "01-01 01:05"]),
        ("0 0 * * MON-MON/2", ["01-01 00:00", "01-08 00:00"]),
        ("0 0 * * 1-MON/3", ["01-01 00:00", "01-08 00:00"]),
        ("0 0 3-03/2 * *", ["01-03 00:00", "02-03 00:00"]),
        ("0 0 1 JAN-1/5 *", ["01-01 00:00", "01-01 00:00"]),
    ],
)
def test_a_range_of_one_value_with_a_step_is_that_value(line: str, expected: list[str]) -> None:
    assert slots(line, 2) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("5/15 0 1 1 *", "5-59/15 0 1 1 *"),
        ("0 9/5 1 1 *", "0 9-23/5 1 1 *"),
        ("0 0 25/3 1 *", "0 0 25-31/3 1 *"),
        ("0 0 * * 5/2", "0 0 * * 5,7"),
    ],
)
def test_a_value_with_a_step_goes_on_to_the_last(line: str, expected: str) -> None:
    assert slots(line, 12) == slots(expected, 12)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        (" @Daily ", "0 0 * * *"),
    ],
)
def test_a_name_is_the_line_that_it_stands_for(name: str, line: str) -> None:
    assert is_cron(name)
    for zone in ("", "Europe/Berlin"):
        assert slots(name, 30, zone) == slots(line, 30, zone)


def named_by_hand(month: date, day: str, weekday: str) -> list[int]:
    """The days that `L`, `LW`, `nL` and `n#k` name, found by looking at each day of the month."""
    _, length = calendar.monthrange(month.year, month.month)
    days = [month.replace(day=number) for number in range(1, length + 1)]
    if day == "L":
        days = days[-1:]
    elif day == "LW":
        days = [one for one in days if one.isoweekday() < 6][-1:]
    if weekday != "*":
        same = [one for one in days if one.isoweekday() % 7 == int(weekday[0]) % 7]
        nth = -1 if weekday[1:] == "L" else int(weekday[2:]) - 1
        days = same[nth:][:1]
    return [one.day for one in days]


@pytest.mark.parametrize(
    ("day", "weekday"),
    [
        ("L", "*"),
        ("LW", "*"),
        ("*", "5L"),
        ("*", "0L"),
        ("*", "7L"),
        ("*", "5#3"),
        ("*", "7#1"),
        ("*", "1#5"),
    ],
)
def test_the_last_and_the_nth_day_are_found_in_every_month(day: str, weekday: str) -> None:
    days = read_line(f"0 0 {day} * {weekday}").days
    for n in range(28 * 12):  # each month on each weekday, with and without a leap year
        month = date(2000 + n // 12, n % 12 + 1, 1)
        first, length = calendar.monthrange(month.year, month.month)
        assert list(days_in(days, (first + 1) % 7, length)) == named_by_hand(month, day, weekday), month


def test_the_last_of_a_weekday_may_be_said_by_its_name() -> None:
    assert slots("0 0 * * FRIL", 5) == slots("0 0 * * 5L", 5)
    assert slots("0 0 L,15 * *", 5) == [
        "01-15 00:00",
        "01-31 00:00",
        "02-15 00:00",
        "02-28 00:00",
        "03-15 00:00",
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("61 * * * *", "minute: '61' is not one of 0 to 59"),
        ("0 24 * * *", "hour: '24' is not one of 0 to 23"),
        ("0 0 0 * *", "day of the month: '0' is not one of 1 to 31"),
        ("0 0 * FEBRUARY *", "month: 'FEBRUARY' is not one of 1 to 12 or JAN to DEC"),
        ("0 0 * * 8", "day of the week: '8' is not one of 0 to 7 or SUN to SAT"),
        ("*/0 * * * *", "the step of '\\*/0' is 0"),
        ("0 22-3 * * *", "the range '22-3' runs backwards; say its two ends, such as 22-23,0-3"),
        ("0 0 * * FRI-MON", "such as FRI-7,0-MON"),
        ("0 0 L/2 * *", "'L' is not one of 1 to 31"),
        ("0 0 LW/2 * *", "'LW' is not one of 1 to 31"),
        ("0 0 * * 5#6", "neither a number nor a range"),
        ("0 0 * * 5#2/2", "neither a number nor a range"),
        ("1,,2 * * * *", "minute: '' is neither"),
        ("? * * * *", "minute: '\\?' is neither"),
        ("+5 * * * *", "minute"),
        ("5% * * * *", "minute"),
        ("٣ * * * *", "plain ASCII"),
        ("0 0 * * ſun", "plain ASCII"),
        ("0\u00a00 * * *", "plain ASCII"),
        ("0 0 *\n* *", "plain ASCII"),
        ("@reboot", "@reboot is no time"),
        ("@daily5", "there are @hourly, @daily"),
        ("@daily x", "there is no '@daily x'; there are"),
        ("0 0 31 4 *", "never come together"),
        ("0 0 29-31 2 MON#1", None),
        ("0 0 */29 2 MON#5", "never come together"),
        ("0 0 * *", "5 fields, not 4"),
    ],
)
def test_what_is_wrong_is_said_with_its_field(line: str, why: str | None) -> None:
    if why is None:
        assert read(line).next_after(START) is not None
        return
    with pytest.raises(ValueError, match=why):
        read(line)


def test_the_ends_that_are_proposed_for_a_range_that_runs_backwards_are_right() -> None:
    assert slots("0 22-23,0-3 * * *", 6) == [f"01-01 0{n}:00" for n in range(4)] + [
        "01-01 22:00",
        "01-01 23:00",
    ]


def test_a_schedule_of_any_kind_is_bounded_before_it_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = ",".join(map(str, range(60))) + " " + ",".join(map(str, range(24))) + " * * *"
    assert read(everything).next_after(START) is not None

    def untouched(_: str) -> bool:
        raise AssertionError("it was walked through")

    monkeypatch.setattr("kala_client.schedules.due.is_cron", untouched)
    monkeypatch.setattr("kala_client.schedules.due.is_never", untouched)
    for text in ("* " * 250_000, "0," * 250_000, "R/" * 250_000, "x" * (LONGEST + 1), " " * 500_000):
        with pytest.raises(ValueError, match=f"at most {LONGEST} characters, not {len(text)}"):
            read(text)


def test_each_line_of_a_batch_is_read_once_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{i % 60} {i // 60 % 24} * * {i // 1440 % 7}" for i in range(10_000)]
    read = 0

    def counted(**fields: Any) -> CronLine:
        nonlocal read
        read += 1
        return CronLine(**fields)

    monkeypatch.setattr(cron_line, "CronLine", counted)
    read_line.cache_clear()
    read_stored.cache_clear()
    world = World()
    jobs = tuple(new_job(f"job {n}", schedule=line, timezone="Europe/Berlin") for n, line in enumerate(lines))
    world.tell(inputs.CreateJobs(jobs=jobs))
    world.advance(timedelta(hours=1))
    assert read == len(set(lines))


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("Europe/Berlin")], ids=str)
@pytest.mark.parametrize(
    "line", ["0 0 29 2 *", "0 0 31 12 *", "0 0 29 2 */6", "0 0 * 2 MON#5", "0 0 L 2 1-5"]
)
def test_a_slot_that_is_years_away_is_found_by_looking_at_few_months(
    line: str, zone: ZoneInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = 0

    def counted(days: cron_line.Days, first_weekday: int, length: int) -> tuple[int, ...]:
        nonlocal looked_at
        looked_at += 1
        return days_in(days, first_weekday, length)

    monkeypatch.setattr(cron, "days_in", counted)
    timetable = Cron(line, zone)
    forwards = list(islice(between(timetable, START, FOREVER), 20))
    backwards, instant = [forwards[-1]], forwards[-1] - timedelta(microseconds=1)
    while len(backwards) < 20:
        slot = timetable.last_until(instant)
        assert slot is not None
        backwards.append(slot)
        instant = slot - timedelta(microseconds=1)
    assert backwards[::-1] == forwards
    assert timetable.count(forwards[0], forwards[-1]) == 20
    years = forwards[-1].year - forwards[0].year
    assert looked_at < 12 * 20 + 12 * years, f"{looked_at} months in {years} years"
