"""Between the wire and the core: requests become specs, jobs and runs become JSON, in both of Kala's spellings.

No I/O and no HTTP; the names of fields are those of docs/api.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, to_json

from kala_server.core.errors import FieldProblem, InvalidJobError
from kala_server.core.job import HTTP_CALL, Job, JobSpec, RemoteCall, Run, RunState
from kala_server.core.state import State

NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""How Kala writes that something has not happened."""

_SPEC = TypeAdapter(JobSpec)
_SPEC_FIELDS = {field.name for field in fields(JobSpec)}
_TO_WIRE = {"template_delimiters": "TemplateDelimiters"}
_FROM_WIRE = {_TO_WIRE.get(name, name).lower(): name for name in (*_SPEC_FIELDS, "disabled")}
_NO_CALL = {
    "url": "",
    "method": "",
    "body": "",
    "headers": None,
    "timeout": 0,
    "expected_response_codes": None,
}
_STAT_DOCUMENTED = ("JobId", "RanAt", "NumberOfRetries", "Success", "ExecutionDuration")
_STATS_DOCUMENTED = (
    "ActiveJobs",
    "DisabledJobs",
    "Jobs",
    "ErrorCount",
    "SuccessCount",
    "NextRunAt",
    "LastAttemptedRun",
    "CreatedAt",
)
_EXAMPLES: dict[str, Any] = {
    "name": "nightly-report",
    "command": "bash -c 'date >> /tmp/dates'",
    "schedule": "R5/2035-06-04T19:25:16Z/PT10S",
    "retries": 2,
    "epsilon": "PT5S",
    "disabled": False,
    "parent_jobs": ["93b65499-b211-49ce-57e0-19e735cc5abd"],
    "overlap": "queue",
    "catch_up": "one",
    "wait_for": "all",
    "argv": ["date", "-u"],
    "env": {"LANG": "C.UTF-8"},
    "tags": ["night"],
    "keep_runs": 100,
    "remote_properties": {"url": "https://example.com/hook", "method": "POST"},
}


def to_bytes(document: object) -> bytes:
    """Write JSON, with the newline that Kala puts after it."""
    return to_json(document) + b"\n"


# -- requests


def read_job(document: object, *, default_owner: str = "") -> tuple[JobSpec, bool]:
    """Return what a request says about a job, and whether it is disabled. Raises InvalidJobError.

    Field names match in any letter case, as Go's decoder does; unknown fields and those that the server owns are
    passed over, and null is as good as absent.
    """
    said = _said(document)
    disabled = said.pop("disabled", False)
    if not isinstance(disabled, bool):
        raise InvalidJobError([FieldProblem("disabled", "true or false belongs here", False)])
    spec = _read_spec(said)
    if default_owner and not spec.owner:
        spec = _read_spec({**said, "owner": default_owner})
    return spec, disabled


def change_job(job: Job, document: object) -> tuple[JobSpec, bool]:
    """Return what the job says once the fields of the request are changed (a JSON merge patch, RFC 7396)."""
    if not isinstance(document, dict):
        raise _no_object(document)
    names = {key.lower() for key in document}
    now = {
        "disabled": job.disabled,
        **{_TO_WIRE.get(name, name): said for name, said in asdict(job.spec).items()},
    }
    return read_job({name: said for name, said in now.items() if name.lower() not in names} | document)


def _said(document: object) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise _no_object(document)
    said = {}
    seen: set[str] = set()
    for key, value in document.items():
        name = _FROM_WIRE.get(key.lower())
        if name is None:
            continue
        if name in seen:
            raise InvalidJobError([FieldProblem(_TO_WIRE.get(name, name), "it is there in two spellings")])
        seen.add(name)
        if value is not None:
            said[name] = value
    for name in ("overlap", "catch_up", "wait_for"):
        if said.get(name) == "":
            del said[name]
    _tidy_call(said)
    return said


def _tidy_call(said: dict[str, Any]) -> None:
    """Go's client always sends `remote_properties`, empty for a command; its headers are lists of values."""
    call = said.get("remote_properties")
    if not isinstance(call, dict):
        return
    call = {key.lower(): value for key, value in call.items() if value is not None}
    if not call.get("url") and said.get("type", 0) != HTTP_CALL:
        del said["remote_properties"]
        return
    headers = call.get("headers")
    if isinstance(headers, dict):
        call["headers"] = {
            name: ", ".join(value) if _are_texts(value) else value for name, value in headers.items()
        }
    timeout = call.get("timeout")
    if isinstance(timeout, float) and not timeout.is_integer():
        # Go's client reads a whole number there; anything else would keep it from reading any job at all.
        message = "the timeout must be a whole number of seconds"
        raise InvalidJobError([FieldProblem("remote_properties", message, _EXAMPLES["remote_properties"])])
    call["method"] = call.get("method") or "GET"
    said["remote_properties"] = call


