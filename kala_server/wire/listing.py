"""Jobs as JSON: one, or a list of them in slices, so that nobody waits for the whole of it.

With 100,000 jobs it is 120 MB. What was written for a job is kept and used again for as long as the job is the same
value, and the part that most jobs have in common is kept once.
"""

import asyncio
from collections.abc import AsyncGenerator, Container, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import islice
from operator import attrgetter
from typing import TypeVar

from pydantic_core import to_json

from kala_server.core.model.job import NOTHING_YET, Job, JobSpec, Run
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.wire import answers
from kala_server.wire.shapes import WHOLE, Shape

T = TypeVar("T")

SLICE = 256
"""Jobs, and runs told with them, in a slice: a millisecond or two of work even where each of them has to be written."""
_LOOKED_AT = 2_048
"""Jobs of which is looked in one go whether they are still there."""

_MUCH = 1 << 14
"""Bytes of one job, of which what is written so far is sent before."""


@dataclass(frozen=True, slots=True)
class JobsView:
    """All that is told of jobs, as it was at one instant."""

    at: datetime
    """When it was looked."""
    jobs: Sequence[Job]
    stuck: Mapping[str, str]
    """Jobs about which nothing can be decided, and why."""
    children: Mapping[str, tuple[str, ...]]
    active: Container[str]
    """Jobs of which a run waits or runs."""
    kept: Mapping[str, tuple[str, ...]]
    """The finished runs of each job; empty where these were not asked for."""
    runs: Mapping[str, Run]
    """The state's own table, as a copy could be huge. A run that has finished does not change, but may be gone."""

    def next_run_at(self, job: Job) -> datetime | None:
        """Return the job's next slot; none that has passed, as it does where the job is disabled or stuck."""
        passed = job.next_at is not None and job.next_at <= self.at
        return None if passed and (job.disabled or job.id in self.stuck) else job.next_at

    def finished(self, job: Job) -> Iterator[Run]:
        """Yield the finished runs of the job that are still there."""
        return (self.runs[run_id] for run_id in self.kept.get(job.id, ()) if run_id in self.runs)


def look(state: State, at: datetime, *, stats: bool = False) -> JobsView:
    """Take note of every job. The values are frozen, so that this is quick."""
    return JobsView(
        at=at,
        jobs=list(state.jobs.values()),
        stuck=dict(state.stuck),
        children=dict(state.children),
        active=frozenset(state.active),
        kept=dict(state.kept) if stats else {},
        runs=state.runs,
    )


def look_at(state: State, job: Job, at: datetime) -> JobsView:
    """Look at one job with its finished runs."""
    return JobsView(
        at=at,
        jobs=[job],
        stuck=_only(job.id, state.stuck),
        children=_only(job.id, state.children),
        active=_only(job.id, state.active),
        kept=_only(job.id, state.kept),
        runs=state.runs,
    )


def _only(job_id: str, table: Mapping[str, T]) -> dict[str, T]:
    return {job_id: table[job_id]} if job_id in table else {}


_Parts = tuple[bytes, bytes]
"""A job's JSON: what is its own, and what it has in common with others."""
_Commons = dict[tuple[object, ...], bytes]
"""What is in common, by all that it is made of; for as long as one list is written."""


