"""The server ends while commands run: what is known of them, what is not, and what goes on."""

from datetime import timedelta

import pytest

from kala_server.core.model import effects, inputs
from kala_server.core.model import records as r
from kala_server.core.model.job import RunState, Trigger
from tests.unit.core.invariants import contents
from tests.unit.core.simulation import FAILS, FOR_EVER, START, WORKS, World, lasting, rebuilt, seconds, utc

UNKNOWN = "the server stopped before the command ended; whether it did its work is not known"


def test_a_run_that_a_crash_cut_off_is_interrupted_and_not_repeated() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", retries=3)
    world.crash(down=timedelta(minutes=1))
    run = world.only_run("job")
    assert (run.state, run.reason) == (RunState.INTERRUPTED, UNKNOWN)
    assert run.finished_at == START + timedelta(minutes=1)
    world.advance(timedelta(days=1))
    assert world.started("job") == [START]
    assert world.job("job").tally.error_count == 1


def test_a_crash_between_the_record_of_a_start_and_the_start_itself_is_an_interruption() -> None:
    world = World()
    world.create("job", schedule="R0/2030-01-01T01:00:00Z/PT1H")
    world.now = utc("2030-01-01 01:00")
    world.decide(inputs.Tick())
    world.crash()
    assert world.states("job") == ["interrupted"]
    assert not [effect for effect in world.effects if isinstance(effect, effects.StartAttempt)]


def test_a_run_that_waited_goes_on_waiting_and_runs() -> None:
    world = World()
    world.script["job"] = [FOR_EVER, WORKS]
    world.create("job")
    waiting = world.start("job")
    world.crash(down=timedelta(hours=1))
    assert world.states("job") == ["interrupted", "succeeded"]
    assert world.state.runs[waiting].scheduled_at == START


def test_an_interrupted_run_is_repeated_where_its_job_asks_for_it() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", schedule="R0/2030-01-01T01:00:00Z/PT1H", rerun_interrupted=True)
    world.advance(timedelta(hours=1))
    world.crash(down=timedelta(minutes=10))
    interrupted, again = world.runs("job")
    assert interrupted.state is RunState.INTERRUPTED
    assert (again.state, again.trigger, again.cause) == (
        RunState.RUNNING,
        Trigger.CATCH_UP,
        interrupted.id,
    )
    assert again.reason == "again, because the first was interrupted"
    assert again.scheduled_at == interrupted.scheduled_at


def test_a_repetition_that_is_interrupted_is_repeated_under_another_id() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", rerun_interrupted=True)
    for _ in range(3):
        world.crash(down=timedelta(minutes=1))
    assert world.states("job") == ["interrupted"] * 3 + ["running"]
    assert len({run.id for run in world.runs("job")}) == 4


def test_a_run_that_a_stop_cut_off_is_repeated_after_it_where_its_job_asks_for_it() -> None:
    world = World()
    world.script["job"] = [FOR_EVER, WORKS]
    world.create("job", rerun_interrupted=True)
    world.stop(down=timedelta(hours=1))
    assert world.states("job") == ["interrupted", "succeeded"]
    assert world.started("job") == [START, START + timedelta(hours=1)]


def test_a_run_that_was_being_cancelled_is_cancelled_and_never_repeated() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", rerun_interrupted=True)
    world.decide(inputs.CancelRun(run_id=world.only_run("job").id))
    world.crash()
    run = world.only_run("job")
    assert (run.state, run.reason) == (RunState.CANCELLED, "cancelled by request")


def test_a_run_that_was_being_ended_for_its_timeout_has_timed_out_and_is_tried_again() -> None:
    world = World()
    world.script["job"] = [FOR_EVER, WORKS]
    world.create("job", retries=1, timeout="PT1M")
    world.now += seconds(60)
    world.decide(inputs.Tick())
    world.crash()
    run = world.only_run("job")
    assert (run.state, run.attempts) == (RunState.SUCCEEDED, 2)


def test_a_command_that_outlived_its_server_is_waited_for() -> None:
    world = World()
    world.script["job"] = [lasting(60)]
    world.create("job")
    run_id = world.only_run("job").id
    world.crash(down=seconds(30), survivors=frozenset({run_id}))
    assert world.states("job") == ["running"]
    world.advance(seconds(30))
    assert world.states("job") == ["succeeded"]


def test_a_command_that_outlived_its_server_may_end_with_nobody_knowing_how() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", retries=3)
    run_id = world.only_run("job").id
    world.crash(survivors=frozenset({run_id}))
    world.tell(
        inputs.Ended(run_id=run_id, succeeded=False, state=RunState.INTERRUPTED, reason="nobody knows")
    )
    run = world.only_run("job")
    assert (run.state, run.reason, run.attempts) == (RunState.INTERRUPTED, "nobody knows", 1)


