"""What clients hear of a store in trouble: 507 and again later, or 503 and the server ends."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import httpx
import pytest

from kala_client import AsyncKalaClient, RetryPolicy, ServerError
from kala_server.config import Settings
from kala_server.core.model.records import Record, RunFinished
from kala_server.ports.store import Fence, StoreBrokenError, StoreFullError
from kala_server.server import Server
from tests.eventually import PATIENCE

IN_2035 = f"R/{datetime(2035, 6, 4, tzinfo=UTC).isoformat()}/P1D"


class Trouble:
    """Stands in the place of a store's `append`, and refuses what it is told to refuse."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.about: type = object
        self.has_refused = asyncio.Event()

    async def append(self, _fence: Fence, batch: Sequence[Record]) -> None:
        if self.error and any(isinstance(record, self.about) for record in batch):
            self.has_refused.set()
            raise self.error


Scene = Callable[[Server, Trouble, AsyncKalaClient], Awaitable[None]]


def play(monkeypatch: pytest.MonkeyPatch, scene: Scene) -> None:
    async def whole() -> None:
        server, trouble = Server(Settings(port=0, data_dir=None)), Trouble()
        monkeypatch.setattr(server.store, "append", trouble.append)
        await server.start()
        async with (
            asyncio.timeout(PATIENCE),
            AsyncKalaClient(server.url, retry=RetryPolicy(attempts=1)) as kala,
        ):
            await scene(server, trouble, kala)
        await server.stop()

    asyncio.run(whole())


def test_without_room_clients_get_507_nothing_changes_and_reading_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene(server: Server, trouble: Trouble, kala: AsyncKalaClient) -> None:
        job_id = await kala.create_job(name="there", command="true", schedule=IN_2035)
        trouble.error = StoreFullError("no space left on device")
        for wish in (
            kala.create_job(name="x", command="true"),
            kala.disable_job(job_id),
            kala.start_job(job_id),
            kala.delete_job(job_id),
            kala.delete_all_jobs(),
        ):
            with pytest.raises(ServerError, match="no space left") as raised:
                await wish
            assert raised.value.status == 507
        jobs = await kala.get_all_jobs()
        assert jobs.keys() == {job_id}
        assert not jobs[job_id].disabled
        assert not server.ended.done()
        trouble.error = None
        await kala.delete_job(job_id)
        assert await kala.get_all_jobs() == {}

    play(monkeypatch, scene)


def test_507_says_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(server: Server, trouble: Trouble, _kala: AsyncKalaClient) -> None:
        trouble.error = StoreFullError("no space left on device")
        async with httpx.AsyncClient(base_url=server.url) as http:
            answer = await http.post("/api/v1/job/", json={"name": "x", "command": "true"})
        assert (answer.status_code, answer.headers["retry-after"]) == (507, "5")
        assert answer.json()["title"] == "Insufficient Storage"

    play(monkeypatch, scene)


def test_the_result_of_a_run_is_recorded_once_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(server: Server, trouble: Trouble, kala: AsyncKalaClient) -> None:
        job_id = await kala.create_job(name="runs", command="true", schedule=IN_2035)
        trouble.error, trouble.about = StoreFullError("no space left on device"), RunFinished
        await kala.start_job(job_id)
        await trouble.has_refused.wait()
        assert await kala.get_job_stats(job_id) == []
        trouble.error = None
        async for entry in server.service.feed.follow(server.service.feed.latest):
            if isinstance(entry.record, RunFinished):
                break
        assert [stat.success for stat in await kala.get_job_stats(job_id)] == [True]

    play(monkeypatch, scene)


def test_after_a_failed_sync_clients_get_503_and_the_server_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(server: Server, trouble: Trouble, kala: AsyncKalaClient) -> None:
        trouble.error = StoreBrokenError("fsync: input/output error")
        for ask in (
            lambda: kala.create_job(name="x", command="true"),
            kala.get_all_jobs,
            kala.get_kala_stats,
        ):
            with pytest.raises(ServerError, match="fsync") as raised:
                await ask()
            assert raised.value.status == 503
        assert await server.ended is trouble.error

    play(monkeypatch, scene)
