"""One suite over both clients: two real servers of one store, of which the one that leads goes away under load."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from kala_client import KalaConnectionError
from kala_server.server import Server
from kala_server.stores.memory import MemoryLog, MemoryStore
from kala_server.testing.apart import apart
from kala_server.testing.running import settings_of
from tests.blocking import Kind, client_of

LATER = "R/2035-06-04T19:25:16Z/P1D"
JOBS = 60


@dataclass
class Two:
    """Two servers in a loop of their own, the first of which leads."""

    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    log: MemoryLog = field(default_factory=MemoryLog)
    servers: list[Server] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)
    stopping: list[Future[None]] = field(default_factory=list)

    async def join(self) -> None:
        """Start one more."""
        server = Server(settings_of(None, {}), cluster=lambda address: MemoryStore(self.log, address=address))
        await server.start()
        self.servers.append(server)
        self.urls.append(server.url)

    def ends(self) -> None:
        """Let the one that leads stop, as it does when it is asked to."""
        self.stopping.append(asyncio.run_coroutine_threadsafe(self.servers.pop(0).stop(), self.loop))

    def loses(self) -> None:
        """Let it lose its lease, as if nobody had heard of it."""
        self.loop.call_soon_threadsafe(self.log.let_go)


@asynccontextmanager
async def two() -> AsyncIterator[Two]:
    there = Two()
    try:
        for _ in range(2):
            await there.join()
        yield there
    finally:
        for stopping in there.stopping:
            await asyncio.wrap_future(stopping)
        for server in there.servers:
            await server.stop(timedelta(0))


@pytest.mark.parametrize("how", ["ends", "loses"])
@pytest.mark.parametrize("order", [1, -1], ids=["leader first", "follower first"])
def test_of_what_is_created_while_another_one_takes_over_nothing_is_lost_or_doubled(
    kind: Kind, how: str, order: int
) -> None:
    with apart(two()) as there, client_of(kind, there.urls[::order]) as kala:
        told = {}
        for number in range(JOBS):
            if number == JOBS // 3:
                getattr(there, how)()
            told[kala.create_job(name=str(number), command="true", schedule=LATER)] = str(number)
        assert {job_id: job.name for job_id, job in kala.get_all_jobs().items()} == told


def test_what_is_started_while_another_one_takes_over_starts_once_or_nobody_knows(kind: Kind) -> None:
    with apart(two()) as there, client_of(kind, there.urls) as kala:
        jobs = [kala.create_job(name=str(number), command="true", schedule=LATER) for number in range(JOBS)]
        told: dict[str, str | None] = {}
        unknown: dict[str, KalaConnectionError] = {}
        for number, job in enumerate(jobs):
            if number == JOBS // 3:
                there.ends()
            try:
                told[job] = kala.start_job(job)
            except KalaConnectionError as error:  # closed on its way, which no call without a key can outlive
                unknown[job] = error
        assert len(unknown) <= 1
        assert not any(error.never_sent for error in unknown.values())
        started = {job: [run.id for run in kala.runs(job)] for job in jobs}
        assert {job: [run_id] for job, run_id in told.items()} == {job: started[job] for job in told}
        assert all(len(started[job]) <= 1 for job in unknown)
