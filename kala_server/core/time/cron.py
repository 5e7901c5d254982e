"""When a cron line is due on the wall clock of a zone, month by month, also where the clock is changed.

What the line says is read by `kala_client.schedules.cron_line`. Slots are never walked to by hours: some clocks change
by half an hour.
"""

import calendar
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from kala_client.schedules.cron_line import CronLine, days_in, read_line
from kala_server.core.time.clock_changes import changes_clock, days_of_change, stretches

_INSTANT = timedelta(microseconds=1)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_FIRST_DAY, _LAST_DAY = date.min + 4 * _DAY, date.max - 4 * _DAY
_YEARS_SEARCHED = 50
"""No line that ever fits does so more rarely: a Monday on 29 February comes again after 40 years at the latest."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron line of five fields, as Debian's cron reads it, on the wall clock of a zone.

    A line with a fixed hour and minute runs once on the day that the clock is changed: a time in the gap
    right after the gap, a doubled one the first time. A line that starts with `*` follows elapsed time.
    Raises ValueError for a line that cannot be read.
    """

    line: str
    zone: tzinfo
    says: CronLine = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Read the line, once for as long as it is asked."""
        object.__setattr__(self, "says", read_line(self.line))

    @property
    def clock(self) -> tzinfo | None:
        """The zone on whose wall clock the slots are; None where they follow elapsed time."""
        return None if self.says.follows_elapsed_time else self.zone

    @property
    def counted(self) -> bool:
        """Return False: it goes on."""
        return False

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first slot strictly after the instant; None where no date ever fits."""
        today = self._day(instant)
        for day in self._days(today - 2 * _DAY if changes_clock(self.zone, today) else today, 1):
            if (slot := self._first_on(day, instant)) is not None:
                return slot
        return None

    def last_until(self, instant: datetime) -> datetime | None:
        """Return the latest slot that is not after the instant."""
        today = self._day(instant)
        for day in self._days(today + _DAY if changes_clock(self.zone, today) else today, -1):
            if (slot := self._last_on(day, instant)) is not None:
                return slot
        return None

    def count(self, first: datetime, last: datetime) -> int:
        """Return how many slots there are from `first` to `last`: whole days by their number, others looked at."""
        opens, closes = self._day(first), self._day(last)
        whole, others = 0, {opens - _DAY, opens, closes, closes + _DAY}
        for n in range(opens.year * 12 + opens.month - 1, closes.year * 12 + closes.month):
            year, month = n // 12, n % 12 + 1
            changed = days_of_change(self.zone, year, month)
            others.update(day for day in changed if opens < day < closes)
            named = (date(year, month, number) for number in self._named_in(year, month))
            whole += sum(opens < day < closes and day not in changed for day in named)
        a_day = len(self.says.hours) * len(self.says.minutes)
        return a_day * whole + sum(self._count_on(day, first, last) for day in others)

    def midnight(self, day: date) -> datetime:
        """Return when the day begins."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def fits(self, day: date) -> bool:
        """Whether the line names the day."""
        return day.day in self._named_in(day.year, day.month)

    def _day(self, instant: datetime) -> date:
        """Return the day of an instant, or the one next to it that can be computed."""
        return min(max(instant.astimezone(self.zone).date(), _FIRST_DAY), _LAST_DAY)

    def _first_on(self, day: date, instant: datetime) -> datetime | None:
        """Return the first slot of a day after the instant."""
        if changes_clock(self.zone, day):
            slots = _slots_on(self, day)
            index = bisect_right(slots, instant)
            return slots[index] if index < len(slots) else None
        midnight = self.midnight(day)
        minute = self.says.minute_after((instant - midnight) // _MINUTE)
        return None if minute is None else midnight + minute * _MINUTE

    def _last_on(self, day: date, instant: datetime) -> datetime | None:
        """Return the last slot of a day that is not after the instant."""
        if changes_clock(self.zone, day):
            slots = _slots_on(self, day)
            index = bisect_right(slots, instant)
            return slots[index - 1] if index else None
        midnight = self.midnight(day)
        minute = self.says.minute_until((instant - midnight) // _MINUTE)
        return None if minute is None else midnight + minute * _MINUTE

    def _days(self, first: date, step: int) -> Iterator[date]:
        """Yield the days on which there may be a slot, from the first on or back from it.

        The day after one that is named is one of them where the clock is changed: a doubled hour may reach into it.
        """
        for day in self._named_from(first, step):
            beside = day + _DAY
            if changes_clock(self.zone, beside) and not self.fits(beside):
                yield from (day, beside)[::step]
            else:
                yield day

    def _named_from(self, first: date, step: int) -> Iterator[date]:
        """Yield the days that the line names, from the first on or back from it."""
        for year, month in self._months(first, step):
            numbers = self._named_in(year, month)
            if (year, month) == (first.year, first.month):
                here = bisect_left(numbers, first.day) if step > 0 else bisect_right(numbers, first.day)
                numbers = numbers[here:] if step > 0 else numbers[:here]
            for number in numbers[::step]:
                if _FIRST_DAY < (day := date(year, month, number)) < _LAST_DAY:
                    yield day

    def _months(self, first: date, step: int) -> Iterator[tuple[int, int]]:
        """Yield the months that the line names, from that of a day on or back from it."""
        for year in range(first.year, first.year + step * _YEARS_SEARCHED, step):
            if not MINYEAR <= year <= MAXYEAR:
                return
            for month in self.says.months[::step]:
                if year != first.year or month * step >= first.month * step:
                    yield year, month

    def _named_in(self, year: int, month: int) -> tuple[int, ...]:
        """Return the days of the month that the line names, in order."""
        if month not in self.says.months:
            return ()
        first_weekday, length = calendar.monthrange(year, month)
        return days_in(self.says.days, (first_weekday + 1) % 7, length)

    def _count_on(self, day: date, first: datetime, last: datetime) -> int:
        """Return how many slots from `first` to `last` lie between the two midnights of a day."""
        begin, end = max(self.midnight(day), first), min(self.midnight(day + _DAY), last + _INSTANT)
        if self.says.follows_elapsed_time:
            return sum(
                self.says.count_between(low, high) for _, low, high in _shown_on(self, day, begin, end)
            )
        # Slots of the day before may have moved here.
        slots = {*_slots_on(self, day - _DAY), *_slots_on(self, day)}
        return sum(begin <= slot < end for slot in slots)


@lru_cache(maxsize=128)
def _slots_on(cron: Cron, day: date) -> tuple[datetime, ...]:
    """Return the slots from the beginning of a day to its end, in order, also where the clock is changed."""
    if cron.says.follows_elapsed_time:
        shown = _shown_on(cron, day, cron.midnight(day), cron.midnight(day + _DAY))
        parts = ((zero, cron.says.minutes_between(low, high)) for zero, low, high in shown)
        return tuple(sorted(zero + minute * _MINUTE for zero, minutes in parts for minute in minutes))
    if not cron.fits(day):
        return ()
    midnight = datetime.combine(day, time())
    minutes = cron.says.minutes_between(0, 24 * 60)
    return tuple(sorted({_when(midnight + minute * _MINUTE, cron.zone) for minute in minutes}))


def _shown_on(cron: Cron, day: date, begin: datetime, end: datetime) -> Iterator[tuple[datetime, int, int]]:
    """Yield what the clock shows within a day from `begin` to before `end`, of the days that the line names.

    Each is when the clock would have shown midnight, and from which minute to which it shows them, the last excluded.
    """
    for stretch in stretches(cron.zone, day):
        for named in (day - _DAY, day, day + _DAY):
            zero = datetime.combine(named, time(), UTC) - stretch.ahead
            low = max(0, -((zero - max(begin, stretch.begin)) // _MINUTE))
            high = min(24 * 60, -((zero - min(end, stretch.end)) // _MINUTE))
            if low < high and cron.fits(named):
                yield zero, low, high


def _when(wall: datetime, zone: tzinfo) -> datetime:
    """Return when the clock shows the time first, or the end of the gap that it lies in."""
    instant = wall.replace(tzinfo=UTC)
    shown = (stretch for stretch in stretches(zone, wall.date()) if instant - stretch.ahead < stretch.end)
    first = next(shown)
    return max(instant - first.ahead, first.begin)
