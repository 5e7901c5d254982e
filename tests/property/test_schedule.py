"""Schedules against an oracle that walks day by day and second by second, in zones with awkward clocks."""

import calendar
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import isodate
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kala_client.schedules.schedule import Period, Schedule

ZONES = st.sampled_from(
    [
        ZoneInfo("America/Los_Angeles"),
        ZoneInfo("Europe/Berlin"),
        ZoneInfo("Australia/Lord_Howe"),  # half an hour of daylight saving
        ZoneInfo("America/Sao_Paulo"),  # its gap was at midnight
        ZoneInfo("Pacific/Apia"),  # left out a whole day
        UTC,
    ]
)
WALLS = st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
STARTS = st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1), timezones=OFFSETS)
SMALL = st.integers(0, 40)
PERIODS = st.builds(
    Period,
    years=st.integers(0, 3),
    months=SMALL,
    weeks=st.integers(0, 5),
    days=SMALL,
    hours=SMALL,
    minutes=SMALL,
    seconds=st.decimals(0, 100, places=6),
)
LASTING = PERIODS.filter(lambda period: not period.is_zero)
FLOATING = st.builds(Schedule, WALLS, LASTING, st.none() | st.integers(0, 60), st.just(True))
ANCHORED = st.builds(Schedule, STARTS, LASTING, st.none() | st.integers(0, 60))
INDEXES = st.integers(0, 50)


def instant(wall: datetime, zone: tzinfo) -> datetime:
    """The first instant at which the clock shows `wall`, found by looking; in a gap, moved by its length."""
    guess = wall.replace(tzinfo=UTC)
    offsets = {offset_at(guess + timedelta(hours=h), zone) for h in range(-30, 31)}
    shown = [guess - o for o in offsets if (guess - o).astimezone(zone).replace(tzinfo=None) == wall]
    return min(shown) if shown else guess - offset_at(guess - timedelta(hours=30), zone)


