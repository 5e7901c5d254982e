"""Which jobs follow each other: who waits behind one that fails, and to whom a job is connected. It changes nothing."""

from collections import deque
from collections.abc import Iterable, Iterator

from kala_server.core.frozen import value
from kala_server.core.model.job import Job
from kala_server.core.state.state import State
from kala_server.core.steps import A_STEP, Steps

NAMED = 20
"""Jobs behind one that are named."""
MOST_COUNTED = 10_000


@value(frozen=True, slots=True)
class Behind:
    """The jobs that do not run while another one fails: those that follow it by their parents, however far."""

    total: int = 0
    jobs: tuple[Job, ...] = ()
    """The first of them, the nearest first."""


NOBODY = Behind()


def behind(state: State, job_id: str, most: int = MOST_COUNTED) -> Steps[Behind]:
    """Return who waits behind a job; one that is disabled does not wait, and nobody behind it. Counts up to `most`."""
    seen = {job_id}
    found: list[Job] = []
    queue = deque([job_id])
    while queue and len(found) < most:
        for child_id in state.children.get(queue.popleft(), ()):
            child = state.jobs.get(child_id)
            if child is not None and child_id not in seen and not child.disabled:
                seen.add(child_id)
                found.append(child)
                queue.append(child_id)
                if not len(found) % A_STEP:
                    yield
        yield
    return Behind(min(len(found), most), tuple(found[:NAMED]))


@value(frozen=True, slots=True)
class Edge:
    """That one job leads to another: by its success or, `for_failure`, by its failure."""

    begin: str
    end: str
    for_failure: bool = False


@value(frozen=True, slots=True)
class Family:
    """The jobs to which one is connected, the nearest first, and how far: negative where they come before."""

    distances: dict[str, int]
    edges: list[Edge]
    cut: bool
    """Whether there are more."""


def family(state: State, job_id: str, most: int) -> Steps[Family]:
    """Return up to `most` of the jobs that lead to a job, to which it leads, and those that are called for failures."""
    distances = {job_id: 0}
    queue = deque([job_id])
    cut = False
    while queue and not cut:
        near = queue.popleft()
        for number, (next_id, distance) in enumerate(_beside(state, near, distances[near]), 1):
            if next_id not in distances and next_id in state.jobs:
                if len(distances) == most:
                    cut = True
                    break
                distances[next_id] = distance
                queue.append(next_id)
            if not number % A_STEP:
                yield
        yield
    return Family(distances, (yield from _edges(state, distances)), cut)


def _beside(state: State, job_id: str, distance: int) -> Iterator[tuple[str, int]]:
    """Yield the jobs next to one, on the side on which it is itself."""
    spec = state.jobs[job_id].spec if job_id in state.jobs else None
    if spec is not None and distance <= 0:
        yield from ((parent_id, distance - 1) for parent_id in spec.parent_jobs)
    if distance == 0:
        yield from ((caller_id, -1) for caller_id in sorted(state.jobs.called_by.get(job_id, ())))
    if spec is not None and distance >= 0:
        yield from ((child_id, distance + 1) for child_id in state.children.get(job_id, ()))
        if spec.on_failure_job:
            yield spec.on_failure_job, distance + 1


def _edges(state: State, job_ids: Iterable[str]) -> Steps[list[Edge]]:
    """Return how these jobs lead to each other."""
    found: list[Edge] = []
    there = set(job_ids)
    for job_id in there & state.jobs.keys():
        spec = state.jobs[job_id].spec
        found += [Edge(parent_id, job_id) for parent_id in spec.parent_jobs if parent_id in there]
        if spec.on_failure_job in there:
            found.append(Edge(job_id, spec.on_failure_job, for_failure=True))
        yield
    return found
