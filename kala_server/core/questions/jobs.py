"""Which jobs of many are meant, and which part of them a page shows. It changes nothing."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any

from kala_client.schedules.due import is_never
from kala_server.core.frozen import value
from kala_server.core.model.job import Job, Run
from kala_server.core.questions.runs import newest_first
from kala_server.core.state.ordered import Sorted
from kala_server.core.state.state import State
from kala_server.core.steps import A_STEP, Steps

_FEW = 2_048
"""Jobs that are put in order in one go: it takes a millisecond or two."""
_MUCH = 4_096
"""Characters of a command that take some time to be looked through."""

Creation = tuple[datetime, str]
"""When a job was created, and its id."""


class JobState(StrEnum):
    """How a job is, in a word."""

    ACTIVE = "active"
    DISABLED = "disabled"
    DONE = "done"
    RUNNING = "running"
    FAILING = "failing"


class JobOrder(StrEnum):
    """What comes first on a page of jobs."""

    CREATED = "created"
    NAME = "name"
    STATE = "state"
    NEXT = "next"
    LAST = "last"


_TROUBLE_FIRST = (JobState.FAILING, JobState.RUNNING, JobState.ACTIVE, JobState.DISABLED, JobState.DONE)


@value(frozen=True, slots=True, kw_only=True)
class Which:
    """The jobs to which everything that is said applies; what is empty says nothing."""

    q: str = ""
    """In lower case: found in the name, the command, the owner or the id."""
    name: str = ""
    owner: str = ""
    tag: str = ""
    state: JobState | None = None

    def means(self, state: State, job: Job) -> bool:
        """Whether the job is one of them."""
        spec = job.spec
        return (
            self.name in {"", spec.name}
            and self.owner in {"", spec.owner}
            and (not self.tag or self.tag in spec.tags)
            and (self.state is None or is_in(state, job, self.state))
            and (not self.q or self._is_in(job))
        )

    def _is_in(self, job: Job) -> bool:
        spec = job.spec
        q = self.q
        return (
            q in spec.name.lower()
            or q in spec.command.lower()
            or q in spec.owner.lower()
            or q in job.id.lower()
        )

    def few(self, state: State) -> list[Job] | None:
        """Return all of them in the order of their creation, where an index says that these are few; else None."""
        indexed: list[Collection[str] | None] = [
            state.jobs.by_tag.get(self.tag, set()) if self.tag else None,
            state.jobs.failing if self.state is JobState.FAILING else None,
            state.runs.running.keys() if self.state is JobState.RUNNING else None,
            _named(state, self.name) if self.name else None,
        ]
        least = min((ids for ids in indexed if ids is not None), key=len, default=None)
        if least is None or len(least) > _FEW:
            return None
        jobs = (state.jobs[job_id] for job_id in least if job_id in state.jobs)
        return sorted((job for job in jobs if self.means(state, job)), key=creation_of)


EVERY_JOB = Which()


def creation_of(job: Job) -> Creation:
    """Return where the job is in the order of creation."""
    return job.created_at, job.id


def is_done(job: Job, *, active: bool) -> bool:
    """Whether no slot is left: a one-off job has run, or the last repeat is over; `active`: a run waits or runs."""
    only_by_parents = bool(job.spec.parent_jobs) and not job.spec.schedule
    only_by_others = only_by_parents or is_never(job.spec.schedule)
    return job.next_at is None and not only_by_others and not active


def is_in(state: State, job: Job, wanted: JobState) -> bool:
    """Whether the job is so; it may be in more than one way."""
    if wanted is JobState.DISABLED:
        return job.disabled
    if wanted is JobState.RUNNING:
        return job.id in state.runs.running
    if wanted is JobState.FAILING:
        return job.tally.failing
    done = is_done(job, active=job.id in state.active)
    return done is (wanted is JobState.DONE) and not job.disabled


def state_of(state: State, job: Job) -> JobState:
    """Return how the job is, trouble first."""
    return next(one for one in _TROUBLE_FIRST if is_in(state, job, one))


def jobs_after(state: State, which: Which, after: Creation | None, most: int) -> Steps[list[Job]]:
    """Return the first jobs that were created after a place, in that order."""
    few = which.few(state)
    if few is not None:
        return [job for job in few if after is None or creation_of(job) > after][:most]
    found: list[Job] = []
    for block in _ids(state.jobs.by_creation, after):
        found += yield from _meant(state, which, block)
        if len(found) >= most:
            break
        yield
    return found[:most]


def jobs_page(
    state: State, which: Which, order: JobOrder, offset: int, limit: int
) -> Steps[tuple[list[Job], int]]:
    """Return a part of the jobs in an order, and how many there are in all."""
    meant = state.jobs if which == EVERY_JOB else (yield from _matching(state, which))
    total = len(meant)
    found: list[str] = []
    for block in _ORDERS[order](state):
        found += [job_id for job_id in block if job_id in meant]
        if len(found) >= offset + limit:
            break
        yield
    page = found[offset : offset + limit]
    return [state.jobs[job_id] for job_id in page if job_id in state.jobs], total


def last_over(state: State, job: Job) -> Run | None:
    """Return the entry of the job's ledger that was the last to be over."""
    kept = state.kept.get(job.id)
    return state.runs[kept[-1]] if kept else None


