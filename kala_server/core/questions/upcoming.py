"""The slots of many jobs that are still to come, in their order. It decides nothing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush, nsmallest

from kala_server.core.model.job import Job
from kala_server.core.state.state import State
from kala_server.core.steps import A_STEP, Steps
from kala_server.core.time.occurrences import timetable_of

Slot = tuple[datetime, str]
"""When, and the id of the job: what is due at one instant is in the order of the ids."""

_INSTANT = timedelta(microseconds=1)
_BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToCome:
    """Which slots are asked for: from `first` to `last`, of those the first `count` that come after `after`."""

    first: datetime
    last: datetime
    count: int
    after: Slot | None = None

    def of(
        self, state: State, job_ids: Sequence[str] | None, wanted: Callable[[Job], bool]
    ) -> Steps[list[Slot]]:
        """Return the slots of these jobs (None: of all), as far as they are wanted, step by step."""
        slots = yield from self._first_of_each(state, _known_slots(state, job_ids), wanted)
        heapify(slots)
        found: list[Slot] = []
        while slots and len(found) < self.count:
            slot = heappop(slots)
            found.append(slot)
            following = _next_after(state.jobs.get(slot[1]), slot[0])
            if following is not None and following <= self.last:
                heappush(slots, (following, slot[1]))
            yield
        return found

    def _first_of_each(
        self, state: State, blocks: Iterator[list[tuple[datetime, str]]], wanted: Callable[[Job], bool]
    ) -> Steps[list[Slot]]:
        """Return the first slots of as many jobs as can matter: those with the earliest.

        `blocks` says, some jobs at a time, when each job is due first, and that all that follow are due no earlier.
        """
        earliest: list[Slot] = []
        for block in blocks:
            for _, job_id in block:
                job = state.jobs.get(job_id)
                if job is not None and job_id not in state.stuck and wanted(job):
                    slot = self._first(job)
                    earliest += [] if slot is None or slot > self.last else [(slot, job_id)]
                yield
            earliest = nsmallest(self.count, earliest)
            enough = len(earliest) == self.count and earliest[-1][0] < block[-1][0]
            if enough or block[-1][0] > self.last:
                break
        return earliest

    def _first(self, job: Job) -> datetime | None:
        """Return the job's first slot; a disabled one has none, as nothing runs then."""
        slot = job.next_at
        if job.disabled or slot is None or slot > self.last:
            return None
        begin = max(self.first, self.after[0]) if self.after else self.first
        if slot < begin:
            slot = _next_after(job, begin - _INSTANT)
        if slot is not None and self.after is not None and (slot, job.id) <= self.after:
            slot = _next_after(job, slot)
        return slot


def _known_slots(state: State, job_ids: Sequence[str] | None) -> Iterator[list[tuple[datetime, str]]]:
    """Yield jobs, some at a time, with when they are due: the earliest first where it is about all."""
    if job_ids is None:
        return ([(place[0], place[-1]) for place in block] for block in state.slots.places.blocks())
    some = (job_ids[begin : begin + A_STEP] for begin in range(0, len(job_ids), A_STEP))
    return ([(_BEGINNING, job_id) for job_id in block] for block in some)


def _next_after(job: Job | None, instant: datetime) -> datetime | None:
    if job is None:
        return None
    try:
        return timetable_of(job.spec, job.created_at).next_after(instant)
    except Exception:  # noqa: BLE001 - one job's trouble is its own, and told of where it is decided on
        return None
