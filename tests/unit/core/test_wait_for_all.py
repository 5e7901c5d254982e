"""`wait_for: all` joins one generation: one run of each parent, in whatever order they end."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from kala_server.core.decide.followers import GENERATIONS_LIMIT
from kala_server.core.model.job import RunState
from tests.unit.core.invariants import contents
from tests.unit.core.simulation import FAILS, WORKS, World, id_of, rebuilt

PARENTS = ["a", "b", "c"]
NEVER = "R/2040-01-01T00:00:00Z/P1D"


def family(parents: list[str] = PARENTS, **child: Any) -> World:
    world = World()
    for name in parents:
        world.create(name, schedule=NEVER)
    world.create("child", parent_jobs=parents, wait_for="all", **child)
    return world


@pytest.mark.parametrize("order", list(permutations(PARENTS)))
def test_a_child_runs_once_when_the_last_of_its_parents_has_succeeded(order: tuple[str, ...]) -> None:
    world = family()
    for name in order[:-1]:
        world.start(name)
        assert world.runs("child") == []
    world.start(order[-1])
    run = world.only_run("child")
    assert run.state is RunState.SUCCEEDED
    assert set(run.parents) == {world.only_run(name).id for name in PARENTS}
    assert world.job("child").arrivals == ()


def test_a_parent_that_runs_twice_does_not_count_for_two() -> None:
    world = family(["a", "b"])
    world.start("a")
    world.start("a")
    assert world.runs("child") == []
    world.start("b")
    assert world.only_run("child").parents == (world.runs("a")[0].id, world.only_run("b").id)
    world.start("b")
    first, second = world.runs("child")
    assert second.parents == (world.runs("a")[1].id, world.runs("b")[1].id)
    assert first.id != second.id


@pytest.mark.parametrize("failing", PARENTS)
@pytest.mark.parametrize("order", [PARENTS, PARENTS[::-1]])
def test_a_generation_with_a_failure_does_not_run_and_names_it(failing: str, order: list[str]) -> None:
    world = family()
    world.script[failing] = [FAILS, WORKS]
    for name in order:
        world.start(name)
    skipped = world.only_run("child")
    assert (skipped.state, skipped.reason) == (RunState.SKIPPED, "its parent did not succeed")
    assert skipped.cause == world.only_run(failing).id
    assert len(skipped.parents) == 3
    for name in order:
        world.start(name)
    assert world.states("child") == ["skipped", "succeeded"]


def test_a_half_generation_survives_a_crash_and_a_stop() -> None:
    world = family(["a", "b"])
    world.start("a")
    world.crash(down=timedelta(hours=1))
    world.stop(down=timedelta(hours=1))
    world.start("b")
    assert world.states("child") == ["succeeded"]


def test_with_a_single_parent_there_is_nothing_to_wait_for() -> None:
    world = family(["a"])
    world.start("a")
    assert world.states("child") == ["succeeded"]


def test_disabling_a_child_ends_the_generation_that_was_half_there() -> None:
    world = family(["a", "b"])
    world.start("a")
    world.disable("child")
    world.enable("child")
    world.start("b")
    assert world.runs("child") == []
    world.start("a")
    assert world.states("child") == ["succeeded"]


def test_disabling_a_child_by_a_change_ends_the_generation_that_was_half_there() -> None:
    world = family(["a", "b"])
    world.start("a")
    world.change("child", parent_jobs=["a", "b"], wait_for="all", disabled=True)
    assert world.job("child").arrivals == ()


def test_a_disabled_child_says_for_each_end_of_a_parent_that_it_was_disabled() -> None:
    world = family(["a", "b"], disabled=True)
    world.start("a")
    world.start("b")
    assert world.reasons("child") == ["the job was disabled"] * 2
    assert world.job("child").arrivals == ()


def test_one_that_waited_for_a_deleted_parent_only_runs_at_once() -> None:
    world = family(["a", "b"])
    world.start("a")
    world.start("a")
    ran = [run.id for run in world.runs("a")]
    world.delete("b")
    assert world.job("child").spec.parent_jobs == (id_of("a"),)
    assert [run.parents for run in world.runs("child")] == [(ran[0],), (ran[1],)]


def test_what_a_deleted_parent_had_done_counts_no_more() -> None:
    world = family()
    world.start("a")
    world.start("b")
    world.delete("a")
    assert world.runs("child") == []
    world.start("c")
    assert world.only_run("child").parents == (world.only_run("b").id, world.only_run("c").id)


def test_new_parents_begin_a_new_generation() -> None:
    world = family(["a", "b"])
    world.create("c", schedule=NEVER)
    world.start("a")
    world.change("child", parent_jobs=["a", "c"], wait_for="all")
    world.start("c")
    assert world.runs("child") == []
    world.start("a")
    assert world.states("child") == ["succeeded"]


def test_one_that_has_waited_for_any_in_between_begins_a_new_generation() -> None:
    world = family(["a", "b"])
    world.start("a")
    world.change("child", parent_jobs=["a", "b"], wait_for="any")
    world.start("b")
    world.change("child", parent_jobs=["a", "b"], wait_for="all")
    world.start("b")
    assert world.states("child") == ["succeeded"]


def test_another_change_leaves_a_half_generation_alone() -> None:
    world = family(["a", "b"])
    world.start("a")
    world.change("child", parent_jobs=["a", "b"], wait_for="all", description="new")
    world.start("b")
    assert world.states("child") == ["succeeded"]


def test_of_too_many_runs_of_one_parent_the_newest_is_let_go_and_says_why() -> None:
    world = family(["a", "b"])
    for _ in range(GENERATIONS_LIMIT + 1):
        world.start("a")
    skipped = world.only_run("child")
    assert skipped.reason == "too many runs of this parent were waiting for the other parents"
    assert skipped.parents == (skipped.cause,)
    assert len(world.job("child").arrivals) == GENERATIONS_LIMIT
    world.start("b")
    assert world.states("child").count("succeeded") == 1
    assert contents(rebuilt(world.journal)) == contents(world.state)
