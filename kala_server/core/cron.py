"""When a cron line is due on the wall clock of a zone, day by day, also where the clock is changed.

The fields are read by cronsim. Its walk is not used: it goes by whole hours, and some clocks change by half an hour.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from cronsim import CronSim

_INSTANT = timedelta(microseconds=1)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_FIRST_DAY, _LAST_DAY = date.min + 3 * _DAY, date.max - 3 * _DAY
_DAYS_SEARCHED = 50 * 366
"""No line that ever fits does so more rarely."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron line of five fields, as Debian's cron reads it, on the wall clock of a zone.

    A line with a fixed hour and minute runs once on the day that the clock is changed: a time in the gap
    right after the gap, a doubled one the first time. A line that starts with `*` follows elapsed time.
    """

    line: str
    zone: tzinfo

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first slot strictly after the instant; None where no date ever fits."""
        for day in self._days(self._day(instant) - _DAY, _DAY):
            slots = _slots_on(self, day)
            index = bisect_right(slots, instant)
            if index < len(slots):
                return slots[index]
        return None

    def last_until(self, instant: datetime) -> datetime | None:
        """Return the latest slot that is not after the instant."""
        for day in self._days(self._day(instant) + _DAY, -_DAY):
            slots = _slots_on(self, day)
            index = bisect_right(slots, instant)
            if index:
                return slots[index - 1]
        return None

    def count(self, first: datetime, last: datetime) -> int:
        """Return how many slots there are from `first` to `last`: days by their number, the rest by walking."""
        opens, closes = self._day(first) + 2 * _DAY, self._day(last) - 2 * _DAY
        if closes <= opens:
            return self._walk(first, last)
        total = self._walk(first, self.midnight(opens) - _INSTANT) + self._walk(self.midnight(closes), last)
        a_day = len(_fields(self.line).hours) * len(_fields(self.line).minutes)
        day = opens
        while day < closes:
            if self.changes_clock(day):
                total += self._walk(self.midnight(day), self.midnight(day + _DAY) - _INSTANT)
            elif self.fits(day):
                total += a_day
            day += _DAY
        return total

    def midnight(self, day: date) -> datetime:
        """Return when the day begins."""
        return datetime.combine(day, time(), self.zone).astimezone(UTC)

    def fits(self, day: date) -> bool:
        """Whether the line names the day."""
        fields = _fields(self.line)
        return day.month in fields.months and fields.match_day(day)

    def changes_clock(self, day: date) -> bool:
        """Whether the clock is changed on the day or beside it: slots may move across midnight."""
        offsets = {datetime.combine(day + n * _DAY, time(), self.zone).utcoffset() for n in (-1, 0, 1, 2)}
        return len(offsets) > 1

    def _day(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    def _days(self, day: date, step: timedelta) -> Iterator[date]:
        """Yield the days on which there may be a slot; a doubled hour may reach into the day after."""
        for _ in range(_DAYS_SEARCHED):
            if not _FIRST_DAY < day < _LAST_DAY:
                return
            if self.fits(day) or self.fits(day - _DAY):
                yield day
            day += step

    def _walk(self, first: datetime, last: datetime) -> int:
        found, slot = 0, self.next_after(first - _INSTANT)
        while slot is not None and slot <= last:
            found, slot = found + 1, self.next_after(slot)
        return found


@lru_cache(maxsize=4096)
def _fields(line: str) -> CronSim:
    return CronSim(line, datetime(2000, 1, 1, tzinfo=UTC))


@lru_cache(maxsize=128)
def _slots_on(cron: Cron, day: date) -> tuple[datetime, ...]:
    """Return the slots from the beginning of a day to its end, in order."""
    hours, minutes = _fields(cron.line).hours, _fields(cron.line).minutes
    by_minute, by_hour = cron.line.split()[:2]
    if cron.changes_clock(day) and (by_minute.startswith("*") or by_hour.startswith("*")):
        return tuple(moment for moment in _moments(cron, day) if _shows(cron, moment))
    if not cron.fits(day):
        return ()
    walls = (datetime.combine(day, time(hour, minute)) for hour in hours for minute in minutes)
    return tuple(sorted({_when(wall, cron.zone) for wall in walls}))


def _moments(cron: Cron, day: date) -> Iterator[datetime]:
    moment, end = cron.midnight(day), cron.midnight(day + _DAY)
    while moment < end:
        yield moment
        moment += _MINUTE


def _shows(cron: Cron, moment: datetime) -> bool:
    """Whether the clock shows a time that the line names."""
    wall, fields = moment.astimezone(cron.zone), _fields(cron.line)
    return wall.hour in fields.hours and wall.minute in fields.minutes and cron.fits(wall.date())


def _when(wall: datetime, zone: tzinfo) -> datetime:
    """Return when the clock shows the time first, or the end of the gap that it lies in."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    while moment.astimezone(zone).replace(tzinfo=None) != wall:
        wall += _MINUTE
        moment = wall.replace(tzinfo=zone).astimezone(UTC)
    return moment
