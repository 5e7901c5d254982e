"""One builder for each call about ledgers, runs and times: what to send, and how to read the answer. No I/O."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from kala_client import errors
from kala_client._calls import answers, envelopes
from kala_client._calls.answers import Answer
from kala_client._calls.arguments import (
    Asked,
    aware,
    header_value,
    id_of_job,
    id_of_run,
    listed,
    query,
    query_across,
)
from kala_client._calls.asking import ask, get
from kala_client._calls.call import Call, Params, Repeatable
from kala_client._calls.envelopes import (
    RunAnswer,
    RunPage,
    SlotsAnswer,
    UpcomingPage,
)
from kala_client._model.fields import When, Zone
from kala_client.models import (
    Preview,
    Run,
    WhichJob,
)
from kala_client.views import Family, Summary, Timeline

T = TypeVar("T")

_PRINTED, _EVENTS = "text/plain", "text/event-stream"
_HEARTBEATS = 60.0
"""Seconds: kala_server sends a comment every 15."""


def runs_page(job_id: WhichJob, **wanted: Asked) -> Call[RunPage]:
    """GET /job/{id}/runs/: one page, newest first."""
    return ask(f"/job/{id_of_job(job_id)}/runs/", RunPage, query_across(None, wanted))


def all_runs_page(job_id: WhichJob | None, **wanted: Asked) -> Call[RunPage]:
    """GET /runs/: one page of the ledgers of all jobs, newest first, or of one job."""
    return ask("/runs/", RunPage, query_across(job_id, wanted))


def upcoming_page(job_id: WhichJob | None, **wanted: Asked) -> Call[UpcomingPage]:
    """GET /upcoming/: one page of the slots that are to come, the earliest first."""
    return ask("/upcoming/", UpcomingPage, query_across(job_id, wanted))


def family(job_id: WhichJob, *, limit: int) -> Call[Family]:
    """GET /job/{id}/family/: the jobs to which a job is connected."""
    return ask(f"/job/{id_of_job(job_id)}/family/", Family, query(limit=limit))


def timeline(job_ids: Iterable[WhichJob] | None, **wanted: Asked) -> Call[Timeline]:
    """GET /timeline/: rows of jobs, those that want attention first, or of these jobs."""
    ids = None if job_ids is None else [id_of_job(job_id) for job_id in listed("job_ids", job_ids)]
    if ids == []:
        raise errors.InvalidRequestError("job_ids names no job; without it the answer is about all of them")
    return ask("/timeline/", Timeline, {**query_across(None, wanted), **({"job": ids} if ids else {})})


def summary(**wanted: int | datetime | None) -> Call[Summary]:
    """GET /summary/: how all jobs went in a time, and what is to come."""
    return ask("/summary/", Summary, query_across(None, wanted))


def get_run(run: Run | str) -> Call[Run]:
    """GET /run/{id}/."""
    return _get_of_run(run, "", lambda answer: envelopes.read(answer, RunAnswer).run)


def output(run: Run | str) -> Call[str]:
    """GET /run/{id}/output/: what the run has written so far."""
    printed = _get_of_run(run, "output/", lambda answer: answer.body.decode("utf-8", "replace"))
    return replace(printed, kind=_PRINTED)


def follow(run: Run | str) -> Call[None]:
    """GET /run/{id}/output/ as a stream, which ends with the run."""
    printed = _get_of_run(run, "output/", answers.check_empty)
    return replace(printed, params={"follow": "true"}, kind=_PRINTED)


def cancel(run: Run | str) -> Call[None]:
    """POST /run/{id}/cancel/."""
    return replace(
        _get_of_run(run, "cancel/", answers.check_empty), method="POST", repeatable=Repeatable.NEVER_SENT
    )


def explain(job_id: WhichJob, *, at: datetime | None, zone: Zone | None) -> Call[SlotsAnswer]:
    """GET /job/{id}/explain/: what became of the slots, or of those at the aware time `at`."""
    return _explain(job_id, query(at=None if at is None else aware(at).isoformat(), zone=zone))


def explain_page(job_id: WhichJob, **wanted: Asked) -> Call[SlotsAnswer]:
    """GET /job/{id}/explain/ of a time: what became of the first slots in it, and where the others begin."""
    return _explain(job_id, query_across(None, wanted))


def preview(
    schedule: When, *, timezone: Zone | None, count: int, since: datetime | None = None
) -> Call[Preview]:
    """GET /preview/: when the schedule would be due, and how it is said in words."""
    wanted = {"schedule": str(schedule), "timezone": timezone, "count": count, "since": since}
    return ask("/preview/", Preview, query_across(None, wanted))


def events(last_event_id: str | None) -> Call[None]:
    """GET /events/ as a stream of server-sent events, which never ends."""
    headers = {"Accept": _EVENTS}
    if last_event_id is not None and last_event_id != "":
        headers["Last-Event-ID"] = header_value("last_event_id", last_event_id)
    stream = get("/events/", answers.check_empty, added=True)
    return replace(stream, headers=headers, patience=_HEARTBEATS, kind=_EVENTS)


def _explain(job_id: WhichJob, params: Params) -> Call[SlotsAnswer]:
    return ask(f"/job/{id_of_job(job_id)}/explain/", SlotsAnswer, params)


def _get_of_run(run: Run | str, rest: str, read: Callable[[Answer], T]) -> Call[T]:
    return replace(get(f"/run/{id_of_run(run)}/{rest}", read, added=True), missing=errors.RunNotFoundError)
