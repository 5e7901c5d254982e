"""Slots of many jobs that are to come: those that a walk through every timetable finds, in order."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kala_server.core.model.job import Job
from kala_server.core.questions import upcoming
from kala_server.core.questions.upcoming import Slot, ToCome
from kala_server.core.steps import to_the_end
from kala_server.core.time.occurrences import between, timetable_of
from tests.unit.core.simulation import World, id_of, utc

SCHEDULES = (
    "R/2030-01-01T08:00:00Z/PT1H",
    "R3/2030-01-01T08:00:00Z/PT20M",
    "R0/2030-01-01T09:00:00Z/PT1S",
    "R/2030-01-01T09:00:00/P1D",
    "0 9 * * *",
    "*/30 8-10 * * *",
    "never",
)


def every_job(_: Job) -> bool:
    return True


def by_walking(world: World, ahead: ToCome) -> list[Slot]:
    """The oracle: all slots of all jobs, sorted, and of those the first that come after the place."""
    found = [
        (slot, job.id)
        for job in world.state.jobs.values()
        if not job.disabled and job.next_at is not None
        for slot in between(timetable_of(job.spec, job.created_at), max(ahead.first, job.next_at), ahead.last)
    ]
    return [slot for slot in sorted(found) if ahead.after is None or slot > ahead.after][: ahead.count]


@given(
    jobs=st.lists(st.tuples(st.sampled_from(SCHEDULES), st.booleans()), max_size=8),
    minutes=st.tuples(st.integers(0, 900), st.integers(0, 900)),
    count=st.integers(1, 12),
    place=st.none() | st.tuples(st.integers(0, 900), st.integers(0, 8)),
)
def test_slots_are_those_that_a_walk_finds(
    jobs: list[tuple[str, bool]],
    minutes: tuple[int, int],
    count: int,
    place: tuple[int, int] | None,
) -> None:
    world = World()
    for number, (schedule, disabled) in enumerate(jobs):
        world.create(f"job {number}", schedule=schedule, disabled=disabled)
    world.advance("2030-01-01 08:30")
    begin, end = (world.now + timedelta(minutes=minute) for minute in sorted(minutes))
    after = None if place is None else (world.now + timedelta(minutes=place[0]), id_of(f"job {place[1]}"))
    ahead = ToCome(first=begin, last=end, count=count, after=after)
    for job_ids in (None, list(world.state.jobs)):
        assert to_the_end(ahead.of(world.state, job_ids, every_job)) == by_walking(world, ahead)


def test_of_many_jobs_only_those_matter_that_are_due_first() -> None:
    world = World()
    for number in range(1000):
        world.create(f"job {number}", schedule=f"R/2030-01-02T{number % 24:02}:{number % 60:02}:00Z/PT1M")
    ahead = ToCome(first=world.now, last=utc("2031-01-01 00:00"), count=5)
    expected = by_walking(world, ToCome(first=world.now, last=utc("2030-01-02 01:00"), count=5))
    for job_ids, most in ((None, 300), (list(world.state.jobs), 1_010)):
        assert to_the_end(ahead.of(world.state, job_ids, every_job)) == expected
        assert len(list(ahead.of(world.state, job_ids, every_job))) < most, (
            "steps, one for each job that is looked at"
        )
    soon = ToCome(first=world.now, last=utc("2030-01-01 23:00"), count=5)
    assert len(list(soon.of(world.state, None, every_job))) < 300


def test_a_job_whose_timetable_fails_is_left_out_and_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    for name in ("bad", "good"):
        world.create(name, schedule=SCHEDULES[0])

    def fails(spec: object, created_at: object) -> object:
        if getattr(spec, "name", "") == "bad":
            raise ValueError("no such zone")
        return timetable_of(spec, created_at)  # type: ignore[arg-type]

    monkeypatch.setattr(upcoming, "timetable_of", fails)
    ahead = ToCome(first=utc("2030-01-01 09:30"), last=utc("2030-01-01 11:00"), count=9)
    found = to_the_end(ahead.of(world.state, None, every_job))
    assert {job_id for _, job_id in found} == {id_of("good")}


def test_jobs_that_are_deleted_meanwhile_are_left_out() -> None:
    world = World()
    for name in ("goes", "stays"):
        world.create(name, schedule=SCHEDULES[0])
    ahead = ToCome(first=world.now, last=utc("2030-01-01 10:00"), count=9)
    steps = ahead.of(world.state, list(world.state.jobs), every_job)
    for _ in range(2):
        next(steps)
    world.delete("goes")
    found = to_the_end(steps)
    assert [job_id for slot, job_id in found if slot > utc("2030-01-01 08:00")] == [id_of("stays")] * 2


def test_page_after_page_has_every_slot_of_the_jobs_that_are_wanted_once() -> None:
    world = World()
    for number in range(4):
        world.create(f"job {number}", schedule=SCHEDULES[0], tags=("night",) if number % 2 else ())

    def at_night(job: Job) -> bool:
        return "night" in job.spec.tags

    found: list[Slot] = []
    last = utc("2030-01-01 10:00")
    while page := to_the_end(
        ToCome(first=world.now, last=last, count=1, after=found[-1] if found else None).of(
            world.state, None, at_night
        )
    ):
        found += page
    ids = sorted(id_of(f"job {number}") for number in (1, 3))
    assert found == [(utc(f"2030-01-01 {hour:02}:00"), job_id) for hour in (8, 9, 10) for job_id in ids]
