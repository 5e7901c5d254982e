"""A refusal, and a store without room, leave the state exactly as it was; also what it would do next."""

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from kala_server.core.decide.engine import decide
from kala_server.core.decide.transaction import Limits
from kala_server.core.errors import RefusedError
from kala_server.core.model import inputs
from kala_server.core.model import records as r
from kala_server.core.state.undo import UndoLog
from tests.unit.core.invariants import check, contents
from tests.unit.core.simulation import FAILS, FOR_EVER, World, id_of, lasting, new_job, rebuilt

HOURLY = "R/2030-01-01T01:00:00Z/PT1H"


def a_busy_world() -> World:
    """One of everything: runs in every state, children, half a generation, keys, a job that is disabled."""
    world = World(max_running=2)
    world.script = {"slow": [FOR_EVER], "fails": [FAILS], "short": [lasting(60)]}
    world.create("hourly", schedule=HOURLY, keep_runs=2)
    world.create("slow", schedule=HOURLY, overlap="replace", rerun_interrupted=True, timeout="PT90M")
    world.create("fails", schedule=HOURLY, retries=5, retry_delay="PT20M")
    world.create("off", schedule=HOURLY, disabled=True)
    world.create("child", parent_jobs=["hourly", "fails"], wait_for="all")
    world.create("any child", parent_jobs=["hourly", "fails"])
    world.create("helped", schedule=HOURLY, on_failure_job="any child")
    world.tell(inputs.CreateJobs(jobs=(new_job("with key"),), key="key", key_digest="digest"))
    world.advance(timedelta(hours=3, minutes=10))
    world.create("waits", schedule=HOURLY.replace("01T01", "01T04"))
    world.create("short", overlap="allow")
    world.start("short")
    return world


Event = Callable[[World], inputs.Input]

ACCEPTED: dict[str, Event] = {
    "create": lambda _: inputs.CreateJobs(
        jobs=(new_job("new"), new_job("another", schedule="0 9 * * *")), key="new"
    ),
    "create a child": lambda _: inputs.CreateJobs(jobs=(new_job("new", parent_jobs=["hourly", "off"]),)),
    "change": lambda _: inputs.ChangeJob(
        id=id_of("hourly"), spec=new_job("hourly", schedule="0 9 * * *").spec
    ),
    "change the children": lambda _: inputs.ChangeJob(
        id=id_of("any child"), spec=new_job("any child", parent_jobs=["off"], keep_runs=1).spec, disabled=True
    ),
    "enable": lambda _: inputs.EnableJob(id=id_of("off")),
    "disable": lambda _: inputs.DisableJob(id=id_of("child")),
    "delete a parent": lambda _: inputs.DeleteJob(id=id_of("hourly")),
    "delete one that runs": lambda _: inputs.DeleteJob(id=id_of("slow")),
    "delete all": lambda _: inputs.DeleteAllJobs(),
    "start": lambda _: inputs.StartJob(id=id_of("hourly"), run_id="manual"),
    "start beside": lambda _: inputs.StartJob(id=id_of("slow"), run_id="manual"),
    "cancel what runs": lambda world: inputs.CancelRun(run_id=world.newest("slow").id),
    "cancel what waits": lambda world: inputs.CancelRun(run_id=world.newest("short").id),
    "a run ends": lambda world: inputs.Ended(run_id=world.running()[0].id, succeeded=True),
    "a run fails": lambda world: inputs.Ended(run_id=world.running()[0].id, succeeded=False),
    "time passes": lambda _: inputs.Tick(),
    "a restart": lambda _: inputs.Recover(),
    "a stop": lambda _: inputs.EndEverything(),
    "housekeeping": lambda world: inputs.Housekeep(runs_before=world.now, keys_before=world.now),
}