def test_a_command_that_was_to_be_ended_and_outlived_the_crash_is_ended_after_it() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job")
    run_id = world.only_run("job").id
    world.decide(inputs.CancelRun(run_id=run_id))
    world.crash(survivors=frozenset({run_id}))
    assert world.states("job") == ["cancelled"]


def test_an_interrupted_parent_is_a_parent_that_did_not_succeed() -> None:
    world = World()
    world.script["parent"] = [FOR_EVER]
    world.create("parent")
    world.create("child", parent_jobs=["parent"])
    world.crash()
    assert world.reasons("child") == ["its parent did not succeed"]


def test_a_deleted_jobs_command_is_forgotten_at_the_next_start() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", rerun_interrupted=True)
    world.delete("job")
    assert len(world.running()) == 1
    world.crash()
    assert world.state.runs == {}
    assert world.state.counts["running"] == 0


def test_a_stop_ends_what_runs_and_keeps_what_waits() -> None:
    world = World(max_running=1)
    world.script["slow"] = [FOR_EVER, WORKS]
    world.create("slow")
    world.create("next")
    world.stop(down=timedelta(hours=1))
    assert (world.only_run("slow").state, world.only_run("slow").reason) == (
        RunState.INTERRUPTED,
        "the server was stopped",
    )
    assert world.started("next") == [START + timedelta(hours=1)]


def test_a_stop_asks_again_for_nothing_that_is_being_ended() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job")
    world.decide(inputs.CancelRun(run_id=world.only_run("job").id))
    assert world.decide(inputs.EndEverything()).records == []


def test_an_attempt_has_a_handle_of_its_own_that_is_known_before_it_is_started() -> None:
    world = World()
    world.script["job"] = [lasting(1, succeeds=False), FOR_EVER]
    world.create("job", retries=1)
    run = world.only_run("job")
    assert run.handle == f"{run.id}.1"
    world.advance(seconds(1))
    assert world.only_run("job").handle == f"{run.id}.2"


def test_a_snapshot_builds_the_very_same_state() -> None:
    world = World(max_running=3)
    world.script["fails"], world.script["slow"] = [FAILS], [FOR_EVER]
    world.create("fails", retries=1, retry_delay="PT1H")
    world.create("slow", overlap="allow", timeout="PT1H")
    world.start("slow")
    world.create("gone", schedule="R/2030-01-01T01:00:00Z/PT1H")
    world.script["gone"] = [FOR_EVER]
    world.start("gone")
    world.delete("gone")
    world.create("child", parent_jobs=["slow", "fails"], wait_for="all")
    records = list(world.state.snapshot())
    assert len(records) == world.state.size
    again = rebuilt(records)
    assert contents(again) == contents(world.state)
    assert again.next_due() == world.state.next_due() == START + timedelta(hours=1)


@pytest.mark.parametrize("order", [["first", "second"], ["second", "first"]])
def test_a_snapshot_keeps_the_order_of_ledgers_and_of_children(order: list[str]) -> None:
    world = World()
    world.create("parent", disabled=True)
    world.create("first", parent_jobs=["parent"], disabled=True)
    world.create("second", disabled=True)
    if order == ["second", "first"]:
        world.change("first", disabled=True)
    world.change("second", parent_jobs=["parent"], disabled=True)
    world.change("first", parent_jobs=["parent"], disabled=True)
    world.script["ends late"] = [lasting(60), lasting(1)]
    world.create("ends late", overlap="allow")
    world.start("ends late")
    world.advance(seconds(60))
    known = contents(world.state)
    assert contents(rebuilt(world.state.snapshot())) == known
    names = [world.state.jobs[job_id].spec.name for job_id in known["children"][world.job("parent").id]]
    assert names == order


def test_a_snapshot_is_of_the_moment_when_it_was_asked_for() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T01:00:00Z/PT1H")
    known = {name: dict(table) for name, table in contents(world.state).items()}
    snapshot = world.state.snapshot()
    world.advance(timedelta(hours=3))
    world.create("another")
    assert contents(rebuilt(snapshot)) == known


def test_who_starts_last_is_on_record_for_the_server() -> None:
    world = World()
    world.create("job", schedule="R1/2030-01-01T01:00:00Z/PT1H")
    assert "last_attempted_run" not in world.state.times
    world.advance(timedelta(days=1))
    assert world.state.times == {"created_at": START, "last_attempted_run": utc("2030-01-01 02:00")}
    assert next(iter(world.state.snapshot())) == r.ServerKept(
        created_at=START, last_attempted_run=utc("2030-01-01 02:00")
    )
