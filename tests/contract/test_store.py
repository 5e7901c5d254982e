"""Every store of ours, held against the contract that is shipped; and stores that break it are noticed."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from math import inf
from pathlib import Path

import pytest

from kala_server.core.model.records import Record
from kala_server.ports.store import Batch, Fence, SharedStore, Store
from kala_server.stores.journal.journal import JournalStore
from kala_server.stores.memory import MemoryLog, MemoryStore
from kala_server.stores.postgres.store import PostgresStore
from kala_server.testing.contracts import SharedStoreContract, StoreContract
from tests.postgres import Postgres


class TestJournal(StoreContract):
    """The store on disk."""

    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "data"

    def store(self) -> Store:
        return JournalStore(self.folder)

    def test_its_mark_is_that_of_the_folder(self) -> None:
        async def mark() -> str:
            store, fence = await self.own()
            await store.close()
            return fence.mark

        assert self.run(mark()) == self.run(mark())


class TestMemory(SharedStoreContract):
    """The store in memory."""

    @pytest.fixture(autouse=True)
    def _of_a_log(self) -> None:
        self.log = MemoryLog()

    def store(self) -> SharedStore:
        return MemoryStore(self.log)

    def lease_runs_out(self) -> None:
        self.log.let_go()


class TestPostgres(SharedStoreContract):
    """The store in PostgreSQL."""

    @pytest.fixture(autouse=True)
    def _of_a_database(self, postgres: Postgres, database: str) -> Iterator[None]:
        self.postgres, self.database = postgres, database
        self.stores: list[SharedStore] = []
        yield
        for store in self.stores:
            asyncio.run(store.close())

    def store(self) -> SharedStore:
        self.stores.append(PostgresStore(self.database))
        return self.stores[-1]

    def lease_runs_out(self) -> None:
        self.postgres.ask(
            "UPDATE kala_lease SET expires = clock_timestamp() WHERE expires IS NOT NULL", self.database
        )


class Unfenced(MemoryStore):
    """Planted bug: keeps what anybody appends."""

    def _check(self, fence: Fence) -> None:
        pass


class Forgetful(MemoryStore):
    """Planted bug: keeps the first record of a batch."""

    async def append(self, fence: Fence, batch: Sequence[Record]) -> None:
        await super().append(fence, batch[:1])


class Leaping(MemoryStore):
    """Planted bug: a tail does not tell that it has missed something."""

    async def tail(self, after: int) -> AsyncIterator[Batch]:
        async for batch in super().tail(max(after, self._log.snapshot.number)):
            yield batch


class Restless(MemoryStore):
    """Planted bug: a tail gives again what was given."""

    async def tail(self, after: int) -> AsyncIterator[Batch]:
        async for batch in super().tail(max(0, after - 1)):
            yield batch


class Greedy(MemoryStore):
    """Planted bug: takes what somebody else holds."""

    async def acquire(self) -> Fence:
        self._log.held = False
        return await super().acquire()


class SureOfItself(MemoryStore):
    """Planted bug: believes to hold what it has let go of."""

    def held_until(self, _fence: Fence) -> float:
        return inf


@pytest.mark.parametrize("planted", [Unfenced, Forgetful, Leaping, Restless, Greedy, SureOfItself])
def test_a_store_that_breaks_the_contract_is_noticed(planted: type[MemoryStore]) -> None:
    class Broken(SharedStoreContract):
        patience = 1.0
        log: MemoryLog

        def store(self) -> SharedStore:
            return planted(self.log)

        def lease_runs_out(self) -> None:
            self.log.let_go()

    promises = [name for name in dir(Broken) if name.startswith("test_")]
    assert len(promises) > 10
    broken = []
    for promise in promises:
        suite = Broken()
        suite.log = MemoryLog()
        try:
            getattr(suite, promise)()
        except (AssertionError, TimeoutError):
            broken.append(promise)
    assert broken
