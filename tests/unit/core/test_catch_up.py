"""What becomes of slots that were missed while the server was down or the job disabled."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from kala_server.core.decide.slots import CATCH_UP_LIMIT
from kala_server.core.model.job import CatchUp, RunState, Trigger
from tests.unit.core.simulation import FOR_EVER, World, lasting, times, utc

HOURLY = "R/2030-01-01T01:00:00Z/PT1H"
DOWN, DISABLED = "the server was down", "the job was disabled"


def crashed(world: World, length: timedelta) -> None:
    world.crash(down=length)


def stopped(world: World, length: timedelta) -> None:
    world.stop(down=length)


def disabled(world: World, length: timedelta) -> None:
    world.disable("job")
    world.advance(length)
    world.enable("job")


def changed_back(world: World, length: timedelta) -> None:
    spec = world.job("job").spec
    as_before: dict[str, Any] = {
        "schedule": spec.schedule,
        "catch_up": spec.catch_up,
        "misfire_grace": spec.misfire_grace,
    }
    world.change("job", disabled=True, **as_before)
    world.advance(length)
    world.change("job", **as_before)


ABSENT = pytest.mark.parametrize(
    ("absent", "reason"),
    [(crashed, DOWN), (stopped, DOWN), (disabled, DISABLED), (changed_back, DISABLED)],
)
Absent = Callable[[World, timedelta], None]


def gone_for(hours: float, absent: Absent, **spec: Any) -> World:
    world = World()
    world.create("job", schedule=HOURLY, **spec)
    world.advance(timedelta(minutes=30))
    absent(world, timedelta(hours=hours))
    return world


@ABSENT
@pytest.mark.parametrize("policy", [None, CatchUp.ONE])
def test_one_runs_the_latest_missed_slot_and_skips_those_before(
    absent: Absent, reason: str, policy: CatchUp | None
) -> None:
    world = gone_for(5, absent, catch_up=policy)
    skipped, caught_up = world.runs("job")
    assert (skipped.scheduled_at, skipped.last_scheduled_at) == (
        utc("2030-01-01 01:00"),
        utc("2030-01-01 04:00"),
    )
    assert (skipped.count, skipped.reason, skipped.state) == (4, reason, RunState.SKIPPED)
    assert (caught_up.scheduled_at, caught_up.trigger) == (utc("2030-01-01 05:00"), Trigger.CATCH_UP)
    assert caught_up.started_at == utc("2030-01-01 05:30")
    assert world.job("job").next_at == utc("2030-01-01 06:00")


@ABSENT
def test_none_runs_no_missed_slot_and_skips_them_all(absent: Absent, reason: str) -> None:
    world = gone_for(5, absent, catch_up="none")
    skipped = world.only_run("job")
    assert (skipped.count, skipped.reason) == (5, reason)
    world.advance(timedelta(minutes=30))
    assert world.started("job") == times("2030-01-01 06:00")


@ABSENT
def test_all_runs_every_missed_slot_one_after_another(absent: Absent, reason: str) -> None:
    world = World()
    world.script["job"] = [lasting(60)]
    world.create("job", schedule=HOURLY, catch_up="all")
    absent(world, timedelta(hours=3))
    assert {run.trigger for run in world.runs("job")} == {Trigger.CATCH_UP}
    assert [run.reason for run in world.runs("job") if run.state is RunState.WAITING] == [reason] * 2
    world.advance(timedelta(minutes=30))
    assert world.slots_run("job") == times("2030-01-01 01:00", "2030-01-01 02:00", "2030-01-01 03:00")
    assert world.started("job") == times("2030-01-01 03:00", "2030-01-01 03:01", "2030-01-01 03:02")
    assert world.most_running == 1


def test_all_runs_no_more_than_its_limit_the_latest_ones() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T00:01:00Z/PT1M", catch_up="all", keep_runs=1000)
    world.crash(down=timedelta(minutes=250))
    skipped, *caught_up = world.runs("job")
    assert (skipped.count, skipped.reason) == (150, DOWN)
    assert len(caught_up) == CATCH_UP_LIMIT == 100
    assert caught_up[-1].scheduled_at == world.now


def test_all_beside_each_other_where_overlap_is_allowed() -> None:
    world = World()
    world.script["job"] = [lasting(60)]
    world.create("job", schedule=HOURLY, catch_up="all", overlap="allow")
    world.crash(down=timedelta(hours=3))
    assert world.states("job") == ["running"] * 3


def test_kalas_own_flag_for_resuming_at_the_next_slot_means_none() -> None:
    world = gone_for(3, crashed, resume_at_next_scheduled_time=True)
    assert world.only_run("job").count == 3


def test_a_policy_that_was_named_goes_before_kalas_own_flag() -> None:
    world = gone_for(3, crashed, resume_at_next_scheduled_time=True, catch_up="one")
    assert world.slots_run("job") == times("2030-01-01 03:00")


@ABSENT
def test_what_is_later_than_its_grace_does_not_run(absent: Absent, reason: str) -> None:
    world = gone_for(5, absent, misfire_grace="PT29M")
    skipped = world.only_run("job")
    assert (skipped.count, skipped.reason) == (5, "later than its misfire_grace")
    assert reason != skipped.reason


def test_what_is_just_within_its_grace_runs() -> None:
    world = gone_for(5, crashed, misfire_grace="PT30M")
    assert world.slots_run("job") == times("2030-01-01 05:00")


def test_all_runs_only_what_is_within_its_grace() -> None:
    world = gone_for(5, crashed, misfire_grace="PT100M", catch_up="all")
    assert world.slots_run("job") == times("2030-01-01 04:00", "2030-01-01 05:00")
    assert world.runs("job")[0].count == 3


def test_a_slot_that_is_only_a_little_late_is_beyond_a_grace_that_is_shorter() -> None:
    world = World()
    world.create("job", schedule=HOURLY, misfire_grace="PT2S")
    world.sleep(timedelta(hours=1, seconds=3))
    assert world.reasons("job") == ["later than its misfire_grace"]


def test_nothing_is_caught_up_where_nothing_was_missed() -> None:
    world = gone_for(0.4, crashed)
    assert world.runs("job") == []
    assert world.job("job").next_at == utc("2030-01-01 01:00")


def test_a_slot_at_the_very_moment_of_the_restart_was_missed() -> None:
    world = gone_for(0.5, crashed)
    assert world.only_run("job").trigger is Trigger.CATCH_UP


def test_the_last_slot_of_a_schedule_is_caught_up_and_then_there_is_none() -> None:
    world = World()
    world.create("job", schedule="R2/2030-01-01T01:00:00Z/PT1H")
    world.crash(down=timedelta(days=1))
    assert world.slots_run("job") == times("2030-01-01 03:00")
    assert world.job("job").next_at is None


def test_a_catch_up_waits_behind_a_command_that_outlived_the_crash() -> None:
    world = World()
    world.script["job"] = [lasting(timedelta(hours=3))]
    world.create("job", schedule=HOURLY)
    world.advance(timedelta(hours=1))
    survivor = world.only_run("job").id
    world.crash(down=timedelta(hours=1), survivors=frozenset({survivor}))
    assert [(run.state, run.cause) for run in world.runs("job")] == [
        (RunState.RUNNING, ""),
        (RunState.WAITING, survivor),
    ]


def test_missed_slots_of_two_absences_are_told_apart_by_the_run_between_them() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", schedule=HOURLY)
    for _ in range(2):
        world.disable("job")
        world.advance(timedelta(hours=3))
        world.enable("job")
    first, running, second, waiting = world.runs("job")
    assert (first.count, second.count) == (2, 2)
    assert first.last_scheduled_at is not None
    assert first.last_scheduled_at < running.scheduled_at < second.scheduled_at < waiting.scheduled_at


def test_skips_that_follow_each_other_for_one_reason_are_one_entry_as_old_as_its_latest_slot() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", schedule=HOURLY, overlap="skip")
    world.advance(timedelta(hours=5))
    _, skipped = world.runs("job")
    assert (skipped.count, skipped.queued_at) == (4, utc("2030-01-01 02:00"))
    assert skipped.finished_at == skipped.last_scheduled_at == utc("2030-01-01 05:00")
