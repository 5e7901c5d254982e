"""Which jobs a client wants to see: the filters of `GET /job/`, and its pages."""

import sys
from dataclasses import dataclass

from kala_server.core.model.job import Job
from kala_server.core.questions.jobs import JobState, Which, creation_of, jobs_after
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.web.query import Cursor, Query, cursor
from kala_server.wire.bulk import Filter

MOST_JOBS = 100_000
_PARAMETERS = ("q", "name", "owner", "tag", "state", "limit", "after")


def which_jobs(query: Query) -> Which:
    """Return which jobs a query means. Raises InvalidRequestError."""
    return Which(
        q=query.text("q").lower(),
        name=query.text("name"),
        owner=query.text("owner"),
        tag=query.text("tag"),
        state=query.choice("state", JobState),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """A page of the jobs that are meant."""

    which: Which
    limit: int
    after: Cursor | None

    @classmethod
    def read(cls, query: Query) -> "JobQuery | None":
        """Return what the query asks for; None where it asks for every job, as Kala's own clients do."""
        if not any(query.text(name) for name in _PARAMETERS):
            return None
        return cls(
            which=which_jobs(query),
            limit=query.whole_number("limit", otherwise=MOST_JOBS, most=MOST_JOBS),
            after=query.cursor("after"),
        )

    @classmethod
    def of(cls, filter_: Filter) -> "JobQuery":
        """Return what a filter in a body asks for, however many these are. Raises InvalidRequestError."""
        state = Query({"state": [filter_.state.encode()]}).choice("state", JobState)
        said = filter_.model_dump() | {"q": filter_.q.lower(), "state": state}
        return cls(which=Which(**said), limit=sys.maxsize - 1, after=None)

    def find(self, state: State) -> Steps[tuple[list[Job], str | None]]:
        """Return the jobs of the page, in the order of their creation, and where the next page begins, step by step."""
        found = yield from jobs_after(state, self.which, self.after, self.limit + 1)
        page = found[: self.limit]
        return page, cursor(*creation_of(page[-1])) if len(found) > len(page) else None
