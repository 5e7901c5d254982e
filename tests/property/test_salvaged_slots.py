"""Whatever records are lost in the middle of a journal: a salvage around them loses no slot and starts none twice."""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kala_client.schedules.due import is_cron
from kala_server.core.decide.salvage import Salvage
from kala_server.core.decide.slots import INSTANT, OF_SLOTS
from kala_server.core.decide.transaction import run_id_for
from kala_server.core.errors import InvalidJobError
from kala_server.core.model import records as r
from kala_server.core.model.job import Job, Run, RunState
from kala_server.core.time.occurrences import between, timetable_of
from tests.unit.core import invariants
from tests.unit.core.simulation import FAILS, START, Command, World

LONG = Command(lasts=timedelta(minutes=90))
STEPS = ("advance", "start", "disable", "enable", "change", "delete", "crash", "cancel")
JOBS: dict[str, dict[str, Any]] = {
    "hourly": {"schedule": "0 * * * *", "timezone": "Europe/Berlin"},
    "interval": {"schedule": "R/2030-01-01T00:30:00Z/PT20M", "overlap": "allow"},
    "once": {},
    "again": {"schedule": "R/2030-01-01T00:10:00Z/PT45M", "retries": 2, "retry_delay": "PT10M"},
    "rerun": {"schedule": "R/2030-01-01T00:15:00Z/PT2H", "rerun_interrupted": True, "catch_up": "all"},
    "child": {"parent_jobs": ("hourly", "interval"), "wait_for": "all"},
}
OTHERS = ("R/2030-01-01T00:05:00Z/PT35M", "15 */2 * * *", "never", "R3/2030-01-02T00:00:00Z/PT1H")


def lived(steps: list[tuple[str, str]]) -> World:
    """Return a server to which this has happened."""
    world = World(script={"rerun": [LONG], "again": [FAILS], "hourly": [Command(lasts=timedelta(minutes=5))]})
    for name, spec in JOBS.items():
        world.create(name, keep_runs=10_000, **spec)
    for step, name in steps:
        known = any(job.spec.name == name for job in world.state.jobs.values())
        if step == "advance":
            world.advance(timedelta(minutes=50))
        elif step == "crash":
            world.crash(down=timedelta(minutes=15))
        elif known and step in {"enable", "disable", "delete"}:
            getattr(world, step)(name)
        elif known and step == "change" and name != "child":
            schedule = OTHERS[len(world.journal) % len(OTHERS)]
            with suppress(InvalidJobError):  # of one whose START has passed
                world.change(name, **{**JOBS[name], "schedule": schedule}, keep_runs=10_000)
        elif known and step == "start" and not world.job(name).disabled:
            world.start(name)
        elif known and step == "cancel" and world.state.active.get(world.job(name).id):
            world.cancel(world.state.runs[world.state.active[world.job(name).id][0]])
    return world


def check_slots(job: Job, runs: Iterable[Run], until: datetime) -> None:
    """Fail where a slot of the job is not in the ledger, or twice, or where it goes on with another one than the next.

    A cron line is not due at the instant at which its job is created. A job that follows others has no slots of its
    own, and gets none where all of them are gone.
    """
    if "parent_jobs" in JOBS[job.spec.name]:
        assert job.next_at is None
        assert not [run for run in runs if run.trigger in OF_SLOTS]
        return
    timetable = timetable_of(job.spec, job.created_at)
    told = Counter(
        slot
        for run in runs
        if run.id == run_id_for(job.id, run.scheduled_at)
        for slot in between(timetable, run.scheduled_at, run.last_scheduled_at or run.scheduled_at)
    )
    began = job.created_at + (INSTANT if is_cron(job.spec.schedule) else timedelta())
    assert [slot for slot in between(timetable, began, until) if told[slot] != 1] == []
    if job.next_at is not None:
        assert job.next_at == timetable.next_after(until)


