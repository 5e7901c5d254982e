"""A page of the list of jobs in an order, a row for each: `GET /job/?view=row` (docs/api.md)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic_core import to_json

from kala_server.core.questions.jobs import JobOrder, Which, jobs_page
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.web.finding import which_jobs
from kala_server.web.query import Query
from kala_server.wire.rows import row

MOST_ROWS = 1_000
MOST_OFFSET = 999_999_999


class View(StrEnum):
    """How jobs are told, where not as Kala does."""

    ROW = "row"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPage:
    """A part of the jobs that are meant, as they stand in an order."""

    which: Which
    order: JobOrder
    offset: int
    limit: int

    @classmethod
    def read(cls, query: Query) -> "RowPage | None":
        """Return what the query asks for; None where it asks for whole jobs. Raises InvalidRequestError.

        What only rows have is read in any case: what is wrong is told, whether or not it would count.
        """
        view = query.choice("view", View)
        order = query.choice("sort", JobOrder) or JobOrder.CREATED
        offset = query.whole_number("offset", otherwise=0, least=0, most=MOST_OFFSET)
        if view is not View.ROW:
            return None
        limit = query.whole_number("limit", otherwise=100, most=MOST_ROWS)
        return cls(which=which_jobs(query), order=order, offset=offset, limit=limit)

    def written(self, state: State, now: datetime) -> Steps[bytes]:
        """Write the page, a row at a step."""
        jobs, total = yield from jobs_page(state, self.which, self.order, self.offset, self.limit)
        rows = []
        for job in jobs:
            if (current := state.jobs.get(job.id)) is not None:  # it may be gone since it was found
                rows.append(to_json(row(state, current, now)))
            yield
        return b'{"rows":[%b],"total":%d,"offset":%d}\n' % (b",".join(rows), total, self.offset)
