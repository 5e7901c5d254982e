"""The client's models as this server sends them: where it says more, or more exactly, than the client asks for.

Only their schemas are used; answers are written in `wire/`, and tests hold the two against each other.
"""

# What is only a schema need not be a subtype.
# pyright: reportIncompatibleVariableOverride=false, reportGeneralTypeIssues=false

from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from kala_client import job_sets, models, views
from kala_server.core.errors import FieldProblem
from kala_server.core.model.job import RunState, Trigger
from kala_server.core.questions.jobs import JobState
from kala_server.tokens import Scope

_SENT = ConfigDict(extra="ignore", json_schema_serialization_defaults_required=True)
"""Nothing is ever left out of an answer, and a later server may say more."""

_Kalas = Annotated[datetime | None, WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time that Kala writes as year 1 where something has not happened: never null."""
_Mark = Annotated[views.Mark, WithJsonSchema({"$ref": "#/components/schemas/Mark"})]
_IdsOrNull = Annotated[
    list[str], WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]})
]
"""As Kala: null in place of an empty list."""


class JobStat(models.JobStat):
    """One finished run of a job as Kala counts it, in both of Kala's spellings."""

    model_config = _SENT
    ran_at: datetime


class ClusterRole(models.ClusterRole):
    """What a server is among several of one store."""

    model_config = _SENT
    role: Literal["leader", "follower"]


class KalaStats(models.KalaStats):
    """What the whole server did, in both of Kala's spellings."""

    model_config = _SENT
    next_run_at: _Kalas
    last_attempted_run: _Kalas
    created_at: datetime = Field(serialization_alias="created")
    up_since: datetime
    cluster: ClusterRole | None


class Metadata(BaseModel):
    """The counters of a job."""

    success_count: int
    last_success: _Kalas
    error_count: int
    last_error: _Kalas
    last_attempted_run: _Kalas
    number_of_finished_runs: int


class RemoteProperties(models.RemoteProperties):
    """The HTTP call of a job of type 1; empty for a command."""

    model_config = _SENT


class Job(models.Job):
    """A job: what its owner asked for, when it is due, and what became of it."""

    model_config = _SENT
    remote_properties: RemoteProperties
    parent_jobs: _IdsOrNull
    dependent_jobs: _IdsOrNull
    next_run_at: _Kalas
    last_success: _Kalas
    last_error: _Kalas
    last_attempted_run: _Kalas
    stats: list[JobStat]  # type: ignore[assignment] # only their schemas are used
    created_at: datetime
    number_of_finished_runs: SkipJsonSchema[int]
    metadata: Metadata  # type: ignore[assignment] # as above


class Run(models.Run):
    """One entry of the ledger: a run, or one or more slots that did not run and why."""

    model_config = _SENT
    state: RunState  # type: ignore[assignment] # only their schemas are used
    trigger: Trigger  # type: ignore[assignment] # as above
    scheduled_at: datetime
    queued_at: datetime
    cause: str | None
    retry_at: datetime | None
    reason: str
    signal: int | None
    duration: float | None  # type: ignore[assignment] # as above
    parent_runs: list[str]


class SlotExplanation(models.SlotExplanation):
    """What became of a slot, or will become."""

    model_config = _SENT
    run_id: str | None


class BulkJob(models.BulkJob):
    """A job to which something was done together with others."""

    model_config = _SENT
    run_id: str | None


class UpcomingSlot(models.UpcomingSlot):
    """A slot that is to come."""

    model_config = _SENT


class Pause(models.Pause):
    """Whether the server is paused: no job starts by itself then."""

    model_config = _SENT


class Worker(models.Worker):
    """A worker on another machine, which runs jobs of its queues."""

    model_config = _SENT


class Session(views.Session):
    """What the token that was sent allows, and what kind of server it is that answers."""

    model_config = _SENT
    scope: Scope  # type: ignore[assignment] # only their schemas are used
    pause: Pause
    notes: list[str]
    cluster: ClusterRole | None


class JobRow(views.JobRow):
    """A job in a row of a list."""

    model_config = _SENT
    state: JobState  # type: ignore[assignment] # as above
    tags: list[str]
    recent: list[_Mark]


class Behind(views.Behind):
    """The jobs that wait behind another one: those that follow it by their parents, however far."""

    model_config = _SENT


class TimelineRow(views.TimelineRow):
    """A job on the axis of time: what was of its ledger, and what is to come."""

    model_config = _SENT
    state: JobState  # type: ignore[assignment] # as above
    behind: Behind
    marks: list[_Mark]
    slots: list[int]  # type: ignore[assignment] # as above
    dense: float | None  # type: ignore[assignment] # as above


class FamilyMember(views.FamilyMember):
    """A job that leads to another one, or to which that leads."""

    model_config = _SENT
    state: JobState  # type: ignore[assignment] # as above
    last: _Mark | None


class FamilyEdge(views.FamilyEdge):
    """That one job leads to another."""

    model_config = _SENT
    kind: Annotated[str, WithJsonSchema({"type": "string", "enum": list(get_args(views.EdgeKind))})]  # type: ignore[assignment] # as above


class Family(views.Family):
    """The jobs to which one is connected."""

    model_config = _SENT
    nodes: list[FamilyMember]  # type: ignore[assignment] # as above
    edges: list[FamilyEdge]  # type: ignore[assignment] # as above


class SummaryPart(views.SummaryPart):
    """A part of a time."""

    model_config = _SENT


class FailingJob(views.FailingJob):
    """A job of which the last attempt failed."""

    model_config = _SENT
    behind: Behind


class FailingJobs(views.FailingJobs):
    """How many jobs fail, and the worst of them."""

    model_config = _SENT
    jobs: list[FailingJob]  # type: ignore[assignment] # as above


class Timeline(views.Timeline):
    """Some rows of a time."""

    model_config = _SENT
    rows: list[TimelineRow]  # type: ignore[assignment] # as above


class Summary(views.Summary):
    """How all jobs went in a time, what is so now, and what is to come."""

    model_config = _SENT
    step: int  # type: ignore[assignment] # as above
    parts: list[SummaryPart]  # type: ignore[assignment] # as above
    failing: FailingJobs
    next: UpcomingSlot | None
    pause: Pause


class Trial(models.Trial):
    """What a job would be that is not stored, and when it would be due."""

    model_config = _SENT
    job: Job
    next: list[datetime]
    before: list[datetime]
    warnings: list[str]


class Problem(BaseModel):
    """What was wrong with a request (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem]
    error: str
    leader: str | None = None


class FieldChange(job_sets.FieldChange):
    """A field of a job that would say something else."""

    model_config = _SENT


class SetChange(job_sets.SetChange):
    """What would become of a job."""

    model_config = _SENT
    what: Literal["create", "change", "delete"]
    fields: list[FieldChange]  # type: ignore[assignment] # only their schemas are used


class SetSummary(job_sets.SetSummary):
    """A set that was applied."""

    model_config = _SENT


class StoredSet(job_sets.StoredSet):
    """A set with its jobs as it says them."""

    model_config = _SENT


class SetPlan(job_sets.SetPlan):
    """What would come of applying a set."""

    model_config = _SENT
    changes: list[SetChange]  # type: ignore[assignment] # as above


class SetApplied(job_sets.SetApplied):
    """What came of applying a set."""

    model_config = _SENT
