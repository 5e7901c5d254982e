"""What clients get of jobs and figures: JSON of the members, and in the spelling, that a shape has."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from pydantic_core import to_json

from kala_client.fields import FIELD
from kala_server.core.model.job import Job, JobSpec, RemoteCall, Run, RunState
from kala_server.core.questions.jobs import is_done
from kala_server.core.state.state import State
from kala_server.wire.shapes import WHOLE, Shape

NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""How Kala writes that something has not happened."""

_OF_SPEC = [field.name for field in fields(JobSpec)]
_SAID = [FIELD[name].wire for name in _OF_SPEC]
_said = attrgetter(*_OF_SPEC)
_NO_CALL = {
    "url": "",
    "method": "",
    "body": "",
    "headers": None,
    "timeout": 0,
    "expected_response_codes": None,
}


def to_bytes(document: object) -> bytes:
    """Write JSON, with the newline that Kala puts after it."""
    return to_json(document) + b"\n"


def own_part(job: Job, next_run_at: datetime | None, shape: Shape) -> dict[str, Any]:
    """Return what hardly two jobs have in common."""
    values = {
        "name": job.spec.name,
        "id": job.id,
        "command": job.spec.command,
        "next_run_at": next_run_at or NEVER,
        "created_at": job.created_at,
        "set": job.set,
        "key": job.key,
    }
    return {name: values[name] for name in shape.own}


def common_part(
    job: Job, children: Sequence[str] | None, shape: Shape, *, active: bool, stuck: str
) -> dict[str, Any]:
    """Return the rest of what is told of a job.

    Jobs that say the same and have not run yet have it all in common; what is told of finished runs is put into its
    place later. `active`: a run waits or runs; `stuck`: why nothing can be decided about it.
    """
    spec, counters = job.spec, _counters(job)
    values = dict(zip(_SAID, _said(spec), strict=True))
    values.update(
        counters,
        disabled=job.disabled,
        catch_up=spec.catching_up,
        parent_jobs=spec.parent_jobs or None,
        remote_properties=_call(spec.remote_properties),
        dependent_jobs=children,
        metadata={name: counters[name] for name in shape.metadata},
        stats=[],
        is_done=is_done(job, active=active),
        last_error_reason=job.tally.last_error_reason,
        stuck=stuck,
    )
    return {name: values[name] for name in shape.common}


def whole(state: State, job: Job, now: datetime) -> dict[str, Any]:
    """Return all that is told of a job without its runs, in both spellings; it need not be one that there is."""
    passed = job.next_at is not None and job.next_at < now
    stuck = state.stuck.get(job.id, "")
    own = own_part(job, None if passed and (job.disabled or stuck) else job.next_at, WHOLE)
    active = job.id in state.active
    return own | common_part(job, state.children.get(job.id), WHOLE, active=active, stuck=stuck)


def _counters(job: Job) -> dict[str, Any]:
    tally = job.tally
    return {
        "success_count": tally.success_count,
        "last_success": tally.last_success or NEVER,
        "error_count": tally.error_count,
        "last_error": tally.last_error or NEVER,
        "last_attempted_run": tally.last_attempted_run or NEVER,
        "number_of_finished_runs": tally.finished_runs,
    }


def _call(call: RemoteCall | None) -> dict[str, Any]:
    if call is None:
        return _NO_CALL
    return {
        "url": call.url,
        "method": call.method,
        "body": call.body,
        "headers": _headers(call) or None,
        "timeout": int(call.timeout),
        "expected_response_codes": call.expected_response_codes or None,
    }


def _headers(call: RemoteCall) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in call.header_lines():
        headers.setdefault(name, []).append(value)
    return headers


def stats_of(runs: Iterable[Run], shape: Shape) -> list[dict[str, Any]]:
    """Return those of the finished runs that Kala counts, which are all that have started."""
    return [_stat(run, shape.run) for run in runs if run.attempts]


def _stat(run: Run, spelled: Mapping[str, str]) -> dict[str, Any]:
    values = {
        "job_id": run.job_id,
        "ran_at": run.started_at,
        "number_of_retries": run.attempts - 1,
        "success": run.state is RunState.SUCCEEDED,
        "execution_duration": nanoseconds(run),
    }
    return {spelling: values[name] for spelling, name in spelled.items()}


def nanoseconds(run: Run) -> int:
    """Return how long the run took, exactly; 0 where it has not run or is not over."""
    if run.started_at is None or run.finished_at is None:
        return 0
    took = run.finished_at - run.started_at
    return max(0, (took.days * 86_400 + took.seconds) * 1_000_000_000 + took.microseconds * 1_000)


def server_stats(state: State, now: datetime, shape: Shape) -> dict[str, Any]:
    """Return what the whole server did until now; the counts are kept as they change."""
    disabled, jobs = len(state.jobs.disabled), len(state.jobs)
    values: dict[str, Any] = {
        "active_jobs": jobs - disabled,
        "disabled_jobs": disabled,
        "jobs": jobs,
        "error_count": state.counts["errors"],
        "success_count": state.counts["succeeded"],
        "next_run_at": state.next_run_at() or NEVER,
        "last_attempted_run": state.times.get("last_attempted_run", NEVER),
        "created": now,
    }
    return {spelling: values[name] for spelling, name in shape.server.items()}
