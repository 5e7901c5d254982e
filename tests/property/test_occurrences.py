"""Timetables against a clock that is read minute by minute, and against a walk from START."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from kala_client.schedules.schedule import Period, Schedule
from kala_server.core.time.cron import Cron
from kala_server.core.time.occurrences import (
    Never,
    Once,
    Repeating,
    Timetable,
    between,
    first_at_or_after,
    latest,
)

MINUTE, INSTANT = timedelta(minutes=1), timedelta(microseconds=1)
ZONES = {
    name: ZoneInfo(name)
    for name in ("America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC")
}
CHANGES = {
    "America/Los_Angeles": ["2018-03-11", "2018-11-04"],
    "Europe/Berlin": ["2018-03-25", "2018-10-28"],
    "Australia/Lord_Howe": ["2018-04-01", "2018-10-07"],
    "America/Sao_Paulo": ["2018-02-17", "2018-11-04"],
    "UTC": ["2018-02-28", "2018-12-31"],
}
"""Days around which clocks are changed: that is where a timetable can go wrong."""

MINUTES = st.sampled_from(["0", "30", "59", "0,30", "5-50/15", "0-59", "*", "*/20", "*/7"])
HOURS = st.sampled_from(["0", "1", "2", "3", "23", "1,2", "0-3", "*", "*/2", "*/5"])
DAYS = st.sampled_from(["*", "*", "1", "4,11,25,28", "1-15", "*/3", "31"])
MONTHS = st.sampled_from(["*", "*", "2-4", "3,10,11", "*/2"])
WEEKDAYS = st.sampled_from(["*", "*", "0", "7", "1-5", "SUN", "MON,WED", "*/2"])
LINES = st.tuples(MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS)
BEGUN = 3
"""Days before a change of the clock at which the walk by minutes begins."""
LONG = 4

NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


@cache
def numbers(field: str, low: int, high: int) -> frozenset[int]:
    """The numbers that a field of a cron line stands for."""
    found: set[int] = set()
    for term in field.split(","):
        span, _, step = term.partition("/")
        first, _, last = ("", "", "") if span == "*" else span.partition("-")
        begin = low if span == "*" else _number(first)
        end = high if span == "*" or (step and not last) else _number(last or first)
        found |= set(range(begin, end + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str) -> int:
    return NAMES.index(text) if text in NAMES else int(text)


def fits_day(day: date, line: tuple[str, ...]) -> bool:
    """Whether the day is one of the line: both days have to fit, or either where neither begins with a star."""
    of_month = day.day in numbers(line[2], 1, 31)
    weekdays = {number % 7 for number in numbers(line[4], 0, 6 if line[4].startswith("*") else 7)}
    of_week = day.isoweekday() % 7 in weekdays
    both = line[2].startswith("*") or line[4].startswith("*")
    return day.month in numbers(line[3], 1, 12) and (
        (of_month and of_week) if both else (of_month or of_week)
    )


def fits(wall: datetime, line: tuple[str, ...]) -> bool:
    return (
        wall.minute in numbers(line[0], 0, 59)
        and wall.hour in numbers(line[1], 0, 23)
        and fits_day(wall.date(), line)
    )


def by_minutes(line: tuple[str, ...], zone: tzinfo, begin: datetime, end: datetime) -> list[datetime]:
    """The slots from `begin` to `end`, found by looking at the clock on the wall each minute.

    A line with a fixed minute and hour is due once for each wall time: when the clock shows it first, and
    for the times that it passed over, as soon as it has. A line with a star is due whenever the clock shows it.
    """
    starred = line[0].startswith("*") or line[1].startswith("*")
    found: list[datetime] = []
    shown: datetime | None = None  # the latest wall time so far
    moment = begin - timedelta(hours=4)
    while moment <= end:
        wall = moment.astimezone(zone).replace(tzinfo=None)
        if starred:
            due = fits(wall, line)
        else:
            passed = wall if shown is None else shown + MINUTE
            due = False
            while passed <= wall:
                due, passed = due or fits(passed, line), passed + MINUTE
            shown = max(wall, shown or wall)
        if due and moment >= begin:
            found.append(moment)
        moment += MINUTE
    return found


def agree(timetable: Timetable, expected: list[datetime], begin: datetime, end: datetime) -> None:
    """Ask the timetable everything, at every slot and between them."""
    assert list(between(timetable, begin, end)) == expected
    assert timetable.count(begin, end) == len(expected)
    assert latest(timetable, begin, end, 200) == expected[-200:]
    for n, slot in list(enumerate(expected))[:: max(1, len(expected) // 12)]:
        before, after = expected[n - 1] if n else None, expected[n + 1] if n + 1 < len(expected) else None
        assert first_at_or_after(timetable, slot) == slot
        assert timetable.last_until(slot) == timetable.last_until(slot + INSTANT) == slot
        assert timetable.next_after(slot - INSTANT) == slot
        if before is not None:
            assert timetable.last_until(slot - INSTANT) == before
        if after is not None:
            assert timetable.next_after(slot) == after
            assert timetable.next_after(slot + (after - slot) / 2) == after
        assert timetable.count(slot, slot) == 1
        assert timetable.count(begin, slot) == n + 1
        assert timetable.count(slot + INSTANT, end) == len(expected) - n - 1


@settings(max_examples=60)
@given(LINES, st.sampled_from(sorted(ZONES)), st.integers(0, 1))
def test_a_cron_line_is_due_when_the_clock_on_the_wall_says_so(
    line: tuple[str, ...], zone_name: str, which: int
) -> None:
    zone = ZONES[zone_name]
    changed = datetime.fromisoformat(CHANGES[zone_name][which]).replace(tzinfo=UTC)
    begin, end = changed - timedelta(days=BEGUN), changed + timedelta(days=LONG)
    agree(Cron(" ".join(line), zone), by_minutes(line, zone, begin, end), begin, end)


def walked(start: datetime, period: timedelta, repeat: int | None, end: datetime) -> list[datetime]:
    found: list[datetime] = []
    slot = start
    while slot <= end and (repeat is None or len(found) <= repeat):
        found.append(slot)
        slot += period
    return found


@settings(max_examples=100)
@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)),
    st.timedeltas(timedelta(milliseconds=1), timedelta(days=40)),
    st.none() | st.integers(0, 50),
    st.integers(0, 120),
    st.integers(-3, 60),
    st.sampled_from(sorted(ZONES)),
)
def test_a_schedule_is_due_where_a_walk_from_start_arrives(
    start: datetime, period: timedelta, repeat: int | None, long: int, begun: int, zone_name: str
) -> None:
    start = start.replace(tzinfo=UTC)
    begin, end = start + begun * period, start + (begun + long) * period
    schedule = Schedule(start, Period.from_timedelta(period), repeat)
    expected = [slot for slot in walked(start, period, repeat, end) if slot >= begin]
    agree(Repeating(schedule, ZONES[zone_name]), expected, begin, end)


@settings(max_examples=40)
@given(
    st.datetimes(datetime(2018, 1, 1), datetime(2019, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["P1D", "P1M", "P1W", "P1Y", "P1DT6H", "P1M10D"]),
    st.none() | st.integers(0, 30),
    st.sampled_from(sorted(ZONES)),
)
def test_a_calendar_schedule_counts_what_it_names_one_by_one(
    start: datetime, period: str, repeat: int | None, zone_name: str
) -> None:
    timetable = Repeating(Schedule(start, Period.parse(period), repeat), ZONES[zone_name])
    named = [timetable.schedule.slot(n, tz=ZONES[zone_name]) for n in range((repeat or 40) + 1)]
    expected = [slot for slot in named if slot is not None]
    agree(timetable, expected, start - timedelta(days=1), expected[-1])


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_a_job_without_a_schedule_is_due_once_or_never(at: datetime, instant: datetime) -> None:
    once = Once(at)
    assert once.next_after(instant) == (at if at > instant else None)
    assert once.last_until(instant) == (at if at <= instant else None)
    assert once.count(instant, instant) == int(at == instant)
    assert once.count(min(at, instant), max(at, instant)) == 1
    never = Never()
    assert (never.next_after(instant), never.last_until(instant), never.count(instant, instant)) == (
        None,
        None,
        0,
    )


def test_a_cron_line_is_counted_over_ten_years_day_by_day_as_by_walking() -> None:
    for zone in ZONES.values():
        for line in ("30 2 * * *", "15,45 1-3 */2 * SUN", "0 0 1 * *", "*/30 5 * 3,10 *"):
            timetable = Cron(line, zone)
            begin, end = datetime(2010, 1, 1, 7, tzinfo=UTC), datetime(2020, 1, 1, 7, tzinfo=UTC)
            assert timetable.count(begin, end) == sum(1 for _ in between(timetable, begin, end))


def test_a_schedule_is_counted_up_to_the_end_of_the_calendar() -> None:
    begin, end = datetime(9990, 1, 1, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
    for text, slots in (("R/9990-01-01T00:00:00Z/P1Y", 10), ("R/9990-01-01T00:00:00Z/P9Y", 2)):
        timetable = Repeating(Schedule.parse(text), None)
        assert timetable.count(begin, end) == len(list(between(timetable, begin, end))) == slots