REFUSED: dict[str, Event] = {
    "a bad job at the end": lambda _: inputs.CreateJobs(
        jobs=(new_job("good"), new_job("bad", retries=-1)), key="new"
    ),
    "another body": lambda _: inputs.CreateJobs(jobs=(new_job("new"),), key="key", key_digest="another"),
    "a bad change": lambda _: inputs.ChangeJob(
        id=id_of("off"), spec=new_job("off", schedule="R2/2029-01-01T02:00:00Z/P1D").spec
    ),
    "no job": lambda _: inputs.DeleteJob(id="nobody"),
    "no run": lambda _: inputs.CancelRun(run_id="nobody's"),
    "a run that is over": lambda world: inputs.CancelRun(run_id=world.runs("hourly")[0].id),
    "a disabled job": lambda _: inputs.StartJob(id=id_of("off"), run_id="manual"),
}


def copied(state: Any) -> dict[str, Any]:
    return {name: deepcopy(table) for name, table in contents(state).items()}


def continued(world: World) -> list[r.Record]:
    """What the world goes on to do, told by its records."""
    world.max_running = 64
    begun = len(world.history)
    world.tell(inputs.Tick())
    world.advance(timedelta(hours=5))
    return world.history[begun:]


@pytest.mark.parametrize("what", ACCEPTED)
@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=2)])
def test_a_decision_that_is_rolled_back_leaves_no_trace(what: str, later: timedelta) -> None:
    world, twin = a_busy_world(), a_busy_world()
    before = copied(world.state)
    event = ACCEPTED[what](world)
    decision = decide(world.state, event, world.now + later, Limits(max_running=64))
    changes = bool(decision.records)
    assert (contents(world.state) != before) is changes
    world.state.undo.roll_back()
    assert contents(world.state) == before
    check(world.state)
    assert contents(rebuilt(world.state.snapshot())) == before
    assert continued(world) == continued(twin)


@pytest.mark.parametrize("what", sorted(ACCEPTED.keys() - {"time passes"}))
def test_what_is_accepted_is_the_fold_of_its_records(what: str) -> None:
    world = a_busy_world()
    assert world.decide(ACCEPTED[what](world)).records
    check(world.state)
    assert contents(rebuilt(world.journal)) == contents(world.state)
    assert contents(rebuilt(world.state.snapshot())) == contents(world.state)


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=2)])
def test_a_refusal_leaves_no_trace(what: str, later: timedelta) -> None:
    world, twin = a_busy_world(), a_busy_world()
    before = copied(world.state)
    with pytest.raises(RefusedError):
        decide(world.state, REFUSED[what](world), world.now + later, Limits(max_running=64))
    assert contents(world.state) == before
    assert world.state.take_dropped() == []
    assert continued(world) == continued(twin)


def test_a_refusal_takes_back_nothing_that_was_decided_before() -> None:
    world = a_busy_world()
    decide(world.state, ACCEPTED["create"](world), world.now, Limits())
    known = copied(world.state)
    with pytest.raises(RefusedError):
        decide(world.state, REFUSED["no job"](world), world.now, Limits())
    assert contents(world.state) == known


def test_tables_go_back_to_where_they_were_marked() -> None:
    undo, table = UndoLog(), {"a": 1}
    undo.put(table, "a", 10)
    mark = undo.mark()
    undo.put(table, "b", 2)
    undo.put(table, "b", 3)
    assert undo.drop(table, "a") == 10
    assert undo.drop(table, "nothing") is None
    undo.roll_back(mark)
    assert table == {"a": 10}
    undo.roll_back()
    assert table == {"a": 1}


def test_what_is_committed_stays() -> None:
    undo, table = UndoLog(), {"a": 1}
    undo.put(table, "a", 2)
    undo.commit()
    undo.roll_back()
    assert table == {"a": 2}
    assert undo.mark() == 0


def test_a_refusal_lets_go_of_where_it_was_raised() -> None:
    world = a_busy_world()
    try:
        world.state.jobs["it came from a look into a table"]
    except KeyError:
        with pytest.raises(RefusedError) as raised:
            world.start("unknown")
    refusal = raised.value
    assert len(held_by(refusal)) == 2
    assert refusal.without_frames() is refusal
    assert held_by(refusal) == []


def held_by(error: BaseException) -> list[object]:
    return [one for one in (error.__traceback__, error.__context__) if one is not None]
