"""What is told at a glance, of many jobs or of the whole server, as pydantic models: all of it needs kala_server.

No I/O, and nothing that is not on the wire. What is told of one job, run or slot is in `models.py`.
"""

from datetime import timedelta
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from kala_client._model.base import WireModel
from kala_client._model.fields import JobState
from kala_client._model.wire_types import Instant, Moment, Open, WithoutNulls
from kala_client.models import ClusterRole, Pause, RunState, UpcomingSlot

Scope = Literal["full", "read"]
EdgeKind = Literal["parent", "failure"]


class Mark(NamedTuple):
    """An entry of the ledger, or several, as a stretch of time with a state.

    `end` is None while the run waits or runs; `slots` is how many it stands for, `run_id` the latest of its entries.
    """

    begin: Instant
    end: Moment
    state: Annotated[RunState, Open]
    slots: int
    run_id: str
    reason: str


class JobName(WireModel):
    """A job by its id and its name."""

    id: str
    name: str


class Behind(WireModel):
    """The jobs that wait behind another one: `total` of them, and the nearest by name."""

    total: int = 0
    jobs: list[JobName] = Field(default=[])


class Session(WireModel):
    """What the token that was sent allows, and what kind of server it is that answers."""

    scope: Annotated[Scope, Open]
    tokens: bool
    version: str
    now: Instant
    timezone: str
    max_running: int
    up_since: Instant
    pause: Pause
    trouble: str = ""
    notes: Annotated[list[str], WithoutNulls] = Field(default=[])
    cluster: ClusterRole | None = None


class JobBrief(WireModel):
    """A job as every view of many jobs tells of it."""

    id: str
    name: str
    schedule: str = ""
    timezone: str = ""
    state: Annotated[JobState, Open]
    disabled: bool = False
    stuck: str = ""
    next_at: Moment = None


class JobRow(JobBrief):
    """A job in a row of a list; `recent` has the latest entries of its ledger, oldest first."""

    owner: str = ""
    tags: Annotated[list[str], WithoutNulls] = Field(default=[])
    type: int = 0
    running: int = 0
    waiting: int = 0
    parents: int = 0
    followers: int = 0
    recent: list[Mark]


class JobRows(WireModel):
    """Some rows of the list of jobs, from `offset` on, and how many there are in all."""

    rows: list[JobRow]
    total: int
    offset: int = 0


class TimelineRow(JobBrief):
    """A job on the axis of time: what was of its ledger, and what is to come.

    `dense` is how far its slots to come are apart, about, where they are too many to be in `slots`; else None.
    """

    counts: dict[str, int]
    behind: Behind
    marks: list[Mark]
    slots: list[Instant]
    dense: timedelta | None = None


class Timeline(WireModel):
    """Some rows of a time, those of jobs that want attention first, and how many jobs are meant in all."""

    since: Instant = Field(validation_alias="from", serialization_alias="from")
    until: Instant = Field(validation_alias="to", serialization_alias="to")
    now: Instant
    total: int
    offset: int = 0
    rows: list[TimelineRow]


class SummaryPart(WireModel):
    """A part of a time: how many jobs had slots in it, each by its worst state, and how many have some to come."""

    at: Instant
    jobs: dict[str, int]
    ahead: int = 0


class FailingJob(WireModel):
    """A job of which the last attempt failed: since when, its run and why, and who waits behind it."""

    id: str
    name: str
    since: Moment = None
    run_id: str | None = None
    reason: str = ""
    behind: Behind


class FailingJobs(WireModel):
    """How many jobs fail, and the worst of them: those behind which the most wait."""

    total: int
    jobs: list[FailingJob]


class Summary(WireModel):
    """How all jobs went in a time, what is so now, and what is to come. `slots` counts those of the time by state."""

    since: Instant = Field(validation_alias="from", serialization_alias="from")
    until: Instant = Field(validation_alias="to", serialization_alias="to")
    now: Instant
    step: timedelta
    parts: list[SummaryPart]
    slots: dict[str, int]
    jobs: int
    disabled: int
    running: int
    waiting: int
    failing: FailingJobs
    next: UpcomingSlot | None = None
    pause: Pause
    outages: list[tuple[Instant, Instant]] = Field(default=[])


class FamilyMember(JobBrief):
    """A job that leads to another one, or to which that leads: `distance` is how far, negative where it comes before.

    `parents` and `followers` are how many jobs are right before and behind it, whether they are told of or not.
    """

    distance: int
    parents: int = 0
    followers: int = 0
    last: Mark | None = None


class FamilyEdge(WireModel):
    """That the job `begin` leads to the job `end`: when it has succeeded (`parent`), or failed (`failure`)."""

    begin: str = Field(validation_alias="from", serialization_alias="from")
    end: str = Field(validation_alias="to", serialization_alias="to")
    kind: Annotated[EdgeKind, Open]


class Family(WireModel):
    """The jobs to which one is connected, the nearest first, itself among them; `cut` where there are more."""

    nodes: list[FamilyMember]
    edges: list[FamilyEdge]
    cut: bool = False
