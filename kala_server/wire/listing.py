"""The list of all jobs, as JSON in slices, so that nobody waits for the whole of it.

With 100,000 jobs it is 120 MB. What was written for a job is kept and used again for as long as the job is the same
value, and the part that most jobs have in common is kept once.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from pydantic_core import to_json

from kala_server.core.job import Job
from kala_server.core.state import State
from kala_server.wire import answers

SLICE = 256
"""Jobs in a slice: a few milliseconds of work even where each of them has to be written."""


@dataclass(frozen=True, slots=True)
class Sight:
    """All that the list depends on, as it was at one instant."""

    jobs: Sequence[Job]
    children: Mapping[str, tuple[str, ...]]
    active: frozenset[str]


def look(state: State) -> Sight:
    """Take note of every job. The values are frozen, so that this is quick."""
    return Sight(list(state.jobs.values()), dict(state.children), frozenset(state.active))


@dataclass(frozen=True, slots=True)
class _Written:
    """A job's JSON in two parts, and what it was made of."""

    job: Job
    children: tuple[str, ...] | None
    active: bool
    head: bytes
    tail: bytes


class Listing:
    """Writes lists, and remembers what it has written."""

    def __init__(self) -> None:
        self._written: dict[str, _Written] = {}
        self._tails: dict[bytes, bytes] = {}

    async def slices(self, sight: Sight) -> AsyncGenerator[bytes, None]:
        """Yield the answer `{"jobs": {id: job}}`; between two slices others may have their turn."""
        if len(self._written) > len(sight.jobs):
            self._forget(sight)
        opening = b'{"jobs":{'
        jobs = iter(sight.jobs)
        while slice_ := list(islice(jobs, SLICE)):
            parts = [opening]
            for job in slice_:
                written = self._of(job, sight)
                parts += (b'"', job.id.encode(), b'":', written.head, written.tail, b",")
            parts.pop()
            yield b"".join(parts)
            opening = b","
        yield b"}}\n" if opening == b"," else opening + b"}}\n"

    def _of(self, job: Job, sight: Sight) -> _Written:
        children, active = sight.children.get(job.id), job.id in sight.active
        known = self._written.get(job.id)
        if known is not None and known.job is job and (known.children, known.active) == (children, active):
            return known
        head = to_json(answers.kala_part(job, children, active=active, stats=()))[:-1]
        tail = b"," + to_json(answers.beyond_kala(job))[1:]
        made = _Written(job, children, active, head, self._tails.setdefault(tail, tail))
        self._written[job.id] = made
        return made

    def _forget(self, sight: Sight) -> None:
        """Let go of jobs that are gone, and of tails that none has any more."""
        there = {job.id for job in sight.jobs}
        self._written = {job_id: one for job_id, one in self._written.items() if job_id in there}
        self._tails = {one.tail: one.tail for one in self._written.values()}
