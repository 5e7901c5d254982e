"""Which jobs a client wants to see: the filters of `GET /job/`, and its pages."""

import sys
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from kala_server.core.model.job import Job
from kala_server.core.steps import Steps
from kala_server.web.query import Cursor, Query, cursor
from kala_server.wire.answers import is_done
from kala_server.wire.bulk import Filter
from kala_server.wire.listing import JobsView

MOST_JOBS = 100_000
_SLICE = 2_048
"""Jobs that are put in order in one go: it takes a millisecond or two."""
_PARAMETERS = ("q", "name", "owner", "tag", "state", "limit", "after")


class JobState(StrEnum):
    """How a job is, in a word."""

    ACTIVE = "active"
    DISABLED = "disabled"
    DONE = "done"
    RUNNING = "running"
    FAILING = "failing"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """A page of the jobs to which everything that is said applies; what is empty says nothing."""

    q: str
    """In lower case: found in the name, the command, the owner or the id."""
    name: str
    owner: str
    tag: str
    state: JobState | None
    limit: int
    after: Cursor | None

    @classmethod
    def read(cls, query: Query) -> "JobQuery | None":
        """Return what the query asks for; None where it asks for every job, as Kala's own clients do."""
        if not any(query.text(name) for name in _PARAMETERS):
            return None
        return cls(
            q=query.text("q").lower(),
            name=query.text("name"),
            owner=query.text("owner"),
            tag=query.text("tag"),
            state=query.choice("state", JobState),
            limit=query.whole_number("limit", otherwise=MOST_JOBS, most=MOST_JOBS),
            after=query.cursor("after"),
        )

    @classmethod
    def of(cls, filter_: Filter) -> "JobQuery":
        """Return what a filter in a body asks for, however many these are. Raises InvalidRequestError."""
        state = Query({"state": [filter_.state.encode()]}).choice("state", JobState)
        said = filter_.model_dump() | {"q": filter_.q.lower(), "state": state}
        return cls(**said, limit=sys.maxsize, after=None)

    def find(self, view: JobsView) -> Steps[tuple[list[Job], str | None]]:
        """Return the jobs of the page, in the order of their creation, and where the next page begins, step by step."""
        found: list[Job] = []
        in_order = True
        jobs = iter(view.jobs)
        while slice_ := list(islice(jobs, _SLICE)):
            fitting = []
            for job in slice_:
                if self._fits(view, job):
                    fitting.append(job)
                yield
            fitting.sort(key=_place)
            in_order = in_order and not (found and fitting and _place(fitting[0]) < _place(found[-1]))
            found += fitting
            yield
        if not in_order:  # the clock has been set back in between
            found.sort(key=_place)
        page = found[: self.limit]
        return page, cursor(*_place(page[-1])) if len(found) > len(page) else None

    def _fits(self, view: JobsView, job: Job) -> bool:
        spec = job.spec
        return (
            (self.after is None or _place(job) > self.after)
            and (not self.q or self._is_in(job))
            and self.name in {"", spec.name}
            and self.owner in {"", spec.owner}
            and (not self.tag or self.tag in spec.tags)
            and (self.state is None or _is(view, job, self.state))
        )

    def _is_in(self, job: Job) -> bool:
        spec = job.spec
        return any(self.q in text.lower() for text in (spec.name, spec.command, spec.owner, job.id))


def _place(job: Job) -> Cursor:
    return job.created_at, job.id


def _is(view: JobsView, job: Job, wanted: JobState) -> bool:
    if wanted is JobState.DISABLED:
        return job.disabled
    if wanted is JobState.RUNNING:
        return job.id in view.running
    if wanted is JobState.FAILING:
        return _last_failed(job)
    done = is_done(job, active=job.id in view.active)
    return done and not job.disabled if wanted is JobState.DONE else not done and not job.disabled


def _last_failed(job: Job) -> bool:
    failed, worked = job.tally.last_error, job.tally.last_success
    return failed is not None and (worked is None or failed > worked)
