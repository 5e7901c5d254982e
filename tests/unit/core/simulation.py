"""A world to test the engine in: a clock that tests move, commands with a script, and a journal in memory.

Nothing sleeps and nothing is spawned. Time jumps from one thing that is due to the next.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from kala_server.core.decide.engine import Decision, decide
from kala_server.core.decide.transaction import Limits
from kala_server.core.model import inputs
from kala_server.core.model import records as r
from kala_server.core.model.effects import DropOutputs, Effect, EndAttempt, StartAttempt
from kala_server.core.model.job import CatchUp, Job, JobSpec, OnLost, Overlap, Run, RunState, WaitFor
from kala_server.core.state.apply import apply
from kala_server.core.state.state import State

START = datetime(2030, 1, 1, tzinfo=UTC)


def utc(text: str) -> datetime:
    """Read an instant: "2030-01-01 09:00", or with seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def times(*texts: str) -> list[datetime]:
    return [utc(text) for text in texts]


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def id_of(name: str) -> str:
    return str(uuid5(NAMESPACE_OID, name))


@dataclass(frozen=True, slots=True)
class Command:
    """How one attempt goes: how long it takes, whether it works, and how many bytes its run has printed by its end."""

    lasts: timedelta = timedelta(0)
    succeeds: bool = True
    reason: str = ""
    printed: int = 1

    def ends(self, run_id: str) -> inputs.Ended:
        return inputs.Ended(
            run_id=run_id, succeeded=self.succeeds, reason=self.reason, output_size=self.printed
        )


WORKS = Command()
FAILS = Command(succeeds=False)
SILENT = Command(printed=0)
FOR_EVER = Command(lasts=timedelta(days=100_000))


def lasting(length: timedelta | float, *, succeeds: bool = True) -> Command:
    return Command(length if isinstance(length, timedelta) else seconds(length), succeeds)


