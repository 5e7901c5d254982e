"""One builder for each call about jobs and the server: what to send, and how to read the answer. No I/O.

Every path ends with a slash: real Kala redirects the others, which turns a POST into a GET (WIRE.md).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from kala_client import errors
from kala_client._calls import answers, checks, envelopes
from kala_client._calls.answers import Answer
from kala_client._calls.arguments import (
    as_json,
    id_of_job,
    job_body,
    keyed,
    listed,
    new_job_body,
    only_if,
    query,
)
from kala_client._calls.asking import get
from kala_client._calls.call import Call, Repeatable, not_supported
from kala_client._calls.envelopes import (
    BulkAnswer,
    IdAnswer,
    IdsAnswer,
    JobAnswer,
    JobsAnswer,
    JobStatsAnswer,
    PauseAnswer,
    SessionAnswer,
    StatsAnswer,
    WorkersAnswer,
)
from kala_client.models import (
    BulkJob,
    Job,
    JobStat,
    KalaStats,
    Pause,
    Trial,
    WhichJob,
    Worker,
)
from kala_client.views import JobRows, Session

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


def create_job(job: Job, *, key: str | None) -> Call[str]:
    """POST /job/: the id of the new job; without a `key`, under one of its own."""
    return Call(
        "POST",
        "/job/",
        lambda answer: envelopes.read(answer, IdAnswer).id,
        body=as_json(new_job_body(job)),
        headers=keyed(key),
        repeatable=Repeatable.WITH_KEY,
        needs=checks.needs_kala_server(job),
        sends_job=True,
    )


def try_job(job: Job, *, count: int) -> Call[Trial]:
    """POST /job/?dry_run=true: what the job would be. Never sent to a real Kala, which would create it."""
    return Call(
        "POST",
        "/job/",
        _trial,
        params=query(dry_run="true", count=count),
        body=as_json(new_job_body(job)),
        headers={"Content-Type": "application/json"},
        repeatable=Repeatable.ALWAYS,
        needs=("dry_run",),
        sends_job=True,
    )


def try_update(
    job_id: WhichJob, changes: Mapping[str, Any], *, count: int, if_match: str | None
) -> Call[Trial]:
    """PATCH /job/{id}/?dry_run=true: what the job would be."""
    return _tried(_change("PATCH", job_id, changes, _trial, if_match), count)


def try_replace(job_id: WhichJob, job: Job, *, count: int, if_match: str | None) -> Call[Trial]:
    """PUT /job/{id}/?dry_run=true: what the job would be."""
    return _tried(_change("PUT", job_id, job_body(job), _trial, if_match), count)


def create_jobs(jobs: Iterable[Job], *, key: str | None) -> Call[list[str]]:
    """POST /job/batch/: all of the jobs are stored, or none."""
    return Call(
        "POST",
        "/job/batch/",
        lambda answer: envelopes.read(answer, IdsAnswer).ids,
        body=as_json(
            {"jobs": [new_job_body(job, f"jobs[{n}]") for n, job in enumerate(listed("jobs", jobs))]}
        ),
        headers=keyed(key),
        repeatable=Repeatable.WITH_KEY,
        sends_job=True,
        added=True,
    )


def get_job(job_id: WhichJob) -> Call[Job]:
    """GET /job/{id}/."""
    return get(f"/job/{id_of_job(job_id)}/", _job)


def get_all_jobs() -> Call[dict[str, Job]]:
    """GET /job/: every job by its id."""
    return get("/job/", lambda answer: envelopes.read(answer, JobsAnswer).jobs or {})


def jobs_page(**wanted: str | int | None) -> Call[JobsAnswer]:
    """GET /job/ with filters: one page, oldest first.

    Real Kala ignores them and sends every job, which must not pass for an answer.
    """
    return get("/job/", _only_ours(JobsAnswer), params=query(**wanted))


def job_rows(**wanted: str | int | None) -> Call[JobRows]:
    """GET /job/?view=row: some rows of the list of jobs."""
    return get("/job/", _only_ours(JobRows), params=query(view="row", **wanted))


def update_job(job_id: WhichJob, changes: Mapping[str, Any], *, if_match: str | None) -> Call[Job]:
    """PATCH /job/{id}/: the job as it is now."""
    return _change("PATCH", job_id, changes, _job, if_match)


def replace_job(job_id: WhichJob, job: Job, *, if_match: str | None) -> Call[Job]:
    """PUT /job/{id}/: the job as it is now."""
    return _change("PUT", job_id, job_body(job), _job, if_match)


def delete_job(job_id: WhichJob) -> Call[None]:
    """DELETE /job/{id}/."""
    return _delete(f"/job/{id_of_job(job_id)}/")


def delete_all_jobs() -> Call[None]:
    """DELETE /job/all/; the Kala of 2015 does not know it, and looks for a job called "all"."""
    return replace(_delete("/job/all/"), added=True)


def get_job_stats(job_id: WhichJob) -> Call[list[JobStat]]:
    """GET /job/stats/{id}/."""
    return get(
        f"/job/stats/{id_of_job(job_id)}/",
        lambda answer: envelopes.read(answer, JobStatsAnswer).job_stats,
    )


def start_job(job_id: WhichJob) -> Call[str | None]:
    """POST /job/start/{id}/: the id of the run, which real Kala does not tell. Never sent twice."""
    return Call("POST", f"/job/start/{id_of_job(job_id)}/", _run_started, repeatable=Repeatable.NEVER)


def start_run(job_id: WhichJob) -> Call[str]:
    """POST /job/start/{id}/ where the id of the run is needed."""

    def told(answer: Answer) -> str:
        if run := _run_started(answer):
            return run
        message = "the job was started, but this Kala does not tell which run it is: that needs kala_server"
        raise answer.error(errors.NotSupportedError, message)

    return Call("POST", f"/job/start/{id_of_job(job_id)}/", told, repeatable=Repeatable.NEVER)


def enable_job(job_id: WhichJob) -> Call[None]:
    """POST /job/enable/{id}/."""
    return Call("POST", f"/job/enable/{id_of_job(job_id)}/", answers.check_empty)


def disable_job(job_id: WhichJob) -> Call[None]:
    """POST /job/disable/{id}/."""
    return Call("POST", f"/job/disable/{id_of_job(job_id)}/", answers.check_empty)


def bulk(
    action: str,
    job_ids: Iterable[WhichJob] | None,
    *,
    expect: int | None,
    dry_run: bool,
    **wanted: str | None,
) -> Call[list[BulkJob]]:
    """POST /job/bulk/: the jobs that it was done to, or would be. Never sent twice, as a start is one more run."""
    named = {name: value for name, value in wanted.items() if value is not None}
    if job_ids is not None and named:
        raise errors.InvalidRequestError(f"say either job_ids or {' and '.join(named)}, not both")
    ids = None if job_ids is None else [id_of_job(job_id) for job_id in listed("job_ids", job_ids)]
    meant = {"filter": named} if ids is None else {"ids": ids}
    told = {"action": action, **meant, "expect": expect, "dry_run": dry_run}
    return Call(
        "POST",
        "/job/bulk/",
        lambda answer: envelopes.read(answer, BulkAnswer).jobs,
        body=as_json(told),
        headers={"Content-Type": "application/json"},
        added=True,
    )


def get_kala_stats() -> Call[KalaStats]:
    """GET /stats/."""
    return get("/stats/", lambda answer: envelopes.read(answer, StatsAnswer).stats)


def session() -> Call[Session]:
    """GET /session/."""
    return get("/session/", lambda answer: envelopes.read(answer, SessionAnswer).session, added=True)


def workers() -> Call[list[Worker]]:
    """GET /workers/."""
    return get("/workers/", lambda answer: envelopes.read(answer, WorkersAnswer).workers, added=True)


def drain_worker(name: str) -> Call[None]:
    """POST /workers/{name}/drain/."""
    if not isinstance(name, str) or not name:
        raise errors.InvalidRequestError(f"a worker has a name, such as 'db-1', not {repr(name)[:80]}")
    path = f"/workers/{quote(name, safe='')}/drain/"
    return Call("POST", path, answers.check_empty, repeatable=Repeatable.ALWAYS, added=True)


def get_pause() -> Call[Pause]:
    """GET /pause/."""
    return get("/pause/", _paused, added=True)


def pause(reason: str) -> Call[Pause]:
    """POST /pause/: the pause as it is now."""
    return Call(
        "POST",
        "/pause/",
        _paused,
        body=as_json({"reason": reason}),
        headers={"Content-Type": "application/json"},
        added=True,
    )


def resume() -> Call[Pause]:
    """POST /resume/: that there is no pause now."""
    return Call("POST", "/resume/", _paused, added=True)


def _only_ours(model: type[M]) -> Callable[[Answer], M]:
    """Read what kala_server tells on a route of Kala's own, where a real one would pass over what was asked."""

    def found(answer: Answer) -> M:
        if not answer.from_kala_server:
            raise not_supported(answer)
        return envelopes.read(answer, model)

    return found


