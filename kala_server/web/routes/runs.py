"""The ledger over HTTP: runs, explanations, previews (docs/api.md). What runs printed is in `output.py`."""

from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from itertools import islice
from typing import Any

from kala_client.schedules.due import example_for, is_cron
from kala_server.core.errors import FieldProblem, InvalidRequestError, NotFoundError
from kala_server.core.model import inputs
from kala_server.core.model.job import Run
from kala_server.core.questions.explain import MOST, Explanation, Window, explaining, explaining_window
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.core.time.durations import FOREVER
from kala_server.core.time.occurrences import Timetable, between, read
from kala_server.core.time.schedule_words import in_words
from kala_server.ports.machines import waits
from kala_server.web.base import Handler
from kala_server.web.pages import Page, zone_in, zone_named
from kala_server.web.query import Query, with_its_plus
from kala_server.web.routes.jobs import existing
from kala_server.wire import ledger

MOST_PREVIEWED = 1_000

_INSTANT = timedelta(microseconds=1)


def existing_run(state: State, run_id: str) -> Run:
    """Return the run. Raises NotFoundError."""
    run = state.runs.get(run_id)
    if run is None or run.job_id not in state.jobs:
        raise NotFoundError(f"there is no run with the id {run_id}, or it is no longer kept")
    return run


class JobRuns(Handler):
    """`/job/{id}/runs/`."""

    async def get(self, job_id: str) -> None:
        """Return a page of the job's ledger, newest first."""
        page, now = Page.read(self.query, job=job_id), self.context.service.clock.now()

        def written(state: State) -> Steps[bytes]:
            existing(state, job_id)
            return (yield from page.written(state, now))

        self.send(await self.ask_long(written))


class OneRun(Handler):
    """`/run/{id}/`."""

    async def get(self, run_id: str) -> None:
        """Return the run."""
        now = self.context.service.clock.now()
        document = await self.ask(lambda state: {"run": ledger.run(state, existing_run(state, run_id), now)})
        self.answer(document)


class Cancel(Handler):
    """`/run/{id}/cancel/`."""

    async def post(self, run_id: str) -> None:
        """End the run; answers when it is decided, not when the command is gone."""
        await self.context.service.submit(inputs.CancelRun(run_id=run_id))
        self.done()


class Explain(Handler):
    """`/job/{id}/explain/`."""

    async def get(self, job_id: str) -> None:
        """Say what became of the slots at a time or in one, or of the last and the next one."""
        at, window, now = self.query.instant("at"), _window(self.query), self.context.service.clock.now()
        zone = zone_in(self.query)
        if at is not None and window is not None:
            raise InvalidRequestError([FieldProblem("at", "say either `at`, or `from` and `to`", None)])

        def slots(state: State) -> Steps[dict[str, Any]]:
            job = existing(state, job_id)
            if window is None:
                found = yield from explaining(state, job, now, at, zone=zone)
                return {"slots": [ledger.slot(self._at_its_worker(one, zone)) for one in found]}
            part = yield from explaining_window(state, job, now, window, zone=zone)
            told = [ledger.slot(self._at_its_worker(one, zone)) for one in part.slots]
            return {"slots": told, "next": part.following}

        self.answer(await self.ask_long(slots))

    def _at_its_worker(self, slot: Explanation, zone: tzinfo | None) -> Explanation:
        """Say of a run that is to run on another machine, and that none has taken, what it waits for."""
        machines = self.context.machines
        if machines is None or slot.run is None or slot.run.handle not in machines.untaken:
            return slot
        queue = machines.untaken[slot.run.handle]
        return replace(slot, sentence=waits(queue, machines.seen, zone))


class Preview(Handler):
    """`/preview/`."""

    async def get(self) -> None:
        """Say when a schedule would be due, without creating anything."""
        count = self.query.whole_number("count", otherwise=5, most=MOST_PREVIEWED)
        since = self.query.instant("from") or self.context.service.clock.now()
        schedule, timezone = _schedule(self.query.text("schedule")), self.query.text("timezone")
        slots = _slots(_timetable(schedule, timezone), since, count)
        self.answer({"next": await self.context.turns.walk(slots), "words": in_words(schedule, timezone)})


def _slots(timetable: Timetable, since: datetime, count: int) -> Steps[list[datetime]]:
    """Return the first slots after an instant, one at a step."""
    found: list[datetime] = []
    for slot in islice(between(timetable, since + _INSTANT, FOREVER), count):
        found.append(slot)
        yield
    return found


def _window(query: Query) -> Window | None:
    """Return the time that a query names with both of its ends. Raises InvalidRequestError."""
    since, until = query.instant("from"), query.instant("to")
    most = query.whole_number("limit", otherwise=MOST, most=MOST)
    if since is None and until is None:
        return None
    if since is None or until is None:
        raise InvalidRequestError(
            [
                FieldProblem(
                    "from" if since is None else "to", "a time has two ends: say `from` and `to`", None
                )
            ]
        )
    if until <= since:
        raise InvalidRequestError([FieldProblem("to", "it is not after `from`", None)])
    return Window(since, until, most)


def _schedule(said: str) -> str:
    """Return a schedule as a job would have it."""
    schedule = said.strip()
    return schedule if is_cron(schedule) else with_its_plus(schedule)


def _timetable(schedule: str, timezone: str) -> Timetable:
    """Read a schedule as a job would. Raises InvalidRequestError."""
    zone_named("timezone", timezone)
    try:
        return read(schedule, timezone)
    except ValueError as error:
        raise InvalidRequestError([FieldProblem("schedule", str(error), example_for(schedule))]) from None
