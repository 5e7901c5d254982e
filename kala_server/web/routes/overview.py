"""What was and what is to come on one axis: `/timeline/`, a row for each job, and `/summary/`, all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic_core import to_json

from kala_server.core.errors import FieldProblem, InvalidRequestError
from kala_server.core.model.job import Job, Run, RunState
from kala_server.core.questions.attention import ByAttention, worst_first
from kala_server.core.questions.crowd import Crowd
from kala_server.core.questions.families import NOBODY, behind
from kala_server.core.questions.jobs import Which, page_of
from kala_server.core.questions.marks import seen
from kala_server.core.questions.slots_ahead import slots_ahead
from kala_server.core.questions.timeline import timeline
from kala_server.core.state.run_table import QUARTER, begin_of, quarter_of
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.web.base import Handler
from kala_server.web.query import Query
from kala_server.web.routes.jobs import existing
from kala_server.web.routes.rows import MOST_OFFSET
from kala_server.wire import rows
from kala_server.wire.pause import pause

MOST_ROWS = 500
MOST_PARTS = 1_500
WIDTHS = range(100, 10_001)
_LONGEST = timedelta(days=31)
_BEFORE, _AFTER = timedelta(hours=24), timedelta(hours=12)
_STEP = 2 * QUARTER
_MOST_TOLD = 10


@dataclass(frozen=True, slots=True)
class Window:
    """A time around now, or another one."""

    since: datetime
    until: datetime

    @classmethod
    def read(cls, query: Query, now: datetime) -> "Window":
        """Return the time that a query names. Raises InvalidRequestError."""
        since, until = query.instant("from"), query.instant("to")
        since = since or (min(now, until) if until else now) - _BEFORE
        until = until or max(now, since) + _AFTER
        if until <= since:
            raise InvalidRequestError([FieldProblem("to", "it is not after `from`", until + _AFTER)])
        if until - since > _LONGEST:
            message = f"from `from` to `to` there are at most {_LONGEST.days} days"
            raise InvalidRequestError([FieldProblem("to", message, since + _LONGEST)])
        return cls(since, until)


class Timeline(Handler):
    """`/timeline/`."""

    async def get(self) -> None:
        """Return a page of rows, those of jobs that want attention first."""
        now = self.context.service.clock.now()
        page = TimelinePage.read(self.query, now)
        self.send(await self.ask_long(lambda state: page.written(state, now)))


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelinePage:
    """Some rows of a timeline."""

    window: Window
    width: int
    which: Which
    job_ids: list[str]
    """Exactly these jobs, in this order; where there are none, those that are meant, by attention."""
    offset: int
    limit: int

    @classmethod
    def read(cls, query: Query, now: datetime) -> "TimelinePage":
        """Return what the query asks for. Raises InvalidRequestError."""
        return cls(
            window=Window.read(query, now),
            width=query.whole_number("width", otherwise=1_200, least=WIDTHS[0], most=WIDTHS[-1]),
            which=Which(q=query.text("q").lower(), tag=query.text("tag")),
            job_ids=query.texts("job"),
            offset=query.whole_number("offset", otherwise=0, least=0, most=MOST_OFFSET),
            limit=query.whole_number("limit", otherwise=100, most=MOST_ROWS),
        )

    def written(self, state: State, now: datetime) -> Steps[bytes]:
        """Write the page, a row at a step."""
        jobs, total = yield from self._page(state)
        told = []
        for job in jobs:
            if (current := state.jobs.get(job.id)) is not None:  # it may be gone since it was found
                told.append(to_json((yield from self._row(state, current, now))))
            yield
        said = to_json({"from": self.window.since, "to": self.window.until, "now": now, "total": total})
        return b'%b,"offset":%d,"rows":[%b]}\n' % (said[:-1], self.offset, b",".join(told))

    def _page(self, state: State) -> Steps[tuple[list[Job], int]]:
        if self.job_ids:
            jobs = [existing(state, job_id) for job_id in self.job_ids]
            return jobs[self.offset : self.offset + self.limit], len(jobs)
        failing = yield from worst_first(state)
        order = ByAttention(failing, self.window.since, self.window.until)
        return (yield from page_of(state, self.which, order.blocks(state), self.offset, self.limit))

    def _row(self, state: State, job: Job, now: datetime) -> Steps[dict[str, Any]]:
        window = self.window
        pixel = (window.until - window.since) / self.width
        was = yield from seen(state, job.id, window.since, window.until, pixel)
        waits = (yield from behind(state, job.id)) if job.id in state.jobs.failing else NOBODY
        ahead = slots_ahead(state, job, max(now, window.since), window.until)
        return rows.timeline_row(state, job, now, seen=was, ahead=ahead, behind=waits)


class Summary(Handler):
    """`/summary/`."""

    async def get(self) -> None:
        """Return how all jobs went, and how many are to come, in each part of a time."""
        now = self.context.service.clock.now()
        window, step = Window.read(self.query, now), _step(self.query)
        if (window.until - window.since) / step > MOST_PARTS - 1:
            message = f"there are at most {MOST_PARTS:,} parts from `from` to `to`: a longer step is needed"
            raise InvalidRequestError([FieldProblem("step", message, 86_400)])
        crowd = self.context.crowd
        told = await self.ask_long(lambda state: _summary(state, window, step, now, crowd))
        self.answer(told | {"outages": self.context.presence.between(told["from"], window.until)})


def _step(query: Query) -> timedelta:
    """Return how long a part is. Raises InvalidRequestError."""
    said = query.whole_number(
        "step", otherwise=int(_STEP.total_seconds()), most=int(_LONGEST.total_seconds())
    )
    step = timedelta(seconds=said)
    if step % QUARTER:
        raise InvalidRequestError(
            [FieldProblem("step", f"it is a multiple of 900 seconds, not {said}", 1_800)]
        )
    return step


def _summary(
    state: State, window: Window, step: timedelta, now: datetime, crowd: Crowd
) -> Steps[dict[str, Any]]:
    length = step // QUARTER
    first = quarter_of(window.since) // length * length
    since = begin_of(first)
    was = yield from timeline(state, since, window.until, step)
    begins = range(first, first + length * len(was.parts), length)
    ahead = yield from crowd.ahead(state, begins, now)
    failing = yield from _failing(state)
    following = state.slots.first()
    return {
        "from": since,
        "to": window.until,
        "now": now,
        "step": int(step.total_seconds()),
        "parts": [
            {"at": part.begin, "jobs": part.jobs, "ahead": count}
            for part, count in zip(was.parts, ahead, strict=True)
        ],
        "slots": was.slots,
        "jobs": len(state.jobs),
        "disabled": len(state.jobs.disabled),
        "running": state.counts["running"],
        "waiting": len(state.runs.open) - state.counts["running"],
        "failing": failing,
        "next": None if following is None else _next(state, following[0], following[-1]),
        "pause": pause(state),
    }


def _next(state: State, at: datetime, job_id: str) -> Mapping[str, Any]:
    return {"at": at, "job_id": job_id, "job_name": state.jobs[job_id].spec.name}


def _failing(state: State) -> Steps[dict[str, Any]]:
    """Return which jobs fail, and who waits behind the worst of them."""
    found = yield from worst_first(state)
    told = []
    for job_id in found[:_MOST_TOLD]:
        waits = yield from behind(state, job_id)
        if (job := state.jobs.get(job_id)) is not None:
            told.append(_failure(state, job) | {"behind": rows.waiting(waits)})
    return {"total": len(found), "jobs": told}


def _failure(state: State, job: Job) -> dict[str, Any]:
    run = next(filter(_has_failed, state.job_runs(job.id)), None)
    return {
        "id": job.id,
        "name": job.spec.name,
        "since": job.tally.last_error,
        "run_id": None if run is None else run.id,
        "reason": job.tally.last_error_reason,
    }


def _has_failed(run: Run) -> bool:
    """Whether its latest attempt that is over has not succeeded."""
    over = run.state.final and run.state is not RunState.SUCCEEDED
    return run.attempts > 0 and (over or run.retry_at is not None)