def slots_started(history: list[r.Record]) -> list[tuple[str, object]]:
    queued = {record.run_id: record for record in history if isinstance(record, r.RunQueued)}
    firsts = {
        record.run_id for record in history if isinstance(record, r.RunStarted) and record.run_id in queued
    }
    return [
        (queued[run].job_id, queued[run].scheduled_at) for run in firsts if queued[run].trigger != "manual"
    ]


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(sorted(JOBS))), min_size=5, max_size=30),
    st.data(),
)
def test_each_slot_is_accounted_for_and_none_starts_twice(
    steps: list[tuple[str, str]], data: st.DataObject
) -> None:
    world = lived([*steps, ("advance", "once")])
    first = data.draw(st.integers(0, len(world.journal) - 1))
    lost = data.draw(st.sets(st.integers(first, len(world.journal) - 1), max_size=10)) | {first}
    check_salvage(world, first, lost, changed=any(step == "change" for step, _ in steps))


def check_salvage(world: World, first: int, lost: AbstractSet[int], *, changed: bool = False) -> Salvage:
    """Fail where a salvage behind a first lost record, and around the others, loses a slot or starts one twice."""
    journal = world.journal
    salvage = Salvage()
    for number, record in enumerate(journal):
        if number < first:
            salvage.believe(record)
        elif number not in lost:
            salvage.offer(record)
    salvage.close(world.now)
    if not changed:
        for job in salvage.state.jobs.values():
            check_slots(job, salvage.state.job_runs(job.id), world.now)
    assert salvage.kept + sum(salvage.refused.values()) == len(journal) - first - len(lost)
    assert not [run for run in salvage.state.runs.values() if run.state is RunState.WAITING]

    after = World(now=world.now, script=world.script)
    after.journal = list(salvage.records())
    after.crash(down=timedelta(minutes=1))
    after.advance(timedelta(hours=3))
    invariants.check(after.state)
    started = {record.run_id for record in world.history if isinstance(record, r.RunStarted)}
    assert not started & {record.run_id for record in after.history if isinstance(record, r.RunStarted)}
    before = set(slots_started(world.history))
    assert not before.intersection(slots_started(after.history))
    return salvage


@pytest.mark.parametrize("disabled", [True, False])
def test_a_job_of_which_is_lost_that_it_went_with_its_parents_is_kept_and_nothing_starts_it(
    disabled: bool,
) -> None:
    """It may as well have got others before, in what is lost: what an owner has is not dropped on a guess."""
    off = [("disable", "child")] if disabled else []
    world = lived([("delete", "hourly"), ("advance", "once"), *off])
    child = world.job("child")
    world.delete("interval")
    [lost] = [
        place
        for place, record in enumerate(world.journal)
        if record == r.JobDeleted(id=child.id, at=world.now)
    ]
    world.advance(timedelta(minutes=50))
    kept = check_salvage(world, lost, {lost}).state.jobs[child.id]
    assert (kept.spec.parent_jobs, kept.next_at, kept.disabled) == ((), None, disabled)


def test_one_line_that_is_lost_early_costs_hardly_more_than_itself() -> None:
    world = World()
    for number in range(60):
        world.create(f"job {number}", schedule=f"R/{START.year + 1}-01-01T00:00:00Z/PT1H")
    world.advance(
        START.replace(year=START.year + 1, month=1, day=1) + timedelta(hours=3, minutes=30) - world.now
    )
    assert len(world.journal) > 566
    for lost in (1, 5, 62, 100):
        salvage = Salvage()
        for number, record in enumerate(world.journal):
            if number < lost:
                salvage.believe(record)
            elif number > lost:
                salvage.offer(record)
        salvage.close(world.now)
        left = len(world.journal) - lost - 1 - salvage.kept
        assert left <= 16, f"record {lost} costs {left} more: {salvage.refused}"
        assert len(salvage.state.jobs) >= 59
