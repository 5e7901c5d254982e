"""Everything that can happen, as the journal keeps it: one value for each kind of record.

A record says what happened and holds what was decided, so that applying it needs no clock and no parsing.
Names here are the names in the journal: renaming one needs a new journal version.
"""

import re
from datetime import datetime
from typing import get_args

from kala_server.core.frozen import value
from kala_server.core.model.job import Job, JobSpec, Run, RunState, Trigger


@value(frozen=True, slots=True, kw_only=True)
class JobCreated:
    """A job was accepted."""

    id: str
    at: datetime
    spec: JobSpec
    disabled: bool = False
    next_at: datetime | None = None
    set: str = ""
    """The set that says it, …"""
    key: str = ""
    """… and its name there."""


@value(frozen=True, slots=True, kw_only=True)
class JobChanged:
    """A job's owner replaced what it says, or its next slot was looked up anew."""

    id: str
    at: datetime
    spec: JobSpec
    disabled: bool = False
    next_at: datetime | None = None
    begun_at: datetime | None = None
    """Where its schedule begins anew; None leaves its slots as they are."""
    set: str = ""
    """The set that says so, in which the job is from here on; empty where somebody did by hand."""
    key: str = ""


@value(frozen=True, slots=True, kw_only=True)
class JobEnabled:
    """A job's slots count again."""

    id: str
    at: datetime


@value(frozen=True, slots=True, kw_only=True)
class JobDisabled:
    """A job's slots pass without a run."""

    id: str
    at: datetime


@value(frozen=True, slots=True, kw_only=True)
class JobDeleted:
    """A job and its history are gone; a command that still runs may end in peace."""

    id: str
    at: datetime


@value(frozen=True, slots=True, kw_only=True)
class JobReleased:
    """A job is of no set any more, and goes on."""

    id: str


@value(frozen=True, slots=True, kw_only=True)
class SetApplied:
    """What a set says came true; also in snapshots."""

    name: str
    at: datetime
    source: str = ""
    """Where it was said, for people: a file, a commit."""


@value(frozen=True, slots=True, kw_only=True)
class SetForgotten:
    """There is no such set any more."""

    name: str


@value(frozen=True, slots=True, kw_only=True)
class AllJobsDeleted:
    """Every job is gone."""

    at: datetime


@value(frozen=True, slots=True, kw_only=True)
class RunQueued:
    """A run exists and waits for its turn."""

    run_id: str
    job_id: str
    at: datetime
    scheduled_at: datetime
    trigger: Trigger
    reason: str = ""
    cause: str = ""
    parents: tuple[str, ...] = ()
    next_at: datetime | None = None
    """The job's next slot from here on; unchanged unless this run took one."""
    offset: int | None = None
    """By how many minutes the clock of the job's zone is ahead of UTC at the slot; None where it names no zone."""


@value(frozen=True, slots=True, kw_only=True)
class SlotsSkipped:
    """One or more slots passed without a run."""

    run_id: str
    job_id: str
    at: datetime
    first: datetime
    last: datetime
    count: int = 1
    trigger: Trigger = Trigger.SCHEDULE
    reason: str = ""
    cause: str = ""
    parents: tuple[str, ...] = ()
    next_at: datetime | None = None
    offset: int | None = None
    """As of a run, at the last of them."""