def _are_texts(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _read_spec(said: Mapping[str, Any]) -> JobSpec:
    try:
        return _SPEC.validate_json(to_json({"name": "", **said}), strict=True)
    except ValidationError as error:
        raise InvalidJobError([_problem(detail) for detail in error.errors(include_url=False)]) from None


def _problem(detail: ErrorDetails) -> FieldProblem:
    path = [str(part) for part in detail["loc"]]
    field = path[0] if path else ""
    message = detail["msg"].removeprefix("Input ").replace("should be", "must be").removeprefix("should ")
    inside = "" if len(path) < 2 else f" (at {'.'.join(path)})"
    return FieldProblem(_TO_WIRE.get(field, field), f"{message}{inside}", _EXAMPLES.get(field, ""))


def _no_object(document: object) -> InvalidJobError:
    kind = {list: "an array", str: "a text", type(None): "null", bool: "a boolean"}.get(
        type(document), "a number"
    )
    return InvalidJobError(
        [FieldProblem("", f"a JSON object belongs here, not {kind}", {"name": "hello", "command": "date"})]
    )


# -- answers


def job(state: State, job: Job, *, stats: bool) -> dict[str, Any]:
    """Return a job as Kala sends it, the counters in both places; with `stats`, its finished runs too."""
    spec, tally = job.spec, job.tally
    counters = {
        "success_count": tally.success_count,
        "last_success": tally.last_success or NEVER,
        "error_count": tally.error_count,
        "last_error": tally.last_error or NEVER,
        "last_attempted_run": tally.last_attempted_run or NEVER,
    }
    return {
        "name": spec.name,
        "id": job.id,
        "command": spec.command,
        "owner": spec.owner,
        "disabled": job.disabled,
        "dependent_jobs": state.children.get(job.id),
        "parent_jobs": spec.parent_jobs or None,
        "on_failure_job": spec.on_failure_job,
        "schedule": spec.schedule,
        "retries": spec.retries,
        "epsilon": spec.epsilon,
        "next_run_at": job.next_at or NEVER,
        "TemplateDelimiters": spec.template_delimiters,
        "resume_at_next_scheduled_time": spec.resume_at_next_scheduled_time,
        "metadata": {**counters, "number_of_finished_runs": tally.finished_runs},
        "type": spec.type,
        "remote_properties": _call(spec.remote_properties),
        "stats": job_stats(state, job.id) if stats else [],
        "is_done": is_done(state, job),
        **counters,
        **_beyond_kala(job),
    }


def _beyond_kala(job: Job) -> dict[str, Any]:
    spec = job.spec
    return {
        "created_at": job.created_at,
        "timezone": spec.timezone,
        "overlap": spec.overlap,
        "catch_up": spec.catch_up or ("none" if spec.resume_at_next_scheduled_time else "one"),
        "misfire_grace": spec.misfire_grace,
        "timeout": spec.timeout,
        "retry_delay": spec.retry_delay,
        "retry_backoff": spec.retry_backoff,
        "wait_for": spec.wait_for,
        "shell": spec.shell,
        "argv": spec.argv,
        "cwd": spec.cwd,
        "env": spec.env,
        "user": spec.user,
        "tags": spec.tags,
        "description": spec.description,
        "keep_runs": spec.keep_runs,
        "rerun_interrupted": spec.rerun_interrupted,
    }


def is_done(state: State, job: Job) -> bool:
    """Whether no slot is left: a one-off job has run, or the last repeat is over."""
    only_by_parents = bool(job.spec.parent_jobs) and not job.spec.schedule
    return job.next_at is None and not only_by_parents and job.id not in state.active


def _call(call: RemoteCall | None) -> dict[str, Any]:
    if call is None:
        return _NO_CALL
    return {
        "url": call.url,
        "method": call.method,
        "body": call.body,
        "headers": {name: [value] for name, value in call.headers.items()} or None,
        "timeout": int(call.timeout),
        "expected_response_codes": call.expected_response_codes or None,
    }


def job_stats(state: State, job_id: str) -> list[dict[str, Any]]:
    """Return the job's finished runs as Kala counts them, oldest first, in both spellings."""
    runs = (state.runs[run_id] for run_id in state.kept.get(job_id, ()))
    return [_stat(run) for run in runs if run.attempts]


def _stat(run: Run) -> dict[str, Any]:
    stat = {
        "job_id": run.job_id,
        "ran_at": run.started_at,
        "number_of_retries": run.attempts - 1,
        "success": run.state is RunState.SUCCEEDED,
        "execution_duration": _nanoseconds(run),
    }
    return stat | dict(
        zip(("JobId", "RanAt", "NumberOfRetries", "Success", "ExecutionDuration"), stat.values(), strict=True)
    )


def _nanoseconds(run: Run) -> int:
    if run.started_at is None or run.finished_at is None:
        return 0
    took = run.finished_at - run.started_at
    return max(0, (took.days * 86_400 + took.seconds) * 1_000_000_000 + took.microseconds * 1_000)


def server_stats(state: State) -> dict[str, Any]:
    """Return what the whole server did, in both spellings; the counts are kept as they change."""
    disabled, jobs = state.counts["disabled"], len(state.jobs)
    stats: dict[str, Any] = {
        "active_jobs": jobs - disabled,
        "disabled_jobs": disabled,
        "jobs": jobs,
        "error_count": state.counts["errors"],
        "success_count": state.counts["succeeded"],
        "next_run_at": state.next_run_at() or NEVER,
        "last_attempted_run": state.times.get("last_attempted_run", NEVER),
        "created": state.times["created_at"],
    }
    return stats | dict(zip(_STATS_DOCUMENTED, stats.values(), strict=True))


def jobs(state: State, wanted: Iterable[Job], *, stats: bool) -> dict[str, Any]:
    """Return jobs by their ids."""
    return {one.id: job(state, one, stats=stats) for one in wanted}


def run(run: Run) -> dict[str, Any]:
    """Return an entry of the ledger."""
    return {
        "id": run.id,
        "job_id": run.job_id,
        "scheduled_at": run.scheduled_at,
        "queued_at": run.queued_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "state": run.state,
        "reason": run.reason,
        "cause": run.cause or None,
        "trigger": run.trigger,
        "attempts": run.attempts,
        "retry_at": run.retry_at,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "duration": _nanoseconds(run) / 1e9 if run.finished_at and run.started_at else None,
        "output_size": run.output_size,
        "output_cut": run.output_cut,
        "count": run.count,
        "last_scheduled_at": run.last_scheduled_at,
        "parent_runs": run.parents,
    }
