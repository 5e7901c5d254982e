"""Pages of the ledger, newest first: of one job or of many, each run once, however much goes on meanwhile."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from heapq import heappush, heapreplace

from pydantic_core import to_json

from kala_server.core.model.job import Run, RunState
from kala_server.core.state.state import State
from kala_server.core.steps import A_STEP, Steps
from kala_server.web.query import Cursor, Query, cursor
from kala_server.wire import ledger

MOST_RUNS = 1_000

Order = tuple[datetime, datetime, str]
"""Where a run is in the ledger. It does not change place when it ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page shows: at most so many runs of those that are wanted, and only what comes after a place."""

    limit: int
    before: Cursor | None
    wanted: Callable[[Run], bool]

    @classmethod
    def read(cls, query: Query, wanted: Callable[[Run], bool] = lambda _: True) -> "Page":
        """Return what the query asks for; `wanted` is what it says beside `limit`, `before` and `state`."""
        state = query.choice("state", RunState)
        return cls(
            limit=query.whole_number("limit", otherwise=100, most=MOST_RUNS),
            before=query.cursor("before"),
            wanted=lambda run: state in {None, run.state} and wanted(run),
        )

    def written(self, state: State, job_ids: Iterable[str], now: datetime) -> Steps[bytes]:
        """Write the page of the ledgers of these jobs, step by step."""
        found = yield from self._latest(state, job_ids)
        runs = []
        for run in found[: self.limit]:
            if run.job_id in state.jobs:  # it may be gone since it was found
                runs.append(to_json(ledger.run(state, run, now)))
            yield
        following = cursor(*_place(found[self.limit - 1])) if len(found) > self.limit else None
        return b'{"runs":[%b],"next":%b}\n' % (b",".join(runs), to_json(following))

    def _latest(self, state: State, job_ids: Iterable[str]) -> Steps[list[Run]]:
        """Return the latest runs, and one more where there is one, newest first, step by step."""
        latest: list[tuple[Order, Run]] = []
        """A heap: the first is the oldest, which has to give way. No two have the same place."""
        for job_id in job_ids:
            found = yield from state.looking_through(job_id, self._fits)
            for number, run in enumerate(found, 1):
                place = _order(run)
                if len(latest) <= self.limit:
                    heappush(latest, (place, run))
                elif place > latest[0][0]:
                    heapreplace(latest, (place, run))
                if not number % A_STEP:
                    yield
            yield
        return [run for _, run in sorted(latest, reverse=True)]

    def _fits(self, run: Run) -> bool:
        return self.wanted(run) and (self.before is None or _is_before(run, self.before))


def _order(run: Run) -> Order:
    # Runs of one instant, such as those of a catch-up, are in the order of their slots.
    return run.queued_at, run.scheduled_at, run.id


def _is_before(run: Run, cursor: Cursor) -> bool:
    return run.queued_at < cursor[0] or (run.queued_at == cursor[0] and _place(run) < cursor)


def _place(run: Run) -> Cursor:
    return run.queued_at, f"{run.scheduled_at:%Y%m%d%H%M%S%f}.{run.id}"
