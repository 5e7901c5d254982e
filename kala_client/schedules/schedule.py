"""The value types Schedule and Period, and when a schedule is due. No I/O.

Every slot is computed from START in closed form, so a schedule cannot drift, however long it runs. Nothing
here may read the clock but the builder `Schedule.every` without a start, which asks `kala_client.clock`.
"""

import calendar
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, TypedDict, Unpack, final

import isodate

from kala_client import clock
from kala_client.schedules.period import Period

if TYPE_CHECKING:
    from kala_client.schedules.cron_line import CronSchedule

__all__ = ["Period", "PeriodParts", "Schedule"]

_EXAMPLE = "R5/2035-06-04T19:25:16-07:00/P1DT12H"
_DAY = timedelta(days=1)
_FIRST = datetime.min.replace(tzinfo=UTC) + _DAY
_LAST = datetime.max.replace(tzinfo=UTC) - _DAY
_MONTH = timedelta(days=146_097) / 4_800  # the Gregorian calendar comes round after 400 years
_STRAY = timedelta(days=10)  # a slot is nearer to START + n × the mean period: leap years, month ends, zones
_STRAY_OF_DAYS = timedelta(days=2)  # where no month is in it: zones alone, which may leave a day out
_NEVER = datetime.max.replace(tzinfo=UTC)  # later than every slot, for the search alone

# isodate also reads "20T10" as the year 2000, "2035-06T10" as the 1st of June, and the offset +02:60 as +03:00. A START
# must be complete, and its offset one of RFC 3339, section 5.6.
_COMPLETE = re.compile(
    r"\d{4}-?\d\d-?\d\dT\d\d:?\d\d(?::?\d\d(?:[.,]\d{1,30})?)?(?:Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?",
    re.ASCII,
)
_USUAL = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?", re.ASCII
)
"""How most write it, which Python reads as isodate does, in a tenth of the time."""
_REPEAT = re.compile(r"R(-1|\d{1,15})?", re.ASCII)


class PeriodParts(TypedDict, total=False):
    """The parts of a period, as keyword arguments of `Schedule.every`."""

    years: int
    months: int
    weeks: int
    days: int
    hours: int
    minutes: int
    seconds: float


