"""What follows when a zone gets other rules: the next slot is looked up anew, none is lost, and none comes twice."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kala_server.core import reasons
from kala_server.core.model import inputs
from kala_server.core.time.occurrences import forget_zones
from tests.unit.core import invariants
from tests.unit.core.simulation import World, id_of, times, utc
from tests.zone_files import write_zone, zones_in

HERE = "Test/Here"
AT_NINE = ["0 9 * * *", "R/2029-12-01T09:00:00/P1D", "R/2029-12-01T09:00:00/P1DT0S"]
"""Every day at nine, on the clock of the zone."""


@pytest.fixture(autouse=True)
def zones(tmp_path: Path) -> Iterator[Path]:
    write_zone(tmp_path, HERE, 2)
    with zones_in(tmp_path):
        yield tmp_path


def a_world(schedule: str, **fields: Any) -> World:
    world = World()
    world.on_records = lambda world: invariants.check(world.state)
    world.create("job", schedule="R/2031-01-01T00:00:00/P1D")
    world.say_anew("job", schedule=schedule, timezone=HERE, **fields)  # whose START may be past
    return world


def new_rules(world: World, zones: Path, hours: int, *, how: str) -> None:
    """Let the zone have another offset, noticed at a start of the server or by a look while it runs."""
    write_zone(zones, HERE, hours)
    forget_zones()
    if how == "crash":
        world.crash()
    elif how == "stop":
        world.stop()
    else:
        world.tell(inputs.LookAnew(job_ids=(id_of("job"),)))


HOW = pytest.mark.parametrize("how", ["crash", "stop", "running"])


@HOW
@pytest.mark.parametrize("schedule", AT_NINE)
def test_a_slot_that_becomes_earlier_runs_earlier(how: str, schedule: str, zones: Path) -> None:
    world = a_world(schedule)
    assert world.job("job").next_at == utc("2030-01-01 07:00")
    new_rules(world, zones, 3, how=how)
    assert world.job("job").next_at == utc("2030-01-01 06:00")
    world.advance("2030-01-02 06:00")
    assert world.started("job") == times("2030-01-01 06:00", "2030-01-02 06:00")


@HOW
def test_a_monthly_slot_that_becomes_earlier_is_not_lost_for_a_month(how: str, zones: Path) -> None:
    world = a_world("0 9 1 * *")
    new_rules(world, zones, 3, how=how)
    world.advance("2030-02-01 06:00")
    assert world.started("job") == times("2030-01-01 06:00", "2030-02-01 06:00")


@HOW
@pytest.mark.parametrize("schedule", AT_NINE)
def test_a_slot_that_becomes_later_is_told_and_runs_later(how: str, schedule: str, zones: Path) -> None:
    world = a_world(schedule)
    new_rules(world, zones, 1, how=how)
    assert world.job("job").next_at == utc("2030-01-01 08:00")
    world.advance("2030-01-01 08:00")
    assert world.started("job") == times("2030-01-01 08:00")


@HOW
@pytest.mark.parametrize("schedule", AT_NINE)
def test_a_slot_that_has_passed_by_the_new_rules_is_in_the_ledger(
    how: str, schedule: str, zones: Path
) -> None:
    world = a_world(schedule, catch_up="none")
    world.now = utc("2030-01-01 06:30")
    new_rules(world, zones, 3, how=how)
    skipped = world.only_run("job")
    assert (skipped.state, skipped.scheduled_at) == ("skipped", utc("2030-01-01 06:00"))
    assert skipped.reason == (reasons.LATE if how == "running" else reasons.RULES)
    assert world.job("job").next_at == utc("2030-01-02 06:00")


@HOW
@pytest.mark.parametrize("schedule", AT_NINE)
def test_what_has_run_at_nine_does_not_run_again_when_nine_is_later(
    how: str, schedule: str, zones: Path
) -> None:
    world = a_world(schedule)
    world.advance("2030-01-01 07:30")
    new_rules(world, zones, 1, how=how)
    world.advance("2030-01-02 08:00")
    assert world.started("job") == times("2030-01-01 07:00", "2030-01-02 08:00")


@HOW
def test_a_job_that_was_made_after_nine_runs_at_the_nine_that_is_still_to_come(how: str, zones: Path) -> None:
    world = World()
    world.advance("2030-01-01 07:30")
    world.create("job", schedule="0 9 * * *", timezone=HERE)
    new_rules(world, zones, 1, how=how)
    assert world.job("job").next_at == utc("2030-01-01 08:00")


@HOW
@pytest.mark.parametrize("schedule", ["*/30 * * * *", "R/2030-01-01T00:30:00Z/PT30M"])
@pytest.mark.parametrize("hours", [1, 3])
def test_elapsed_time_goes_on_whatever_the_clock_shows(
    how: str, schedule: str, hours: int, zones: Path
) -> None:
    world = a_world(schedule)
    world.advance("2030-01-01 02:15")
    new_rules(world, zones, hours, how=how)
    world.advance("2030-01-01 04:00")
    assert world.started("job") == [utc("2030-01-01 00:00") + n * timedelta(minutes=30) for n in range(1, 9)]


@HOW
def test_a_disabled_job_has_its_slots_looked_up_anew_too(how: str, zones: Path) -> None:
    world = a_world("0 9 * * *")
    world.disable("job")
    new_rules(world, zones, 3, how=how)
    assert world.job("job").next_at == utc("2030-01-01 06:00")
    world.enable("job")
    world.advance("2030-01-01 06:00")
    assert world.started("job") == times("2030-01-01 06:00")


def test_where_the_rules_are_the_same_a_start_changes_nothing(zones: Path) -> None:
    world = a_world("0 9 * * *")
    world.advance("2030-01-03 08:00")
    before = world.job("job")
    new_rules(world, zones, 2, how="crash")
    assert world.job("job") == before
    world.stop()
    assert world.job("job") == before


def test_a_job_of_which_the_journal_does_not_know_enough_keeps_its_next_slot(zones: Path) -> None:
    world = a_world("0 9 * * *")
    world.state.put_job(replace(world.job("job"), begun_at=None))
    world.state.undo.commit()
    new_rules(world, zones, 3, how="stop")
    assert world.job("job").next_at == utc("2030-01-01 07:00")


@settings(max_examples=60)
@given(
    hour=st.integers(0, 23),
    changes=st.lists(
        st.tuples(st.integers(1, 60), st.integers(-3, 3), st.sampled_from(["crash", "stop", "running"])),
        max_size=6,
    ),
    wall=st.sampled_from(["cron", "interval"]),
)
def test_each_day_has_one_slot_however_the_rules_change(
    hour: int, changes: list[tuple[int, int, str]], wall: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The slot of a date comes once, whatever the zone's offset does by some hours: as a run, or with a reason."""
    folder = tmp_path_factory.mktemp("zones")
    write_zone(folder, HERE, 0)
    with zones_in(folder):
        schedule = f"0 {hour} * * *" if wall == "cron" else f"R/2029-12-01T{hour:02}:00:00/P1D"
        world = a_world(schedule, catch_up="all")
        for later, hours, how in changes:
            world.advance(timedelta(hours=later))
            new_rules(world, folder, hours, how=how)
        world.advance(timedelta(days=3))
    slots = [run.scheduled_at for run in world.runs("job")]
    assert slots == sorted(set(slots))
    # From a date's slot to the next one there is a day, more or less what the clock was changed by in between.
    gaps = [after - before for before, after in pairwise(slots)]
    assert all(timedelta(hours=17) < gap < timedelta(hours=31) for gap in gaps), gaps


def test_a_job_that_was_deleted_before_its_zone_is_looked_at_is_passed_over(zones: Path) -> None:
    world = a_world(AT_NINE[0])
    write_zone(zones, HERE, 5)
    forget_zones()
    world.tell(inputs.LookAnew(job_ids=(id_of("gone"), id_of("job"))))
    assert world.job("job").next_at == utc("2030-01-01 04:00")
