"""What is kept of records behind lost ones, and what is closed because it may have happened unseen."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from kala_server.core.decide.salvage import SKIPPED, UNKNOWN, Salvage
from kala_server.core.model import records as r
from kala_server.core.model.job import RunState
from tests.unit.core.simulation import FAILS, Command, World, id_of, utc

DAILY: dict[str, Any] = {"schedule": "R/2035-06-04T09:00:00Z/P1D"}
LONG = Command(lasts=timedelta(hours=9))


def salvaged(journal: Sequence[r.Record], lost: Sequence[int], now: str) -> Salvage:
    salvage = Salvage()
    for number, record in enumerate(journal):
        if number < lost[0]:
            salvage.believe(record)
        elif number not in lost:
            salvage.offer(record)
    salvage.close(utc(now))
    return salvage


def place(world: World, kind: type) -> int:
    return next(number for number, record in enumerate(world.journal) if isinstance(record, kind))


def a_day(**script: list[Command]) -> World:
    world = World(now=utc("2035-06-04T08:00:00Z"), script=script)
    world.create("daily", **DAILY)
    world.advance("2035-06-04T10:00:00Z")
    return world


def test_a_run_whose_start_is_lost_never_starts_again() -> None:
    world = a_day()
    lost = range(place(world, r.RunStarted), len(world.journal))
    salvage = salvaged(world.journal, lost, "2035-06-04T10:00:00Z")
    [run] = salvage.state.runs.values()
    assert (run.state, run.reason) == (RunState.INTERRUPTED, UNKNOWN)


def test_a_slot_of_which_nothing_is_left_is_skipped_and_so_are_those_up_to_now() -> None:
    world = a_day()
    lost = range(place(world, r.RunQueued), len(world.journal))
    salvage = salvaged(world.journal, lost, "2035-06-06T10:00:00Z")
    [run] = salvage.state.runs.values()
    assert (run.state, run.reason, run.count) == (RunState.SKIPPED, SKIPPED, 3)
    assert salvage.state.jobs[id_of("daily")].next_at == utc("2035-06-07T09:00:00Z")


def test_a_run_whose_end_is_lost_is_ended_and_not_asked_to_run_again() -> None:
    world = a_day(daily=[LONG])
    salvage = salvaged(world.journal, [len(world.journal)], "2035-06-04T10:00:00Z")
    [run] = salvage.state.runs.values()
    assert (run.state, run.ending, run.reason) == (RunState.RUNNING, RunState.CANCELLED, UNKNOWN)


def test_a_job_whose_creation_is_lost_comes_back_with_its_next_change() -> None:
    world = a_day()
    world.change("daily", **DAILY, retries=3)
    salvage = salvaged(world.journal, [1], "2035-06-04T10:00:00Z")
    assert salvage.state.jobs[id_of("daily")].spec.retries == 3
    assert salvage.refused[id_of("daily")] == len(world.journal) - 3


def test_of_a_job_that_is_lost_every_record_is_told_as_its() -> None:
    world = a_day()
    salvage = salvaged(world.journal, [1], "2035-06-04T10:00:00Z")
    assert not salvage.state.jobs
    assert salvage.refused == {id_of("daily"): len(world.journal) - 2}


def test_of_a_lost_snapshot_relatives_and_the_server_are_made_good() -> None:
    world = World(now=utc("2035-06-04T08:00:00Z"))
    world.create("mother", **DAILY)
    world.create("father", **DAILY)
    world.create("child", parent_jobs=("mother", "father"))
    world.advance("2035-06-04T10:00:00Z")
    snapshot = list(world.state.snapshot())
    salvage = salvaged(snapshot, [0, 1], "2035-06-04T10:00:00Z")
    kept = {record.job.spec.name: record for record in salvage.records() if isinstance(record, r.JobKept)}
    assert kept.keys() == {"father", "child"}
    assert kept["child"].job.spec.parent_jobs == (id_of("father"),)
    assert isinstance(next(salvage.records()), r.ServerKept)
    assert salvage.refused[id_of("mother")] == 1


@pytest.mark.parametrize("schedule", ["R/2035-06-04T09:00:00Z/P1D", "0 9 * * *"])
def test_a_schedule_that_cannot_be_read_is_over(schedule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ValueError("no such zone")

    world = World(now=utc("2035-06-04T08:00:00Z"))
    world.create("daily", schedule=schedule)
    monkeypatch.setattr("kala_server.core.decide.transaction.timetable_of", fails)
    salvage = salvaged(world.journal, [len(world.journal)], "2035-06-04T10:00:00Z")
    assert salvage.state.jobs[id_of("daily")].next_at is None


def test_a_slot_that_later_ones_have_left_behind_is_in_the_ledger_in_its_place() -> None:
    world = World(now=utc("2035-06-04T08:00:00Z"))
    world.create("daily", **DAILY)
    world.advance("2035-06-07T10:00:00Z")
    second = next(
        number
        for number, record in enumerate(world.journal)
        if isinstance(record, r.RunQueued) and record.scheduled_at == utc("2035-06-05T09:00:00Z")
    )
    salvage = salvaged(world.journal, [second], "2035-06-07T10:00:00Z")
    ledger = [(run.scheduled_at.day, run.state, run.reason) for run in salvage.state.job_runs(id_of("daily"))]
    assert ledger == [
        (7, RunState.SUCCEEDED, ""),
        (6, RunState.SUCCEEDED, ""),
        (5, RunState.SKIPPED, SKIPPED),
        (4, RunState.SUCCEEDED, ""),
    ]
    assert salvage.state.jobs[id_of("daily")].next_at == utc("2035-06-08T09:00:00Z")


def test_a_job_goes_on_with_its_own_next_slot_where_its_change_to_another_schedule_is_lost() -> None:
    world = a_day()
    place_of_change = len(world.journal)
    world.change("daily", schedule="R/2035-07-01T00:00:00Z/P1M")
    world.start("daily")
    world.advance("2035-06-04T11:00:00Z")
    salvage = salvaged(world.journal, [place_of_change], "2035-06-04T11:00:00Z")
    assert salvage.state.jobs[id_of("daily")].next_at == utc("2035-06-05T09:00:00Z")


def test_what_followed_a_run_whose_end_is_lost_does_not_follow_it_again() -> None:
    world = World(now=utc("2035-06-04T08:00:00Z"), script={"daily": [FAILS]})
    world.create("alarm", schedule="never")
    world.create("daily", on_failure_job="alarm", **DAILY)
    world.create("child", parent_jobs=("daily",))
    world.advance("2035-06-04T10:00:00Z")
    end = place(world, r.RunFinished)
    salvage = salvaged(world.journal, [end], "2035-06-04T10:00:00Z")
    after = World(now=world.now)
    after.journal = list(salvage.records())
    after.crash(down=timedelta(minutes=1))
    after.advance("2035-06-04T12:00:00Z")
    for name in ("alarm", "child"):
        assert [(run.id, run.state) for run in after.runs(name)] == [
            (run.id, run.state) for run in world.runs(name)
        ]
    [run] = after.runs("daily")
    assert (run.state, run.reason) == (RunState.INTERRUPTED, UNKNOWN)


def test_a_change_that_says_nothing_of_the_schedule_tells_which_slots_it_has_left_behind() -> None:
    world = a_day()
    lost = place(world, r.RunQueued)
    world.change("daily", **DAILY, retries=3)
    salvage = salvaged(world.journal, [lost], "2035-06-04T10:00:00Z")
    [run] = salvage.state.runs.values()
    assert (run.scheduled_at, run.state) == (utc("2035-06-04T09:00:00Z"), RunState.SKIPPED)
    assert run.finished_at == utc("2035-06-04T10:00:00Z")
    assert salvage.state.jobs[id_of("daily")].next_at == utc("2035-06-05T09:00:00Z")


def test_a_child_may_go_of_which_no_parent_is_known() -> None:
    world = a_day()
    world.create("child", parent_jobs=("daily",))
    before = world.job("child")
    salvage = Salvage()
    salvage.offer(r.JobKept(job=before, children=()))
    salvage.offer(r.JobDeleted(id=before.id, at=world.now))
    assert (salvage.kept, salvage.refused, dict(salvage.state.jobs)) == (2, {}, {})