def _matching(state: State, which: Which) -> Steps[set[str]]:
    few = which.few(state)
    if few is not None:
        return {job.id for job in few}
    found: set[str] = set()
    for block in _ids(state.jobs.by_creation):
        found.update(job.id for job in (yield from _meant(state, which, block)))
        yield
    return found


def _meant(state: State, which: Which, job_ids: Iterable[str]) -> Steps[list[Job]]:
    """Return those of a few jobs that are meant; one with a long command is a step of its own."""
    found = []
    for job_id in job_ids:
        job = state.jobs.get(job_id)
        if job is not None and which.means(state, job):
            found.append(job)
        if job is not None and which.q and len(job.spec.command) > _MUCH:
            yield
    return found


def _named(state: State, name: str) -> list[str]:
    lowered = name.lower()
    found: list[str] = []
    for block in _blocks(state.jobs.by_name, (lowered,)):
        found += [job_id for known, job_id in block if known == lowered]
        if block[-1][0] != lowered or len(found) > _FEW:
            break
    return found


def _blocks(places: Sorted[Any], after: tuple[Any, ...] | None = None) -> Iterator[list[Any]]:
    """Yield entries in their order, some at a time; meanwhile some may come and go."""
    while block := places.after(after, A_STEP):
        yield block
        after = block[-1]


def _ids(places: Sorted[Any], after: tuple[Any, ...] | None = None) -> Iterator[list[str]]:
    return ([place[-1] for place in block] for block in _blocks(places, after))


def _by_next(state: State) -> Iterator[list[str]]:
    """Yield those that are due first, and then those that are not."""
    yield from _ids(state.slots.places)
    for block in _ids(state.jobs.by_name):
        yield [job_id for job_id in block if job_id not in state.slots]


def _by_last(state: State) -> Iterator[list[str]]:
    """Yield those with the newest entry that is over first, and then those without one."""
    seen: set[str] = set()
    for block in newest_first(state.runs.over.values()):
        job_ids = dict.fromkeys(state.runs[place[-1]].job_id for place in block)
        yield [job_id for job_id in job_ids if job_id not in seen]
        seen.update(job_ids)
    for block_of_ids in _ids(state.jobs.by_name):
        yield [job_id for job_id in block_of_ids if job_id not in seen]


def _by_state(state: State) -> Iterator[list[str]]:
    """Yield those in trouble first, each kind by name."""
    kinds: dict[JobState, list[str]] = {kind: [] for kind in _TROUBLE_FIRST}
    for block in _ids(state.jobs.by_name):
        for job_id in block:
            kinds[state_of(state, state.jobs[job_id])].append(job_id)
        yield []
    yield from kinds.values()


_ORDERS = {
    JobOrder.CREATED: lambda state: _ids(state.jobs.by_creation),
    JobOrder.NAME: lambda state: _ids(state.jobs.by_name),
    JobOrder.NEXT: _by_next,
    JobOrder.LAST: _by_last,
    JobOrder.STATE: _by_state,
}
