"""When a job is due: its timetable, from `R[n]/START/PERIOD`, a cron expression, or the moment of its creation.

Slots are found in closed form, never by walking from START; of a cron line by days (`cron.py`). All instants are UTC.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo

from kala_client.schedules import due
from kala_client.schedules.cron_line import check_length
from kala_client.schedules.due import is_cron, is_never
from kala_client.schedules.schedule import Schedule
from kala_server.core.model.job import JobSpec
from kala_server.core.time import accepted_before
from kala_server.core.time.cron import Cron
from kala_server.core.time.zones import stored_zone, zone_of

_INSTANT = timedelta(microseconds=1)
_BEGINNING = datetime(1, 1, 2, tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)


class Timetable(Protocol):
    """The slots of one job, in order."""

    def __hash__(self) -> int: ...

    @property
    def clock(self) -> tzinfo | None:
        """The zone on whose wall clock the slots are; None where they follow elapsed time."""
        ...

    @property
    def counted(self) -> bool:
        """Whether so many runs were asked for; else the slots go on."""
        ...

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first slot strictly after the instant; None where there is none."""
        ...

    def last_until(self, instant: datetime) -> datetime | None:
        """Return the latest slot that is not after the instant."""
        ...

    def count(self, first: datetime, last: datetime) -> int:
        """Return how many slots there are from `first` to `last`, both included."""
        ...


def first_at_or_after(timetable: Timetable, instant: datetime) -> datetime | None:
    """Return the first slot that is not before the instant."""
    return timetable.next_after(instant - _INSTANT)


def between(timetable: Timetable, first: datetime, last: datetime) -> Iterator[datetime]:
    """Yield the slots from `first` to `last`, both included."""
    slot = first_at_or_after(timetable, first)
    while slot is not None and slot <= last:
        yield slot
        slot = timetable.next_after(slot)


def latest(timetable: Timetable, first: datetime, last: datetime, most: int) -> list[datetime]:
    """Return the last `most` slots from `first` to `last`, oldest first."""
    found: deque[datetime] = deque()
    slot = timetable.last_until(last)
    while slot is not None and slot >= first and len(found) < most:
        found.appendleft(slot)
        slot = timetable.last_until(slot - _INSTANT)
    return list(found)


def next_after_last(timetable: Timetable, last: datetime, offset: int | None) -> datetime | None:
    """Return the first slot after the latest that is in the ledger, which was looked up by the rules of its time.

    `offset` is by how many minutes the zone's clock was ahead of UTC at that slot. Where it is not so any more, the
    rules are others: then what has run at 9 o'clock does not run again when 9 o'clock is later.
    """
    clock = timetable.clock
    if clock is None or offset is None or offset == minutes_ahead(clock, last):
        return timetable.next_after(last)
    wall = (last + timedelta(minutes=offset)).replace(tzinfo=clock)
    return timetable.next_after(max(last, wall.astimezone(UTC)))


def minutes_ahead(zone: tzinfo, instant: datetime) -> int:
    """Return by how many whole minutes the zone's clock is ahead of UTC."""
    offset = instant.astimezone(zone).utcoffset()
    return 0 if offset is None else offset // timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Never:
    """The timetable of a job that only its parents or its owner start."""

    @property
    def clock(self) -> None:
        """Return None."""

    @property
    def counted(self) -> bool:
        """Return True: none."""
        return True

    def next_after(self, instant: datetime) -> datetime | None:  # noqa: ARG002 - the protocol's signature
        """Return None."""
        return None

    def last_until(self, instant: datetime) -> datetime | None:  # noqa: ARG002
        """Return None."""
        return None

    def count(self, first: datetime, last: datetime) -> int:  # noqa: ARG002
        """Return 0."""
        return 0


