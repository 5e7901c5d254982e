"""Which jobs of many are meant, and which part of them a page shows. It changes nothing."""

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from typing import Any

from kala_client.schedules.due import is_never
from kala_server.core.frozen import value
from kala_server.core.model.job import Job
from kala_server.core.questions.runs import newest_first
from kala_server.core.state.job_table import Created, text_of
from kala_server.core.state.ordered import Sorted
from kala_server.core.state.state import State
from kala_server.core.steps import A_STEP, Steps

FEW = 512
"""Jobs that are put in order in one go: it takes half a millisecond."""
_MUCH = 4_096
"""Characters that take some time to be looked through."""

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

    def of(self, state: State, jobs: Iterable[Job], *, q_fits: bool = False) -> list[Job]:
        """Return those of a few jobs that are meant."""
        found = list(jobs)
        for test in self._tests(state, q_fits=q_fits):
            found = [job for job in found if test(job)]
        return found

    def _tests(self, state: State, *, q_fits: bool) -> Iterator[Callable[[Job], bool]]:
        if self.name:
            yield lambda job: job.spec.name == self.name
        if self.owner:
            yield lambda job: job.spec.owner == self.owner
        if self.tag:
            yield lambda job: self.tag in job.spec.tags
        if (wanted := self.state) is not None:
            yield lambda job: is_in(state, job, wanted)
        if self.q and not q_fits:
            yield lambda job: self.q in text_of(job) or self.q in job.id

    def indexed(self, state: State) -> Collection[str] | None:
        """Return the fewest jobs of which an index says that the others are not meant; None where none says it."""
        indexes: list[Collection[str] | None] = [
            state.jobs.by_tag.get(self.tag, set()) if self.tag else None,
            state.jobs.disabled if self.state is JobState.DISABLED else None,
            state.jobs.failing if self.state is JobState.FAILING else None,
            state.runs.running.keys() if self.state is JobState.RUNNING else None,
            _named(state, self.name) if self.name else None,
        ]
        return min((job_ids for job_ids in indexes if job_ids is not None), key=len, default=None)


EVERY_JOB = Which()
_WHETHER_DUE = (Which(state=JobState.ACTIVE), Which(state=JobState.DONE))


def _name_of(job: Job) -> tuple[str, str]:
    return job.spec.name.lower(), job.id


def creation_of(job: Job) -> Creation:
    """Return where the job is in the order of creation."""
    return job.created_at, job.id


def is_done(job: Job, *, active: bool) -> bool:
    """Whether no slot is left: a one-off job has run, or the last repeat is over; `active`: a run waits or runs."""
    if job.next_at is not None or active:
        return False
    only_by_parents = bool(job.spec.parent_jobs) and not job.spec.schedule
    return not (only_by_parents or is_never(job.spec.schedule))


def is_in(state: State, job: Job, wanted: JobState) -> bool:
    """Whether the job is so; it may be in more than one way."""
    if wanted is JobState.DISABLED:
        return job.disabled
    if wanted is JobState.RUNNING:
        return job.id in state.runs.running
    if wanted is JobState.FAILING:
        return job.tally.failing
    if job.id in state.slots:  # it is due: neither disabled nor done
        return wanted is JobState.ACTIVE
    done = is_done(job, active=job.id in state.active)
    return done is (wanted is JobState.DONE) and not job.disabled


def state_of(state: State, job: Job) -> JobState:
    """Return how the job is, trouble first."""
    if job.id in state.jobs.failing:
        return JobState.FAILING
    if job.id in state.runs.running:
        return JobState.RUNNING
    if job.id in state.slots:
        return JobState.ACTIVE
    if job.disabled:
        return JobState.DISABLED
    return JobState.DONE if is_done(job, active=job.id in state.active) else JobState.ACTIVE


def jobs_after(state: State, which: Which, after: Creation | None, most: int) -> Steps[list[Job]]:
    """Return the first jobs that were created after a place, in that order."""
    indexed = which.indexed(state)
    if indexed is not None and len(indexed) <= FEW and not which.q:
        few = sorted(which.of(state, _there(state, indexed)), key=creation_of)
        return [job for job in few if after is None or creation_of(job) > after][:most]
    meant = None if indexed is None else (yield from _matching(state, which))
    found: list[Job] = []
    behind = None if after is None else (after[0], f"{after[1]}\0")  # its own entry has a text as well
    for block in state.jobs.by_creation.blocks(behind):
        if meant is None:
            found += yield from _of_block(state, which, block)
        else:
            found += _there(state, (job_id for _, job_id, _ in block if job_id in meant))
        if len(found) >= most:
            break
        yield
    return found[:most]


def jobs_page(
    state: State, which: Which, order: JobOrder, offset: int, limit: int
) -> Steps[tuple[list[Job], int]]:
    """Return a part of the jobs in an order, and how many there are in all."""
    if which == EVERY_JOB and order in _PLACES:
        places = _PLACES[order](state).at(offset, limit)
        return [state.jobs[place[1]] for place in places], len(state.jobs)
    return (yield from page_of(state, which, _ORDERS[order](state), offset, limit))


