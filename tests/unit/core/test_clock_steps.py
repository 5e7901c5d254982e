"""The wall clock is put forward or back, the machine sleeps: no slot runs twice, none is lost."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kala_server.core.model.job import RunState, Trigger
from kala_server.core.model.records import JobKept
from tests.unit.core import oracle
from tests.unit.core.simulation import (
    FAILS,
    FOR_EVER,
    WORKS,
    World,
    id_of,
    lasting,
    rebuilt,
    seconds,
    times,
    utc,
)

HOURLY = oracle.Plan(utc("2030-01-01 01:00"), timedelta(hours=1))


def test_a_clock_that_is_put_back_repeats_no_slot() -> None:
    world = World()
    world.create("job", schedule=HOURLY.schedule)
    world.advance("2030-01-01 03:00")
    world.step_clock(timedelta(hours=-2))
    world.advance("2030-01-01 05:00")
    assert world.slots_run("job") == times(
        "2030-01-01 01:00", "2030-01-01 02:00", "2030-01-01 03:00", "2030-01-01 04:00", "2030-01-01 05:00"
    )


def test_a_clock_that_is_put_forward_loses_no_slot() -> None:
    world = World()
    world.create("job", schedule=HOURLY.schedule)
    world.advance("2030-01-01 01:30")
    world.step_clock(timedelta(hours=4))
    _, skipped, late = world.runs("job")
    assert (skipped.count, skipped.reason) == (3, "the server noticed it too late")
    assert (late.scheduled_at, late.trigger, late.state) == (
        utc("2030-01-01 05:00"),
        Trigger.CATCH_UP,
        RunState.SUCCEEDED,
    )
    oracle.check_ledger(world.job("job"), world.runs("job"), HOURLY, world.now)


@pytest.mark.parametrize("step", [1, -1])
def test_fifty_steps_of_an_hour_repeat_nothing_and_lose_nothing(step: int) -> None:
    plan = oracle.Plan(utc("2030-01-01 00:10"), timedelta(minutes=10))
    world, counter = World(), oracle.StartCounter()
    world.on_records = lambda world: counter.watch(world.history)
    world.create("job", schedule=plan.schedule, keep_runs=10_000)
    for _ in range(50):
        world.advance(timedelta(minutes=61))
        world.step_clock(step * timedelta(hours=1))
        oracle.check_ledger(world.job("job"), world.runs("job"), plan, world.now)


def test_a_machine_that_slept_catches_up_as_the_job_says() -> None:
    world = World()
    world.create("one", schedule=HOURLY.schedule)
    world.create("none", schedule=HOURLY.schedule, catch_up="none")
    world.create("all", schedule=HOURLY.schedule, catch_up="all")
    world.sleep(timedelta(hours=3, minutes=30))
    assert world.slots_run("one") == times("2030-01-01 03:00")
    assert world.slots_run("none") == []
    assert world.slots_run("all") == times("2030-01-01 01:00", "2030-01-01 02:00", "2030-01-01 03:00")
    assert world.started("all") == [world.now] * 3


@pytest.mark.parametrize(
    ("late", "trigger"), [(9.999, Trigger.SCHEDULE), (10, Trigger.CATCH_UP), (11, Trigger.CATCH_UP)]
)
def test_a_slot_noticed_within_ten_seconds_is_on_time(late: float, trigger: Trigger) -> None:
    world = World()
    world.create("job", schedule=HOURLY.schedule)
    world.sleep(timedelta(hours=1) + seconds(late))
    assert world.only_run("job").trigger is trigger


def test_a_command_takes_as_long_as_it_takes_whatever_the_clock_says() -> None:
    world = World()
    world.script["job"] = [lasting(600)]
    world.create("job")
    world.step_clock(timedelta(hours=-1))
    world.advance(seconds(599))
    assert world.states("job") == ["running"]
    world.advance(seconds(1))
    assert world.states("job") == ["succeeded"]


@pytest.mark.parametrize("stored", ["2030-01-01 12:30", "2030-01-01 00:30"])
def test_a_next_slot_that_a_zone_no_longer_has_is_looked_for_anew(stored: str) -> None:
    """A zone's rules change with its data; what an older server took for the next slot may be none today."""
    world = World()
    world.create("job", schedule="R/2030-01-01T09:00:00/P1D", timezone="Europe/Berlin")
    kept = world.job("job")
    moved = JobKept(job=replace(kept, next_at=utc(stored)))
    world.state = rebuilt([*world.journal, moved])
    world.advance("2030-01-02 09:00")
    assert world.slots_run("job")[-1] == utc("2030-01-02 08:00")
    assert world.job("job").next_at == utc("2030-01-03 08:00")


def test_the_id_of_a_run_is_the_same_for_the_same_slot_however_late_it_is_noticed() -> None:
    on_time, late = World(), World()
    for world in (on_time, late):
        world.create("job", schedule=HOURLY.schedule)
    on_time.advance(timedelta(hours=1))
    late.sleep(timedelta(hours=1, minutes=20))
    assert on_time.only_run("job").id == late.only_run("job").id
    assert late.only_run("job").id == oracle.slot_id(id_of("job"), utc("2030-01-01 01:00"))


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1), timedelta(days=-400)])
def test_a_command_has_its_whole_timeout_and_no_more_whatever_the_clock_does(step: timedelta) -> None:
    world = World(script={"job": [FOR_EVER]})
    world.create("job", timeout="PT30M")
    world.advance(timedelta(minutes=10))
    world.step_clock(step)
    world.advance(timedelta(minutes=19))
    assert world.states("job") == ["running"]
    world.advance(timedelta(minutes=2))
    run = world.only_run("job")
    assert run.state is RunState.TIMED_OUT
    assert run.started_at is not None
    assert run.finished_at is not None
    assert run.finished_at - run.started_at == timedelta(minutes=30)


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_retry_comes_after_its_delay_whatever_the_clock_does(step: timedelta) -> None:
    world = World(script={"job": [FAILS, WORKS]})
    world.create("job", retries=1, retry_delay="PT10M")
    world.advance(timedelta(minutes=4))
    world.step_clock(step)
    world.advance(timedelta(minutes=5))
    assert world.states("job") == ["waiting"]
    world.advance(timedelta(minutes=2))
    assert world.states("job") == ["succeeded"]


def test_a_step_while_nothing_is_measured_is_not_worth_a_record() -> None:
    world = World()
    world.create("job", schedule=HOURLY.schedule)
    before = len(world.journal)
    world.step_clock(timedelta(minutes=-5))
    assert len(world.journal) == before
