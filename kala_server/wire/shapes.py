"""What Kala's own routes say of each thing, in which spelling: a table for each way to answer.

The two real Kalas are as recorded (tests/compat holds them to it, key by key). Nothing is written or computed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Answers(StrEnum):
    """As which Kala a server answers."""

    BOTH = "both"
    LATEST = "latest"
    KALA_2015 = "2015"


OWN = frozenset({"name", "id", "command", "next_run_at", "created_at"})
"""What hardly two jobs have in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The members of each object. Where spellings differ: how it is spelled → which of our values it is."""

    own: tuple[str, ...]
    common: tuple[str, ...]
    """The members of a job: those of `OWN`, and the others."""
    metadata: tuple[str, ...]
    run: Mapping[str, str]
    server: Mapping[str, str]


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_COUNTERS = ("success_count", "last_success", "error_count", "last_error", "last_attempted_run")
_JOB_2015 = (
    "name", "id", "command", "owner", "disabled", "dependent_jobs", "parent_jobs", "schedule", "retries", "epsilon",
    "next_run_at", "metadata", "stats",
)  # fmt: skip
_JOB_LATEST = (
    "name", "id", "command", "owner", "disabled", "dependent_jobs", "parent_jobs", "on_failure_job", "schedule",
    "retries", "epsilon", "next_run_at", "TemplateDelimiters", "resume_at_next_scheduled_time", "metadata", "type",
    "remote_properties", "stats", "is_done",
)  # fmt: skip
BEYOND_KALA = (
    "timezone", "overlap", "catch_up", "misfire_grace", "timeout", "retry_delay", "retry_backoff", "wait_for", "shell",
    "argv", "cwd", "env", "user", "tags", "description", "keep_runs", "rerun_interrupted",
)  # fmt: skip
"""What a client may say of a job that Kala does not know."""
_RUN = _same("job_id", "ran_at", "number_of_retries", "success", "execution_duration")
_SERVER = _same(
    "active_jobs", "disabled_jobs", "jobs", "error_count", "success_count", "next_run_at", "last_attempted_run",
    "created",
)  # fmt: skip
RUN_DOCUMENTED: dict[str, str] = dict(
    zip(("JobId", "RanAt", "NumberOfRetries", "Success", "ExecutionDuration"), _RUN, strict=True)
)
SERVER_DOCUMENTED: dict[str, str] = dict(
    zip(
        (
            "ActiveJobs", "DisabledJobs", "Jobs", "ErrorCount", "SuccessCount", "NextRunAt", "LastAttemptedRun",
            "CreatedAt",
        ),
        _SERVER,
        strict=True,
    )
)  # fmt: skip


def _shape(job: tuple[str, ...], metadata: tuple[str, ...], *, documented: bool = False) -> Shape:
    return Shape(
        own=tuple(name for name in job if name in OWN),
        common=tuple(name for name in job if name not in OWN),
        metadata=metadata,
        run=_RUN | RUN_DOCUMENTED if documented else _RUN,
        server=_SERVER | SERVER_DOCUMENTED if documented else _SERVER,
    )


_METADATA_LATEST = (*_COUNTERS, "number_of_finished_runs")
WHOLE = _shape(
    (*_JOB_LATEST, "created_at", *_COUNTERS, *BEYOND_KALA, "last_error_reason", "stuck"),
    _METADATA_LATEST,
    documented=True,
)
"""All that there is to say, in both of Kala's spellings, so that no client of either that takes more breaks."""

SHAPES: Mapping[Answers, Shape] = {
    Answers.BOTH: WHOLE,
    Answers.LATEST: _shape(_JOB_LATEST, _METADATA_LATEST),
    Answers.KALA_2015: _shape(_JOB_2015, _COUNTERS),
}
