"""Pages of the ledger, newest first: of one job or of many, each run once, however much goes on meanwhile."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from pydantic_core import to_json

from kala_server.core.errors import FieldProblem, InvalidRequestError
from kala_server.core.model.job import Run, RunState
from kala_server.core.questions.explain import sentence
from kala_server.core.questions.runs import Entries, runs_between
from kala_server.core.state.run_table import Place, place_of
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.core.time.zones import zone_of
from kala_server.web.query import Query, cursor, instant_of, no_cursor
from kala_server.wire import ledger

MOST_RUNS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """At most so many entries of those that are asked for."""

    limit: int
    asked: Entries
    explained: bool
    """Whether each entry is told with a sentence about it, …"""
    zone: tzinfo | None
    """… on whose clock; None is the job's own."""

    @classmethod
    def read(cls, query: Query, *, job: str = "", tag: str = "") -> "Page":
        """Return what the query asks for of a time, of such a job and tag. Raises InvalidRequestError."""
        since, until = time_in(query)
        return cls(
            limit=query.whole_number("limit", otherwise=100, most=MOST_RUNS),
            asked=Entries(
                job_id=job,
                tag=tag,
                states=frozenset(query.choices("state", RunState)),
                since=since,
                until=until,
                before=_place(query),
            ),
            explained=query.yes("explain"),
            zone=zone_in(query),
        )

    def written(self, state: State, now: datetime) -> Steps[bytes]:
        """Write the page, step by step."""
        found = yield from runs_between(state, self.asked, self.limit + 1)
        runs = []
        for run in found[: self.limit]:
            if run.job_id in state.jobs:  # it may be gone since it was found
                runs.append(to_json(self._told(state, run, now)))
            yield
        following = _cursor(place_of(found[self.limit - 1])) if len(found) > self.limit else None
        return b'{"runs":[%b],"next":%b}\n' % (b",".join(runs), to_json(following))

    def _told(self, state: State, run: Run, now: datetime) -> dict[str, Any]:
        told = ledger.run(state, run, now)
        return told | {"sentence": sentence(state, run, now, self.zone)} if self.explained else told


def time_in(query: Query) -> tuple[datetime | None, datetime | None]:
    """Return where the time begins and ends that a query asks for. Raises InvalidRequestError."""
    since, until = query.instant("from"), query.instant("to")
    if since is not None and until is not None and until < since:
        raise InvalidRequestError([FieldProblem("to", "it is before `from`", None)])
    return since, until


def zone_in(query: Query) -> tzinfo | None:
    """Return on whose clock sentences are to tell times, None where it is the job's own. Raises InvalidRequestError."""
    return zone_named("zone", query.text("zone"))


def zone_named(parameter: str, name: str) -> tzinfo | None:
    """Return the zone that a parameter names, None where it is empty. Raises InvalidRequestError."""
    try:
        return zone_of(name)
    except ValueError as error:
        raise InvalidRequestError([FieldProblem(parameter, str(error), "Europe/Berlin")]) from None


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
