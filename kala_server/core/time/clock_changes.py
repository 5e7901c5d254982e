"""When the clock of a zone is changed: which days have to be looked at closely, and how long it goes steadily.

zoneinfo tells no changes, so they are found by asking for offsets. It must not know schedules.
"""

import calendar
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_STEP = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which the clock is not changed: the end does not belong to it."""

    begin: datetime
    end: datetime
    ahead: timedelta
    """By how much the clock is ahead of UTC."""


@lru_cache(maxsize=4096)
def changes_clock(zone: tzinfo, day: date) -> bool:
    """Whether the clock is changed on the day or beside it: slots may move across midnight."""
    if zone is UTC:
        return False
    return len({_at_midnight(zone, day + n * _DAY) for n in (-1, 0, 1, 2)}) > 1


@lru_cache(maxsize=4096)
def days_of_change(zone: tzinfo, year: int, month: int) -> frozenset[date]:
    """Return the days of a month of which `changes_clock` is true."""
    if zone is UTC:
        return frozenset()
    first, (_, length) = date(year, month, 1), calendar.monthrange(year, month)
    offsets = [_at_midnight(zone, first + n * _DAY) for n in range(-1, length + 2)]
    return frozenset(first + n * _DAY for n in range(length) if len(set(offsets[n : n + 4])) > 1)


@lru_cache(maxsize=1024)
def stretches(zone: tzinfo, day: date) -> tuple[Stretch, ...]:
    """Return the stretches from the day before to the day after, in order."""
    begin = datetime.combine(day, time(), UTC) - 1.5 * _DAY
    end = begin + 4 * _DAY
    found: list[Stretch] = []
    ahead, at = _ahead(zone, begin), begin
    while at < end:
        following = at + _STEP
        if _ahead(zone, following) != ahead:
            change = _change(zone, at, ahead)
            found.append(Stretch(begin, change, ahead))
            begin, ahead = change, _ahead(zone, change)
        at = following
    return (*found, Stretch(begin, end, ahead))


def _change(zone: tzinfo, begin: datetime, ahead: timedelta) -> datetime:
    """Return the second within one step at which the clock is no longer so much ahead."""
    moments = range(_STEP // _SECOND)
    return begin + _SECOND * bisect_left(
        moments, True, key=lambda n: _ahead(zone, begin + n * _SECOND) != ahead
    )


def _ahead(zone: tzinfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)


def _at_midnight(zone: tzinfo, day: date) -> timedelta | None:
    return datetime.combine(day, time(), zone).utcoffset()