@final
@dataclass(frozen=True, slots=True)
class Schedule:
    """A repeating interval `R[n]/START/PERIOD` (ISO 8601 section 4.5): due at START + n × PERIOD.

    `repeat` is how often it runs again after the first time (0 is once); None is for ever. `start` is always
    aware, and only its offset is kept: a zone's name belongs into the job's `timezone`. Where it is `floating` it is
    written without an offset, and means wall time in the job's `timezone`; `start` is that time in UTC, as it is
    where the job names no zone. Raises ValueError for anything else.
    """

    start: datetime
    period: Period
    repeat: int | None = None
    floating: bool = False

    def __post_init__(self) -> None:
        """Keep the offset of START alone, and refuse what can never be due."""
        if self.repeat is not None and self.repeat < 0:
            raise ValueError(f"repeat cannot be {self.repeat}: 0 runs once, None for ever")
        if self.period.is_zero and self.repeat != 0:
            raise ValueError("a period of zero would be due for ever at once; the shortest is PT0.000001S")
        object.__setattr__(self, "start", _with_fixed_offset(self.start, floating=self.floating))

    @staticmethod
    def parse(text: str) -> "Schedule":
        """Read `R[n]/START/PERIOD`, such as `R5/2035-06-04T19:25:16-07:00/P1DT12H`.

        `R` and `R-1` are for ever. A START without an offset makes a `floating` schedule. `R0/START/` is
        accepted, as a schedule that runs once needs no period. Raises ValueError which says what was wrong.
        """
        return _parse(text)

    @classmethod
    def every(
        cls,
        period: Period | timedelta | None = None,
        *,
        start: datetime | None = None,
        repeat: int | None = None,
        **parts: Unpack[PeriodParts],
    ) -> "Schedule":
        """Build a schedule from a period or its parts, such as `Schedule.every(minutes=5)`.

        Without `start` it is first due one period from now, as Kala refuses a START in the past. A
        `timedelta` is elapsed time; calendar days and months are said with `Period` or with parts.
        """
        length = _one_period(period, parts)
        if start is None:
            start = cls(clock.utc_now(), length).slot(1)
        if start is None:
            raise ValueError(f"now + {length} is after the year 9999")
        return cls(start, length, repeat)

    @classmethod
    def once(cls, at: datetime) -> "Schedule":
        """Build a schedule that is due once, at the aware time `at`."""
        # The period is never used, but real Kala refuses a schedule without one.
        return cls(at, Period(seconds=1), 0)

    @staticmethod
    def cron(line: str) -> "CronSchedule":
        """Build a cron line, such as `Schedule.cron("0 9 * * MON-FRI")`, for kala_server. Raises ValueError."""
        from kala_client.schedules.cron_line import CronSchedule

        return CronSchedule(line)

    def slot(self, n: int, *, tz: tzinfo | None = None) -> datetime | None:
        """Return when the n-th run (from 0) is due, in UTC; None past the last repeat and past the year 9999.

        Calendar parts are added on the wall clock of `tz`, of START's offset without it, and always from
        START: a month's end is clamped anew each time. A time in a daylight saving gap moves forward by the
        gap, and of a doubled time it is the first. Then n × the elapsed part is added. Raises ValueError
        for a negative `n`.
        """
        if n < 0:
            raise ValueError(f"slots are counted from 0, not from {n}")
        if self.repeat is not None and n > self.repeat:
            return None
        try:
            return self._calendar_slot(n, tz) + n * self.period.exact
        except (OverflowError, ValueError):
            return None

    def index_after(self, after: datetime, *, tz: tzinfo | None = None) -> int | None:
        """Return the index of the first slot strictly after the aware time `after`; None where there is none.

        Takes microseconds however long ago START was. Raises ValueError for a naive `after`.
        """
        if after.utcoffset() is None:
            raise _naive(after, "after")
        first = self._calendar_slot(0, tz)
        if after < first:
            return 0
        exact = self.period.exact
        if self.period.total_months or self.period.total_days:
            index = self._search(after, tz, first)
        elif exact:
            index = (after - first) // exact + 1
        else:
            return None
        return index if self.slot(index, tz=tz) else None

    def occurrences(self, *, after: datetime, tz: tzinfo | None = None) -> Iterator[datetime]:
        """Yield the slots strictly after `after`, in UTC and in order; endless where the schedule is.

        Two that fall on one instant are yielded once: Samoa had no 30 December 2011, so its 10:00 moved to
        that of the 31st.
        """
        index = self.index_after(after, tz=tz)
        while index is not None and (due := self.slot(index, tz=tz)) is not None:
            if due > after:
                yield due
            after = due
            index += 1

    def _calendar_slot(self, n: int, tz: tzinfo | None) -> datetime:
        """Return START + n × the calendar part, in UTC; raises where that leaves the calendar."""
        months, days = n * self.period.total_months, n * self.period.total_days
        if not months and not days and not self.floating:
            return self.start.astimezone(UTC)
        zone = tz or self.start.tzinfo or UTC
        wall = (self.start if self.floating else self.start.astimezone(zone)).replace(tzinfo=None)
        moved = _add_months(wall, months) + timedelta(days=days)
        # fold=0 is the offset before a change: it moves a time in a gap forward, and takes the first of two.
        return moved.replace(tzinfo=zone, fold=0).astimezone(UTC)

    def _search(self, after: datetime, tz: tzinfo | None, first: datetime) -> int:
        """Return the first index whose slot is after `after`, by bisection where it can be: slots never go back."""
        months = self.period.total_months * _MONTH
        mean = months + timedelta(days=self.period.total_days) + self.period.exact
        passed, stray = after - first, _STRAY if months else _STRAY_OF_DAYS
        low, high = max(0, (passed - stray) // mean), (passed + stray) // mean + 2
        return bisect_right(range(high), after, low, key=lambda n: self.slot(n, tz=tz) or _NEVER)

    def __str__(self) -> str:
        count = "" if self.repeat is None else self.repeat
        start = self.start.isoformat().replace("+00:00", "" if self.floating else "Z")
        return f"R{count}/{start}/{self.period}"


def _add_months(wall: datetime, months: int) -> datetime:
    """Add months, and take the last day of the month where it has no such day."""
    if not months:
        return wall
    year, month0 = divmod(wall.year * 12 + wall.month - 1 + months, 12)
    day = min(wall.day, calendar.monthrange(year, month0 + 1)[1])
    return wall.replace(year=year, month=month0 + 1, day=day)


def _naive(value: datetime, name: str) -> ValueError:
    return ValueError(
        f"{name} has no time zone: {value.isoformat()}; "
        "say datetime(..., tzinfo=timezone.utc), or .astimezone() for this machine's zone"
    )


def _with_fixed_offset(start: datetime, *, floating: bool) -> datetime:
    offset = start.utcoffset()
    if floating and offset:
        raise ValueError(f"a floating start has no offset, but {start.isoformat()} has one")
    if not floating and offset is None:
        raise _naive(start, "start")
    fixed = start.replace(tzinfo=timezone(offset or timedelta(0)), fold=0)
    if not _FIRST <= fixed <= _LAST:
        raise ValueError(f"start is out of range: {start.isoformat()}; the years 1 to 9999 can be computed")
    whole_minutes = not (offset or _DAY) % timedelta(minutes=1)  # RFC 3339 offsets have no seconds
    return fixed if whole_minutes else fixed.astimezone(UTC)


def _one_period(period: Period | timedelta | None, parts: PeriodParts) -> Period:
    if (period is None) == (not parts):
        raise ValueError("say either a period or its parts, such as Schedule.every(minutes=5)")
    if period is None:
        return Period(**parts)
    return period if isinstance(period, Period) else Period.from_timedelta(period)


@lru_cache(maxsize=2048)
def _parse(text: str) -> Schedule:
    pieces = text.split("/", 3)
    if len(pieces) != 3:
        raise ValueError(f"a schedule is R[n]/START/PERIOD, such as {_EXAMPLE}, not {text[:120]!r}")
    repeat, start, period = _parse_repeat(pieces[0]), _parse_start(pieces[1]), pieces[2]
    if repeat == 0 and not period:
        period = "PT1S"  # never used
    return Schedule(start, Period.parse(period), repeat, floating=start.tzinfo is None)


def _parse_repeat(text: str) -> int | None:
    match = _REPEAT.fullmatch(text)
    if match is None:
        raise ValueError(
            f"a schedule begins with R (for ever) or Rn (n repeats), such as {_EXAMPLE}, not {text[:40]!r}"
        )
    return None if match[1] in {None, "-1"} else int(match[1])


def _parse_start(text: str) -> datetime:
    hint = "START must be a full ISO 8601 date and time, such as 2035-06-04T19:25:16-07:00"
    if not _COMPLETE.fullmatch(text):
        instead = "; a T stands between date and time, not a space" if " " in text else ""
        raise ValueError(f"{hint}, not {text[:60]!r}{instead}")
    try:
        if _USUAL.fullmatch(text):
            return datetime.fromisoformat(text)
        # isodate is exact here: it reads the fraction as Decimal, and cuts it at the microsecond.
        start: datetime = isodate.parse_datetime(text)
        offset = start.utcoffset()
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{hint}; {text[:60]!r}: {error}") from None
    return start if offset is None else start.replace(tzinfo=timezone(offset))