@dataclass(frozen=True, slots=True)
class Once:
    """The timetable of a job without a schedule: one slot, when it was created."""

    at: datetime

    @property
    def clock(self) -> None:
        """Return None: it is an instant."""

    @property
    def counted(self) -> bool:
        """Return True: one."""
        return True

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the slot where it is still to come."""
        return self.at if self.at > instant else None

    def last_until(self, instant: datetime) -> datetime | None:
        """Return the slot where it has come."""
        return self.at if self.at <= instant else None

    def count(self, first: datetime, last: datetime) -> int:
        """Return whether the slot lies there."""
        return int(first <= self.at <= last)


@dataclass(frozen=True, slots=True, eq=False)
class Repeating:
    """`R[n]/START/PERIOD`: slot n is START + n × PERIOD, computed from START every time.

    It is read once for all who say the same, and what is remembered of it goes by that one.
    """

    schedule: Schedule
    zone: tzinfo | None

    @property
    def clock(self) -> tzinfo | None:
        """Return the zone where it matters: for days, months, and a START without an offset."""
        period = self.schedule.period
        return self.zone if period.total_months or period.total_days or self.schedule.floating else None

    @property
    def counted(self) -> bool:
        """Return whether there is a last repeat."""
        return self.schedule.repeat is not None

    @property
    def apart(self) -> timedelta | None:
        """How far apart all slots are; None where that differs: months, and days on a clock that is changed."""
        period = self.schedule.period
        changed = self.zone is not None and self.zone.utcoffset(None) is None
        if period.total_months or (period.total_days and changed) or period.is_zero:
            return None
        return timedelta(days=period.total_days) + period.exact

    @property
    def ends(self) -> tuple[datetime, datetime]:
        """Return the first slot, and the last: the end of time where there is none."""
        first = self.schedule.slot(0, tz=self.zone) or _END
        repeat = self.schedule.repeat
        last = _END if repeat is None else self.schedule.slot(repeat, tz=self.zone)
        return first, last or _END

    def from_on(self, instant: datetime) -> Iterator[datetime]:
        """Yield the slots that are not before the instant."""
        return self.schedule.occurrences(after=instant - _INSTANT, tz=self.zone)

    def next_after(self, instant: datetime) -> datetime | None:
        """Return the first slot strictly after the instant; None past the last repeat."""
        return _next_after(self, instant)

    def last_until(self, instant: datetime) -> datetime | None:
        """Return the latest slot that is not after the instant."""
        reached = self._reached(instant)
        return self.schedule.slot(reached - 1, tz=self.zone) if reached else None

    def count(self, first: datetime, last: datetime) -> int:
        """Return how many slots there are from `first` to `last`, by their indices."""
        return max(0, self._reached(last) - self._reached(first - _INSTANT))

    def _reached(self, instant: datetime) -> int:
        """Return how many slots are not after the instant."""
        index = self.schedule.index_after(instant, tz=self.zone)
        if index is not None:
            return index
        if self.schedule.repeat is not None and self.schedule.slot(self.schedule.repeat, tz=self.zone):
            return self.schedule.repeat + 1
        return self._reached_before_the_end_of_time()

    def _reached_before_the_end_of_time(self) -> int:
        """Return how many slots the calendar has room for: it ends with the year 9999."""
        low, high = 0, 1
        while self.schedule.slot(high, tz=self.zone) is not None:
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.schedule.slot(middle, tz=self.zone) else (low, middle)
        return high


@lru_cache(maxsize=4096)
def _next_after(timetable: Repeating, instant: datetime) -> datetime | None:
    """Return what `Repeating.next_after` does; many jobs of one schedule are due together."""
    index = timetable.schedule.index_after(instant, tz=timetable.zone)
    return None if index is None else timetable.schedule.slot(index, tz=timetable.zone)


@lru_cache(maxsize=16_384)
def read(schedule: str, timezone: str = "") -> Timetable:
    """Read a schedule, a cron line or `never` that a job is to have. Raises ValueError which says what was wrong."""
    check_length(schedule)
    zone_of(timezone)
    due.check_schedule(schedule)
    return read_stored(schedule, timezone)


@lru_cache(maxsize=16_384)
def read_stored(schedule: str, timezone: str = "") -> Timetable:
    """Read the schedule of a job that was accepted, also by an earlier version. Raises ValueError."""
    zone = stored_zone(timezone)
    if is_never(schedule):
        return Never()
    if is_cron(schedule):
        return Cron(" ".join(schedule.split()), zone or UTC)
    return Repeating(accepted_before.schedule(schedule), zone)


def forget_zones() -> None:
    """Read every zone anew when it is needed next, as the database may have changed."""
    ZoneInfo.clear_cache()
    read.cache_clear()
    read_stored.cache_clear()  # what else is remembered is remembered by zones as they are read


def timetable_of(spec: JobSpec, created_at: datetime) -> Timetable:
    """Return when a job is due: by its schedule, at once without one, never where it waits for parents."""
    if spec.schedule:
        return read_stored(spec.schedule, spec.timezone)
    return Never() if spec.parent_jobs else Once(created_at)


def first_of(spec: JobSpec, begins: datetime) -> datetime | None:
    """Return the first slot of a schedule that counts from an instant on; of a cron line it is after that."""
    timetable = read_stored(spec.schedule, spec.timezone)
    return timetable.next_after(begins) if is_cron(spec.schedule) else first_at_or_after(timetable, begins)


@lru_cache(maxsize=4096)
def start_of(timetable: Timetable) -> datetime | None:
    """Return the first slot of all; many jobs of a batch have the same."""
    return first_at_or_after(timetable, _BEGINNING)


def wall_zone(schedule: str, timezone: str) -> tzinfo:
    """Return the zone in which a job's owner thinks: `timezone`, else the offset of START, else UTC.

    Raises ValueError for a schedule or a zone that no job can have.
    """
    zone = stored_zone(timezone)
    if zone is None and schedule and not is_cron(schedule) and not is_never(schedule):
        zone = accepted_before.schedule(schedule).start.tzinfo
    return zone or UTC
