"""What the engine is told: what an owner wants, and what has happened.

It holds no effects, which are what the engine asks for.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, NamedTuple

from kala_server.core.frozen import value
from kala_server.core.model.job import Job, JobSpec, RunState
from kala_server.core.model.records import Record


@value(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to be created, under the id that it will have."""

    id: str
    spec: JobSpec
    disabled: bool = False


@value(frozen=True, slots=True, kw_only=True)
class CreateJobs:
    """An owner wants these jobs: all of them, or none.

    With an idempotency key that is known nothing happens: its jobs are there already.
    """

    jobs: tuple[NewJob, ...]
    place: str = ""
    """Where they stand in the request, such as `jobs`, for whoever hears of their faults; empty for one by itself."""
    key: str = ""
    key_digest: str = ""
    """Of the request's body, so that the same key with another body is noticed."""
    asked_at: datetime | None = None
    """When it was asked whether each could be created (`validation.new_job`), and it could; None where nobody has."""


@value(frozen=True, slots=True, kw_only=True)
class ChangeJob:
    """An owner replaces what a job says."""

    id: str
    spec: JobSpec
    disabled: bool = False
    anew: bool = False
    """Whether its slots begin anew from now although its schedule says the same as before."""
    made_from: Job | None = None
    """The job as it was when the change was made from it; None = whatever it says."""


@value(frozen=True, slots=True, kw_only=True)
class DeleteJob:
    """An owner wants a job gone."""

    id: str


@value(frozen=True, slots=True, kw_only=True)
class DeleteAllJobs:
    """An owner wants every job gone."""


@value(frozen=True, slots=True, kw_only=True)
class EnableJob:
    """An owner wants a job's slots to count again."""

    id: str


@value(frozen=True, slots=True, kw_only=True)
class DisableJob:
    """An owner wants a job's slots to pass."""

    id: str


@value(frozen=True, slots=True, kw_only=True)
class StartJob:
    """An owner wants a run now, under this id."""

    id: str
    run_id: str


Wish = DeleteJob | EnableJob | DisableJob | StartJob
"""What can be wanted of several jobs at once."""


@value(frozen=True, slots=True, kw_only=True)
class AllOf:
    """An owner wants all of this, about a job each, or nothing; no job may go that is not named."""

    wishes: tuple[Wish, ...]


@value(frozen=True, slots=True, kw_only=True)
class SetJob:
    """A job as its set says it."""

    key: str
    id: str
    """For it, where it is not there yet."""
    spec: JobSpec
    """Other jobs are named by their keys, `other-set/key`, or `id:` and their ids."""
    disabled: bool | None = None
    """None leaves it to whoever operates the server."""
    was: str = ""
    """The key that it had before."""
    adopt: str = ""
    """The id of the job of no set that it is to become."""


@value(frozen=True, slots=True, kw_only=True)
class ApplySet:
    """An owner wants a set to be just these jobs: all of it, or nothing."""

    name: str
    jobs: tuple[SetJob, ...]
    prune: bool = False
    """Whether jobs go that the set does not name any more."""
    prune_children: bool = False
    """Whether jobs of no set, or another one, may go with them."""
    take: bool = False
    """Whether jobs may be adopted out of other sets."""
    expect: str = ""
    """The tag of what the set is to be applied to; empty = whatever it is."""
    source: str = ""


@value(frozen=True, slots=True, kw_only=True)
class PlanSet:
    """Somebody wants to know what would come of it; nothing does."""

    of: ApplySet
    told: Callable[[Any, Sequence[Record]], Generator[None, None, Any]]
    """The steps in which it is told of a state, as it is, and the records that there would be."""


@value(frozen=True, slots=True, kw_only=True)
class ReleaseSet:
    """An owner wants a set gone; its jobs go with it, or stay as jobs of no set."""

    name: str
    keep_jobs: bool


@value(frozen=True, slots=True, kw_only=True)
class CancelRun:
    """An owner wants a run to end."""

    run_id: str


@value(frozen=True, slots=True, kw_only=True)
class PauseServer:
    """Somebody wants no job to start by itself until the server is resumed."""

    reason: str = ""
    """Why, and who says so; empty leaves what an earlier pause says."""


@value(frozen=True, slots=True, kw_only=True)
class ResumeServer:
    """Somebody wants jobs to start by themselves again."""


@value(frozen=True, slots=True, kw_only=True)
class Tick:
    """Time has passed."""


@value(frozen=True, slots=True, kw_only=True)
class StepClock:
    """The wall clock was put on, or back, by so many seconds beside those that have passed."""

    seconds: float


class Printed(NamedTuple):
    """How much a run has printed in all its attempts."""

    size: int = 0
    cut: bool = False
    """Whether some of it is not kept."""


@value(frozen=True, slots=True, kw_only=True)
class Recover:
    """The server starts on a store that was in use; some commands may have outlived it."""

    still_running: frozenset[str] = frozenset()
    """Runs whose command is there and is waited for."""
    printed: Mapping[str, Printed] = field(default_factory=dict)
    """What is there of the outputs of runs that are not over."""
    epoch: int = 0
    """Of the fence under which this server appends."""


@value(frozen=True, slots=True, kw_only=True)
class LookForRoom:
    """The store was full, and nothing else waits to be kept that would show when it is not any more."""


@value(frozen=True, slots=True, kw_only=True)
class LookAnew:
    """The rules of time zones may be others now: the next slots of these jobs are looked up anew."""

    job_ids: tuple[str, ...]


@value(frozen=True, slots=True, kw_only=True)
class EndEverything:
    """The server stops and will not wait any longer."""


@value(frozen=True, slots=True, kw_only=True)
class Housekeep:
    """Let go of what is too old to be kept."""

    runs_before: datetime | None = None
    keys_before: datetime


@value(frozen=True, slots=True, kw_only=True)
class PutOff:
    """An attempt was not started, as the machine had no room for it; nothing of it has happened."""

    run_id: str
    reason: str


@value(frozen=True, slots=True, kw_only=True)
class Ended:
    """An attempt is over."""

    run_id: str
    succeeded: bool
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""
    output_size: int = 0
    output_cut: bool = False
    state: RunState | None = None
    """Set where the outcome cannot be known: of a command that outlived its server, or was cut off with its worker."""
    may_go_on: bool = False
    """Nobody can say whether it has ended at all; how it has may be heard of later."""


@value(frozen=True, slots=True, kw_only=True)
class EndedAfterAll:
    """It was heard how an attempt went which may have gone on."""

    handle: str
    succeeded: bool
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""

    @property
    def run_id(self) -> str:
        """The run of which it is an attempt."""
        return self.handle.rpartition(".")[0]


Input = (
    CreateJobs
    | ChangeJob
    | DeleteJob
    | DeleteAllJobs
    | EnableJob
    | DisableJob
    | StartJob
    | AllOf
    | ApplySet
    | PlanSet
    | ReleaseSet
    | CancelRun
    | PauseServer
    | ResumeServer
    | Tick
    | StepClock
    | Recover
    | LookForRoom
    | LookAnew
    | EndEverything
    | Housekeep
    | PutOff
    | Ended
    | EndedAfterAll
)