class Listing:
    """Writes jobs, and remembers what it has written."""

    def __init__(self, shape: Shape = WHOLE) -> None:
        self._shape = shape
        self._written: dict[str, _Parts] = {}
        self._jobs: dict[str, Job] = {}
        """What each was written of. Two tables of plain values: of a hundred thousand objects that hold both, each
        full pass of the garbage collector takes 25 ms."""

    @property
    def remembered(self) -> AbstractSet[str]:
        """The ids of the jobs of which something is remembered."""
        return self._written.keys() | self._jobs.keys()

    def one(self, view: JobsView) -> Steps[list[bytes]]:
        """Return the parts of the answer `{"job": …}` of the only job in sight, step by step.

        What lists remember is used, and not added to.
        """
        [job] = view.jobs
        known = self._jobs.get(job.id) is job and _lasts(job, view)
        return (yield from _alone(self._written[job.id] if known else _with_runs(job, view, self._shape)))

    async def slices(
        self, view: JobsView, jobs: Sequence[Job] | None = None, *, more: Mapping[str, object] | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield the answer `{"jobs": {id: job}}` in slices, between which others may have their turn.

        Without `jobs` it lists all that are in sight. `more` is what the answer says after them.
        """
        commons: _Commons = {}
        opening = b'{"jobs":{'
        for slice_ in _sliced(view, view.jobs if jobs is None else jobs):
            parts = [opening]
            for job in slice_:
                parts += (b'"', job.id.encode(), b'":')
                for part in self._parts(job, view, commons):
                    if len(part) > _MUCH:
                        yield b"".join(parts)
                        parts.clear()
                    parts.append(part)
                parts.append(b",")
            parts.pop()
            yield b"".join(parts)
            opening = b","
        closing = b"}," + to_json(more)[1:] if more else b"}}"
        yield (b"" if opening == b"," else opening) + closing + b"\n"
        if len(self._written) > len(view.jobs):
            await self._forget(view)

    def _parts(self, job: Job, view: JobsView, commons: _Commons) -> Iterable[bytes]:
        return self._of(job, view, commons) if _lasts(job, view) else _with_runs(job, view, self._shape)

    def _of(self, job: Job, view: JobsView, commons: _Commons) -> _Parts:
        if self._jobs.get(job.id) is job:
            return self._written[job.id]
        what = _in_common(job)
        common = commons.get(what) if what else None
        if common is None:
            common = _common(job, view, self._shape)
        if what:
            commons[what] = common
        self._jobs[job.id] = job
        parts = self._written[job.id] = _own(job, view, self._shape), common
        return parts

    async def _forget(self, view: JobsView) -> None:
        """Let go of jobs that are gone, some at a time."""
        there: set[str] = set()
        for begin in range(0, len(view.jobs), _LOOKED_AT):
            there.update(job.id for job in view.jobs[begin : begin + _LOOKED_AT])
            await asyncio.sleep(0)
        written = list(self._written)
        for begin in range(0, len(written), _LOOKED_AT):
            for job_id in written[begin : begin + _LOOKED_AT]:
                if job_id not in there:
                    self._written.pop(job_id, None)
                    self._jobs.pop(job_id, None)
            await asyncio.sleep(0)


def _lasts(job: Job, view: JobsView) -> bool:
    """Whether a job's JSON is worth remembering: with its runs it is long, and with runs under way soon another.

    So it is with a job whose slots pass, as what is told of it depends on more than its value.
    """
    told_elsewhere = job.id in view.kept or job.id in view.active or job.id in view.children
    return not (told_elsewhere or job.id in view.stuck or view.next_run_at(job) != job.next_at)


def _sliced(view: JobsView, jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Yield the jobs in slices of about the same work."""
    slice_: list[Job] = []
    work = 0
    for job in jobs:
        slice_.append(job)
        work += 1 + len(view.kept.get(job.id, ()))
        if work >= SLICE:
            yield slice_
            slice_, work = [], 0
    if slice_:
        yield slice_


_NOT_SHARED = {"name", "command", "env", "remote_properties"}
_SHARED = attrgetter(*(field.name for field in fields(JobSpec) if field.name not in _NOT_SHARED))


def _in_common(job: Job) -> tuple[object, ...] | None:
    """Return all that the common part is made of; None where hardly another job has the same."""
    if job.tally != NOTHING_YET or job.spec.env or job.spec.remote_properties:
        return None
    return (*_SHARED(job.spec), job.disabled, job.next_at is None)


def _own(job: Job, view: JobsView, shape: Shape) -> bytes:
    return to_json(answers.own_part(job, view.next_run_at(job), shape))[:-1]


def _with_runs(job: Job, view: JobsView, shape: Shape) -> Iterator[bytes]:
    """Yield a job's JSON with its finished runs, some of them at a time."""
    yield _own(job, view, shape)
    yield _common(job, view, shape).removesuffix(b"]}")  # of `stats`, which come last
    yield from _stats(view.finished(job), shape)
    yield b"]}"


def whole(view: JobsView) -> Steps[list[bytes]]:
    """Return the parts of the answer `{"job": …}` with all that there is to say of the only job in sight."""
    [job] = view.jobs
    return (yield from _alone(_with_runs(job, view, WHOLE)))


def _alone(told: Iterable[bytes]) -> Steps[list[bytes]]:
    parts = [b'{"job":']
    for part in told:
        parts.append(part)
        yield
    return [*parts, b"}\n"]


def job_stats(job: Job, view: JobsView, shape: Shape) -> Steps[list[bytes]]:
    """Return the parts of the answer `{"job_stats": […]}` of a job, step by step."""
    parts = [b'{"job_stats":[']
    for part in _stats(view.finished(job), shape):
        parts.append(part)
        yield
    return [*parts, b"]}\n"]


def _stats(runs: Iterator[Run], shape: Shape) -> Iterator[bytes]:
    """Yield what is told of runs that Kala counts, as they stand in an array, some of them at a time."""
    comma = b""
    while some := list(islice(runs, SLICE)):
        told = to_json(answers.stats_of(some, shape))[1:-1]
        yield comma + told if told else b""
        comma = b"," if told else comma


def _common(job: Job, view: JobsView, shape: Shape) -> bytes:
    children, active = view.children.get(job.id), job.id in view.active
    stuck = view.stuck.get(job.id, "")
    return b"," + to_json(answers.common_part(job, children, shape, active=active, stuck=stuck))[1:]
