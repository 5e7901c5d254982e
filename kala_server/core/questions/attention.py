"""In which order jobs want attention: those that fail, those that did not run as they should, then what comes next.

It changes nothing.
"""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from kala_server.core.frozen import value
from kala_server.core.model.job import RunState
from kala_server.core.questions.families import behind
from kala_server.core.questions.runs import newest_first
from kala_server.core.state.state import State
from kala_server.core.steps import Steps

_ENOUGH = 64
"""Jobs behind a failing one that are counted for its place: beyond them it does not matter how many they are."""
_NEVER = datetime.min.replace(tzinfo=UTC)


def worst_first(state: State) -> Steps[list[str]]:
    """Return the jobs that fail: those first behind which the most wait, of equal ones the latest."""
    places: list[tuple[int, datetime, str]] = []
    for job_id in list(state.jobs.failing):
        waiting = (yield from behind(state, job_id, _ENOUGH)).total if job_id in state.children else 0
        job = state.jobs.get(job_id)
        if job is not None:
            places.append((waiting, job.tally.last_error or _NEVER, job_id))
        yield
    return [job_id for *_, job_id in sorted(places, reverse=True)]


@value(frozen=True, slots=True)
class ByAttention:
    """Those that fail; that did not succeed in a time, the latest first; that run; as they are due; and by name."""

    failing: list[str]
    since: datetime
    until: datetime

    def blocks(self, state: State) -> Iterator[list[str]]:
        """Yield every job once, some at a time; meanwhile some may come and go."""
        seen: set[str] = set()
        for block in self._all(state):
            new = [job_id for job_id in dict.fromkeys(block) if job_id not in seen]
            seen.update(new)
            yield new

    def _all(self, state: State) -> Iterator[Collection[str]]:
        yield self.failing
        kinds = [state.runs.over[kind] for kind in state.runs.over if kind is not RunState.SUCCEEDED]
        for block in newest_first(kinds, (self.until,)):
            yield [state.runs[place[-1]].job_id for place in block if place[0] >= self.since]
            if block[-1][0] < self.since:
                break
        yield list(state.runs.running)
        for places in (state.slots.places, state.jobs.by_name):
            for entries in places.blocks():
                yield [entry[-1] for entry in entries]