@value(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """An attempt is about to be spawned: durable before it is."""

    run_id: str
    at: datetime


@value(frozen=True, slots=True, kw_only=True)
class StartPutOff:
    """The attempt was not started, as the machine had no room for it: it is none, and the run waits again."""

    run_id: str
    at: datetime
    retry_at: datetime
    reason: str


@value(frozen=True, slots=True, kw_only=True)
class AttemptFailed:
    """An attempt failed and another one follows."""

    run_id: str
    at: datetime
    retry_at: datetime
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""
    output_size: int = 0
    output_cut: bool = False


@value(frozen=True, slots=True, kw_only=True)
class RunEnding:
    """The run's command is being ended, because it was cancelled, replaced or took too long."""

    run_id: str
    at: datetime
    state: RunState
    reason: str = ""
    cause: str = ""


@value(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """Nothing more happens to the run."""

    run_id: str
    at: datetime
    state: RunState
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""
    output_size: int = 0
    output_cut: bool = False


@value(frozen=True, slots=True, kw_only=True)
class RunCorrected:
    """A run that was taken for interrupted, as nothing was heard of it, had ended in another way."""

    run_id: str
    at: datetime
    state: RunState
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""


@value(frozen=True, slots=True, kw_only=True)
class ParentEnded:
    """A parent's run has ended and waits for its generation."""

    job_id: str
    parent_id: str
    run_id: str
    succeeded: bool


@value(frozen=True, slots=True, kw_only=True)
class GenerationJoined:
    """One run of each parent has ended: the oldest arrival of each is taken."""

    job_id: str


@value(frozen=True, slots=True, kw_only=True)
class RunsPruned:
    """Finished runs that ended before this instant are no longer kept."""

    before: datetime


@value(frozen=True, slots=True, kw_only=True)
class KeysForgotten:
    """Idempotency keys from before this instant are no longer remembered."""

    before: datetime


@value(frozen=True, slots=True, kw_only=True)
class ClockStepped:
    """The wall clock was put on (or back, below zero), or the machine was asleep."""

    at: datetime
    seconds: float


@value(frozen=True, slots=True, kw_only=True)
class JobStuck:
    """Nothing can be decided about a job, and it has no slots until it can; also in snapshots."""

    id: str
    reason: str


@value(frozen=True, slots=True, kw_only=True)
class JobFreed:
    """Something could be decided about a job that was stuck."""

    id: str


@value(frozen=True, slots=True, kw_only=True)
class ServerPaused:
    """Since then no job starts by itself; once more where only the reason is another one. Also in snapshots."""

    at: datetime
    reason: str = ""
    """In the words of whoever paused it."""


@value(frozen=True, slots=True, kw_only=True)
class ServerResumed:
    """Jobs start by themselves again."""

    at: datetime


@value(frozen=True, slots=True, kw_only=True)
class ServerKept:
    """What concerns the whole server: in a snapshot, at each start, and to see whether there is room again."""

    created_at: datetime
    last_attempted_run: datetime | None = None
    epoch: int = 0
    """Of the fence under which the records from here on were appended: how often the store was acquired."""


@value(frozen=True, slots=True, kw_only=True)
class JobKept:
    """Snapshot: a job as it is."""

    job: Job
    children: tuple[str, ...] = ()
    """In the order in which they follow it."""


@value(frozen=True, slots=True, kw_only=True)
class RunKept:
    """Snapshot: an entry of the ledger as it is."""

    run: Run


@value(frozen=True, slots=True, kw_only=True)
class KeyKept:
    """An idempotency key, and the jobs that were created with it; also in snapshots."""

    key: str
    digest: str
    """Of the request's body, so that the same key with another body is noticed."""
    ids: tuple[str, ...]
    at: datetime


Record = (
    JobCreated
    | JobChanged
    | JobEnabled
    | JobDisabled
    | JobDeleted
    | JobReleased
    | SetApplied
    | SetForgotten
    | AllJobsDeleted
    | RunQueued
    | SlotsSkipped
    | RunStarted
    | StartPutOff
    | AttemptFailed
    | RunEnding
    | RunFinished
    | RunCorrected
    | ParentEnded
    | GenerationJoined
    | RunsPruned
    | KeysForgotten
    | ClockStepped
    | JobStuck
    | JobFreed
    | ServerPaused
    | ServerResumed
    | ServerKept
    | JobKept
    | RunKept
    | KeyKept
)

RECORD_TYPES: tuple[type[Record], ...] = get_args(Record)


def kind(record_type: type) -> str:
    """The journal's name for a record type: `JobCreated` is `job_created`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", record_type.__name__).lower()
