"""Jobs without a schedule, manual starts, and jobs that are switched off and on."""

from datetime import timedelta

import pytest

from kala_server.core.errors import ConflictError, NotFoundError
from kala_server.core.model.job import RunState, Trigger
from tests.unit.core.simulation import FOR_EVER, START, World, lasting, seconds, times, utc


def test_a_job_without_a_schedule_runs_at_once_and_once() -> None:
    world = World()
    world.create("job")
    world.advance(timedelta(days=400))
    assert world.started("job") == [START]
    assert world.job("job").next_at is None


def test_a_one_off_job_does_not_run_again_after_a_restart() -> None:
    world = World()
    world.create("job")
    for _ in range(3):
        world.stop(down=timedelta(hours=1))
        world.crash(down=timedelta(hours=1))
    assert world.started("job") == [START]


def test_a_one_off_job_that_was_created_disabled_runs_when_it_is_enabled() -> None:
    world = World()
    world.create("job", disabled=True)
    world.advance(timedelta(hours=1))
    assert world.started("job") == []
    world.enable("job")
    assert world.started("job") == [START + timedelta(hours=1)]


def test_a_manual_start_shifts_no_slot() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T01:00:00Z/PT1H")
    world.advance("2030-01-01 00:17")
    world.start("job")
    assert world.job("job").next_at == utc("2030-01-01 01:00")
    world.advance("2030-01-01 01:41")
    world.start("job")
    world.advance("2030-01-01 03:00")
    assert world.started("job") == times(
        "2030-01-01 00:17", "2030-01-01 01:00", "2030-01-01 01:41", "2030-01-01 02:00", "2030-01-01 03:00"
    )


def test_a_manual_start_has_the_id_that_it_was_given() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T01:00:00Z/PT1H")
    run_id = world.start("job")
    run = world.only_run("job")
    assert (run.id, run.trigger, run.scheduled_at) == (run_id, Trigger.MANUAL, START)


def test_a_manual_start_waits_behind_a_run_that_is_there() -> None:
    world = World()
    world.script["job"] = [lasting(60)]
    world.create("job")
    run_id = world.start("job")
    assert world.state.runs[run_id].state is RunState.WAITING
    assert world.state.runs[run_id].cause == world.runs("job")[0].id
    world.advance(seconds(60))
    assert world.state.runs[run_id].state is RunState.RUNNING


def test_a_manual_start_is_refused_where_overlap_is_skip_and_a_run_is_there() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", overlap="skip")
    with pytest.raises(ConflictError, match="an earlier run of 'job' is still there"):
        world.start("job")


def test_a_manual_start_replaces_the_run_that_is_there_where_overlap_is_replace() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", overlap="replace")
    run_id = world.start("job")
    replaced, run = world.state.runs.values()
    assert (replaced.state, replaced.reason, replaced.cause) == (
        RunState.CANCELLED,
        "replaced by a later run",
        run_id,
    )
    assert (run.id, run.state) == (run_id, RunState.RUNNING)


def test_manual_starts_run_beside_each_other_where_overlap_is_allow() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", overlap="allow")
    world.start("job")
    world.start("job")
    assert world.states("job") == ["running"] * 3


def test_a_disabled_job_cannot_be_started() -> None:
    world = World()
    world.create("job", disabled=True)
    with pytest.raises(ConflictError, match="enable it, then start it"):
        world.start("job")


@pytest.mark.parametrize("wish", ["start", "enable", "disable", "delete", "change"])
def test_a_job_that_is_not_there_is_not_found(wish: str) -> None:
    world = World()
    with pytest.raises(NotFoundError, match="there is no job with the id"):
        getattr(world, wish)("nobody")


def test_a_disabled_job_runs_no_slot_and_says_so_once_it_is_enabled() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T01:00:00Z/PT1H", catch_up="none")
    world.advance("2030-01-01 01:30")
    world.disable("job")
    world.advance("2030-01-01 05:30")
    assert world.started("job") == times("2030-01-01 01:00")
    world.enable("job")
    ran, skipped = world.runs("job")
    assert ran.state is RunState.SUCCEEDED
    assert (skipped.scheduled_at, skipped.last_scheduled_at) == (
        utc("2030-01-01 02:00"),
        utc("2030-01-01 05:00"),
    )
    assert (skipped.count, skipped.reason) == (4, "the job was disabled")
    world.advance("2030-01-01 06:00")
    assert world.newest("job").scheduled_at == utc("2030-01-01 06:00")


def test_a_run_that_is_there_goes_on_while_its_job_is_disabled() -> None:
    world = World()
    world.script["job"] = [lasting(60)]
    world.create("job")
    world.disable("job")
    world.advance(seconds(60))
    assert world.states("job") == ["succeeded"]


def test_enabling_what_is_enabled_and_disabling_what_is_disabled_changes_nothing() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T01:00:00Z/PT1H")
    before = len(world.journal)
    world.enable("job")
    assert len(world.journal) == before
    world.disable("job")
    world.disable("job")
    assert len(world.journal) == before + 1
    assert len(world.state.jobs.disabled) == 1


def test_a_disabled_job_wakes_nobody() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T01:00:00Z/PT1H")
    world.disable("job")
    assert world.state.next_due() is None
    assert world.state.next_run_at() is None
    world.enable("job")
    assert world.state.next_due() == world.state.next_run_at() == utc("2030-01-01 01:00")


def test_the_next_run_of_the_server_is_the_earliest_slot_whatever_else_is_due_before() -> None:
    world = World()
    world.script["hangs"] = [FOR_EVER]
    world.create("hangs", timeout="PT1M")
    world.create("later", schedule="R/2030-01-01T02:00:00Z/PT1H")
    world.create("sooner", schedule="R/2030-01-01T01:00:00Z/PT1H")
    world.create("never", disabled=True)
    assert world.state.next_due() == START + timedelta(minutes=1)
    assert world.state.next_run_at() == utc("2030-01-01 01:00")
