"""The checks that the simulations rely on notice what they are there for: each planted fault is found."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from kala_server.core.model import records as r
from kala_server.core.model.job import Run, RunState
from tests.unit.core import invariants, oracle
from tests.unit.core.simulation import World, id_of, lasting, rebuilt, utc

PLAN = oracle.Plan(utc("2030-01-01 01:00"), timedelta(hours=1))


def a_day() -> World:
    """Runs, skips that stand for many slots, and a manual start."""
    world = World()
    world.script["job"] = [lasting(5000)]
    world.create("job", schedule=PLAN.schedule)
    world.advance(timedelta(hours=6))
    world.disable("job")
    world.advance(timedelta(hours=8))
    world.enable("job")
    world.advance(timedelta(hours=3))
    world.start("job")
    return world


def check(world: World, ledger: list[Run]) -> None:
    oracle.check_ledger(world.job("job"), ledger, PLAN, world.now)


def test_a_whole_ledger_passes() -> None:
    world = a_day()
    assert any(run.count > 1 for run in world.runs("job"))
    check(world, world.runs("job"))
    invariants.check(world.state)


def test_every_entry_that_is_missing_is_noticed() -> None:
    world = a_day()
    slots = [run for run in world.runs("job") if run.trigger != "manual"]
    assert len(slots) > 8
    for entry in slots:
        with pytest.raises(AssertionError, match="missing"):
            check(world, [run for run in world.runs("job") if run is not entry])


def test_every_entry_that_is_there_twice_is_noticed() -> None:
    world = a_day()
    for entry in world.runs("job"):
        if entry.trigger != "manual":
            with pytest.raises(AssertionError, match="too many"):
                check(world, [*world.runs("job"), entry])


def _shorter(run: Run) -> Run:
    return replace(run, count=run.count - 1)


def _earlier_end(run: Run) -> Run:
    assert run.last_scheduled_at
    return replace(run, count=run.count - 1, last_scheduled_at=run.last_scheduled_at - PLAN.period)


def _later_end(run: Run) -> Run:
    assert run.last_scheduled_at
    return replace(run, count=run.count + 1, last_scheduled_at=run.last_scheduled_at + PLAN.period)


@pytest.mark.parametrize("fault", [_shorter, _earlier_end, _later_end])
def test_an_entry_for_many_slots_with_a_wrong_count_is_noticed(fault: Callable[[Run], Run]) -> None:
    world = a_day()
    ledger = [fault(run) if run.count > 1 else run for run in world.runs("job")]
    with pytest.raises(AssertionError, match=r"missing|too many|spans"):
        check(world, ledger)


@pytest.mark.parametrize("by", [PLAN.period, -PLAN.period, timedelta(minutes=1)])
def test_a_wrong_next_slot_is_noticed(by: timedelta) -> None:
    world = a_day()
    job = world.job("job")
    assert job.next_at
    with pytest.raises(AssertionError):
        oracle.check_ledger(replace(job, next_at=job.next_at + by), world.runs("job"), PLAN, world.now)


def test_a_slot_that_has_passed_unnoticed_is_noticed_here() -> None:
    world = a_day()
    with pytest.raises(AssertionError, match="has passed and is in no ledger"):
        oracle.check_ledger(world.job("job"), world.runs("job"), PLAN, world.now + timedelta(hours=1))


def test_every_record_that_is_dropped_from_a_journal_is_noticed() -> None:
    """Either the state cannot be built any more, or the ledger or the state is another one."""
    world = a_day()
    known = invariants.contents(world.state)
    for n, record in enumerate(world.journal):
        if isinstance(record, r.JobDisabled):
            continue  # it is enabled again later, and what was skipped meanwhile is told by its own records
        try:
            state = rebuilt(world.journal[:n] + world.journal[n + 1 :])
        except (KeyError, ValueError):
            continue
        assert invariants.contents(state) != known, record


def _dropped_slots(journal: list[r.Record]) -> list[list[r.Record]]:
    """The journal without one of its slots, each in turn, as if the engine had forgotten it."""
    found = []
    for record in journal:
        if isinstance(record, r.SlotsSkipped):
            found.append([other for other in journal if other is not record])
        elif isinstance(record, r.RunQueued):
            found.append([other for other in journal if getattr(other, "run_id", "") != record.run_id])
    return found


def test_every_slot_that_is_dropped_from_a_journal_is_noticed_by_the_oracle() -> None:
    world = a_day()
    faulty = _dropped_slots([record for record in world.journal if not _is_manual(record)])
    assert len(faulty) > 8
    for journal in faulty:
        state = rebuilt(journal)
        with pytest.raises(AssertionError):
            oracle.check_state(state, {id_of("job"): PLAN}, world.now)


def _is_manual(record: r.Record) -> bool:
    return getattr(record, "run_id", "") == id_of("run 0 of job")


@pytest.mark.parametrize("kind", [r.RunQueued, r.RunStarted])
def test_a_run_that_is_queued_or_started_twice_is_noticed(kind: type) -> None:
    history = a_day().history
    oracle.StartCounter().watch(history)
    for n, record in enumerate(history):
        if isinstance(record, kind):
            with pytest.raises(AssertionError, match="twice"):
                oracle.StartCounter().watch([*history[: n + 1], record])


def test_a_start_after_the_end_is_noticed() -> None:
    history = a_day().history
    started = next(record for record in history if isinstance(record, r.RunStarted))
    with pytest.raises(AssertionError, match="started twice"):
        oracle.StartCounter().watch([*history, started])


def _wrong_count(world: World) -> None:
    world.state.counts["running"] += 1


def _lost_run(world: World) -> None:
    del world.state.kept[id_of("job")]


def _doubled_run(world: World) -> None:
    kept = world.state.kept[id_of("job")]
    world.state.kept[id_of("job")] = (*kept, kept[0])


def _final_run_that_waits(world: World) -> None:
    run_id = world.state.kept[id_of("job")][0]
    world.state.runs[run_id] = replace(world.state.runs[run_id], state=RunState.WAITING)


def _unknown_parent(world: World) -> None:
    world.state.children["nobody"] = (id_of("job"),)


def _empty_ledger(world: World) -> None:
    world.state.kept["nobody"] = ()


@pytest.mark.parametrize(
    "fault", [_wrong_count, _lost_run, _doubled_run, _final_run_that_waits, _unknown_parent, _empty_ledger]
)
def test_an_index_that_is_wrong_is_noticed(fault: Callable[[World], None]) -> None:
    world = a_day()
    fault(world)
    with pytest.raises((AssertionError, KeyError)):
        invariants.check(world.state)


def test_a_plan_is_the_schedule_that_it_says() -> None:
    plan = oracle.Plan(utc("2030-01-01 01:00"), timedelta(minutes=90), 2)
    assert plan.schedule == "R2/2030-01-01T01:00:00Z/PT5400S"
    assert plan.slots_before(None) == [utc(f"2030-01-01 {when}") for when in ("01:00", "02:30", "04:00")]
    assert plan.slots_before(utc("2030-01-01 02:30")) == [utc("2030-01-01 01:00")]
