"""What cannot be decided about one job holds up no other job, no start and no request; it is told and can be mended."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kala_server.core import reasons
from kala_server.core.decide import slots
from kala_server.core.decide.followers import follow
from kala_server.core.decide.transaction import Transaction
from kala_server.core.errors import InvalidJobError
from kala_server.core.model import effects, inputs
from kala_server.core.model.job import Run
from kala_server.core.questions.explain import explain
from kala_server.core.steps import Steps
from kala_server.core.time.occurrences import forget_zones
from tests.unit.core import invariants
from tests.unit.core.simulation import World, id_of, lasting, times, utc
from tests.zone_files import write_zone, zones_in

GONE = "Atlantis/Capital"
DAILY = "0 3 * * *"
OTHER = "R/2030-01-01T02:00:00Z/PT1H"


@pytest.fixture(autouse=True)
def zones(tmp_path: Path) -> Iterator[Path]:
    write_zone(tmp_path, GONE, 2)
    with zones_in(tmp_path):
        yield tmp_path


def a_world(zones: Path, *, down: timedelta = timedelta(0), **of_the_stuck: Any) -> World:
    """A server that was started again without the zone of one of its two jobs."""
    world = World()
    world.on_records = lambda world: invariants.check(world.state)
    world.create("stuck", **{"schedule": DAILY, "timezone": GONE, **of_the_stuck})
    world.create("other", schedule=OTHER)
    sink(zones)
    world.crash(down=down)
    return world


def sink(zones: Path) -> None:
    (zones / GONE).unlink()
    forget_zones()


def reports(world: World) -> list[effects.ReportStuck]:
    return [effect for effect in world.effects if isinstance(effect, effects.ReportStuck)]


DOWN = pytest.mark.parametrize("down", [timedelta(0), timedelta(minutes=90), timedelta(days=3)])


@DOWN
def test_the_others_run_and_the_stuck_one_is_told_once_with_its_reason(zones: Path, down: timedelta) -> None:
    world = a_world(zones, down=down)
    world.advance(timedelta(days=2))
    assert len(world.slots_run("other")) >= 47
    assert world.runs("stuck") == []
    [report] = reports(world)
    assert report.job_id == id_of("stuck")
    assert GONE in report.reason
    assert world.state.stuck == {id_of("stuck"): report.reason}


def test_it_is_stuck_from_the_start_on_and_not_only_when_it_is_due(zones: Path) -> None:
    assert id_of("stuck") in a_world(zones, schedule="0 9 1 * *").state.stuck


@DOWN
@pytest.mark.parametrize("at", [None, utc("2030-01-01 01:00"), utc("2030-01-02 01:00")])
def test_explain_says_that_it_is_stuck_and_why(zones: Path, down: timedelta, at: datetime | None) -> None:
    world = a_world(zones, down=down)
    [told] = explain(world.state, world.job("stuck"), world.now, at)
    assert told.state == "stuck"
    assert GONE in told.sentence


@DOWN
def test_a_good_zone_mends_it_and_what_passed_is_in_the_ledger(zones: Path, down: timedelta) -> None:
    world = a_world(zones, down=down)
    due = world.job("stuck").next_at
    world.say_anew("stuck", schedule=DAILY, timezone="Etc/UTC")
    assert not world.state.stuck
    assert world.job("stuck").next_at > world.now  # type: ignore[operator]
    passed = [run.reason for run in world.runs("stuck")]
    assert passed == ([reasons.NO_TIMETABLE] if due <= world.now else [])  # type: ignore[operator]
    world.advance(timedelta(days=1))
    assert len(world.slots_run("stuck")) == 1


@DOWN
def test_a_zone_that_comes_back_mends_it_and_no_slot_is_lost(zones: Path, down: timedelta) -> None:
    world = a_world(zones, down=down, catch_up="all")
    write_zone(zones, GONE, 2)
    forget_zones()
    world.tell(inputs.LookAnew(job_ids=tuple(world.state.stuck)))
    assert not world.state.stuck
    world.advance("2030-01-05 00:00")
    assert world.slots_run("stuck") == times(*(f"2030-01-0{day} 01:00" for day in (1, 2, 3, 4)))


@DOWN
def test_it_can_be_disabled_deleted_and_started_by_hand(zones: Path, down: timedelta) -> None:
    world = a_world(zones, down=down)
    world.start("stuck")
    assert world.states("stuck") == ["succeeded"]
    world.disable("stuck")
    assert not world.state.stuck
    world.enable("stuck")
    assert world.state.stuck
    world.delete("stuck")
    assert not world.state.stuck
    world.advance(timedelta(days=1))
    assert len(world.slots_run("other")) >= 23


def test_what_it_says_beside_its_times_can_be_changed_and_it_stays_stuck(zones: Path) -> None:
    world = a_world(zones, down=timedelta(days=1))
    world.change("stuck", schedule=DAILY, timezone=GONE, command="false")
    assert world.job("stuck").spec.command == "false"
    assert world.state.stuck
    with pytest.raises(InvalidJobError, match=GONE):
        world.change("stuck", schedule="0 4 * * *", timezone=GONE)


def test_deleting_every_job_leaves_none_stuck(zones: Path) -> None:
    world = a_world(zones)
    world.tell(inputs.DeleteAllJobs())
    assert not world.state.stuck


Fault = Callable[[Transaction, str], None]


@pytest.mark.parametrize("start", [True, False])
def test_any_fault_about_one_job_at_a_tick_or_at_a_start_is_that_jobs_alone(
    start: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    world.create("bad", schedule=OTHER)
    world.create("good", schedule=OTHER)
    bring_up_to_now = slots.bring_up_to_now

    def faulty(tx: Transaction, job_id: str, missed: str = "") -> Steps[None]:
        yield from bring_up_to_now(tx, job_id, missed)  # so there is something to be taken back
        if job_id == id_of("bad"):
            raise ZeroDivisionError("a fault of ours")

    monkeypatch.setattr(slots, "bring_up_to_now", faulty)
    if start:
        world.crash(down=timedelta(hours=3))
    world.advance("2030-01-01 05:00")
    assert world.runs("bad") == []
    assert len(world.runs("good")) >= 2
    assert "ZeroDivisionError" in world.state.stuck[id_of("bad")]
    [report] = reports(world)
    assert isinstance(report.error, ZeroDivisionError)
    monkeypatch.undo()
    world.tell(inputs.LookAnew(job_ids=tuple(world.state.stuck)))
    assert not world.state.stuck
    assert world.runs("bad")


def test_a_run_comes_to_its_end_whatever_was_to_follow_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.on_records = lambda world: invariants.check(world.state)
    world.script["parent"] = [lasting(5)]
    world.create("parent")
    world.create("child", parent_jobs=["parent"])

    def faulty(tx: Transaction, run: Run) -> Steps[None]:
        yield from follow(tx, run)
        raise ZeroDivisionError

    monkeypatch.setattr("kala_server.core.decide.attempts.follow", faulty)
    world.advance(timedelta(minutes=1))
    run = world.only_run("parent")
    assert (run.state, run.reason) == ("succeeded", reasons.NOT_DECIDED)
    assert world.runs("child") == []
    assert world.state.stuck.keys() == {id_of("parent")}


def test_a_job_of_which_a_slot_stays_due_is_stuck_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bring_up_to_now = slots.bring_up_to_now

    def forgets(tx: Transaction, job_id: str, missed: str = "") -> Steps[None]:
        if job_id != id_of("stuck"):
            yield from bring_up_to_now(tx, job_id, missed)

    world = World()
    world.create("stuck", schedule=OTHER)
    world.create("other", schedule=OTHER)
    monkeypatch.setattr(slots, "bring_up_to_now", forgets)
    world.advance("2030-01-01 02:30")
    assert list(world.state.stuck) == [id_of("stuck")]
    assert world.states("other") == ["succeeded"]
