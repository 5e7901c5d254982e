"""Pages of the ledger, newest first: of one job or of many, each run once, however much goes on meanwhile."""

from dataclasses import dataclass
from datetime import datetime

from pydantic_core import to_json

from kala_server.core.model.job import RunState
from kala_server.core.questions.runs import Entries, runs_between
from kala_server.core.state.run_table import Place, place_of
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.web.query import Query, cursor, instant_of, no_cursor
from kala_server.wire import ledger

MOST_RUNS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """At most so many entries of those that are asked for."""

    limit: int
    asked: Entries

    @classmethod
    def read(
        cls,
        query: Query,
        *,
        job: str = "",
        tag: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> "Page":
        """Return what the query asks for with `limit`, `before` and `state`, of such a job, tag and time."""
        return cls(
            limit=query.whole_number("limit", otherwise=100, most=MOST_RUNS),
            asked=Entries(
                job_id=job,
                tag=tag,
                state=query.choice("state", RunState),
                since=since,
                until=until,
                before=_place(query),
            ),
        )

    def written(self, state: State, now: datetime) -> Steps[bytes]:
        """Write the page, step by step."""
        found = yield from runs_between(state, self.asked, self.limit + 1)
        runs = []
        for run in found[: self.limit]:
            if run.job_id in state.jobs:  # it may be gone since it was found
                runs.append(to_json(ledger.run(state, run, now)))
            yield
        following = _cursor(place_of(found[self.limit - 1])) if len(found) > self.limit else None
        return b'{"runs":[%b],"next":%b}\n' % (b",".join(runs), to_json(following))


def _cursor(place: Place) -> str:
    queued_at, scheduled_at, run_id = place
    return cursor(queued_at, cursor(scheduled_at, run_id))


def _place(query: Query) -> Place | None:
    """Return where the page begins. Raises InvalidRequestError."""
    said = query.cursor("before")
    if said is None:
        return None
    scheduled_at, _, run_id = said[1].partition(".")
    try:
        return said[0], instant_of(scheduled_at), run_id
    except ValueError:
        raise no_cursor("before") from None
