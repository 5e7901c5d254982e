"""What is told at a glance, of many jobs or of the whole server, as pydantic models: all of it needs kala_server.

No I/O, and nothing that is not on the wire. What is told of one job, run or slot is in `models.py`.
"""

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from kala_client._model.base import WireModel
from kala_client._model.fields import JobState
from kala_client._model.wire_types import Instant, Moment, Open, WithoutNulls
from kala_client.models import Pause, RunState

Scope = Literal["full", "read"]


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
