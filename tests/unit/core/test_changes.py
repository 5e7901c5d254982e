"""What a change of a job does to its slots and to its runs, and what it leaves alone."""

from datetime import timedelta

import pytest

from kala_server.core.errors import ChangedMeanwhileError, InvalidJobError
from kala_server.core.model import effects, inputs
from kala_server.core.model.job import RunState, Trigger
from tests.unit.core import invariants
from tests.unit.core.simulation import FOR_EVER, WORKS, World, id_of, lasting, new_job, times, utc

HOURLY = "R/2030-01-01T01:00:00Z/PT1H"


def hourly() -> World:
    world = World()
    world.on_records = lambda world: invariants.check(world.state)
    world.create("job", schedule=HOURLY)
    world.advance(timedelta(minutes=90))
    return world


def test_a_change_that_is_not_about_the_schedule_leaves_the_slots_alone() -> None:
    world = hourly()
    world.change("job", schedule=HOURLY, command="false", retries=3)
    assert world.job("job").spec.command == "false"
    assert world.job("job").next_at == utc("2030-01-01 02:00")
    world.advance(timedelta(hours=2))
    assert world.started("job") == times("2030-01-01 01:00", "2030-01-01 02:00", "2030-01-01 03:00")


def test_a_schedule_whose_start_has_passed_is_no_fault_where_it_is_not_changed() -> None:
    world = hourly()
    world.advance(timedelta(days=10))
    world.change("job", schedule=HOURLY, owner="somebody else")
    assert world.job("job").next_at == utc("2030-01-11 02:00")


def test_a_new_schedule_starts_anew() -> None:
    world = hourly()
    world.change("job", schedule="R1/2030-01-01T01:45:00Z/PT20M")
    world.advance(timedelta(hours=5))
    assert world.started("job") == times("2030-01-01 01:00", "2030-01-01 01:45", "2030-01-01 02:05")


def test_of_a_new_schedule_something_must_be_left() -> None:
    world = hourly()
    with pytest.raises(InvalidJobError, match="has passed"):
        world.change("job", schedule="R2/2029-01-01T01:00:00Z/PT2H")
    assert world.job("job").spec.schedule == HOURLY


def test_a_new_schedule_may_have_started_and_goes_on_from_now() -> None:
    world = hourly()
    world.change("job", schedule="R/2029-01-01T01:10:00Z/PT2H")
    assert world.job("job").next_at == utc("2030-01-01 03:10")
    world.advance(timedelta(hours=4))
    assert world.slots_run("job") == times("2030-01-01 01:00", "2030-01-01 03:10", "2030-01-01 05:10")


@pytest.mark.parametrize("schedule", [HOURLY, "0 * * * *"])
def test_the_same_schedule_said_anew_begins_anew_and_repeats_no_slot(schedule: str) -> None:
    world = World()
    world.create("job", schedule=schedule)
    world.advance("2030-01-01 03:00")
    world.say_anew("job", schedule=schedule)  # at the very instant of a slot
    world.advance("2030-01-01 04:00")
    assert world.slots_run("job") == times(*(f"2030-01-01 0{hour}:00" for hour in (1, 2, 3, 4)))


def test_a_job_that_a_wrong_clock_left_due_in_a_far_year_begins_anew_where_its_schedule_is_said_again() -> (
    None
):
    world = World()
    world.create("job", schedule=HOURLY, catch_up="none")
    world.step_clock(timedelta(days=70 * 365))
    world.step_clock(-timedelta(days=70 * 365))
    assert world.job("job").next_at > utc("2099-01-01 00:00")  # type: ignore[operator]
    world.say_anew("job", schedule=HOURLY, catch_up="none")
    assert world.job("job").next_at == utc("2030-01-01 01:00")
    world.crash(down=timedelta(minutes=90))
    world.advance("2030-01-01 02:00")
    assert world.slots_run("job")[0] == utc("2030-01-01 02:00")


def test_a_schedule_that_is_over_may_be_said_again() -> None:
    world = World()
    once = "R0/2030-01-01T01:00:00Z/PT1S"
    world.create("job", schedule=once)
    world.advance("2030-01-01 02:00")
    world.say_anew("job", schedule=once, description="as it was read")
    assert world.job("job").next_at is None
    assert world.slots_run("job") == times("2030-01-01 01:00")


def test_a_new_zone_starts_anew_too() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T09:00:00/P1D")
    world.change("job", schedule="R/2030-01-01T09:00:00/P1D", timezone="America/Los_Angeles")
    assert world.job("job").next_at == utc("2030-01-01 17:00")


def test_a_schedule_that_is_taken_away_leaves_no_slots() -> None:
    world = hourly()
    world.change("job")
    world.advance(timedelta(days=1))
    assert world.started("job") == times("2030-01-01 01:00")
    assert world.job("job").next_at is None


def test_a_job_that_ran_once_is_given_a_schedule() -> None:
    world = World()
    world.create("job")
    world.change("job", schedule=HOURLY)
    world.advance("2030-01-01 01:00")
    assert [run.trigger for run in world.runs("job")] == [Trigger.SCHEDULE] * 2