@dataclass(slots=True)
class World:
    """One server's core, and everything around it that a test wants to hold in its hands."""

    now: datetime = START
    max_running: int = 64
    state: State = field(default_factory=State)
    journal: list[r.Record] = field(default_factory=list)
    """What the store holds; a stop makes a snapshot of it."""
    history: list[r.Record] = field(default_factory=list)
    """Everything that was ever decided."""
    effects: list[Effect] = field(default_factory=list)
    script: dict[str, list[Command]] = field(default_factory=dict)
    """What the attempts of a job do, by its name, one after another; the last one goes on for ever."""
    no_room: int = 0
    """How many of the next starts the machine has no room for."""
    most_running: int = 0
    on_records: Callable[["World"], None] = lambda _: None
    """Called after each decision: the place for a test's invariants."""
    _commands: list[tuple[datetime, int, str, Command]] = field(default_factory=list)
    _pending: deque[Effect] = field(default_factory=deque)
    _performing: bool = False
    _numbers: Iterable[int] = field(default_factory=count)
    _manual: Iterable[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self._keep([r.ServerKept(created_at=self.now)])

    # -- what owners do

    def create(self, name: str, *, disabled: bool = False, **spec: Any) -> str:
        self.tell(inputs.CreateJobs(jobs=(new_job(name, disabled=disabled, **spec),)))
        return id_of(name)

    def change(self, name: str, *, disabled: bool = False, **spec: Any) -> None:
        self.tell(inputs.ChangeJob(id=id_of(name), spec=new_job(name, **spec).spec, disabled=disabled))

    def say_anew(self, name: str, **spec: Any) -> None:
        """Change the job by a request that names its schedule, be it as before."""
        self.tell(inputs.ChangeJob(id=id_of(name), spec=new_job(name, **spec).spec, anew=True))

    def start(self, name: str) -> str:
        run_id = id_of(f"run {next(iter(self._manual))} of {name}")
        self.tell(inputs.StartJob(id=id_of(name), run_id=run_id))
        return run_id

    def enable(self, name: str) -> None:
        self.tell(inputs.EnableJob(id=id_of(name)))

    def disable(self, name: str) -> None:
        self.tell(inputs.DisableJob(id=id_of(name)))

    def delete(self, name: str) -> None:
        self.tell(inputs.DeleteJob(id=id_of(name)))

    def cancel(self, run: Run) -> None:
        self.tell(inputs.CancelRun(run_id=run.id))

    def pause(self, reason: str = "") -> None:
        self.tell(inputs.PauseServer(reason=reason))

    def resume(self) -> None:
        self.tell(inputs.ResumeServer())

    # -- what happens

    def tell(self, event: inputs.Input) -> Decision:
        """Let it happen now: decide, make durable, do what is asked for."""
        decision = self.decide(event)
        self._pending.extend(decision.effects)
        if not self._performing:
            self._performing = True
            while self._pending:
                self._perform(self._pending.popleft())
            self._performing = False
        return decision

    def decide(self, event: inputs.Input) -> Decision:
        """Decide and make durable, and do nothing of what is asked for: a crash comes first."""
        decision = decide(self.state, event, self.now, Limits(max_running=self.max_running))
        self.state.undo.commit()
        self.journal += decision.records
        self.history += decision.records
        self.most_running = max(self.most_running, self.state.counts["running"])
        self.on_records(self)
        return decision

    def advance(self, to: datetime | timedelta | str) -> None:
        """Let time pass, from one thing that happens to the next."""
        until = self.now + to if isinstance(to, timedelta) else utc(to) if isinstance(to, str) else to
        while (when := self._next()) is not None and when <= until:
            self.now = max(self.now, when)
            if not self._end_a_command():
                self.tell(inputs.Tick())
        self.now = max(self.now, until)

    def step_clock(self, by: timedelta) -> None:
        """Put the clock forward or back; commands take as long as before. The server notices at once."""
        self.now += by
        self._commands = [(when + by, *rest) for when, *rest in self._commands]  # type: ignore[misc]
        self.tell(inputs.StepClock(seconds=by.total_seconds()))
        self.tell(inputs.Tick())

    def sleep(self, how_long: timedelta) -> None:
        """Suspend the machine: nothing happens, then the server looks at the clock."""
        self.step_clock(how_long)

    def crash(self, *, down: timedelta = timedelta(0), survivors: frozenset[str] = frozenset()) -> None:
        """End the server without a word, and start it later from its journal."""
        self.state = rebuilt(self.journal)
        self.now += down
        self._commands = sorted(command for command in self._commands if command[2] in survivors)
        self.tell(inputs.Recover(still_running=survivors))

    def stop(self, *, down: timedelta = timedelta(0)) -> None:
        """Stop the server, which ends its commands, and start it later from a snapshot."""
        before, self.max_running = self.max_running, 0
        self.tell(inputs.EndEverything())
        self.max_running = before
        self.journal = list(self.state.snapshot())
        self.crash(down=down)

    # -- what came of it

    def job(self, name: str) -> Job:
        return self.state.jobs[id_of(name)]

    def runs(self, name: str) -> list[Run]:
        """The job's ledger, oldest entry first."""
        runs = list(self.state.job_runs(id_of(name)))[::-1]
        return sorted(runs, key=lambda run: run.scheduled_at)

    def states(self, name: str) -> list[str]:
        return [str(run.state) for run in self.runs(name)]

    def only_run(self, name: str) -> Run:
        (run,) = self.runs(name)
        return run

    def newest(self, name: str) -> Run:
        return next(self.state.job_runs(id_of(name)))

    def reasons(self, name: str) -> list[str]:
        return [run.reason for run in self.runs(name)]

    def started(self, name: str) -> list[datetime]:
        """When the job's attempts started, from all that was ever decided."""
        mine = {
            record.run_id
            for record in self.history
            if isinstance(record, r.RunQueued) and record.job_id == id_of(name)
        }
        return [
            record.at for record in self.history if isinstance(record, r.RunStarted) and record.run_id in mine
        ]

    def slots_run(self, name: str) -> list[datetime]:
        return [run.scheduled_at for run in self.runs(name) if run.started_at is not None]

    def running(self) -> list[Run]:
        return [run for run in self.state.runs.values() if run.state is RunState.RUNNING]

    # -- within

    def _keep(self, records: list[r.Record]) -> None:
        for record in records:
            apply(self.state, record)
        self.state.undo.commit()
        self.journal += records

    def _next(self) -> datetime | None:
        due = self.state.next_due(room=Limits(max_running=self.max_running).have_room(self.state))
        ends = self._commands[0][0] if self._commands else None
        return min((when for when in (due, ends) if when is not None), default=None)

    def _end_a_command(self) -> bool:
        """Tell of the next command that has ended by now."""
        if not self._commands or self._commands[0][0] > self.now:
            return False
        _, _, run_id, command = heappop(self._commands)
        self.tell(command.ends(run_id))
        return True

    def _perform(self, effect: Effect) -> None:
        self.effects.append(effect)
        if isinstance(effect, StartAttempt) and self.no_room:
            self.no_room -= 1
            self.tell(inputs.PutOff(run_id=effect.run.id, reason="no room"))
        elif isinstance(effect, StartAttempt):
            number = next(iter(self._numbers))
            self._begin(effect, number)
        elif isinstance(effect, EndAttempt):
            run_id = effect.handle.rpartition(".")[0]
            self._commands = sorted(command for command in self._commands if command[2] != run_id)
            self.tell(inputs.Ended(run_id=run_id, succeeded=False, signal=15))

    def _begin(self, effect: StartAttempt, number: int) -> None:
        script = self.script.get(effect.job.spec.name, [WORKS])
        command = script.pop(0) if len(script) > 1 else script[0]
        if command.lasts:
            heappush(self._commands, (self.now + command.lasts, number, effect.run.id, command))
        else:
            self.tell(command.ends(effect.run.id))


def new_job(name: str, *, disabled: bool = False, **spec: Any) -> inputs.NewJob:
    """A job with a valid command; parents and helpers are told by their names."""
    spec["parent_jobs"] = tuple(map(id_of, spec.get("parent_jobs", ())))
    if "on_failure_job" in spec:
        spec["on_failure_job"] = id_of(spec["on_failure_job"])
    for field_name, kind in (
        ("overlap", Overlap),
        ("catch_up", CatchUp),
        ("wait_for", WaitFor),
        ("on_lost", OnLost),
    ):
        if isinstance(spec.get(field_name), str):
            spec[field_name] = kind(spec[field_name])
    return inputs.NewJob(
        id=id_of(name), spec=JobSpec(name=name, **{"command": "true", **spec}), disabled=disabled
    )


def rebuilt(records: Iterable[r.Record]) -> State:
    """The state that these records lead to, as at a start of the server."""
    state = State()
    for record in records:
        apply(state, record)
    state.undo.commit()
    state.take_dropped()
    return state


def dropped_by(effects: Iterable[Effect]) -> set[str]:
    """Return the runs whose output is to go."""
    return {run_id for effect in effects if isinstance(effect, DropOutputs) for run_id in effect.run_ids}
