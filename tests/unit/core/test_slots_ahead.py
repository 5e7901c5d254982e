"""What is to come of one job: the slots that a walk through its timetable finds, or how far they are apart."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kala_server.core.questions import slots_ahead as slots_ahead_module
from kala_server.core.questions.slots_ahead import MOST_AHEAD, SlotsAhead, slots_ahead
from kala_server.core.state.run_table import QUARTER
from kala_server.core.time.occurrences import between, timetable_of
from tests.unit.core.simulation import START, World

SCHEDULES = (
    "R/2030-01-01T08:00:00Z/PT1H",
    "R3/2030-01-01T08:00:00Z/PT20M",
    "R/2030-01-01T09:00:00/P1D",
    "R/2030-01-01T07:00:00Z/PT1S",
    "0 9 * * *",
    "*/30 8-10 * * *",
    "never",
    "",
)


@given(schedule=st.sampled_from(SCHEDULES), passed=st.integers(0, 700), length=st.integers(0, 3_000))
def test_slots_are_those_that_a_walk_finds_or_too_many_to_tell(
    schedule: str, passed: int, length: int
) -> None:
    world = World()
    world.create("job", schedule=schedule)
    world.create("disabled", schedule=schedule, disabled=True)
    world.advance(timedelta(minutes=passed, seconds=1) if "PT1S" not in schedule else timedelta(minutes=1))
    until = world.now + timedelta(minutes=length)
    found = slots_ahead(world.state, world.job("job"), world.now, until)
    job = world.job("job")
    timetable = timetable_of(job.spec, job.created_at)
    if found.every is None:
        begin = max(world.now, job.next_at) if job.next_at else until + timedelta(1)
        assert found.at == tuple(between(timetable, begin, until))
    else:
        edge = until - (until - START) % QUARTER + QUARTER
        assert not found.at
        assert timetable.count(world.now - QUARTER, edge) > MOST_AHEAD
    assert slots_ahead(world.state, world.job("disabled"), world.now, until) == SlotsAhead()


def test_many_slots_are_told_of_by_how_far_they_are_apart() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T00:00:00Z/PT90S")
    found = slots_ahead(world.state, world.job("job"), world.now, world.now + timedelta(hours=24))
    assert found == SlotsAhead(every=timedelta(seconds=90))


def test_jobs_with_one_schedule_are_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    looked_up = []

    def counted(*span: object) -> object:
        looked_up.append(span)
        return between(*span)  # type: ignore[arg-type]

    monkeypatch.setattr(slots_ahead_module, "between", counted)
    for number in range(50):
        world.create(f"job {number}", schedule="0 9 3 2 *", timezone="Europe/Berlin")
    for minutes in range(14):
        now, until = START + timedelta(minutes=minutes), START + timedelta(days=40)
        for number in range(50):
            assert slots_ahead(world.state, world.job(f"job {number}"), now, until).at
    assert len(looked_up) == 1


def test_a_job_whose_timetable_fails_has_nothing_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T08:00:00Z/PT1H")

    def fails(*_: object) -> object:
        raise ValueError("no such zone")

    monkeypatch.setattr(slots_ahead_module, "timetable_of", fails)
    assert (
        slots_ahead(world.state, world.job("job"), world.now, world.now + timedelta(days=1)) == SlotsAhead()
    )
