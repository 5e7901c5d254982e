"""Random jobs and random trouble: whatever happens, the ledger is whole and the state is that of its journal."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from kala_server.core.decide.engine import decide
from kala_server.core.decide.transaction import Limits
from kala_server.core.errors import RefusedError
from kala_server.core.model import inputs
from kala_server.core.model.job import CatchUp, Overlap, WaitFor
from tests.unit.core import invariants, oracle
from tests.unit.core.simulation import START, Command, World, id_of, new_job, rebuilt, seconds

COMMANDS = st.builds(
    Command,
    lasts=st.sampled_from([0, 0, 1, 30, 90, 400, 5000]).map(seconds),
    succeeds=st.booleans(),
)
SCRIPTS = st.lists(COMMANDS, min_size=1, max_size=4)
SPANS = st.sampled_from(["", "PT20S", "PT2M", "PT1H"])
DURATIONS = st.one_of(SPANS, st.just("PT0S"))
PASSED = st.sampled_from([0, 1, 15, 60, 61.5, 200, 600, 1500]).map(seconds)
SOON = PASSED | st.sampled_from([-2, -5, -9]).map(seconds)
"""When a START is; it may have passed while the request was on its way."""
PERIODS = st.sampled_from([20, 45, 60, 61, 300, 900]).map(seconds)
CRON_LINES = st.sampled_from(["* * * * *", "*/3 * * * *", "*/5 * * * *"])
REPEATS = st.none() | st.integers(0, 12)
BEHAVIOUR = st.fixed_dictionaries(
    {
        "overlap": st.sampled_from(Overlap),
        "catch_up": st.none() | st.sampled_from(CatchUp),
        "misfire_grace": SPANS,
        "retries": st.integers(0, 3),
        "epsilon": DURATIONS,
        "retry_delay": DURATIONS,
        "retry_backoff": st.sampled_from([1, 2.5]),
        "timeout": st.sampled_from(["", "", "PT20S", "PT2M"]),
        "rerun_interrupted": st.booleans(),
        "resume_at_next_scheduled_time": st.booleans(),
    }
)
MANY = 10_000
WHICH = st.integers(0, 7)
"""A job by its number, the newest first, as those are the ones that are still there."""
RELATIONS = st.fixed_dictionaries(
    {
        "parents": st.sets(WHICH, max_size=3),
        "helper": st.none() | WHICH,
        "wait_for": st.sampled_from(WaitFor),
    }
)


WISHES: dict[str, Callable[[str, str], inputs.Input]] = {
    "create": lambda job_id, _: inputs.CreateJobs(jobs=(new_job("new"),), key=job_id),
    "change": lambda job_id, _: inputs.ChangeJob(id=job_id, spec=new_job("changed", keep_runs=1).spec),
    "delete": lambda job_id, _: inputs.DeleteJob(id=job_id),
    "delete all": lambda _, __: inputs.DeleteAllJobs(),
    "enable": lambda job_id, _: inputs.EnableJob(id=job_id),
    "disable": lambda job_id, _: inputs.DisableJob(id=job_id),
    "start": lambda job_id, _: inputs.StartJob(id=job_id, run_id=id_of("a manual run")),
    "cancel": lambda _, run_id: inputs.CancelRun(run_id=run_id),
    "end well": lambda _, run_id: inputs.Ended(run_id=run_id, succeeded=True),
    "end badly": lambda _, run_id: inputs.Ended(run_id=run_id, succeeded=False),
    "put off": lambda _, run_id: inputs.PutOff(run_id=run_id, reason="no room"),
    "pause": lambda job_id, _: inputs.PauseServer(reason=job_id),
    "resume": lambda _, __: inputs.ResumeServer(),
    "tick": lambda _, __: inputs.Tick(),
    "recover": lambda _, __: inputs.Recover(),
    "stop": lambda _, __: inputs.EndEverything(),
    "housekeep": lambda _, __: inputs.Housekeep(
        runs_before=datetime.max.replace(tzinfo=UTC), keys_before=START
    ),
}
"""What may be asked for when the store has no room."""


def watched(world: World) -> World:
    """Let a world fail as soon as a run starts twice or an index is wrong."""
    counter = oracle.StartCounter()

    def look(world: World) -> None:
        counter.watch(world.history)
        invariants.check(world.state)

    world.on_records = look
    return world


def check_against_journal(world: World) -> None:
    """The state is the fold of its journal, and of its own snapshot."""
    known = invariants.contents(world.state)
    for records in (world.journal, world.state.snapshot()):
        state = rebuilt(records)
        assert invariants.contents(state) == known
        invariants.check(state)


class Histories(RuleBasedStateMachine):
    """A server with a handful of jobs, and everything that can happen to it."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.plans: dict[str, oracle.Plan] = {}
        self.names: list[str] = []

    @initialize(max_running=st.integers(1, 4))
    def a_server_starts(self, max_running: int) -> None:
        self.world = watched(World(max_running=max_running))

    @rule(
        behaviour=BEHAVIOUR,
        script=SCRIPTS,
        period=PERIODS,
        repeat=REPEATS,
        soon=SOON,
        disabled=st.booleans(),
    )
    def create_a_scheduled_job(
        self,
        behaviour: dict[str, Any],
        script: list[Command],
        period: timedelta,
        repeat: int | None,
        soon: timedelta,
        disabled: bool,
    ) -> None:
        name = self._new_name(script)
        start = (self.world.now + soon + seconds(1)).replace(microsecond=0)
        plan = self.plans[id_of(name)] = oracle.Plan(start, period, repeat)
        self.world.create(name, schedule=plan.schedule, disabled=disabled, keep_runs=MANY, **behaviour)

    @rule(behaviour=BEHAVIOUR, script=SCRIPTS, relations=RELATIONS, keep=st.sampled_from([1, 2, MANY]))
    def create_a_child_or_a_one_off_job(
        self, behaviour: dict[str, Any], script: list[Command], relations: dict[str, Any], keep: int
    ) -> None:
        name = self._new_name(script)
        with suppress(RefusedError):
            self.world.create(name, keep_runs=keep, **self._named(relations), **behaviour)

    @rule(
        which=WHICH,
        behaviour=BEHAVIOUR,
        relations=RELATIONS,
        keep=st.sampled_from([1, 3, MANY]),
        disabled=st.booleans(),
    )
    def change_all_but_the_schedule(
        self, which: int, behaviour: dict[str, Any], relations: dict[str, Any], keep: int, disabled: bool
    ) -> None:
        name = self._name(which)
        job = self.world.state.jobs.get(id_of(name))
        with suppress(RefusedError):
            self.world.change(
                name,
                disabled=disabled,
                schedule=job.spec.schedule if job else "",
                keep_runs=MANY if id_of(name) in self.plans else keep,
                **self._named(relations),
                **behaviour,
            )

    @rule(which=WHICH)
    def start(self, which: int) -> None:
        with suppress(RefusedError):
            self.world.start(self._name(which))

    @rule(which=WHICH)
    def enable(self, which: int) -> None:
        with suppress(RefusedError):
            self.world.enable(self._name(which))

    @rule(which=WHICH)
    def disable(self, which: int) -> None:
        with suppress(RefusedError):
            self.world.disable(self._name(which))

    @rule(which=WHICH)
    def delete(self, which: int) -> None:
        with suppress(RefusedError):
            self.world.delete(self._name(which))

    @precondition(lambda self: self.world.state.runs)
    @rule(which=st.integers(0, 1000))
    def cancel(self, which: int) -> None:
        runs = list(self.world.state.runs.values())
        with suppress(RefusedError):
            self.world.cancel(runs[which % len(runs)])

    @rule(passed=PASSED)
    def time_passes(self, passed: timedelta) -> None:
        self.world.advance(passed)

    @rule(by=PASSED, back=st.booleans())
    def the_clock_is_set(self, by: timedelta, back: bool) -> None:
        self.world.step_clock(-by if back else by)

    @rule(down=PASSED, survive=st.booleans())
    def the_server_crashes(self, down: timedelta, survive: bool) -> None:
        there = frozenset(run.id for run in self.world.running()) if survive else frozenset[str]()
        self.world.crash(down=down, survivors=there)

    @rule(down=PASSED)
    def the_server_crashes_before_it_did_what_it_decided(self, down: timedelta) -> None:
        self.world.decide(inputs.Tick())
        self.world.crash(down=down)

    @rule(down=PASSED)
    def the_server_is_stopped(self, down: timedelta) -> None:
        self.world.stop(down=down)

    @rule(reason=st.sampled_from(["", "moving", "still moving"]))
    def the_server_is_paused(self, reason: str) -> None:
        self.world.pause(reason)

    @rule()
    def the_server_is_resumed(self) -> None:
        self.world.resume()

    @rule(starts=st.integers(1, 8))
    def the_machine_has_no_room_for_some_starts(self, starts: int) -> None:
        self.world.no_room = starts

    @rule(age=PASSED)
    def what_is_old_is_dropped(self, age: timedelta) -> None:
        young = {job_id for job_id in self.plans if job_id in self.world.state.jobs}
        before = None if young else self.world.now - age
        self.world.tell(inputs.Housekeep(runs_before=before, keys_before=self.world.now - age))

    @rule(which=WHICH, passed=PASSED, wish=st.sampled_from(list(WISHES)), run=st.integers(0, 1000))
    def the_store_has_no_room(self, which: int, passed: timedelta, wish: str, run: int) -> None:
        state, job_id = self.world.state, id_of(self._name(which))
        known = {name: dict(table) for name, table in invariants.contents(state).items()}
        run_id = list(state.runs)[run % len(state.runs)] if state.runs else "nobody's"
        with suppress(RefusedError):
            decide(state, WISHES[wish](job_id, run_id), self.world.now + passed, Limits(max_running=3))
        state.undo.roll_back()
        assert invariants.contents(state) == known
        invariants.check(state)

    @invariant()
    def every_slot_is_accounted_for_once(self) -> None:
        oracle.check_state(self.world.state, self.plans, self.world.now)

    @invariant()
    def the_state_is_that_of_its_journal(self) -> None:
        check_against_journal(self.world)

    @invariant()
    def no_more_run_than_there_is_room_for(self) -> None:
        assert self.world.most_running <= self.world.max_running

    def _new_name(self, script: list[Command]) -> str:
        name = f"job {len(self.names)}"
        self.names.append(name)
        self.world.script[name] = list(script)
        return name

    def _name(self, which: int) -> str:
        return self.names[-1 - which] if which < len(self.names) else "nobody"

    def _named(self, relations: dict[str, Any]) -> dict[str, Any]:
        """The parents and the helper by their names, so far as they are there."""
        named = {self._name(which) for which in relations["parents"]}
        told: dict[str, Any] = {"parent_jobs": sorted(name for name in named if self._exists(name))}
        if relations["helper"] is not None and self._exists(self._name(relations["helper"])):
            told["on_failure_job"] = self._name(relations["helper"])
        return {**told, "wait_for": relations["wait_for"]}

    def _exists(self, name: str) -> bool:
        return id_of(name) in self.world.state.jobs


MOVES = st.one_of(
    st.tuples(st.just("pass"), st.integers(1, 15)),
    st.tuples(st.just("back"), st.integers(1, 15)),
    st.tuples(st.just("change"), CRON_LINES, st.sampled_from(Overlap)),
)
"""Minutes that pass or by which the clock is put back, and changes of the schedule."""


@given(moves=st.lists(MOVES, max_size=12), script=SCRIPTS)
@settings(deadline=None)
def test_slots_that_come_again_take_no_place_of_others(moves: list[Any], script: list[Command]) -> None:
    world = watched(World())
    world.script["job"] = script
    world.create("job", schedule="* * * * *", keep_runs=MANY)
    for move, *how in moves:
        if move == "change":
            world.change("job", schedule=how[0], overlap=how[1], keep_runs=MANY)
        elif move == "back":
            world.step_clock(-timedelta(minutes=how[0]))
        else:
            world.advance(timedelta(minutes=how[0]))
        check_against_journal(world)
    assert world.state.size == len(list(world.state.snapshot()))


Histories.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestHistories = Histories.TestCase
