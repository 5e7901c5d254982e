"""A job for when another one fails, and jobs that would start each other for ever."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from kala_server.core.decide.validation import check_job
from kala_server.core.errors import InvalidJobError
from kala_server.core.model.job import RunState, Trigger
from kala_server.core.steps import A_STEP
from tests.unit.core import invariants
from tests.unit.core.simulation import FAILS, FOR_EVER, WORKS, World, id_of

NEVER = "R/2040-01-01T00:00:00Z/P1D"


def with_helper(**helper: Any) -> World:
    world = World()
    world.on_records = lambda world: invariants.check(world.state)
    world.create("helper", **{"schedule": NEVER, **helper})
    world.create("job", schedule=NEVER, on_failure_job="helper")
    return world


def test_the_job_for_a_failure_runs_when_the_last_attempt_has_failed() -> None:
    world = with_helper()
    world.script["job"] = [FAILS]
    world.change("job", schedule=NEVER, on_failure_job="helper", retries=2)
    failed = world.start("job")
    run = world.only_run("helper")
    assert (run.trigger, run.state, run.cause) == (Trigger.ON_FAILURE, RunState.SUCCEEDED, failed)


def test_the_job_for_a_failure_does_not_run_after_a_success() -> None:
    world = with_helper()
    world.script["job"] = [FAILS, WORKS]
    world.change("job", schedule=NEVER, on_failure_job="helper", retries=1)
    world.start("job")
    assert world.runs("helper") == []


def test_a_timeout_and_an_interruption_are_failures_and_a_cancelling_is_none() -> None:
    world = with_helper()
    world.script["job"] = [FOR_EVER]
    world.change("job", schedule=NEVER, on_failure_job="helper", timeout="PT1M")
    world.start("job")
    world.cancel(world.newest("job"))
    assert world.runs("helper") == []
    world.start("job")
    world.advance(timedelta(minutes=1))
    assert len(world.runs("helper")) == 1
    world.start("job")
    world.crash()
    assert len(world.runs("helper")) == 2


def test_a_disabled_job_for_a_failure_says_why_it_did_not_run() -> None:
    world = with_helper(disabled=True)
    world.script["job"] = [FAILS]
    failed = world.start("job")
    skipped = world.only_run("helper")
    assert (skipped.state, skipped.reason, skipped.cause) == (
        RunState.SKIPPED,
        "the job was disabled",
        failed,
    )
    assert skipped.trigger is Trigger.ON_FAILURE


def test_a_job_for_a_failure_that_is_gone_is_not_missed() -> None:
    world = with_helper()
    world.script["job"] = [FAILS]
    world.delete("helper")
    world.start("job")
    assert world.states("job") == ["failed"]


def test_a_child_that_is_also_there_for_the_failure_tells_both() -> None:
    world = World()
    world.on_records = lambda world: invariants.check(world.state)
    world.script["job"] = [FAILS, WORKS]
    world.create("job", schedule=NEVER)
    world.create("child", parent_jobs=["job"])
    world.change("job", schedule=NEVER, on_failure_job="child")
    world.start("job")
    assert [(run.trigger, run.state) for run in world.runs("child")] == [
        (Trigger.PARENT, RunState.SKIPPED),
        (Trigger.ON_FAILURE, RunState.SUCCEEDED),
    ]
    world.start("job")
    assert [run.state for run in world.runs("child")][2:] == [RunState.SUCCEEDED]


def refusal(world: World, name: str, **spec: Any) -> str:
    before = len(world.journal)
    with pytest.raises(InvalidJobError, match="would start itself again and again") as refused:
        world.change(name, **spec)
    assert len(world.journal) == before
    return refused.value.problems[0].field


def chain() -> World:
    world = World()
    world.create("a", schedule=NEVER)
    world.create("b", parent_jobs=["a"])
    world.create("c", parent_jobs=["b"])
    return world


@pytest.mark.parametrize("parent", ["a", "b", "c"])
def test_a_job_cannot_become_the_child_of_itself_or_of_what_follows_it(parent: str) -> None:
    assert refusal(chain(), "a", parent_jobs=[parent]) == "parent_jobs"


@pytest.mark.parametrize("helper", ["b", "c"])
def test_a_job_cannot_call_for_help_to_what_it_follows_itself(helper: str) -> None:
    world = chain()
    world.create("d", schedule=NEVER)
    assert refusal(world, "c", parent_jobs=["b"], on_failure_job=helper) == "on_failure_job"


def test_two_jobs_cannot_call_each_other_for_help() -> None:
    world = World()
    world.create("a", schedule=NEVER)
    world.create("b", schedule=NEVER, on_failure_job="a")
    assert refusal(world, "a", schedule=NEVER, on_failure_job="b") == "on_failure_job"
    assert refusal(world, "a", schedule=NEVER, on_failure_job="a") == "on_failure_job"


def test_help_and_parents_together_make_no_circle() -> None:
    world = World()
    world.create("a", schedule=NEVER)
    world.create("b", parent_jobs=["a"])
    world.create("c", schedule=NEVER, on_failure_job="a")
    assert refusal(world, "b", parent_jobs=["a"], on_failure_job="c") == "on_failure_job"


def test_a_diamond_is_no_circle() -> None:
    world = chain()
    world.create("helper", schedule=NEVER)
    world.create("d", parent_jobs=["a", "b", "c"], on_failure_job="helper")
    world.start("a")
    assert world.states("d") == ["succeeded"] * 3


def test_the_job_for_a_failure_may_follow_the_job_as_a_child() -> None:
    world = chain()
    world.change("a", schedule=NEVER, on_failure_job="c")
    assert world.job("a").spec.on_failure_job == id_of("c")


def test_what_a_job_leads_to_is_looked_through_step_by_step_however_many_follow() -> None:
    world = with_helper()
    world.state.children[id_of("helper")] = tuple(str(number) for number in range(40_000))
    spec = replace(world.job("job").spec, parent_jobs=(id_of("job"),), on_failure_job=id_of("helper"))
    assert sum(1 for _ in check_job(world.state, id_of("new"), spec)) >= 40_000 // A_STEP
