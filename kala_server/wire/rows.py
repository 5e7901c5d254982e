"""A job in one row of a list: what tells at a glance how it is, and no more. What it runs is not in it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from kala_server.core.model.job import Job
from kala_server.core.questions import marks
from kala_server.core.questions.families import Behind, Edge
from kala_server.core.questions.jobs import state_of
from kala_server.core.questions.marks import Seen
from kala_server.core.questions.slots_ahead import SlotsAhead
from kala_server.core.state.state import State

RECENT = 16
"""Entries of the ledger that a row tells of."""
LONGEST_REASON = 200
"""Characters: it is shown beside a mark, and the run itself says all of it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

Told = tuple[int, int | None, str, int, str, str]


def brief(state: State, job: Job, now: datetime) -> dict[str, Any]:
    """Return what every view of many jobs tells of each."""
    spec = job.spec
    return {
        "id": job.id,
        "name": spec.name,
        "schedule": spec.schedule,
        "timezone": spec.timezone,
        "state": state_of(state, job),
        "disabled": job.disabled,
        "stuck": state.stuck.get(job.id, ""),
        "next_at": next_at(state, job, now),
    }


def next_at(state: State, job: Job, now: datetime) -> datetime | None:
    """Return the job's next slot; none that has passed, as it does where the job is disabled or stuck."""
    passed = job.next_at is not None and job.next_at <= now
    return None if passed and (job.disabled or job.id in state.stuck) else job.next_at


def row(state: State, job: Job, now: datetime) -> dict[str, Any]:
    """Return a job's row in the list of jobs."""
    spec = job.spec
    running = state.runs.running.get(job.id, 0)
    return {
        **brief(state, job, now),
        "owner": spec.owner,
        "tags": spec.tags,
        "type": spec.type,
        "running": running,
        "waiting": len(state.active.get(job.id, ())) - running,
        **_near(state, job),
        "recent": [told(marks.mark_of(run)) for run in marks.latest(state, job.id, RECENT)],
    }


def timeline_row(
    state: State, job: Job, now: datetime, *, seen: Seen, ahead: SlotsAhead, behind: Behind
) -> dict[str, Any]:
    """Return a job's row on the axis of time: what was, and what is to come."""
    return {
        **brief(state, job, now),
        "counts": seen.counts,
        "behind": waiting(behind),
        "marks": [told(mark) for mark in seen.marks],
        "slots": [milliseconds(slot) for slot in ahead.at],
        "dense": None if ahead.every is None else ahead.every.total_seconds(),
    }


def waiting(behind: Behind) -> dict[str, Any]:
    """Return who waits behind a job."""
    named = [{"id": job.id, "name": job.spec.name} for job in behind.jobs]
    return {"total": behind.total, "jobs": named}


def member(state: State, job: Job, now: datetime, distance: int) -> dict[str, Any]:
    """Return a job in its family."""
    last = marks.latest(state, job.id, 1)
    return {
        **brief(state, job, now),
        "distance": distance,
        **_near(state, job),
        "last": told(marks.mark_of(last[0])) if last else None,
    }


def edge(edge: Edge) -> dict[str, str]:
    """Return how one job leads to another."""
    return {"from": edge.begin, "to": edge.end, "kind": "failure" if edge.for_failure else "parent"}


def _near(state: State, job: Job) -> dict[str, int]:
    return {"parents": len(job.spec.parent_jobs), "followers": len(state.children.get(job.id, ()))}


# -- marks, short as there are many of them in one answer


def milliseconds(instant: datetime) -> int:
    """Return the whole milliseconds since 1970."""
    return (instant - _EPOCH) // _MILLISECOND


def told(mark: marks.Mark) -> Told:
    """Return `[begin, end, state, count, run_id, reason]`."""
    reason = mark.reason
    if len(reason) > LONGEST_REASON:
        reason = reason[: LONGEST_REASON - 1] + "…"
    end = None if mark.end is None else milliseconds(mark.end)
    return milliseconds(mark.begin), end, mark.state, mark.count, mark.run_id, reason
