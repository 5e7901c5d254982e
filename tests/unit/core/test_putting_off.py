"""A start that the machine has no room for is none: the run waits, and is tried again."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from kala_server.core.model import inputs
from kala_server.core.model.job import Run, RunState
from kala_server.core.questions.explain import explain, what_it_waits_for
from tests.property.test_engine import check_against_journal, watched
from tests.unit.core.simulation import FAILS, FOR_EVER, START, WORKS, World, id_of, lasting, seconds


def put_off(times: int = 1, **spec: Any) -> World:
    """A world in which the start of the only run was put off so many times up to now, and will be once more."""
    world = watched(World(no_room=1_000))
    world.create("job", **spec)
    for _ in range(times - 1):
        retry_at = world.only_run("job").retry_at
        assert retry_at is not None
        world.advance(retry_at)
    return world


def told(world: World, run: Run) -> str:
    return what_it_waits_for(world.state, run, world.now)


def test_all_is_as_before_the_start_but_for_when_it_is_tried_again() -> None:
    world = World(max_running=0)
    world.create("job")
    before, counts, tally = world.only_run("job"), dict(world.state.counts), world.job("job").tally
    world.max_running, world.no_room = 1, 1
    world.tell(inputs.Tick())
    after = world.only_run("job")
    assert replace(after, retry_at=None, put_off=0, put_off_for="") == before
    assert after.retry_at == START + seconds(1)
    assert world.state.counts == counts
    assert replace(world.job("job").tally, last_attempted_run=None) == tally
    check_against_journal(world)


def test_it_is_tried_again_ever_more_seldom_but_never_seldom() -> None:
    world = put_off(8)
    tries = world.started("job")
    waits = [(after - before).seconds for before, after in pairwise(tries)]
    assert waits == [1, 2, 3, 4, 5, 5, 5]


def test_what_works_at_last_took_one_attempt_and_needed_no_retry() -> None:
    world = put_off(3)
    world.no_room = 0
    world.script["job"] = [FAILS, WORKS]
    world.advance(seconds(10))
    run = world.only_run("job")
    assert (run.state, run.attempts, run.reason) == (RunState.FAILED, 1, "")
    assert (run.put_off, run.put_off_for, run.retry_at) == (0, "", None)
    assert run.started_at == world.started("job")[-1]
    assert world.job("job").tally.error_count == 1


def test_a_second_attempt_that_is_put_off_is_still_the_second() -> None:
    world = watched(World())
    world.script["job"] = [FAILS, WORKS]
    world.create("job", retries=1, retry_delay="PT1M")
    world.no_room = 2
    world.advance(seconds(61))
    run = world.only_run("job")
    assert (run.state, run.attempts, run.started_at) == (RunState.WAITING, 1, START)
    world.advance(seconds(10))
    run = world.only_run("job")
    assert (run.state, run.attempts, run.started_at) == (RunState.SUCCEEDED, 2, START)


def test_it_holds_no_place_and_others_go_first() -> None:
    world = watched(World(max_running=1, no_room=1))
    world.script |= {"job": [FOR_EVER], "other": [lasting(0.5)]}
    world.create("job")
    world.create("other")
    assert (world.states("job"), world.states("other")) == (["waiting"], ["running"])
    world.advance(seconds(1))
    assert (world.states("job"), world.states("other")) == (["running"], ["succeeded"])


def test_it_tells_why_it_waits_and_until_when() -> None:
    world = put_off(2)
    sentence = "waits until the machine has room, and is tried again at 00:00:03: no room"
    assert told(world, world.only_run("job")) == sentence
    assert explain(world.state, world.job("job"), world.now)[0].sentence == sentence


def test_a_reason_that_it_had_before_is_not_lost() -> None:
    world = watched(World())
    world.script["job"] = [FOR_EVER]
    world.create("job", schedule="R/2030-01-01T00:01:00Z/PT1H")
    world.no_room = 1
    world.crash(down=seconds(120))
    for state in ("waiting", "running"):
        assert (world.only_run("job").state, world.only_run("job").reason) == (state, "the server was down")
        world.advance(seconds(10))


def test_it_can_be_cancelled_and_counts_for_nothing() -> None:
    world = put_off()
    world.cancel(world.only_run("job"))
    assert world.states("job") == ["cancelled"]
    assert world.job("job").tally.finished_runs == 0
    world.advance(seconds(60))
    assert len(world.started("job")) == 1


def test_it_goes_with_its_job() -> None:
    world = put_off()
    world.delete("job")
    world.advance(seconds(60))
    assert world.state.runs == {}
    check_against_journal(world)


def test_one_that_is_replaced_is_never_started() -> None:
    world = put_off(schedule="R/2030-01-01T00:00:00Z/PT1S", overlap="replace")
    world.advance(seconds(1))
    assert world.states("job")[0] == "cancelled"


@pytest.mark.parametrize("how", ["stop", "crash"])
def test_it_waits_for_the_next_start_of_the_server(how: str) -> None:
    world = put_off()
    world.no_room = 0
    getattr(world, how)(down=seconds(60))
    assert world.states("job") == ["succeeded"]


def test_a_step_of_the_clock_makes_it_wait_neither_longer_nor_shorter() -> None:
    for step in (-3600, 3600):
        world = put_off()
        world.step_clock(seconds(step))
        assert world.only_run("job").retry_at == START + seconds(step + 1)


# -- while it is not known yet that there is no room


def in_flight(**spec: Any) -> tuple[World, str]:
    """A world in which a run is about to be started."""
    world = watched(World())
    world.create("job", disabled=True, **spec)
    run_id = id_of("run")
    world.enable("job")
    world.decide(inputs.StartJob(id=id_of("job"), run_id=run_id))
    return world, run_id


def test_a_run_that_is_being_cancelled_has_come_to_its_end() -> None:
    world, run_id = in_flight(schedule="R/2035-01-01T00:00:00Z/PT1H")
    world.decide(inputs.CancelRun(run_id=run_id))
    world.tell(inputs.PutOff(run_id=run_id, reason="no room"))
    assert (world.only_run("job").state, world.only_run("job").reason) == (
        "cancelled",
        "cancelled by request",
    )


def test_a_run_whose_job_was_deleted_is_gone() -> None:
    world, run_id = in_flight(schedule="R/2035-01-01T00:00:00Z/PT1H")
    world.delete("job")
    world.tell(inputs.PutOff(run_id=run_id, reason="no room"))
    assert world.state.runs == {}


def test_a_run_that_took_too_long_to_be_put_off_is_tried_again_as_its_job_says() -> None:
    world, run_id = in_flight(schedule="R/2035-01-01T00:00:00Z/PT1H", timeout="PT10S", retries=1)
    world.now += seconds(10)
    world.decide(inputs.Tick())
    world.tell(inputs.PutOff(run_id=run_id, reason="no room"))
    assert (world.only_run("job").state, world.only_run("job").attempts) == ("succeeded", 2)


def test_what_is_not_running_cannot_be_put_off() -> None:
    world = put_off()
    before = len(world.history)
    world.tell(inputs.PutOff(run_id=world.only_run("job").id, reason="no room"))
    world.tell(inputs.PutOff(run_id="nobody", reason="no room"))
    assert len(world.history) == before


def test_a_reason_is_never_longer_than_people_read() -> None:
    world = World()
    for event in (
        lambda run_id: inputs.PutOff(run_id=run_id, reason="é" * 5_000),
        lambda run_id: inputs.Ended(run_id=run_id, succeeded=False, reason="é" * 5_000),
    ):
        world, run_id = in_flight(schedule="R/2035-01-01T00:00:00Z/PT1H")
        world.decide(event(run_id))
        run = world.only_run("job")
        for reason in (run.reason, run.put_off_for):
            assert reason in {"", "é" * 999 + "…"}
        if run.state == "waiting":
            assert len(told(world, run)) <= 1_000
