"""A store that cannot be reached, or may be somebody else's: nothing is lost, and nothing is started in doubt."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from math import inf

import pytest

from kala_server.core.model.job import RunState
from kala_server.core.model.records import Record
from kala_server.ports.store import Fence, SharedStore, StoreAwayError
from kala_server.server import Server
from kala_server.stores.memory import MemoryLog, MemoryStore
from kala_server.testing.running import settings_of
from tests.server.cluster import (
    LATER,
    Cluster,
    ask,
    create,
    play,
    until,
)


class Unreachable(MemoryStore):
    """A store whose connection is lost at an append, before or after the batch was kept."""

    def __init__(self, log: MemoryLog, address: Callable[[], str]) -> None:
        super().__init__(log, address=address)
        self.lost = False
        self.keeps = False
        self.back = asyncio.Event()

    async def append(self, fence: Fence, batch: Sequence[Record]) -> None:
        if self.lost:
            if self.keeps:
                await super().append(fence, batch)
            raise StoreAwayError("connection refused")
        await super().append(fence, batch)

    async def settle(self, fence: Fence) -> bool:
        await self.back.wait()
        self._check(fence)
        return self.keeps


@pytest.mark.parametrize("keeps", [False, True])
def test_while_the_store_is_away_writes_are_refused_reads_answered_and_runs_go_on(*, keeps: bool) -> None:
    async def scene(there: Cluster) -> None:
        stores: list[Unreachable] = []

        def make(log: MemoryLog, address: Callable[[], str]) -> SharedStore:
            stores.append(Unreachable(log, address))
            return stores[-1]

        leader = await there.leader(make)
        job_id = await create(leader, command="cat", schedule=LATER)
        [store] = stores
        store.lost, store.keeps = True, keeps
        for _ in range(2):  # the one whose fate is not known, and one after it
            answer = await ask(leader, "POST", "/api/v1/job/", json={"name": "b", "command": "true"})
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
            assert (
                "leader" not in answer.json()
            )  # so nobody takes it for one who follows, and has done nothing
        assert list((await ask(leader, "GET", "/api/v1/job/")).json()["jobs"]) == [job_id]
        assert (await ask(leader, "GET", "/readyz")).status_code == 503
        store.lost = False
        store.back.set()
        await until(lambda: not leader.service.trouble)
        names = [job["name"] for job in (await ask(leader, "GET", "/api/v1/job/")).json()["jobs"].values()]
        assert sorted(names) == (["a job", "b"] if keeps else ["a job"])
        await create(leader, name="c", schedule=LATER)
        if keeps:  # what it asked for was done when the store was back
            await until(lambda: leader.service.state.counts["succeeded"] == 1)

    play(scene)


class Uncertain(MemoryStore):
    """A store of one server of which that may have been paused for longer than its lease."""

    def __init__(self, log: MemoryLog) -> None:
        super().__init__(log)
        self.is_certain = asyncio.Event()
        self.asked = asyncio.Event()

    def held_until(self, fence: Fence) -> float:
        return super().held_until(fence) if self.is_certain.is_set() else -inf

    async def until_held(self, fence: Fence) -> None:
        self.asked.set()
        await self.is_certain.wait()
        await super().until_held(fence)


def test_a_server_alone_on_a_store_with_a_lease_starts_nothing_while_that_may_be_somebody_elses() -> None:
    async def scene(_there: Cluster) -> None:
        store = Uncertain(MemoryLog())
        server = Server(settings_of(None, {}), store=store)
        await server.start()
        try:
            await create(server, command="true")
            await store.asked.wait()
            assert server.executor.at_work is False
            [run] = server.service.state.runs.values()
            assert run.state is RunState.RUNNING  # which is durable, and nothing was started for it
            store.is_certain.set()
            await until(lambda: server.service.state.counts["succeeded"] == 1)
        finally:
            await server.stop(timedelta(0))

    play(scene)
