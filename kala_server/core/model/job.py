"""What a job and a run are: frozen values, compared by content, changed by replacing.

Texts stay as their owner wrote them (a schedule, a duration); `durations.py` and `occurrences.py` read them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum

from kala_server.core.frozen import value


class RunState(StrEnum):
    """Where a run is in its life; the last six are final."""

    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    SKIPPED = "skipped"

    @property
    def final(self) -> bool:
        """Whether nothing can happen to the run any more."""
        return self not in {RunState.WAITING, RunState.RUNNING}


class Trigger(StrEnum):
    """Why a run exists."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    PARENT = "parent"
    CATCH_UP = "catch_up"
    ON_FAILURE = "on_failure"


class Overlap(StrEnum):
    """What a due slot does while an earlier run of its job is still there."""

    QUEUE = "queue"
    SKIP = "skip"
    ALLOW = "allow"
    REPLACE = "replace"


class CatchUp(StrEnum):
    """What becomes of slots missed while the server was down or the job disabled."""

    ONE = "one"
    NONE = "none"
    ALL = "all"


class WaitFor(StrEnum):
    """Whether a child runs after any of its parents, or after one run of each."""

    ANY = "any"
    ALL = "all"


class OnLost(StrEnum):
    """What becomes of a command whose worker cannot reach the database any more."""

    GO_ON = "go_on"
    END = "end"


COMMAND = 0
HTTP_CALL = 1


@value(frozen=True, slots=True, kw_only=True)
class RemoteCall:
    """The HTTP call of a job of type 1 (WIRE: `remote_properties`)."""

    url: str
    method: str = "GET"
    body: str = ""
    headers: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    """A text for each name, or several of them; each is a line of its own."""
    timeout: float = 0
    """Seconds; 0 = the runner's default."""
    expected_response_codes: tuple[int, ...] = ()
    """Empty = any 2xx."""

    def header_lines(self) -> Iterator[tuple[str, str]]:
        """Yield each value with its name."""
        for name, values in self.headers.items():
            yield from ((name, value) for value in ((values,) if isinstance(values, str) else values))


@value(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """What a job's owner asked for. Durations are ISO 8601 texts, empty = none."""

    name: str
    command: str = ""
    owner: str = ""
    schedule: str = ""
    timezone: str = ""
    retries: int = 0
    epsilon: str = ""
    parent_jobs: tuple[str, ...] = ()
    on_failure_job: str = ""
    resume_at_next_scheduled_time: bool = False
    type: int = COMMAND
    remote_properties: RemoteCall | None = None
    template_delimiters: str = ""
    overlap: Overlap = Overlap.QUEUE
    catch_up: CatchUp | None = None
    """None = as Kala: `one`, or `none` where `resume_at_next_scheduled_time`."""
    misfire_grace: str = ""
    timeout: str = ""
    retry_delay: str = ""
    retry_backoff: float = 1.0
    wait_for: WaitFor = WaitFor.ANY
    shell: bool = False
    argv: tuple[str, ...] = ()
    cwd: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    queue: str = ""
    """Of which a worker runs it; empty = the server's own machine."""
    on_lost: OnLost = OnLost.GO_ON
    tags: tuple[str, ...] = ()
    description: str = ""
    keep_runs: int = 100
    rerun_interrupted: bool = False

    @property
    def timing(self) -> tuple[str, str]:
        """What says when the job is due."""
        return self.schedule, self.timezone

    @property
    def following(self) -> tuple[tuple[str, ...], WaitFor]:
        """What says which runs of others it follows."""
        return self.parent_jobs, self.wait_for

    @property
    def side_by_side(self) -> bool:
        """Whether a run of it may start while an earlier one is there."""
        return self.overlap is Overlap.ALLOW

    @property
    def catching_up(self) -> CatchUp:
        """What becomes of missed slots; as Kala's own flag says where nothing is named."""
        return self.catch_up or (CatchUp.NONE if self.resume_at_next_scheduled_time else CatchUp.ONE)


@value(frozen=True, slots=True)
class Arrival:
    """A parent's run that has ended and waits for its generation, for a child with `wait_for: all`."""

    parent_id: str
    run_id: str
    succeeded: bool


@value(frozen=True, slots=True, kw_only=True)
class Tally:
    """What a job's runs have come to. As in Kala, every failed attempt counts as an error."""

    success_count: int = 0
    error_count: int = 0
    finished_runs: int = 0
    last_success: datetime | None = None
    last_error: datetime | None = None
    last_error_reason: str = ""
    last_attempted_run: datetime | None = None

    @property
    def failing(self) -> bool:
        """Whether an attempt has failed, and none has succeeded since."""
        failed, worked = self.last_error, self.last_success
        return failed is not None and (worked is None or failed > worked)


NOTHING_YET = Tally()


@value(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as the server keeps it."""

    id: str
    spec: JobSpec
    created_at: datetime
    disabled: bool = False
    next_at: datetime | None = None
    """The first slot that is not in the ledger yet; every slot before it ran or was skipped."""
    begun_at: datetime | None = None
    """Slots from here on count: since its creation, or since its schedule was said last. This and what follows are
    known of a job that names a zone, as its slots may be others once the zone has other rules."""
    last_slot: datetime | None = None
    """The latest slot in the ledger since then, …"""
    last_offset: int | None = None
    """… and by how many minutes the zone's clock was ahead of UTC there."""
    arrivals: tuple[Arrival, ...] = ()
    tally: Tally = NOTHING_YET
    set: str = ""
    """The set of jobs that it belongs to; empty where it was made by hand, …"""
    key: str = ""
    """… and its name there, which stays where its own changes."""
    applied: JobSpec | None = None
    """What its set said last, while somebody has changed it by hand since; None where it says just that."""

    def generation(self) -> tuple[Arrival, ...] | None:
        """Return the oldest arrival of each parent; None while one of them is still to come."""
        oldest: dict[str, Arrival] = {}
        for arrival in self.arrivals:
            oldest.setdefault(arrival.parent_id, arrival)
        if not oldest or any(parent_id not in oldest for parent_id in self.spec.parent_jobs):
            return None
        return tuple(oldest.values())


@value(frozen=True, slots=True, kw_only=True)
class Run:
    """One entry in the ledger: a run, or one or more slots that did not run and why."""

    id: str
    job_id: str
    scheduled_at: datetime
    trigger: Trigger
    state: RunState
    queued_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempts: int = 0
    attempt_at: datetime | None = None
    """When the latest attempt started."""
    timeout: str = ""
    """How long the latest attempt may take, as the job says or, where it was deleted, said last."""
    retry_at: datetime | None = None
    """When the next attempt is due, while it waits for it."""
    put_off: int = 0
    """How often its next attempt was to start, and the machine had no room for it."""
    put_off_for: str = ""
    """What there was no room for, the last time."""
    ending: RunState | None = None
    """Set while the command is being ended: the state that the run will end in."""
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""
    cause: str = ""
    """The id of the run that this one waits for, was skipped for, or follows."""
    parents: tuple[str, ...] = ()
    """The runs of the parents that led to this one."""
    output_size: int = 0
    output_cut: bool = False
    count: int = 1
    last_scheduled_at: datetime | None = None
    """With `count` > 1: this entry stands for the skipped slots from scheduled_at to here."""

    @property
    def handle(self) -> str:
        """By which a runner knows the latest attempt; so it is known before that is started, and no record keeps it."""
        return f"{self.id}.{self.attempts}"