def page_of(
    state: State, which: Which, blocks: Iterator[list[str]], offset: int, limit: int
) -> Steps[tuple[list[Job], int]]:
    """Return a part of the jobs that are meant, as they come in the blocks, and how many there are in all."""
    meant = state.jobs if which == EVERY_JOB else (yield from _matching(state, which))
    total = len(meant)
    found: list[str] = []
    for block in blocks:
        found += [job_id for job_id in block if job_id in meant]
        if len(found) >= min(offset + limit, total):  # of those that are left none is meant
            break
        yield
    return list(_there(state, found[offset : offset + limit])), total


def _there(state: State, job_ids: Iterable[str]) -> Iterator[Job]:
    """Yield the jobs of these that are there: some may be gone since they were found."""
    return (state.jobs[job_id] for job_id in job_ids if job_id in state.jobs)


def _matching(state: State, which: Which) -> Steps[set[str]]:
    """Return all that are meant."""
    found: set[str] = set()
    if which in _WHETHER_DUE:
        return (yield from _due_or_not(state, which))
    indexed = which.indexed(state)
    if indexed is not None:
        job_ids = list(indexed)
        size = 1 if which.q else A_STEP  # a text may be long
        for begin in range(0, len(job_ids), size):
            found.update(job.id for job in which.of(state, _there(state, job_ids[begin : begin + size])))
            yield
        return found
    for block in state.jobs.by_creation.blocks():
        found.update(job.id for job in (yield from _of_block(state, which, block)))
        yield
    return found


def _due_or_not(state: State, which: Which) -> Steps[set[str]]:
    """Return all that are active, or done: those that are due are the one, and few of the others need a look."""
    found: set[str] = set()
    for due in _ids(state.slots.places) if which.state is JobState.ACTIVE else ():
        found.update(due)
        yield
    for block in _ids(state.jobs.by_name):
        others = [job_id for job_id in block if job_id not in state.slots]
        found.update(job.id for job in which.of(state, _there(state, others)))
        yield
    return found


def _of_block(state: State, which: Which, block: list[Created]) -> Steps[list[Job]]:
    """Return those of a few that are meant; one with a long text is a step of its own."""
    q, found = which.q, []
    for _, job_id, text in block:
        if q in text or q in job_id:
            found.append(job_id)
        if len(text) > _MUCH:
            yield
    return which.of(state, _there(state, found), q_fits=True)


def _named(state: State, name: str) -> Collection[str] | None:
    """Return those with the name, in upper or lower case; None where these are many."""
    lowered = name.lower()
    named = [job_id for known, job_id in state.jobs.by_name.after((lowered,), FEW + 1) if known == lowered]
    return named if len(named) <= FEW else None


def _ids(places: Sorted[Any]) -> Iterator[list[str]]:
    return ([place[-1] for place in block] for block in places.blocks())


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
    known = {
        JobState.FAILING: state.jobs.failing,
        JobState.RUNNING: state.runs.running.keys(),
        JobState.DISABLED: state.jobs.disabled,
    }
    for kind in _TROUBLE_FIRST:
        few = known.get(kind)
        if few is not None and len(few) <= FEW:
            yield _of_kind(state, kind, [job.id for job in sorted(_there(state, few), key=_name_of)])
        else:
            for block in _ids(state.jobs.by_name):
                yield _of_kind(state, kind, block)


def _of_kind(state: State, kind: JobState, job_ids: list[str]) -> list[str]:
    """Return which of a few jobs are so, and in no worse trouble."""
    failing, running = state.jobs.failing, state.runs.running
    if kind is JobState.FAILING:
        return [job_id for job_id in job_ids if job_id in failing]
    if kind is JobState.RUNNING:
        return [job_id for job_id in job_ids if job_id in running and job_id not in failing]
    left = [job_id for job_id in job_ids if job_id not in failing and job_id not in running]
    # Most of many are due, which says how they are.
    active = kind is JobState.ACTIVE
    return [job_id for job_id in left if (active if job_id in state.slots else _is_of(state, job_id, kind))]


def _is_of(state: State, job_id: str, kind: JobState) -> bool:
    job = state.jobs.get(job_id)
    return job is not None and state_of(state, job) is kind


_PLACES: dict[JobOrder, Callable[[State], Sorted[Any]]] = {
    JobOrder.CREATED: lambda state: state.jobs.by_creation,
    JobOrder.NAME: lambda state: state.jobs.by_name,
}
_ORDERS: dict[JobOrder, Callable[[State], Iterator[list[str]]]] = {
    JobOrder.CREATED: lambda state: (
        [place[1] for place in block] for block in state.jobs.by_creation.blocks()
    ),
    JobOrder.NAME: lambda state: _ids(state.jobs.by_name),
    JobOrder.NEXT: _by_next,
    JobOrder.LAST: _by_last,
    JobOrder.STATE: _by_state,
}
