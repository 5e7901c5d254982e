"""When a job that is shown is due next: computed once for all jobs with one schedule. It decides nothing."""

from datetime import datetime, timedelta
from functools import lru_cache
from itertools import islice

from kala_server.core.frozen import value
from kala_server.core.model.job import Job
from kala_server.core.state.run_table import QUARTER, begin_of, quarter_of
from kala_server.core.state.state import State
from kala_server.core.time.occurrences import Timetable, between, timetable_of

MOST_AHEAD = 48
"""Slots that are told of one by one; of more of them it is told how far they are apart."""
_INSTANT = timedelta(microseconds=1)


@value(frozen=True, slots=True)
class SlotsAhead:
    """What is to come of a job in a time."""

    at: tuple[datetime, ...] = ()
    every: timedelta | None = None
    """How far they are apart, about, where they are too many to be told of one by one."""


def slots_ahead(state: State, job: Job, now: datetime, until: datetime) -> SlotsAhead:
    """Return the slots that are to come up to `until`; none of a job that is disabled or stuck."""
    entry = state.slots.get(job.id)
    if entry is None or entry[0] > until:
        return SlotsAhead()
    try:
        slots = _slots(timetable_of(job.spec, job.created_at), quarter_of(now), quarter_of(until))
    except Exception:  # noqa: BLE001 - one job's trouble is its own, and told of where it is decided on
        return SlotsAhead()
    if len(slots) > MOST_AHEAD:
        return SlotsAhead(every=(slots[-1] - slots[0]) / MOST_AHEAD)
    begin = max(now, entry[0])
    return SlotsAhead(tuple(slot for slot in slots if begin <= slot <= until))


@lru_cache(maxsize=4_096)
def _slots(timetable: Timetable, first: int, last: int) -> tuple[datetime, ...]:
    """Return the slots in these quarters of an hour, one more than can be told of where they are more."""
    return tuple(
        islice(between(timetable, begin_of(first), begin_of(last) + QUARTER - _INSTANT), MOST_AHEAD + 1)
    )