def test_slots_that_passed_while_disabled_are_told_before_a_new_schedule_takes_over() -> None:
    world = World()
    world.create("job", schedule=HOURLY, disabled=True)
    world.advance(timedelta(hours=3))
    world.change("job", schedule="R0/2030-01-02T00:00:00Z/PT1H")
    world.advance(timedelta(days=1))
    skipped, ran = world.runs("job")
    assert (skipped.count, skipped.reason, skipped.last_scheduled_at) == (
        3,
        "the job was disabled",
        utc("2030-01-01 03:00"),
    )
    assert ran.scheduled_at == utc("2030-01-02 00:00")


def test_a_disabled_job_with_nothing_missed_has_nothing_to_tell() -> None:
    world = World()
    world.create("job", schedule=HOURLY, disabled=True)
    world.change("job", schedule="R0/2030-01-02T00:00:00Z/PT1H", disabled=True)
    world.change("job", disabled=True)
    world.change("job", schedule=HOURLY, disabled=True)
    assert world.runs("job") == []


def test_a_job_that_became_a_child_before_its_only_slot_has_none_to_tell() -> None:
    world = World()
    world.create("parent", schedule=HOURLY)
    world.create("job", disabled=True)
    world.change("job", parent_jobs=["parent"], disabled=True)
    world.change("job", schedule=HOURLY)
    assert world.runs("job") == []
    assert world.job("job").next_at == utc("2030-01-01 01:00")


def test_a_slot_that_was_not_noticed_yet_runs_before_a_new_schedule_takes_over() -> None:
    world = World()
    world.create("job", schedule=HOURLY)
    world.now = utc("2030-01-01 01:00")
    world.change("job", schedule="R0/2030-01-02T00:00:00Z/PT1H")
    assert world.started("job") == times("2030-01-01 01:00")


def test_a_job_without_slots_that_becomes_a_child_before_it_ran_waits_for_its_parents() -> None:
    world = World()
    world.create("parent", schedule=HOURLY)
    world.create("job", disabled=True)
    world.change("job", parent_jobs=["parent"])
    assert world.started("job") == []
    assert world.job("job").next_at is None
    world.start("parent")
    assert world.states("job") == ["succeeded"]


def test_a_change_can_disable_and_enable() -> None:
    world = hourly()
    world.change("job", schedule=HOURLY, disabled=True)
    assert len(world.state.jobs.disabled) == 1
    world.advance(timedelta(hours=3))
    world.change("job", schedule=HOURLY)
    assert not world.state.jobs.disabled
    assert [run.count for run in world.runs("job")] == [1, 2, 1]
    assert world.reasons("job")[1] == "the job was disabled"


def test_a_run_that_waits_is_carried_out_as_the_job_says_when_it_starts() -> None:
    world = World()
    world.script["job"] = [lasting(60)]
    world.create("job")
    world.start("job")
    world.change("job", command="echo new")
    world.advance(timedelta(minutes=2))
    started = [
        effect.job.spec.command for effect in world.effects if isinstance(effect, effects.StartAttempt)
    ]
    assert started == ["true", "echo new"]


def test_a_run_that_is_there_goes_on_whatever_becomes_of_its_job() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job")
    world.change("job", schedule=HOURLY, overlap="skip")
    world.advance(timedelta(hours=2))
    assert [run.state for run in world.runs("job")] == [RunState.RUNNING, RunState.SKIPPED]


@pytest.mark.parametrize("overlap", ["skip", "queue", "allow", "replace"])
def test_a_slot_that_comes_again_after_the_clock_was_put_back_takes_no_place_of_another(overlap: str) -> None:
    world = hourly()
    world.script["job"] = [WORKS, WORKS, FOR_EVER]
    world.create("other", schedule="*/5 * * * *")
    world.advance(timedelta(hours=2, minutes=20))
    before = world.runs("job")
    world.step_clock(-timedelta(minutes=55))
    world.change("job", schedule="*/30 * * * *", overlap=overlap, keep_runs=3)
    world.advance(timedelta(hours=1))
    again = [run for run in world.runs("job") if run.scheduled_at == before[-1].scheduled_at]
    assert len({run.id for run in again}) == 2
    assert world.state.size == len(list(world.state.snapshot()))
    world.crash()
    world.advance(timedelta(hours=1))
    assert world.runs("other")[-1].scheduled_at == world.now


def test_fewer_runs_are_kept_at_once() -> None:
    world = hourly()
    world.advance(timedelta(hours=8))
    world.change("job", schedule=HOURLY, keep_runs=2)
    assert [run.scheduled_at for run in world.runs("job")] == times("2030-01-01 08:00", "2030-01-01 09:00")


def test_parents_are_added_and_taken_away() -> None:
    world = World()
    for name in ("a", "b", "c"):
        world.create(name, schedule=HOURLY)
    world.create("child", parent_jobs=["a", "b"])
    world.change("child", parent_jobs=["b", "c"])
    assert world.state.children == {id_of("b"): (id_of("child"),), id_of("c"): (id_of("child"),)}
    world.start("a")
    assert world.runs("child") == []
    world.start("c")
    assert world.states("child") == ["succeeded"]


def test_a_change_made_from_what_the_job_no_longer_says_is_refused() -> None:
    world = hourly()
    before = world.job("job")
    world.start("job")
    first = inputs.ChangeJob(
        id=before.id, spec=new_job("job", schedule=HOURLY, retries=1).spec, made_from=before
    )
    world.tell(first)
    with pytest.raises(ChangedMeanwhileError, match="changed by somebody else meanwhile"):
        world.tell(first)
    assert world.job("job").spec.retries == 1
