"""How a service begins where there is no room, and what it notices where nothing is due: steps of the clock."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

import kala_server.service.service
from kala_server.core.decide.engine import Decision
from kala_server.core.model import inputs
from kala_server.core.model import records as r
from kala_server.core.model.job import CatchUp, JobSpec, Overlap, RunState, Trigger
from kala_server.ports.store import StoreBrokenError, StoreFullError
from tests.server.service_in_parts import BROKEN, FULL, JOB_ID, NOW, Parts, breathe, play

OTHER_ID = "0d2f5a1f-4b8c-4a1b-9d57-5e0f4e2a6f3a"
IN_A_MINUTE = f"R/{(NOW + timedelta(minutes=1)).isoformat()}/PT1M"


def test_a_start_without_room_serves_what_there_is_and_runs_nothing_until_there_is_some() -> None:
    async def scene() -> None:
        parts = Parts()
        parts.disk.before = [*life()]
        parts.disk.refuses = FULL
        await parts.service.start()
        assert await parts.jobs() == {JOB_ID}
        assert "no room" in parts.service.trouble
        with pytest.raises(StoreFullError):
            await parts.create(OTHER_ID)
        await parts.time.go_on(minutes=2)
        assert parts.commands.started == []
        assert parts.service.state.runs[CUT_OFF].state is RunState.RUNNING
        parts.disk.refuses = None
        await parts.time.go_on(seconds=1)
        assert parts.service.trouble == ""
        assert parts.service.state.runs[CUT_OFF].state is RunState.INTERRUPTED
        [run_id] = parts.commands.started
        parts.service.tell(inputs.Ended(run_id=run_id, succeeded=True))
        await parts.service.stop(timedelta(0))

    asyncio.run(scene())


def test_a_start_on_a_store_that_breaks_fails() -> None:
    async def scene() -> None:
        parts = Parts()
        parts.disk.refuses = BROKEN
        with pytest.raises(StoreBrokenError):
            await parts.service.start()

    asyncio.run(scene())


def test_a_start_that_cannot_be_decided_on_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: Any) -> Decision:
        raise RuntimeError("a fault of ours")

    async def scene() -> None:
        with pytest.raises(RuntimeError, match="a fault of ours"):
            await Parts().service.start()

    monkeypatch.setattr(kala_server.service.service, "deciding", faulty)
    asyncio.run(scene())


CUT_OFF = "5e0f4e2a-0000-4b8c-9d57-0d2f5a1f6f3a"


def life() -> Iterator[r.Record]:
    """A server that was killed in the middle of a run, with a slot that is due in a minute."""
    due = NOW + timedelta(minutes=1)
    yield r.ServerKept(created_at=NOW)
    spec = JobSpec(
        name="a job",
        command="true",
        schedule=IN_A_MINUTE,
        overlap=Overlap.ALLOW,
        catch_up=CatchUp.ONE,
    )
    yield r.JobCreated(id=JOB_ID, at=NOW, spec=spec, next_at=due)
    yield r.RunQueued(
        job_id=JOB_ID, run_id=CUT_OFF, at=NOW, scheduled_at=NOW, trigger=Trigger.MANUAL, next_at=due
    )
    yield r.RunStarted(run_id=CUT_OFF, at=NOW)


@pytest.mark.parametrize(
    ("by", "told"),
    [
        (timedelta(hours=-1), "the clock was put back by 1:00:00"),
        (timedelta(hours=2), "the clock was put on by 2:00:00"),
    ],
)
def test_a_step_of_the_clock_is_told_when_it_happens_though_nothing_is_due(
    caplog: pytest.LogCaptureFixture, by: timedelta, told: str
) -> None:
    async def scene(parts: Parts) -> None:
        await parts.time.step(by)
        assert [record.message for record in caplog.records] == [told]
        assert parts.service.last_step == (NOW + by, by)
        await parts.create()
        assert len(caplog.records) == 1

    play(scene)


def test_a_step_is_told_once_and_when_it_happens_though_there_is_no_room(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene(parts: Parts) -> None:
        await parts.create()
        await breathe()
        parts.disk.refuses = FULL
        await parts.time.step(timedelta(hours=-1))
        for _ in range(10):
            await parts.time.go_on(seconds=1)
        parts.disk.refuses = None
        await parts.time.go_on(seconds=1)
        steps = [record for record in parts.disk.records if isinstance(record, r.ClockStepped)]
        assert [step.seconds for step in steps] == [-3600]

    play(scene)
    assert caplog.text.count("the clock was put") == 1
