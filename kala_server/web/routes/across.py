"""What was and what is to come, across all jobs: `/runs/` and `/upcoming/` (docs/api.md)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kala_server.core.model.job import Job
from kala_server.core.questions.upcoming import ToCome
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.core.time.durations import FOREVER
from kala_server.web.base import Handler
from kala_server.web.pages import Page, time_in
from kala_server.web.query import Query, cursor
from kala_server.web.routes.jobs import existing

MOST_SLOTS = 1_000


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which jobs, and of what time."""

    job_id: str
    tag: str
    since: datetime | None
    until: datetime | None

    @classmethod
    def read(cls, query: Query) -> "Asked":
        """Return what the query says. Raises InvalidRequestError."""
        return cls(query.text("job"), query.text("tag"), *time_in(query))

    def job_ids(self, state: State) -> list[str] | None:
        """Return the jobs that may be meant; None where it may be any. Raises NotFoundError."""
        if self.job_id:
            return [existing(state, self.job_id).id]
        return list(state.jobs.by_tag.get(self.tag, ())) if self.tag else None

    def means(self, job: Job) -> bool:
        """Whether the job is one of those."""
        return not self.tag or self.tag in job.spec.tags


class Runs(Handler):
    """`/runs/`."""

    async def get(self) -> None:
        """Return a page of the ledgers of all jobs, newest first."""
        job_id, now = self.query.text("job"), self.context.service.clock.now()
        page = Page.read(self.query, job=job_id, tag=self.query.text("tag"))

        def written(state: State) -> Steps[bytes]:
            if job_id:
                existing(state, job_id)
            return (yield from page.written(state, now))

        self.send(await self.ask_long(written))


class Upcoming(Handler):
    """`/upcoming/`."""

    async def get(self) -> None:
        """Return the slots that are to come, the earliest first."""
        asked, now = Asked.read(self.query), self.context.service.clock.now()
        limit = self.query.whole_number("limit", otherwise=100, most=MOST_SLOTS)
        ahead = ToCome(
            first=max(asked.since or now, now),
            last=asked.until or FOREVER,
            count=limit + 1,
            after=self.query.cursor("after"),
        )

        def told(state: State) -> Steps[dict[str, Any]]:
            found = yield from ahead.of(state, asked.job_ids(state), asked.means)
            slots = [
                {"at": at, "job_id": job_id, "job_name": state.jobs[job_id].spec.name}
                for at, job_id in found[:limit]
                if job_id in state.jobs
            ]
            return {"slots": slots, "next": cursor(*found[limit - 1]) if len(found) > limit else None}

        self.answer(await self.ask_long(told))
