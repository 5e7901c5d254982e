"""A command that takes too long is ended, and so is one that somebody wants to end."""

from datetime import timedelta

import pytest

from kala_server.core.errors import ConflictError, NotFoundError
from kala_server.core.model import effects, inputs
from kala_server.core.model.job import RunState
from tests.unit.core.simulation import FAILS, FOR_EVER, START, WORKS, World, lasting, seconds


def test_a_command_that_takes_too_long_is_ended() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", timeout="PT1M")
    world.advance(seconds(59))
    assert world.states("job") == ["running"]
    world.advance(seconds(1))
    run = world.only_run("job")
    assert (run.state, run.reason, run.signal) == (RunState.TIMED_OUT, "took longer than its timeout", 15)
    assert effects.EndAttempt(handle=run.handle) in world.effects
    assert world.job("job").tally.error_count == 1


def test_a_command_that_ends_in_time_is_left_alone() -> None:
    world = World()
    world.script["job"] = [lasting(59)]
    world.create("job", timeout="PT1M")
    world.advance(timedelta(hours=1))
    assert world.states("job") == ["succeeded"]


def test_each_attempt_has_the_whole_timeout() -> None:
    world = World()
    world.script["job"] = [FOR_EVER, lasting(59)]
    world.create("job", timeout="PT1M", retries=1, retry_delay="PT10S")
    world.advance(timedelta(hours=1))
    run = world.only_run("job")
    assert (run.state, run.attempts, run.finished_at) == (RunState.SUCCEEDED, 2, START + seconds(129))


def test_a_timeout_counts_from_the_start_and_not_from_the_due_time() -> None:
    world = World(max_running=1)
    world.script["first"], world.script["second"] = [lasting(300)], [lasting(59)]
    world.create("first")
    world.create("second", timeout="PT1M")
    world.advance(timedelta(hours=1))
    assert world.states("second") == ["succeeded"]


def test_a_timeout_that_was_changed_counts_for_the_attempt_that_runs() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", timeout="PT1H")
    world.change("job", timeout="PT1M")
    world.advance(seconds(60))
    assert world.states("job") == ["timed_out"]


def test_a_timeout_that_was_taken_away_counts_no_more() -> None:
    world = World()
    world.script["job"] = [lasting(120)]
    world.create("job", timeout="PT1M")
    world.change("job")
    world.advance(seconds(120))
    assert world.states("job") == ["succeeded"]


def test_a_timeout_counts_on_after_a_crash_that_the_command_outlived() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", timeout="PT1M")
    world.crash(down=seconds(40), survivors=frozenset({world.only_run("job").id}))
    world.advance(seconds(20))
    assert world.states("job") == ["timed_out"]


def test_a_running_command_is_ended_by_request_and_not_tried_again() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", retries=3)
    world.cancel(world.only_run("job"))
    run = world.only_run("job")
    assert (run.state, run.reason, run.attempts) == (RunState.CANCELLED, "cancelled by request", 1)
    assert world.job("job").tally.error_count == 0
    assert world.job("job").tally.finished_runs == 1


def test_a_run_that_is_being_ended_is_cancelled_even_where_its_command_just_made_it() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job")
    run = world.only_run("job")
    world.decide(inputs.CancelRun(run_id=run.id))
    assert (world.only_run("job").state, world.only_run("job").ending) == (
        RunState.RUNNING,
        RunState.CANCELLED,
    )
    world.tell(inputs.Ended(run_id=run.id, succeeded=True, exit_code=0))
    assert world.states("job") == ["cancelled"]


def test_ending_a_run_twice_asks_once() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", timeout="PT1M")
    run_id = world.only_run("job").id
    first = world.decide(inputs.CancelRun(run_id=run_id))
    again = world.decide(inputs.CancelRun(run_id=run_id))
    assert (first.effects, again.effects, again.records) == (
        [effects.EndAttempt(handle=f"{run_id}.1")],
        [],
        [],
    )
    world.now += seconds(90)
    assert world.decide(inputs.Tick()).records == []


def test_a_waiting_run_is_cancelled_and_never_starts() -> None:
    world = World(max_running=1)
    world.script["first"] = [lasting(60)]
    world.create("first")
    world.create("second")
    world.cancel(world.only_run("second"))
    world.advance(timedelta(hours=1))
    run = world.only_run("second")
    assert (run.state, run.reason, run.started_at) == (RunState.CANCELLED, "cancelled by request", None)
    assert world.job("second").tally.finished_runs == 0


def test_a_run_that_waits_for_its_retry_is_cancelled_and_counts_as_finished() -> None:
    world = World()
    world.script["job"] = [FAILS, WORKS]
    world.create("job", retries=1, retry_delay="PT1M")
    world.cancel(world.only_run("job"))
    world.advance(timedelta(hours=1))
    assert world.only_run("job").attempts == 1
    tally = world.job("job").tally
    assert (tally.error_count, tally.finished_runs) == (1, 1)


def test_a_cancelled_run_makes_room_for_the_one_behind_it() -> None:
    world = World()
    world.script["job"] = [FOR_EVER, WORKS]
    world.create("job")
    world.start("job")
    world.cancel(world.runs("job")[0])
    assert world.states("job") == ["cancelled", "succeeded"]


def test_a_run_that_is_over_cannot_be_cancelled() -> None:
    world = World()
    world.create("job")
    with pytest.raises(ConflictError, match="only a waiting or running one can be cancelled"):
        world.cancel(world.only_run("job"))


def test_a_run_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="there is no run with the id nobody's"):
        World().tell(inputs.CancelRun(run_id="nobody's"))
