"""What is long is decided, taken back and let go of in slices; readers see nothing of it before it is durable."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kala_server.core.decide.engine import deciding
from kala_server.core.decide.transaction import Limits
from kala_server.core.errors import InvalidJobError
from kala_server.core.model import effects, inputs
from kala_server.core.model.job import CatchUp, JobSpec, Run, RunState, Trigger
from kala_server.core.steps import A_STEP, Steps
from kala_server.ports.store import StoreFullError
from kala_server.service.slices import SLICE
from tests.server.service_in_parts import FULL, JOB_ID, NOW, RUN_ID, Parts, breathe, play

MANY = 2_000
LATER = "R/2036-06-04T19:25:16Z/P1D"
OTHER_ID = "00000001" + JOB_ID[8:]
STEPS_IN_A_SLICE = 5
IN_A_TURN = 2 * STEPS_IN_A_SLICE
"""Two slices may come together: the end of one thing and the beginning of the next."""


class Turns:
    """Looks at a table at each turn of the loop, and tells by how many entries it changed between two at the most."""

    def __init__(self, table: Callable[[], int]) -> None:
        self._table = table
        self.most = self.number = 0
        self._looking = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        before = self._table()
        while True:
            await asyncio.sleep(0)
            now = self._table()
            self.most, self.number, before = max(self.most, abs(now - before)), self.number + 1, now

    def stop(self) -> None:
        self._looking.cancel()


def at_work(scene: Callable[[Parts], Awaitable[None]], **options: Any) -> None:
    """Play a scene in which each look at the clock finds that a part of a slice has passed."""

    async def busy(parts: Parts) -> None:
        passed = 0.0

        def monotonic() -> float:
            nonlocal passed
            passed += SLICE / STEPS_IN_A_SLICE
            return passed

        setattr(parts.time, "monotonic", monotonic)  # noqa: B010 - a method in place of a method
        await scene(parts)

    play(busy, **options)


async def until(question: Callable[[], bool]) -> None:
    for _ in range(100_000):
        if question():
            return
        await asyncio.sleep(0)
    raise AssertionError("it does not come to that")


def jobs(count: int = MANY, **fields: Any) -> inputs.CreateJobs:
    spec = JobSpec(**{"name": "a job", "command": "true", "schedule": LATER, **fields})
    return inputs.CreateJobs(
        jobs=tuple(inputs.NewJob(id=f"{number:08}{JOB_ID[8:]}", spec=spec) for number in range(count))
    )


def test_a_large_batch_is_decided_in_slices_and_seen_as_a_whole() -> None:
    async def scene(parts: Parts) -> None:
        turns = Turns(lambda: len(parts.service.state.jobs))
        created = parts.submit(jobs())
        await until(lambda: bool(parts.service.state.jobs))
        assert await parts.jobs() == {new.id for new in jobs().jobs}
        await created
        turns.stop()
        assert 0 < turns.most <= IN_A_TURN
        assert len(parts.disk.batches[-1]) == MANY

    at_work(scene)


def test_a_batch_that_is_refused_at_its_end_leaves_nothing() -> None:
    async def scene(parts: Parts) -> None:
        good = jobs()
        bad = inputs.NewJob(id=JOB_ID, spec=JobSpec(name="", command="true"))
        refused = parts.submit(inputs.CreateJobs(jobs=(*good.jobs, bad), place="jobs"))
        beside = parts.create(schedule=LATER)
        with pytest.raises(InvalidJobError, match=r"jobs\[2000\]\.name"):
            await refused
        await beside
        assert await parts.jobs() == {JOB_ID}
        assert len(parts.disk.records) == 2

    at_work(scene)


def test_a_batch_for_which_there_is_no_room_is_taken_back_in_slices() -> None:
    async def scene(parts: Parts) -> None:
        parts.disk.refuses = FULL
        parts.disk.hold()
        created = parts.submit(jobs())
        await until(lambda: len(parts.service.state.jobs) == MANY)
        turns = Turns(lambda: len(parts.service.state.jobs))
        reading = parts.jobs()
        parts.disk.let_go()
        with pytest.raises(StoreFullError):
            await created
        assert await reading == set()
        turns.stop()
        assert turns.number > 3
        assert turns.most < MANY

    at_work(scene)


def test_all_jobs_are_deleted_in_slices_and_seen_as_a_whole() -> None:
    async def scene(parts: Parts) -> None:
        await parts.submit(jobs())
        turns = Turns(lambda: len(parts.service.state.jobs))
        deleted = parts.submit(inputs.DeleteAllJobs())
        await until(lambda: len(parts.service.state.jobs) < MANY)
        assert await parts.jobs() == set()
        await deleted
        turns.stop()
        assert 0 < turns.most <= IN_A_TURN
        await parts.create()
        await breathe()
        assert len(parts.commands.started) == 1

    at_work(scene)


def test_what_follows_from_the_end_of_one_run_is_decided_in_slices() -> None:
    async def scene(parts: Parts) -> None:
        await parts.create(schedule="never")
        await parts.submit(jobs(schedule="", parent_jobs=(JOB_ID,)))
        await parts.submit(inputs.StartJob(id=JOB_ID, run_id=RUN_ID))
        turns = Turns(lambda: len(parts.service.state.runs))
        parts.commands.tell(inputs.Ended(run_id=RUN_ID, succeeded=True))
        await until(lambda: len(parts.service.state.runs) > MANY)
        turns.stop()
        assert 0 < turns.most <= IN_A_TURN

    at_work(scene, limits=Limits(max_running=1))


def test_what_is_due_at_once_is_decided_in_slices() -> None:
    async def scene(parts: Parts) -> None:
        hourly = inputs.CreateJobs(jobs=jobs(50, schedule="0 * * * *", catch_up=CatchUp.ALL).jobs)
        await parts.submit(hourly)
        turns = Turns(lambda: len(parts.service.state.runs))
        await parts.time.go_on(hours=40)
        await until(lambda: len(parts.service.state.runs) >= 40 * 50)
        turns.stop()
        assert 0 < turns.most <= IN_A_TURN

    at_work(scene, limits=Limits(max_running=1))


@pytest.mark.parametrize("event", [inputs.EndEverything(), inputs.StepClock(seconds=5)])
def test_all_runs_that_are_not_over_are_gone_through_in_slices(event: inputs.Input) -> None:
    async def scene(parts: Parts) -> None:
        await parts.create(schedule=LATER, keep_runs=100_000)
        remember(parts, 20_000, RunState.WAITING)
        assert steps_of(deciding(parts.service.state, event, NOW, Limits())) >= 20_000 // A_STEP

    play(scene)


def test_what_is_kept_of_the_journal_is_listed_in_slices() -> None:
    async def scene(parts: Parts) -> None:
        await parts.create(schedule=LATER, keep_runs=100_000)
        remember(parts, 20_000)
        parts.disk.compacts = True
        turns = Turns(lambda: 0)
        await parts.create(OTHER_ID, schedule=LATER)
        before = turns.number
        await until(lambda: parts.service.compacting is not None)
        assert turns.number - before >= 2 * 20_000 // A_STEP // STEPS_IN_A_SLICE
        turns.stop()
        await breathe()

    at_work(scene)


def steps_of(steps: Steps[Any]) -> int:
    return sum(1 for _ in steps)


@pytest.mark.parametrize(
    "event",
    [
        inputs.ChangeJob(id=JOB_ID, spec=JobSpec(name="a job", command="true", schedule=LATER, keep_runs=1)),
        inputs.DeleteJob(id=JOB_ID),
        inputs.Housekeep(runs_before=NOW, keys_before=NOW),
    ],
)
def test_a_long_history_is_let_go_of_in_slices(event: inputs.Input) -> None:
    async def scene(parts: Parts) -> None:
        await parts.create(schedule=LATER, keep_runs=100_000)
        remember(parts, 20_000)
        turns = Turns(lambda: len(parts.service.state.runs))
        await parts.submit(event)
        await breathe()
        turns.stop()
        assert len(parts.service.state.runs) <= 1
        assert turns.most <= IN_A_TURN * A_STEP
        [dropped] = [effect for effect in parts.commands.asked if isinstance(effect, effects.DropOutputs)]
        assert len(dropped.run_ids) >= 19_999

    at_work(scene)


def remember(parts: Parts, count: int, kind: RunState = RunState.SUCCEEDED) -> None:
    """Let the job have a history."""
    state = parts.service.state
    before = NOW.replace(year=2030)
    runs = [
        Run(
            id=f"{number:08}{JOB_ID[8:]}",
            job_id=JOB_ID,
            scheduled_at=before,
            trigger=Trigger.SCHEDULE,
            state=kind,
            queued_at=before,
            finished_at=before if kind.final else None,
            output_size=1,
        )
        for number in range(count)
    ]
    for run in runs:
        state.runs[run.id] = run
    (state.kept if kind.final else state.active)[JOB_ID] = tuple(run.id for run in runs)
