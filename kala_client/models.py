"""What goes over the wire, as pydantic models. No I/O, and nothing that is not on the wire.

A model that a program builds refuses a field that it does not know, so that a typo is an error. An answer
that is read keeps such a field in `model_extra`, so that the client survives older and newer servers. Both
spellings of WIRE.md are read. Times are aware and in UTC; Kala's `0001-01-01T00:00:00Z` is None.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Unpack

from pydantic import (
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails

from kala_client._model.base import SpelledModel, WireModel, either
from kala_client._model.fields import CatchUp, JobFields, OnLost, Overlap, WaitFor
from kala_client._model.hints import Place
from kala_client._model.wire_types import (
    DurationText,
    HeaderValues,
    Instant,
    Moment,
    Open,
    ScheduleText,
    WithoutNulls,
    ZoneText,
)
from kala_client.fields import FIELD, FIELDS, Since

RunState = Literal[
    "waiting", "running", "succeeded", "failed", "timed_out", "cancelled", "interrupted", "skipped"
]
BulkAction = Literal["enable", "disable", "start", "delete"]
Trigger = Literal["schedule", "manual", "parent", "catch_up", "on_failure"]
WorkerState = Literal["there", "draining", "stopped", "gone"]
SlotState = RunState | Literal["upcoming", "disabled", "stuck", "unknown", "none"]

CLIENT_FIELDS = frozenset(FIELD)
"""The fields of a job that a client may send; the server owns the others."""
ADDED_FIELDS = frozenset(row.name for row in FIELDS if row.since is Since.OURS)
"""Those that only kala_server understands: a real Kala drops them without a word."""


_count = TypeAdapter(int).validator.validate_python
_moment = TypeAdapter[Any](Moment).validator.validate_python
_COUNTERS: Mapping[str, Callable[[Any], Any]] = {
    "success_count": _count,
    "last_success": _moment,
    "error_count": _count,
    "last_error": _moment,
    "last_attempted_run": _moment,
    "number_of_finished_runs": _count,
}
"""What Kala documents at the top level of a job, and ships inside `metadata`, and how each is read."""


def _found_at(error: ValidationError, *where: str) -> ValidationError:
    """Return the error of a value as that of the place where the value was found."""
    return ValidationError.from_exception_data(
        error.title,
        [
            InitErrorDetails(type=each["type"], loc=where, input=each["input"], ctx=each.get("ctx", {}))
            for each in error.errors()
        ],
    )


class JobStat(SpelledModel):
    """One finished run of a job, as Kala keeps it. `execution_duration_ns` is in whole nanoseconds."""

    job_id: str = Field(validation_alias=either("job_id", "JobId"))
    ran_at: Moment = Field(default=None, validation_alias=either("ran_at", "RanAt"))
    number_of_retries: int = Field(default=0, validation_alias=either("number_of_retries", "NumberOfRetries"))
    success: bool = Field(validation_alias=either("success", "Success"))
    execution_duration_ns: int = Field(
        default=0,
        ge=-(2**63),
        lt=2**63,
        validation_alias=either("execution_duration", "ExecutionDuration"),
        serialization_alias="execution_duration",
    )

    @property
    def execution_duration(self) -> timedelta:
        """How long the run took, cut to the microsecond."""
        return timedelta(microseconds=self.execution_duration_ns // 1000)


class ClusterRole(WireModel):
    """What a server is among several of one store; `lag` and `lease` are seconds."""

    role: Annotated[Literal["leader", "follower"], Open]
    epoch: int
    leader: str = ""
    lag: float = 0.0
    lease: float = 0.0


class KalaStats(SpelledModel):
    """What the whole server did; `outages` are the latest times without a server, each with its begin and its end."""

    active_jobs: int = Field(validation_alias=either("active_jobs", "ActiveJobs"))
    disabled_jobs: int = Field(validation_alias=either("disabled_jobs", "DisabledJobs"))
    jobs: int = Field(validation_alias=either("jobs", "Jobs"))
    error_count: int = Field(default=0, validation_alias=either("error_count", "ErrorCount"))
    success_count: int = Field(default=0, validation_alias=either("success_count", "SuccessCount"))
    next_run_at: Moment = Field(default=None, validation_alias=either("next_run_at", "NextRunAt"))
    last_attempted_run: Moment = Field(
        default=None, validation_alias=either("last_attempted_run", "LastAttemptedRun")
    )
    created_at: Moment = Field(
        default=None, validation_alias=either("created", "CreatedAt"), serialization_alias="created"
    )
    up_since: Moment = None
    outages: list[tuple[Instant, Instant]] = Field(default=[])
    cluster: ClusterRole | None = None


class RemoteProperties(WireModel):
    """The HTTP call of a job with `type=1`. `timeout` is in whole seconds; 0 leaves it to the server."""

    # Each of these may hold a secret, the URL a password.
    url: str = Field(default="", repr=False)
    method: str = ""
    body: str = Field(default="", repr=False)
    headers: dict[str, HeaderValues] | None = Field(default=None, repr=False)
    timeout: int = 0
    expected_response_codes: list[int] | None = None


class Job(WireModel):
    """A job: what to run, when, and what became of it.

    Each field that is left out has Kala's behaviour as its default; only fields that were set are sent.
    Durations are ISO 8601 text, and may be given as `timedelta` or `Period`; `schedule` may be given as
    `Schedule`. An unknown field raises pydantic's ValidationError.
    """

    # What a client may say
    name: str
    command: str = ""
    owner: str = ""
    schedule: ScheduleText = ""
    retries: Annotated[int, Field(ge=0)] = 0
    epsilon: DurationText = ""
    disabled: bool = False
    parent_jobs: Annotated[list[str], WithoutNulls] = Field(default=[])
    on_failure_job: str = ""
    resume_at_next_scheduled_time: bool = False
    type: Literal[0, 1] = 0
    remote_properties: RemoteProperties | None = None
    template_delimiters: str = Field(
        default="", validation_alias="TemplateDelimiters", serialization_alias="TemplateDelimiters"
    )
    # … and what only kala_server understands
    timezone: ZoneText | None = None
    overlap: Overlap = "queue"
    catch_up: CatchUp = "one"
    misfire_grace: DurationText | None = None
    timeout: DurationText | None = None
    retry_delay: DurationText | None = None
    retry_backoff: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 1.0
    wait_for: WaitFor = "any"
    shell: bool = False
    argv: list[str] | None = None
    cwd: str | None = None
    env: dict[str, str] | None = Field(default=None, repr=False)
    user: str | None = None
    queue: str = ""
    on_lost: OnLost = "go_on"
    tags: Annotated[list[str], WithoutNulls] = Field(default=[])
    description: str = ""
    keep_runs: Annotated[int, Field(ge=1)] = 100
    rerun_interrupted: bool = False
    # What the server says
    id: str = ""
    next_run_at: Moment = None
    is_done: bool = False
    stuck: str = ""
    success_count: int = 0
    last_success: Moment = None
    error_count: int = 0
    last_error: Moment = None
    last_error_reason: str = ""
    last_attempted_run: Moment = None
    number_of_finished_runs: int = 0
    dependent_jobs: Annotated[list[str], WithoutNulls] = Field(default=[])
    stats: Annotated[list[JobStat], WithoutNulls] = Field(default=[])
    created_at: Moment = None
    set: str = ""
    key: str = ""
    metadata: dict[str, Any] = Field(default={}, repr=False)

    if TYPE_CHECKING:  # so that every type checker knows which types are accepted

        def __init__(self, **fields: Unpack[JobFields]) -> None: ...

    @cached_property  # which pydantic neither compares, sends nor shows
    def etag(self) -> str:
        """What its owner says of it, as the tag that `if_match` takes; empty where no answer was of this job alone."""
        return ""

    @model_validator(mode="after")
    def _read_counters_in_metadata(self) -> Self:
        # Not by an AliasPath: with a single one, pydantic-core takes longer to find every field of the model.
        # Nor by setattr, which takes longer than all the rest of this.
        given, metadata, values = self.model_fields_set, self.metadata, vars(self)
        for name, read in _COUNTERS.items():
            if name not in given and name in metadata:
                try:
                    values[name] = read(metadata[name])
                except ValidationError as error:
                    raise _found_at(error, "metadata", name) from None
                given.add(name)
        return self

    @classmethod
    def _names_at(cls, where: Place) -> Collection[str]:
        if where:
            return RemoteProperties.model_fields.keys() if where == ("remote_properties",) else ()
        return CLIENT_FIELDS

    def creation_body(self) -> dict[str, Any]:
        """Return the JSON body that creates this job: the fields that were set and that a client may send."""
        sent = self.model_fields_set & CLIENT_FIELDS
        return self.model_dump(mode="json", by_alias=True, include=sent)


class Run(WireModel):
    """One entry of the ledger: a slot or a start by hand, and what became of it; `job_name` is that of its job.

    `duration` is from its first start to its end, None until it is over. `count` is how many slots a skipped entry
    stands for, the last of them at `last_scheduled_at`. `reason` says in words why it was skipped or failed.
    `queued_at` is when it came to be; `cause` the id of the run that it waits for, was skipped for, or follows;
    `retry_at` when its next attempt is due. `sentence` says what became of it, where that was asked for.
    """

    id: str
    job_id: str
    job_name: str | None = None
    scheduled_at: Moment = None
    queued_at: Moment = None
    started_at: Moment = None
    finished_at: Moment = None
    state: Annotated[RunState, Open]
    reason: str | None = None
    trigger: Annotated[Trigger, Open] = "schedule"
    cause: str | None = None
    attempts: int = 0
    retry_at: Moment = None
    exit_code: int | None = None
    signal: int | str | None = None
    duration: timedelta | None = None
    output_size: int = 0
    output_cut: bool = False
    count: int = 1
    last_scheduled_at: Moment = None
    parent_runs: Annotated[list[str], WithoutNulls] = Field(default=[])
    sentence: str | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state not in {"waiting", "running"}

    @property
    def succeeded(self) -> bool:
        """Whether the command ended well."""
        return self.state == "succeeded"

    @property
    def failed(self) -> bool:
        """Whether it ran and did not end well: it failed, took too long, or was cut off by the end of the server."""
        return self.state in {"failed", "timed_out", "interrupted"}


class SlotExplanation(WireModel):
    """What became of one due time, in a sentence for people; `run_id` where there is a run of it."""

    at: Instant
    state: Annotated[SlotState, Open]
    sentence: str
    run_id: str | None = None


class BulkJob(WireModel):
    """A job to which something was done together with others; `run_id` is the run that was started."""

    id: str
    name: str
    run_id: str | None = None


class Pause(WireModel):
    """Whether the whole server is paused, `since` when, and the `reason` in the words of whoever paused it."""

    paused: bool
    since: Moment = None
    reason: str = ""


class Worker(WireModel):
    """A worker on another machine: from which queues it takes, and how many more it can run at the same time."""

    name: str
    queues: list[str]
    state: Annotated[WorkerState, Open]
    running: int
    free: int
    seen_at: Instant
    version: str


class UpcomingSlot(WireModel):
    """A due time that is to come, and of which job."""

    at: Instant
    job_id: str
    job_name: str


class Preview(WireModel):
    """When a schedule would be due, and the schedule in words, empty where there is no short way to say it."""

    next: Annotated[list[Instant], WithoutNulls]
    words: str = ""


class Trial(WireModel):
    """What a job would be that is not stored yet, and when it would be due (`next`); `before` is when it is due now.

    `words` is its schedule as one would say it, empty where there is no short way; `warnings` names what would be
    passed over.
    """

    job: Job
    next: Annotated[list[Instant], WithoutNulls]
    before: Annotated[list[Instant], WithoutNulls] = Field(default=[])
    words: str = ""
    warnings: Annotated[list[str], WithoutNulls] = Field(default=[])


class Event(WireModel):
    """Something that happened on the server. `id` is where a later stream can take up again."""

    id: str | None = None
    event: str = "message"
    data: Any = None


WhichJob = Job | Run | str
"""A job may be named by its id, by itself, and by a run of it."""
