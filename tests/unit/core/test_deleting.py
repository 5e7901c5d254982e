"""What goes when a job is deleted, and what stays."""

from datetime import timedelta
from itertools import pairwise

import pytest

from kala_server.core.decide.engine import deciding
from kala_server.core.decide.transaction import Limits
from kala_server.core.model import effects, inputs
from tests.unit.core import invariants
from tests.unit.core.simulation import FOR_EVER, World, dropped_by, id_of

NEVER = "R/2040-01-01T00:00:00Z/P1D"


def family(**parents_of: list[str]) -> World:
    """A world with these jobs, each with its parents."""
    world = World()
    world.on_records = lambda world: invariants.check(world.state)
    for name, parents in parents_of.items():
        world.create(name, parent_jobs=parents, schedule="" if parents else NEVER)
    return world


def names(world: World) -> set[str]:
    return {job.spec.name for job in world.state.jobs.values()}


@pytest.mark.parametrize(
    ("parents_of", "deleted", "left"),
    [
        ({"a": [], "b": ["a"]}, "b", {"a"}),
        ({"a": [], "b": ["a"]}, "a", set()),
        ({"a": [], "b": ["a"], "c": ["b"], "d": ["c"]}, "a", set()),
        ({"a": [], "b": ["a"], "c": ["b"], "d": ["c"]}, "c", {"a", "b"}),
        ({"a": [], "b": [], "c": ["a", "b"]}, "a", {"b", "c"}),
        ({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}, "a", set()),
        ({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}, "b", {"a", "c", "d"}),
        ({"a": [], "x": [], "b": ["a"], "c": ["b", "x"], "d": ["c"]}, "a", {"x", "c", "d"}),
        ({"a": [], "b": ["a"], "c": ["b"], "d": ["a", "c"]}, "a", set()),
    ],
)
def test_children_go_with_their_last_parent_and_parents_stay(
    parents_of: dict[str, list[str]], deleted: str, left: set[str]
) -> None:
    world = family(**parents_of)
    world.delete(deleted)
    assert names(world) == left
    gone = {id_of(name) for name in parents_of.keys() - left}
    for job in world.state.jobs.values():
        assert not gone & set(job.spec.parent_jobs)


def test_a_parent_forgets_a_deleted_child() -> None:
    world = family(a=[], b=["a"], c=["a"])
    world.delete("b")
    world.start("a")
    assert world.states("c") == ["succeeded"]
    assert id_of("b") not in world.state.kept


def test_a_deleted_jobs_history_goes_with_it_and_so_does_its_output() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T01:00:00Z/PT1H")
    world.advance(timedelta(hours=3))
    runs = {run.id for run in world.runs("job")}
    decision = world.decide(inputs.DeleteJob(id=id_of("job")))
    assert dropped_by(decision.effects) == runs
    assert world.state.runs == {}
    assert world.state.next_due() is None
    assert world.state.counts == {"running": 0, "succeeded": 0, "errors": 0}


def test_what_waits_goes_and_what_runs_may_end_in_peace() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job")
    world.create("child", parent_jobs=["job"])
    world.start("job")
    (running,) = world.running()
    world.delete("job")
    assert list(world.state.runs) == [running.id]
    assert not world.state.has_turn(running)
    world.advance(timedelta(days=1))
    assert world.running() == [running]
    decision = world.tell(inputs.Ended(run_id=running.id, succeeded=False))
    assert decision.effects == [effects.DropOutputs((running.id,))]
    assert world.state.runs == {}


@pytest.mark.parametrize("restart", [False, True])
def test_the_timeout_of_a_deleted_job_still_holds_for_what_runs(*, restart: bool) -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", timeout="PT1H")
    (running,) = world.running()
    world.delete("job")
    if restart:
        world.journal = list(world.state.snapshot())
        world.crash(survivors=frozenset({running.id}))
    world.advance(timedelta(minutes=59))
    assert [run.id for run in world.running()] == [running.id]
    world.advance(timedelta(minutes=2))
    assert world.running() == []
    assert world.state.runs == {}


def test_the_run_of_a_deleted_job_can_be_cancelled() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job")
    (running,) = world.running()
    world.delete("job")
    world.cancel(running)
    assert world.state.runs == {}


def test_the_run_of_a_deleted_job_outlives_a_snapshot_and_takes_a_place() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job")
    (running,) = world.running()
    world.delete("job")
    world.journal = list(world.state.snapshot())
    world.crash(survivors=frozenset({running.id}))
    assert world.state.counts["running"] == 1
    world.tell(inputs.Ended(run_id=running.id, succeeded=True))
    assert world.state.counts["running"] == 0


def test_a_place_that_a_deleted_job_waited_for_goes_to_the_next() -> None:
    world = World(max_running=1)
    world.script["busy"] = [FOR_EVER]
    world.create("busy")
    world.create("gone")
    world.create("next")
    world.delete("gone")
    world.cancel(world.only_run("busy"))
    assert world.states("next") == ["succeeded"]


def test_all_jobs_go_at_once() -> None:
    world = family(a=[], b=["a"], c=["a", "b"])
    world.create("off", schedule=NEVER, disabled=True)
    world.script["runs"] = [FOR_EVER]
    world.create("runs")
    world.tell(inputs.DeleteAllJobs())
    assert world.state.jobs == {}
    assert world.state.children == {}
    assert not world.state.jobs.disabled
    assert len(world.state.runs) == world.state.counts["running"] == 1


def test_deleting_all_jobs_is_one_record_however_many_there_are() -> None:
    world = family(a=[], b=["a"], c=["a", "b"])
    assert len(world.tell(inputs.DeleteAllJobs()).records) == 1
    assert len(world.tell(inputs.DeleteAllJobs()).records) == 1


def test_jobs_that_go_with_one_go_step_by_step() -> None:
    world = World()
    world.create("parent", schedule=NEVER)
    for number in range(50):
        world.create(f"child {number}", parent_jobs=["parent"])
    steps = deciding(world.state, inputs.DeleteJob(id=id_of("parent")), world.now, Limits())
    there = [len(world.state.jobs), *(len(world.state.jobs) for _ in steps)]
    assert there[-1] == 0
    assert all(before - after <= 1 for before, after in pairwise(there))
