"""For every overlap and catch-up policy: the slots of a walk from START are those of the ledger, each once."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kala_server.core.errors import RefusedError
from kala_server.core.model.job import CatchUp, Overlap, RunState
from tests.unit.core import invariants, oracle
from tests.unit.core.simulation import START, Command, World, id_of, rebuilt, seconds

LENGTHS = st.sampled_from([0, 1, 9, 11, 70, 600, 4000, 30_000]).map(seconds)
COMMANDS = st.lists(st.builds(Command, lasts=LENGTHS, succeeds=st.booleans()), min_size=1, max_size=5)
PLANS = st.builds(
    oracle.Plan,
    start=st.integers(0, 300).map(lambda n: START + seconds(n)),
    period=st.sampled_from([1, 7, 60, 90, 600, 3601]).map(seconds),
    repeat=st.none() | st.integers(0, 40),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["advance", "crash", "survive", "stop", "sleep", "back", "disable", "enable", "start", "cancel"]
        ),
        LENGTHS,
    ),
    min_size=1,
    max_size=12,
)
REST = st.fixed_dictionaries(
    {
        "misfire_grace": st.sampled_from(["", "", "PT5S", "PT10M"]),
        "retries": st.integers(0, 2),
        "retry_delay": st.sampled_from(["", "PT30S"]),
        "timeout": st.sampled_from(["", "PT5M"]),
        "rerun_interrupted": st.booleans(),
    }
)


def happens(world: World, what: str, length: timedelta) -> None:
    """One step of a history; what takes no time of its own is followed by some."""
    if what == "survive":
        world.crash(down=length, survivors=frozenset(run.id for run in world.running()))
    elif what in {"crash", "stop"}:
        getattr(world, what)(down=length)
    elif what == "sleep":
        world.sleep(length)
    elif what == "back":
        world.step_clock(-length)
    elif what == "cancel":
        for run in world.running():
            world.cancel(run)
    elif what != "advance":
        try:
            getattr(world, what)("job")
        except RefusedError:
            assert what == "start"
    world.advance(min(length, seconds(200)))


@pytest.mark.parametrize("catch_up", [None, *CatchUp])
@pytest.mark.parametrize("overlap", Overlap)
@settings(max_examples=15)
@given(plan=PLANS, script=COMMANDS, steps=STEPS, rest=REST)
def test_every_slot_is_in_the_ledger_once(
    overlap: Overlap,
    catch_up: CatchUp | None,
    plan: oracle.Plan,
    script: list[Command],
    steps: list[tuple[str, timedelta]],
    rest: dict[str, Any],
) -> None:
    world, counter = World(max_running=3), oracle.StartCounter()
    world.on_records = lambda world: counter.watch(world.history)
    world.script["job"] = list(script)
    world.create("job", schedule=plan.schedule, overlap=overlap, catch_up=catch_up, keep_runs=100_000, **rest)
    for what, length in steps:
        happens(world, what, length)
        oracle.check_ledger(world.job("job"), world.runs("job"), plan, world.now)
    world.enable("job")
    oracle.check_ledger(world.job("job"), world.runs("job"), plan, world.now)
    invariants.check(world.state)
    assert invariants.contents(rebuilt(world.state.snapshot())) == invariants.contents(world.state)
    check_policies(world, overlap, catch_up)


def check_policies(world: World, overlap: Overlap, catch_up: CatchUp | None) -> None:
    """What a policy never does."""
    runs = world.runs("job")
    if catch_up is CatchUp.NONE:
        assert not [run for run in runs if run.trigger == "catch_up" and _is_slot(run.id, world)]
    if overlap is not Overlap.ALLOW:
        assert Counter(run.state for run in runs)[RunState.RUNNING] <= 1
        assert world.most_running <= 1
    if overlap is Overlap.SKIP and catch_up is not CatchUp.ALL:
        assert not [
            run for run in runs if run.state is RunState.WAITING and run.attempts == 0 and run.cause == ""
        ]


def _is_slot(run_id: str, world: World) -> bool:
    return run_id == oracle.slot_id(id_of("job"), world.state.runs[run_id].scheduled_at)
