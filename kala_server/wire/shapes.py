"""What Kala's own routes say of each thing, in which spelling: a table for each way to answer.

What there is of a job is told by `kala_client/fields.py`. The two real Kalas are as recorded (tests/compat holds them
to it, key by key). Nothing is written or computed here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from kala_client.fields import COUNTERS, FIELDS, OF_THE_SERVER, Field, Since


class Answers(StrEnum):
    """As which Kala a server answers."""

    BOTH = "both"
    LATEST = "latest"
    KALA_2015 = "2015"


OWN = ("name", "id", "command", "next_run_at", "created_at", "set", "key")
"""What hardly two jobs have in common, which is told first."""


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


def _members(kala: Since, rows: Iterable[Field]) -> tuple[str, ...]:
    return tuple(row.wire for row in rows if row.since <= kala)


def _shape(kala: Since, *documented: str) -> Shape:
    job = (*_members(kala, FIELDS), *documented, *_members(kala, OF_THE_SERVER))
    return Shape(
        own=tuple(name for name in OWN if name in job),
        common=tuple(name for name in job if name not in OWN),
        metadata=_members(kala, COUNTERS),
        run=_RUN | RUN_DOCUMENTED if documented else _RUN,
        server=_SERVER | SERVER_DOCUMENTED if documented else _SERVER,
    )


WHOLE = _shape(Since.OURS, *_members(Since.KALA_2015, COUNTERS))
"""All that there is to say, in both of Kala's spellings, so that no client of either that takes more breaks."""

SHAPES: Mapping[Answers, Shape] = {
    Answers.BOTH: WHOLE,
    Answers.LATEST: _shape(Since.LATEST),
    Answers.KALA_2015: _shape(Since.KALA_2015),
}
