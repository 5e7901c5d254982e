"""A store without room refuses and recovers by itself; one that cannot be trusted ends the service."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

import kala_server.service.service
from kala_server.core.decide.engine import Decision, deciding
from kala_server.core.model import inputs
from kala_server.core.model import records as r
from kala_server.core.model.job import RunState
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.ports.store import StoreBrokenError, StoreFullError
from tests.server.service_in_parts import BROKEN, FULL, JOB_ID, NOW, Parts, breathe, play

OTHER_ID = "0d2f5a1f-4b8c-4a1b-9d57-5e0f4e2a6f3a"
IN_A_MINUTE = f"R/{(NOW + timedelta(minutes=1)).isoformat()}/PT1M"


def test_without_room_who_asked_is_refused_and_the_state_is_as_before() -> None:
    async def scene(parts: Parts) -> None:
        await parts.create(schedule=IN_A_MINUTE)
        before = list(parts.service.state.snapshot())
        parts.disk.refuses = FULL
        for wish in (parts.create(OTHER_ID), parts.submit(inputs.DisableJob(id=JOB_ID))):
            with pytest.raises(StoreFullError):
                await wish
        assert list(parts.service.state.snapshot()) == before
        assert not parts.commands.asked
        assert await parts.jobs() == {JOB_ID}

    play(scene)


def test_a_whole_batch_without_room_is_taken_back_in_one_piece() -> None:
    async def scene(parts: Parts) -> None:
        await parts.create(schedule=IN_A_MINUTE)
        before = list(parts.service.state.snapshot())
        parts.disk.hold()
        parts.disk.refuses = FULL
        wishes = [
            parts.create(OTHER_ID),
            parts.submit(inputs.StartJob(id=JOB_ID, run_id=OTHER_ID)),
            parts.submit(inputs.DeleteAllJobs()),
        ]
        await breathe()
        reader = parts.jobs()
        parts.disk.let_go()
        assert {type(error) for error in await asyncio.gather(*wishes, return_exceptions=True)} == {
            StoreFullError
        }
        assert await reader == {JOB_ID}
        assert list(parts.service.state.snapshot()) == before

    play(scene)


async def a_run_that_ends_without_room(parts: Parts) -> str:
    await parts.create()
    await breathe()
    [run_id] = parts.commands.started
    parts.disk.refuses = FULL
    parts.commands.tell(inputs.Ended(run_id=run_id, succeeded=True))
    return run_id


def test_how_a_run_went_is_recorded_when_there_is_room_again() -> None:
    async def scene(parts: Parts) -> None:
        run_id = await a_run_that_ends_without_room(parts)
        for _ in range(5):
            await parts.time.go_on(seconds=1)
            assert parts.service.state.runs[run_id].state is RunState.RUNNING
        parts.disk.refuses = None
        await parts.time.go_on(seconds=1)
        assert parts.service.state.runs[run_id].state is RunState.SUCCEEDED
        assert isinstance(parts.disk.records[-1], r.RunFinished)

    play(scene)


def test_a_request_after_there_is_room_again_need_not_wait_for_the_next_try() -> None:
    async def scene(parts: Parts) -> None:
        parts.disk.refuses = FULL
        with pytest.raises(StoreFullError):
            await parts.create()
        parts.disk.refuses = None
        await parts.create()
        assert await parts.jobs() == {JOB_ID}

    play(scene)


def test_a_slot_that_comes_due_without_room_waits_for_it_and_asks_once_a_second() -> None:
    async def scene(parts: Parts) -> None:
        await parts.create(schedule=IN_A_MINUTE)
        parts.disk.refuses = FULL
        tried = parts.disk.tried
        for _ in range(70):
            await parts.time.go_on(seconds=1)
            assert not parts.time.waiting(within=timedelta(0))
        assert parts.disk.tried - tried == 11
        assert not parts.commands.started
        parts.disk.refuses = None
        await parts.time.go_on(seconds=1)
        assert len(parts.commands.started) == 1

    play(scene)


def test_many_refused_requests_leave_one_try_behind() -> None:
    async def scene(parts: Parts) -> None:
        await a_run_that_ends_without_room(parts)
        for number in range(100):
            with pytest.raises(StoreFullError):
                await parts.create(f"{number:08}{OTHER_ID[8:]}")
        await breathe()
        assert parts.time.waiting(within=timedelta(seconds=1)) == 1
        tried = parts.disk.tried
        await parts.time.go_on(seconds=1)
        assert parts.disk.tried == tried + 1

    play(scene)


def test_a_service_that_nobody_asks_anything_finds_out_that_there_is_room_again() -> None:
    async def scene(parts: Parts) -> None:
        parts.disk.refuses = FULL
        with pytest.raises(StoreFullError):
            await parts.create()
        await parts.time.go_on(seconds=5)
        assert parts.service.trouble
        parts.disk.refuses = None
        await parts.time.go_on(seconds=1)
        assert parts.service.trouble == ""
        tried = parts.disk.tried
        await parts.time.go_on(minutes=1)
        assert parts.disk.tried == tried

    play(scene)


def test_a_full_store_is_told_of_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(parts: Parts) -> None:
        parts.disk.refuses = FULL
        with pytest.raises(StoreFullError):
            await parts.create()
        for _ in range(60):
            await parts.time.go_on(seconds=1)
        parts.disk.refuses = None
        await parts.time.go_on(seconds=1)
        await parts.create()

    play(scene)
    assert [record.message for record in caplog.records] == [
        f"no room in the store, trying again until there is: {FULL}",
        "there is room in the store again",
    ]


def test_a_stop_does_not_wait_for_room() -> None:
    async def scene(parts: Parts) -> None:
        await parts.create()
        await breathe()
        parts.disk.refuses = FULL
        await parts.service.stop(timedelta(0))
        assert parts.commands.closed
        assert parts.disk.closed

    play(scene)


def test_a_fault_in_what_is_due_is_told_once_a_second_and_heals(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def faulty(state: State, event: inputs.Input, *arguments: Any) -> Steps[Decision]:
        assert not isinstance(event, inputs.Tick), "a fault of ours"
        return deciding(state, event, *arguments)

    async def scene(parts: Parts) -> None:
        await parts.create(schedule=f"R0/{(NOW + timedelta(minutes=1)).isoformat()}/")
        with monkeypatch.context() as patched:
            patched.setattr(kala_server.service.service, "deciding", faulty)
            await parts.time.go_on(minutes=1)
            for _ in range(5):
                await parts.time.go_on(milliseconds=199)
            assert caplog.text.count("could not decide on Tick") == 1
            await parts.time.go_on(seconds=1)
            assert caplog.text.count("could not decide on Tick") == 2
        await parts.time.go_on(seconds=1)
        assert len(parts.commands.started) == 1

    play(scene)


def test_a_due_slot_that_the_store_cannot_hold_is_tried_once_a_second() -> None:
    async def scene(parts: Parts) -> None:
        await parts.create(schedule=f"R0/{(NOW + timedelta(minutes=1)).isoformat()}/")
        parts.disk.refuses = ValueError("half a surrogate pair")
        before = parts.disk.tried
        await parts.time.go_on(minutes=1)
        for _ in range(5):
            await parts.time.go_on(milliseconds=199)
        assert parts.disk.tried - before == 1
        parts.disk.refuses = None
        await parts.time.go_on(seconds=1)
        assert len(parts.commands.started) == 1

    play(scene)


def test_a_record_that_the_store_cannot_hold_is_the_fault_of_nobody_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene(parts: Parts) -> None:
        parts.disk.refuses = ValueError("half a surrogate pair")
        with pytest.raises(ValueError, match="surrogate"):
            await parts.create()
        assert await parts.jobs() == set()
        parts.disk.refuses = None
        await parts.create(OTHER_ID)
        assert await parts.jobs() == {OTHER_ID}

    play(scene)
    assert "surrogate" in caplog.text


def test_after_a_failed_sync_nobody_is_answered_but_with_the_error_and_the_service_says_it_ends() -> None:
    async def scene(parts: Parts) -> None:
        parts.disk.hold()
        parts.disk.refuses = BROKEN
        first = parts.create()
        await breathe()
        second, reader, gone = parts.create(OTHER_ID), parts.jobs(), parts.jobs()
        await breathe()
        gone.cancel()
        await breathe()
        parts.disk.let_go()
        for waiting in (first, second, reader):
            with pytest.raises(StoreBrokenError):
                await waiting
        assert parts.broken == [BROKEN]
        assert parts.service.broken is BROKEN
        assert not parts.commands.asked

    play(scene)


def test_a_broken_service_neither_takes_nor_tells_anything_nor_tries_again() -> None:
    async def scene(parts: Parts) -> None:
        parts.disk.refuses = BROKEN
        with pytest.raises(StoreBrokenError):
            await parts.create()
        parts.disk.refuses = None
        tried = parts.disk.tried
        for asked in (parts.create(), parts.jobs()):
            with pytest.raises(StoreBrokenError):
                await asked
        parts.commands.tell(inputs.Tick())
        await parts.time.go_on(hours=1)
        assert parts.disk.tried == tried
        await parts.service.stop(timedelta(hours=1))
        assert parts.commands.closed

    play(scene)


def test_a_stop_that_waits_for_a_command_ends_when_the_store_breaks() -> None:
    async def scene(parts: Parts) -> None:
        await parts.create()
        await breathe()
        [run_id] = parts.commands.started
        stopping = asyncio.ensure_future(parts.service.stop(timedelta(hours=1)))
        await breathe()
        parts.disk.refuses = BROKEN
        parts.commands.tell(inputs.Ended(run_id=run_id, succeeded=True))
        await stopping
        assert parts.broken == [BROKEN]

    play(scene)


def test_a_compaction_without_room_is_no_harm_and_one_that_breaks_ends_the_service(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene(parts: Parts) -> None:
        parts.disk.compacts = True
        parts.disk.refuses_to_compact = FULL
        await parts.create(schedule=IN_A_MINUTE)
        await breathe()
        assert not parts.broken
        parts.disk.refuses_to_compact = BROKEN
        await parts.submit(inputs.DisableJob(id=JOB_ID))
        await breathe()
        assert parts.broken == [BROKEN]

    play(scene)
    assert "no room to compact" in caplog.text
