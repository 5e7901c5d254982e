"""How many jobs have slots to come: right for many schedules, after many questions, and when jobs or rules change."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kala_server.core.model import inputs
from kala_server.core.questions.crowd import Crowd
from kala_server.core.state.run_table import begin_of, quarter_of
from kala_server.core.steps import to_the_end
from kala_server.core.time.occurrences import between, forget_zones, timetable_of
from tests.unit.core.simulation import START, World, new_job
from tests.zone_files import write_zone, zones_in

DAY = timedelta(days=1)
HOUR = 4
"""In quarters of an hour."""


@pytest.fixture(autouse=True)
def zones(tmp_path: Path) -> Iterator[Path]:
    write_zone(tmp_path, "Test/Here", 2)
    with zones_in(tmp_path):
        yield tmp_path


def of_each_hour(world: World, crowd: Crowd, days: int) -> list[int]:
    """How many jobs have slots to come in each hour of a day, some days from now."""
    begin = quarter_of(START + days * DAY)
    return to_the_end(crowd.ahead(world.state, range(begin, begin + 24 * HOUR, HOUR), world.now))


def looked_up(world: World, days: int) -> list[int]:
    """The same, job by job and hour by hour."""
    found = []
    for number in range(24):
        begin = begin_of(quarter_of(START + days * DAY) + number * HOUR)
        last = begin + timedelta(hours=1) - timedelta(microseconds=1)
        timetables = [timetable_of(job.spec, job.created_at) for job in world.state.jobs.values()]
        found.append(sum(any(True for _ in between(each, begin, last)) for each in timetables))
    return found


def many(world: World, count: int, zone: str = "") -> None:
    """Create jobs, each with a schedule of its own."""
    lines = [f"{number % 60} {number // 60 % 24} * * *" for number in range(count)]
    jobs = tuple(new_job(f"job {n}", schedule=line, timezone=zone) for n, line in enumerate(lines))
    world.tell(inputs.CreateJobs(jobs=jobs))


def test_jobs_of_many_schedules_are_counted_each_once() -> None:
    world, crowd = World(), Crowd()
    many(world, 300)
    found = of_each_hour(world, crowd, 2)
    assert found == looked_up(world, 2)
    assert sum(found) == 300


def test_the_answer_is_the_same_however_many_days_are_asked_for_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kala_server.core.questions.crowd._MOST_KNOWN", 20)
    world, crowd = World(), Crowd()
    many(world, 5)
    world.create("weekly", schedule="0 9 * * MON")
    for _ in range(2):
        for days in range(1, 100, 4):  # in more stretches than are remembered
            assert of_each_hour(world, crowd, days) == looked_up(world, days)


def test_of_schedules_that_are_no_more_nothing_is_counted() -> None:
    world, crowd = World(), Crowd()
    many(world, 1_100)
    assert sum(of_each_hour(world, crowd, 2)) == 1_100
    world.tell(inputs.DeleteAllJobs())
    for _ in range(2):
        world.create("later", schedule="30 7 * * *")
        assert of_each_hour(world, crowd, 2) == looked_up(world, 2)


def test_what_has_changed_since_it_was_asked_for_is_counted_as_it_is_now() -> None:
    world, crowd = World(), Crowd()
    many(world, 30)
    job_id = world.create("hourly", schedule="R/2030-01-01T00:10:00Z/PT1H")
    assert of_each_hour(world, crowd, 2) == looked_up(world, 2)
    world.state.put_stuck(job_id, "a reason")
    stuck = of_each_hour(world, crowd, 2)
    world.state.put_stuck(job_id, "")
    free = of_each_hour(world, crowd, 2)
    assert [count - 1 for count in free] == stuck
    world.create("daily", schedule="R/2030-01-01T07:10:00/P1D", timezone="Test/Here")
    assert of_each_hour(world, crowd, 2) == looked_up(world, 2)


def test_where_a_zone_gets_other_rules_its_slots_are_where_they_are_then(zones: Path) -> None:
    world, crowd = World(), Crowd()
    many(world, 3, "Test/Here")
    before = of_each_hour(world, crowd, 2)
    assert before == looked_up(world, 2)
    write_zone(zones, "Test/Here", 5)
    forget_zones()
    after = of_each_hour(world, crowd, 2)
    assert after == looked_up(world, 2)
    assert after != before