def _paused(answer: Answer) -> Pause:
    return envelopes.read(answer, PauseAnswer).pause


def _delete(path: str) -> Call[None]:
    return Call("DELETE", path, answers.check_empty, repeatable=Repeatable.ALWAYS, gone_is_done=lambda: None)


def _job(answer: Answer) -> Job:
    """Read one job, with its tag where the server tells one."""
    job = envelopes.read(answer, JobAnswer).job
    vars(job)["etag"] = answer.headers.get("etag", "")
    return job


def _trial(answer: Answer) -> Trial:
    return envelopes.read(answer, Trial)


def _change(
    method: str,
    job_id: WhichJob,
    body: Mapping[str, Any],
    read: Callable[[Answer], T],
    if_match: str | None,
) -> Call[T]:
    return Call(
        method,
        f"/job/{id_of_job(job_id)}/",
        read,
        body=as_json(body),
        headers={"Content-Type": "application/json", **only_if(if_match)},
        sends_job=True,
        added=True,
    )


def _tried(call: Call[Trial], count: int) -> Call[Trial]:
    """Make of a change the question what it would be."""
    return replace(call, params=query(dry_run="true", count=count), repeatable=Repeatable.ALWAYS)


def _run_started(answer: Answer) -> str | None:
    answers.check_empty(answer)
    return answer.headers.get("kala-run-id") or None