def offset_at(moment: datetime, zone: tzinfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta(0)


def walked(wall: datetime, months: int, days: int) -> datetime:
    """Add months one by one with the day of `wall` kept in mind, then days one by one."""
    year, month = wall.year, wall.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    day = date(year, month, min(wall.day, calendar.monthrange(year, month)[1]))
    for _ in range(days):
        day += timedelta(days=1)
    return datetime.combine(day, wall.time())


@given(PERIODS)
def test_a_period_is_read_back_as_it_was_written(period: Period) -> None:
    assert Period.parse(str(period)) == period


@given(st.timedeltas(timedelta(0), timedelta(days=10_000)))
def test_elapsed_time_survives_a_period_to_the_microsecond(length: timedelta) -> None:
    period = Period.from_timedelta(length)
    assert period.exact == period.as_timedelta() == length
    assert not period.total_days


@given(st.decimals(0, 10_000, places=6))
def test_seconds_are_exact_however_they_are_given(seconds: Decimal) -> None:
    assert Period(seconds=seconds) == Period(seconds=float(seconds)) == Period.parse(f"PT{seconds:f}S")


@given(FLOATING | ANCHORED)
def test_a_schedule_is_read_back_as_it_was_written(schedule: Schedule) -> None:
    again = Schedule.parse(str(schedule))
    assert again == schedule
    assert again.start.utcoffset() == schedule.start.utcoffset()


@given(FLOATING, ZONES, INDEXES)
def test_a_floating_slot_is_wall_time_in_the_zone(schedule: Schedule, zone: tzinfo, n: int) -> None:
    period = schedule.period
    wall = walked(schedule.start, n * period.total_months, n * period.total_days)
    due = schedule.slot(n, tz=zone)
    if schedule.repeat is not None and n > schedule.repeat:
        assert due is None
    else:
        assert due == instant(wall, zone) + n * period.exact


@given(ANCHORED, INDEXES)
def test_a_slot_counts_on_the_clock_of_starts_offset(schedule: Schedule, n: int) -> None:
    period = schedule.period
    wall = walked(schedule.start.replace(tzinfo=None), n * period.total_months, n * period.total_days)
    expected = wall.replace(tzinfo=schedule.start.tzinfo) + n * period.exact
    past = schedule.repeat is not None and n > schedule.repeat
    assert schedule.slot(n) == (None if past else expected)


@given(ANCHORED, ZONES)
def test_the_first_slot_is_start_in_every_zone(schedule: Schedule, zone: tzinfo) -> None:
    assert schedule.slot(0, tz=zone) == schedule.start


@given(FLOATING | ANCHORED, ZONES)
def test_slots_never_go_back(schedule: Schedule, zone: tzinfo) -> None:
    slots = [schedule.slot(n, tz=zone) for n in range(60)]
    assert all(a <= b for a, b in pairwise(slot for slot in slots if slot))


@given(FLOATING | ANCHORED, ZONES, st.integers(-2, 62), st.timedeltas(timedelta(days=-3), timedelta(days=3)))
def test_the_index_after_a_time_is_that_of_a_walk_through_the_slots(
    schedule: Schedule, zone: tzinfo, near: int, off: timedelta
) -> None:
    base = schedule.slot(max(near, 0), tz=zone) or schedule.start.replace(tzinfo=UTC)
    for after in (base, base + off, base - timedelta(microseconds=1)):
        found = schedule.index_after(after, tz=zone)
        if found is None:
            assert schedule.repeat is not None
            last = schedule.slot(schedule.repeat, tz=zone)
            assert last is not None
            assert last <= after
            continue
        due = schedule.slot(found, tz=zone)
        assert due is not None
        assert due > after
        if found:
            before = schedule.slot(found - 1, tz=zone)
            assert before is not None
            assert before <= after


@given(FLOATING | ANCHORED, ZONES, st.floats(0, 1))
def test_an_index_is_found_however_far_from_start_it_is(schedule: Schedule, zone: tzinfo, far: float) -> None:
    """Months are of unlike length, and so are years: it is looked for beside where the mean says that it is."""
    endless = Schedule(schedule.start, schedule.period, None, schedule.floating)
    mean = timedelta(days=30.436875 * endless.period.total_months + endless.period.total_days)
    n = int((datetime(9990, 1, 1) - datetime(2040, 1, 1)) / (mean + endless.period.exact) * far)
    slot, following = endless.slot(n, tz=zone), endless.slot(n + 1, tz=zone)
    assert slot is not None
    assert following is not None
    assert endless.index_after(following - timedelta(microseconds=1), tz=zone) in {n, n + 1}
    found = endless.index_after(slot, tz=zone)
    assert found is not None
    due, before = endless.slot(found, tz=zone), endless.slot(found - 1, tz=zone)
    assert due is not None
    assert before is not None
    assert before <= slot < due


@pytest.mark.parametrize("period", ["P1D", "P1W", "P1M", "P1Y", "P1M1D", "P1DT1S", "P4Y", "P1000Y"])
def test_an_index_is_found_by_looking_at_few_slots(period: str, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule, looked_at, slot = Schedule.parse(f"R/1970-01-31T00:00:00Z/{period}"), 0, Schedule.slot

    def counted(self: Schedule, n: int, *, tz: tzinfo | None = None) -> datetime | None:
        nonlocal looked_at
        looked_at += 1
        return slot(self, n, tz=tz)

    monkeypatch.setattr(Schedule, "slot", counted)
    for year in range(1970, 9990, 20):
        schedule.index_after(datetime(year, 3, 1, tzinfo=UTC), tz=ZoneInfo("Europe/Berlin"))
    assert looked_at <= 7 * 401


@given(FLOATING | ANCHORED, ZONES)
def test_occurrences_are_the_slots_each_instant_once(schedule: Schedule, zone: tzinfo) -> None:
    after = schedule.start.replace(tzinfo=UTC) - timedelta(days=3)
    slots = [schedule.slot(n, tz=zone) for n in range(30)]
    expected = sorted({slot for slot in slots if slot})
    assert list(islice(schedule.occurrences(after=after, tz=zone), len(expected))) == expected


@given(
    ZONES,
    st.integers(1, 100_000),
    st.integers(0, 10**12),
    st.sampled_from(["PT1S", "PT0.000001S", "PT7M", "P1D", "P1M"]),
)
def test_a_schedule_from_long_ago_does_not_drift(zone: tzinfo, days: int, extra: int, period: str) -> None:
    schedule = Schedule.parse(f"R/1970-01-01T00:00:00Z/{period}")
    after = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days, microseconds=extra)
    index = schedule.index_after(after, tz=zone)
    assert index is not None
    due = schedule.slot(index, tz=zone)
    assert next(schedule.occurrences(after=after, tz=zone)) == due
    if exact := schedule.period.exact:
        assert due is not None
        assert timedelta(0) < due - after <= exact


FIRST, LAST = datetime(1, 1, 3), datetime(9999, 12, 29)
ANY_TIMES = st.datetimes(FIRST, LAST) | st.datetimes(FIRST, LAST, timezones=OFFSETS)


@given(start=ANY_TIMES, digits=st.integers(0, 9), utc=st.booleans())
def test_a_start_is_read_as_isodate_reads_it_however_it_is_written(
    start: datetime, digits: int, utc: bool
) -> None:
    fraction = f".{start.microsecond:06}000"[: digits + 1] if digits else ""
    whole = start.replace(microsecond=0)
    text = whole.replace(tzinfo=None).isoformat() + fraction
    text += "Z" if utc else whole.isoformat()[len("2035-06-04T19:25:16") :]
    read = isodate.parse_datetime(text)
    schedule = Schedule.parse(f"R/{text}/P1D")
    assert schedule.start == read.replace(tzinfo=read.tzinfo or UTC)
    assert schedule.floating is (read.tzinfo is None)
