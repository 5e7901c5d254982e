"""A START that passed while the request was on its way is late, but not missed: it runs, and no slot runs twice."""

from datetime import timedelta

import pytest

from kala_server.core.errors import InvalidJobError
from kala_server.core.model.job import RunState, Trigger
from tests.unit.core.simulation import START, World, lasting, seconds, times, utc

PASSED = [0, 0.02, 0.38, 1, 9.999]
"""Seconds since START: what was seen on busy machines, and the limits."""


def ago(passed: float) -> str:
    return (START - seconds(passed)).isoformat()


@pytest.mark.parametrize("passed", PASSED)
@pytest.mark.parametrize("catch_up", ["none", "one", "all"])
def test_a_start_that_has_just_passed_runs_at_once_as_a_slot_on_time(passed: float, catch_up: str) -> None:
    world = World()
    world.create("job", schedule=f"R1/{ago(passed)}/PT1H", catch_up=catch_up)
    [run] = world.runs("job")
    assert (run.scheduled_at, run.started_at, run.trigger) == (
        START - seconds(passed),
        START,
        Trigger.SCHEDULE,
    )
    world.advance(timedelta(hours=5))
    assert world.slots_run("job") == [START - seconds(passed), START - seconds(passed) + timedelta(hours=1)]


@pytest.mark.parametrize("zone", ["", "Europe/Berlin"])
def test_it_runs_once_whatever_happens_then(zone: str) -> None:
    world = World()
    world.create("job", schedule=f"R1/{ago(2)}/PT1H", timezone=zone)
    world.crash(down=seconds(1))
    world.disable("job")
    world.enable("job")
    world.say_anew("job", schedule=f"R1/{ago(2)}/PT1H", timezone=zone)
    assert world.slots_run("job") == [START - seconds(2)]


@pytest.mark.parametrize("zone", ["", "Europe/Berlin"])
def test_of_a_job_that_is_created_disabled_it_is_in_the_ledger_too(zone: str) -> None:
    world = World()
    world.create("job", schedule=f"R0/{ago(2)}/", timezone=zone, disabled=True, catch_up="none")
    world.crash(down=seconds(60))
    assert world.runs("job") == []
    world.enable("job")
    [run] = world.runs("job")
    assert (run.scheduled_at, run.state) == (START - seconds(2), RunState.SKIPPED)


def test_slots_that_followed_it_meanwhile_take_their_turns() -> None:
    world = World()
    world.script["job"] = [lasting(0.1)]
    world.create("job", schedule=f"R2/{ago(2)}/PT1S")
    world.advance(seconds(1))
    assert world.slots_run("job") == [START - seconds(2), START - seconds(1), START]


def test_a_job_that_allows_less_skips_it_and_says_so() -> None:
    world = World()
    world.create("job", schedule=f"R0/{ago(2)}/", misfire_grace="PT1S")
    [run] = world.runs("job")
    assert run.state is RunState.SKIPPED
    assert "misfire_grace" in run.reason or "late" in run.reason


@pytest.mark.parametrize("passed", PASSED)
@pytest.mark.parametrize("disabled", [False, True])
def test_a_new_schedule_of_a_job_may_have_just_passed_too(passed: float, disabled: bool) -> None:
    world = World()
    world.create("job", schedule="R/2035-01-01T00:00:00Z/P1D", disabled=disabled)
    world.change("job", schedule=f"R0/{ago(passed)}/", catch_up="none")
    assert world.slots_run("job") == [START - seconds(passed)]


@pytest.mark.parametrize("zone", ["", "Europe/Berlin"])
@pytest.mark.parametrize("between", [[], ["R/2035-01-01T00:00:00Z/P1D"], ["* * * * *"]])
def test_a_slot_that_ran_is_not_repeated_by_a_new_schedule_with_the_same_start(
    between: list[str], zone: str
) -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T00:00:01Z/P1D", timezone=zone)
    world.advance(seconds(3))
    for schedule in [*between, "R/2030-01-01T00:00:01Z/PT1H"]:
        world.change("job", schedule=schedule, timezone=zone)
    assert world.slots_run("job") == times("2030-01-01 00:00:01")
    assert world.job("job").next_at == utc("2030-01-01 01:00:01")
    with pytest.raises(InvalidJobError, match="has passed"):
        world.change("job", schedule="R0/2029-12-31T00:00:00Z/", timezone=zone)


def test_a_run_by_hand_is_no_slot_and_takes_the_place_of_none() -> None:
    world = World()
    world.create("job", schedule="R/2035-01-01T00:00:00Z/P1D")
    world.start("job")
    world.change("job", schedule=f"R0/{ago(1)}/")
    assert [run.trigger for run in world.runs("job")] == [Trigger.SCHEDULE, Trigger.MANUAL]
