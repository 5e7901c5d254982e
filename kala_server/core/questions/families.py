"""Which jobs follow each other: who waits behind one that fails, and to whom a job is connected. It changes nothing."""

from collections import deque

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
