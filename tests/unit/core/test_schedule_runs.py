"""How often a schedule runs, and that it is due at START + n × PERIOD however long it goes on."""

from datetime import timedelta

import pytest

from kala_server.core.decide.engine import MOST_AT_A_TICK
from kala_server.core.errors import InvalidJobError
from kala_server.core.model import inputs
from kala_server.core.model import records as r
from kala_server.core.model.job import RunState, Trigger
from tests.unit.core.simulation import START, World, id_of, lasting, seconds, times, utc


@pytest.mark.parametrize(("repeat", "runs"), [("R0", 1), ("R1", 2), ("R2", 3), ("R5", 6)])
def test_rn_runs_once_and_then_n_times_more(repeat: str, runs: int) -> None:
    world = World()
    world.create("job", schedule=f"{repeat}/2030-01-01T01:00:00Z/PT1H")
    world.advance(timedelta(days=2))
    assert world.started("job") == [START + n * timedelta(hours=1) for n in range(1, runs + 1)]
    assert world.states("job") == ["succeeded"] * runs
    assert world.job("job").next_at is None
    assert world.state.next_due() is None


@pytest.mark.parametrize("repeat", ["R", "R-1"])
def test_r_runs_for_ever(repeat: str) -> None:
    world = World()
    world.create("job", schedule=f"{repeat}/2030-01-01T01:00:00Z/PT1H", keep_runs=10_000)
    world.advance(timedelta(days=30))
    assert len(world.runs("job")) == 30 * 24
    assert world.job("job").next_at == START + timedelta(days=30, hours=1)


def test_r0_needs_no_period() -> None:
    world = World()
    world.create("job", schedule="R0/2030-01-01T01:00:00Z/")
    world.advance(timedelta(days=1))
    assert world.started("job") == times("2030-01-01 01:00")


def test_a_run_says_which_slot_it_is_for() -> None:
    world = World()
    world.create("job", schedule="R0/2030-01-01T01:00:00Z/PT1H")
    world.advance("2030-01-01 01:00")
    run = world.only_run("job")
    assert (run.scheduled_at, run.started_at, run.finished_at) == (utc("2030-01-01 01:00"),) * 3
    assert (run.trigger, run.attempts, run.state) == (Trigger.SCHEDULE, 1, RunState.SUCCEEDED)


def test_a_start_right_now_is_not_in_the_past() -> None:
    world = World()
    world.create("job", schedule="R0/2030-01-01T00:00:00Z/PT1H")
    assert world.started("job") == [START]


def test_of_many_that_are_due_at_once_each_tick_decides_on_some_in_their_order() -> None:
    world = World(max_running=10)
    names = [f"job {number}" for number in range(2 * MOST_AT_A_TICK + 50)]
    for name in names:
        world.create(name, schedule="R0/2030-01-01T01:00:00Z/")
        world.advance(seconds(1))
    world.now = utc("2030-01-01 01:00")
    ticks = []
    while (when := world.state.next_due()) is not None and when <= world.now:
        records = world.decide(inputs.Tick()).records
        ticks.append([record.job_id for record in records if isinstance(record, r.RunQueued)])
    assert list(map(len, ticks)) == [MOST_AT_A_TICK, MOST_AT_A_TICK, 50]
    assert [job_id for tick in ticks for job_id in tick] == list(map(id_of, names))


@pytest.mark.parametrize(
    "schedule",
    ["R/2029-12-31T23:59:50Z/PT1S", "R0/2020-01-01T00:00:00Z/PT1H", "R/2030-01-01T00:00:00+00:01/P1D"],
)
def test_a_start_in_the_past_is_refused(schedule: str) -> None:
    world = World()
    with pytest.raises(InvalidJobError, match="has passed") as refused:
        world.create("job", schedule=schedule)
    assert refused.value.problems[0].field == "schedule"
    assert not world.state.jobs


def test_a_start_in_the_past_is_told_in_utc_with_the_time_that_it_is() -> None:
    world = World()
    with pytest.raises(InvalidJobError) as refused:
        world.create("job", schedule="R/2029-06-01T02:00:00+02:00/PT1S")
    assert "its START 2029-06-01T00:00:00Z has passed (it is 2030-01-01T00:00:00Z)" in str(refused.value)


def test_after_a_year_of_seconds_the_slots_are_still_whole_seconds() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T00:00:00.25Z/PT1S")
    world.now += timedelta(days=365)
    world.advance(seconds(3))
    year = 365 * 24 * 3600
    on_time = [run for run in world.runs("job") if run.trigger is Trigger.SCHEDULE and run.started_at]
    assert [run.scheduled_at for run in on_time][-3:] == [START + seconds(year + n + 0.25) for n in range(3)]
    assert sum(run.count for run in world.runs("job")) == year + 3


def test_thirty_million_missed_slots_are_one_entry_of_the_ledger() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T00:00:01Z/PT1S")
    world.crash(down=timedelta(days=365))
    skipped, caught_up = world.runs("job")
    assert (skipped.count, skipped.reason) == (365 * 24 * 3600 - 1, "the server was down")
    assert skipped.last_scheduled_at == world.now - seconds(1)
    assert (caught_up.scheduled_at, caught_up.trigger) == (world.now, Trigger.CATCH_UP)


def test_a_slow_command_does_not_shift_the_slots() -> None:
    world = World()
    world.script["job"] = [lasting(seconds(n)) for n in (59, 1, 30, 7, 59, 2)]
    world.create("job", schedule="R5/2030-01-01T00:01:00Z/PT1M")
    world.advance(timedelta(hours=1))
    assert world.started("job") == [START + timedelta(minutes=n) for n in range(1, 7)]


def test_a_period_shorter_than_the_server_can_follow_does_not_hold_it_up() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T00:00:01Z/PT0.000001S", overlap="skip", keep_runs=10_000)
    world.now += seconds(9)
    decision = world.decide(inputs.Tick())
    assert len(decision.records) < 400
    assert sum(run.count for run in world.runs("job")) == 8_000_001
    assert world.job("job").next_at == world.now + timedelta(microseconds=1)


def test_one_that_is_always_there_cannot_pile_up_runs_without_bound() -> None:
    world = World(max_running=2)
    world.script["job"] = [lasting(timedelta(days=9))]
    world.create("job", schedule="R/2030-01-01T00:00:01Z/PT1S", overlap="allow", keep_runs=10_000)
    world.advance(timedelta(hours=1))
    skipped = [run for run in world.runs("job") if run.state is RunState.SKIPPED]
    assert sum(run.count for run in skipped) == 3600 - 2 - 100
    assert {run.reason for run in skipped} == {"too many earlier runs were waiting for a free place"}


def test_a_schedule_may_end_with_the_calendar() -> None:
    world = World(now=utc("9999-12-29 00:00"))
    world.create("job", schedule="R/9999-12-29T01:00:00Z/P1D")
    world.advance(timedelta(days=2))
    assert world.started("job") == times("9999-12-29 01:00", "9999-12-30 01:00")
    assert world.job("job").next_at == utc("9999-12-31 01:00")
    world.advance("9999-12-31 02:00")
    assert world.job("job").next_at is None
