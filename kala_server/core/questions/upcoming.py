"""The slots of many jobs that are still to come, in their order. It decides nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush, nsmallest

from kala_server.core.model.job import Job
from kala_server.core.state.state import State
from kala_server.core.steps import A_STEP, Steps
from kala_server.core.time.occurrences import timetable_of

Slot = tuple[datetime, str]
"""When, and the id of the job: what is due at one instant is in the order of the ids."""

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """Which slots are asked for: from `first` to `last`, of those the first `count` that come after `after`."""

    first: datetime
    last: datetime
    count: int
    after: Slot | None = None

    def of(self, state: State, job_ids: Iterable[str], wanted: Callable[[Job], bool]) -> Steps[list[Slot]]:
        """Return the slots of these jobs, as far as they are wanted, step by step."""
        slots = yield from self._first_of_each(state, job_ids, wanted)
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
        self, state: State, job_ids: Iterable[str], wanted: Callable[[Job], bool]
    ) -> Steps[list[Slot]]:
        """Return the first slots of as many jobs as can matter: those with the earliest."""
        earliest: list[Slot] = []
        part: list[Slot] = []
        for job_id in job_ids:
            job = state.jobs.get(job_id)
            if job is not None and job_id not in state.stuck and wanted(job):
                slot = self._first(job)
                part += [] if slot is None or slot > self.last else [(slot, job_id)]
            if len(part) >= A_STEP:
                earliest, part = nsmallest(self.count, [*earliest, *part]), []
            yield
        return nsmallest(self.count, [*earliest, *part])

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


def _next_after(job: Job | None, instant: datetime) -> datetime | None:
    if job is None:
        return None
    try:
        return timetable_of(job.spec, job.created_at).next_after(instant)
    except Exception:  # noqa: BLE001 - one job's trouble is its own, and told of where it is decided on
        return None
