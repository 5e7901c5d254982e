"""A server in the event loop of the test, so that what it leaves behind there can be seen."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from kala_server.config import Settings
from kala_server.core.model.records import Record, RunFinished, RunStarted
from kala_server.server import Server
from kala_server.service.garbage import Garbage
from tests.eventually import PATIENCE
from tests.server.door import _Faults

LATER = "R/2035-06-04T19:25:16Z/P1D"


@dataclass(frozen=True, slots=True)
class Home:
    """A running server, and a client of it that asks below `/api/v1`."""

    server: Server
    http: httpx.AsyncClient

    async def create(self, command: str = "true", **fields: Any) -> str:
        """Create a job; one of no schedule is due at once."""
        answer = await self.http.post("/job/", json={"name": "a job", "command": command, **fields})
        assert answer.status_code == 201, answer.text
        job_id: str = answer.json()["id"]
        return job_id

    async def start(self, command: str = "true", **fields: Any) -> str:
        """Start a run of a new job, and return its id."""
        job_id = await self.create(command, **{"schedule": LATER, **fields})
        return await self.start_job(job_id)

    async def start_job(self, job_id: str) -> str:
        answer = await self.http.post(f"/job/start/{job_id}/")
        assert answer.status_code == 204, answer.text
        return answer.headers["kala-run-id"]

    async def run(self, run_id: str) -> dict[str, Any]:
        """Return an entry of the ledger."""
        answer = await self.http.get(f"/run/{run_id}/")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["run"]
        return found

    async def happens(self, kind: type, run_id: str) -> None:
        """Return once such a record of the run is there, of now or of earlier."""
        async for entry in self.server.service.feed.follow(0):
            if isinstance(entry.record, kind) and getattr(entry.record, "run_id", "") == run_id:
                return
        raise AssertionError("the server has ended")

    async def records(self) -> list[Record]:
        """Return what has happened so far."""
        feed, found = self.server.service.feed, []
        async for entry in feed.follow(0):
            found += [entry.record] if entry.record is not None else []
            if entry.number == feed.latest:
                break
        return found

    async def prints(self, run_id: str, text: bytes) -> None:
        """Return once a running command has printed the text."""
        await self.starts(run_id)
        output = self.server.executor.live_output(run_id)
        assert output is not None
        async for _ in output.follow():
            if text in output.text():
                return
        raise AssertionError(f"the run has ended with {output.text()!r}")

    async def starts(self, run_id: str) -> None:
        await self.happens(RunStarted, run_id)

    async def ends(self, run_id: str) -> None:
        await self.happens(RunFinished, run_id)


def fault_in(answer: httpx.Response) -> dict[str, str]:
    """Return what is wrong with a request, of which one field is."""
    assert answer.status_code == 400, answer.text
    [problem] = answer.json()["errors"]
    found: dict[str, str] = problem
    return found


@asynccontextmanager
async def at_home(*, garbage: Garbage | None = None, **settings: Any) -> AsyncIterator[Home]:
    """Run a server; at the end it must stop at once, leave no task, and have logged no fault."""
    before = asyncio.all_tasks()
    faults = _Faults()
    logging.getLogger().addHandler(faults)
    try:
        server = Server(Settings(**{"port": 0, "data_dir": None, **settings}), garbage=garbage)
        await server.start()
        try:
            # Without certificates, which nobody needs here and which take longer to load than most scenes.
            async with httpx.AsyncClient(
                base_url=f"{server.url}/api/v1", timeout=PATIENCE, verify=False
            ) as http:
                yield Home(server, http)
        finally:
            server.end_everything()
            await server.stop()
    finally:
        logging.getLogger().removeHandler(faults)
    assert await others(before) == set()
    assert not faults.told


async def others(known: set["asyncio.Task[Any]"]) -> set["asyncio.Task[Any]"]:
    """Return the tasks that are not known and are still there after a moment in which they may end."""
    async with asyncio.timeout(PATIENCE):
        for _ in range(50):
            left = asyncio.all_tasks() - known
            if not left:
                break
            await asyncio.sleep(0.01)
    return left


def play(scene: Callable[[Home], Awaitable[None]], **settings: Any) -> None:
    """Play a scene at home."""

    async def whole() -> None:
        async with asyncio.timeout(PATIENCE), at_home(**settings) as home:
            await scene(home)

    asyncio.run(whole())
