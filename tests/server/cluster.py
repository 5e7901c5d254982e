"""Servers of one log in memory, on the loop of the test that has them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from kala_server.clock import LoopClock
from kala_server.core.model.job import Run
from kala_server.ports.store import SharedStore
from kala_server.server import Server
from kala_server.stores.memory import MemoryLog, MemoryStore
from kala_server.testing.running import settings_of
from tests.eventually import PATIENCE, eventually

LATER = "R/2035-06-04T19:25:16Z/P1D"
MakeStore = Callable[[MemoryLog, Callable[[], str]], SharedStore]


def in_memory(log: MemoryLog, address: Callable[[], str]) -> SharedStore:
    return MemoryStore(log, address=address)


@dataclass
class Cluster:
    """Servers of one log, in the order in which they were started."""

    log: MemoryLog = field(default_factory=MemoryLog)
    servers: list[Server] = field(default_factory=list)

    async def join(
        self, make: MakeStore = in_memory, clock: LoopClock | None = None, **settings: Any
    ) -> Server:
        """Start one more server."""
        said = settings_of(None, settings)
        server = Server(said, clock=clock, cluster=lambda address: make(self.log, address))
        await server.start()
        self.servers.append(server)
        return server

    async def leader(
        self, make: MakeStore = in_memory, clock: LoopClock | None = None, **settings: Any
    ) -> Server:
        """Start one more server, and return it once it leads."""
        server = await self.join(make, clock, **settings)
        await leads(server)
        return server

    async def leave(self, server: Server) -> None:
        """Stop a server."""
        self.servers.remove(server)
        await server.stop()


@asynccontextmanager
async def cluster() -> AsyncIterator[Cluster]:
    there = Cluster()
    try:
        async with asyncio.timeout(PATIENCE):
            yield there
    finally:
        for server in there.servers:
            await server.stop(timedelta(0))


def play(scene: Callable[[Cluster], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with cluster() as there:
            await scene(there)

    asyncio.run(whole())


async def until(true: Callable[[], object]) -> None:
    """Return once it is so."""
    await asyncio.to_thread(eventually, true)


async def leads(server: Server) -> None:
    """Return once it leads, and all that was before it is accounted for."""
    await until(lambda: server.role.name == "leader" and server.service.state.epoch == server.role.epoch)


async def ask(server: Server, method: str, path: str, **what: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url) as http:
        return await http.request(method, path, **what)


async def create(server: Server, **job: Any) -> str:
    answer = await ask(server, "POST", "/api/v1/job/", json={"name": "a job", "command": "true", **job})
    assert answer.status_code == 201, answer.text
    job_id: str = answer.json()["id"]
    return job_id


async def a_run(server: Server, command: str) -> Run:
    """Start a run, and return it once it runs."""
    await create(server, command=command, shell=True)
    await until(lambda: server.service.state.counts["running"])
    return next(iter(server.service.state.runs.values()))
