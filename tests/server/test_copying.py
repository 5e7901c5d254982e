"""All that a store keeps is copied to another one, and what is no copy is noticed."""

import asyncio
import shutil
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any

import pytest

from kala_server.core.model.records import Record, ServerKept
from kala_server.core.state.apply import apply
from kala_server.core.state.state import State
from kala_server.outputs.bounded import Piece
from kala_server.outputs.kept import OutputFolder
from kala_server.ports.store import Batch, Fence, Store, StoreError
from kala_server.stores.copying import Open, Opened, copy
from kala_server.stores.journal.journal import JOURNAL, JournalStore
from kala_server.stores.memory import MemoryLog, MemoryStore
from kala_server.stores.postgres.store import PostgresStore
from kala_server.stores.redis.store import RedisStore
from tests.format.story import HERE
from tests.redis_server import RedisServer
from tests.unit.core import invariants

EVERYTHING = HERE / "journal-v1.jsonl"
"""With all that can be recorded, and each field of it."""


def folder_at(path: Path) -> Open:
    return lambda: Opened(str(path), JournalStore(path), OutputFolder(path / "output"))


def redis_at(server: RedisServer) -> Open:
    def opened() -> Opened:
        store = RedisStore(server.address)
        return Opened(str(server.address), store, store.outputs)

    return opened


def postgres_at(address: str) -> Open:
    def opened() -> Opened:
        store = PostgresStore(address)
        return Opened("postgres", store, store.outputs)

    return opened


def memory(store: Callable[[], Store], outputs: Path) -> Open:
    return lambda: Opened("memory", store(), OutputFolder(outputs))


async def state_in(place: Open) -> State:
    """What a server finds there."""
    state, store = State(), place().store
    try:
        await store.acquire()
        async for batch in store.load():
            for record in batch.records:
                apply(state, record)
            state.undo.commit()
    finally:
        await store.close()
    return state


def outputs_of(place: Open, run_ids: Iterable[str]) -> dict[str, list[Piece]]:
    opened = place()
    try:
        return {run_id: opened.outputs.load(run_id) for run_id in run_ids}
    finally:
        asyncio.run(opened.store.close())


@pytest.fixture
def here(tmp_path: Path) -> Open:
    """A folder with everything in it, and with outputs: of one piece, of two, and of a run that is not known."""
    folder = tmp_path / "here"
    folder.mkdir(mode=0o700)
    shutil.copy(EVERYTHING, folder / JOURNAL)
    place = folder_at(folder)
    whole, parted, *_ = asyncio.run(state_in(place)).runs
    outputs = place().outputs
    outputs.save(whole, [Piece(0, "all of it é".encode())])
    outputs.save(parted, [Piece(0, b"begins"), Piece(1_000, b"ends")])
    outputs.save("nobody's", [Piece(0, b"left")])
    return place


def test_everything_comes_through_other_stores_and_back(
    here: Open, redis: RedisServer, database: str, tmp_path: Path
) -> None:
    before = asyncio.run(state_in(here))
    outputs = outputs_of(here, before.runs)
    way = [here, redis_at(redis), postgres_at(database), folder_at(tmp_path / "there")]
    for source, target in pairwise(way):
        done = asyncio.run(copy(source, target))
        assert (done.source, done.target) == (source().name, target().name)
        assert (done.jobs, done.runs, done.records) == (len(before.jobs), len(before.runs), before.size)
        assert done.output == len("all of it é".encode()) + 10
    for copied in way:
        assert invariants.contents(asyncio.run(state_in(copied))) == invariants.contents(before)
        assert outputs_of(copied, before.runs) == outputs
    assert outputs_of(redis_at(redis), ["nobody's"]) == {"nobody's": []}


def test_what_is_not_empty_is_no_place_for_a_copy_and_stays_as_it_is(
    here: Open, redis: RedisServer, tmp_path: Path
) -> None:
    there = folder_at(tmp_path / "there")
    asyncio.run(copy(here, there))
    before = (tmp_path / "there" / JOURNAL).read_bytes()
    with pytest.raises(StoreError, match=r"something is kept in .*there already"):
        asyncio.run(copy(here, there))
    assert (tmp_path / "there" / JOURNAL).read_bytes() == before
    with pytest.raises(StoreError, match="nothing is kept in redis://"):
        asyncio.run(copy(redis_at(redis), folder_at(tmp_path / "another")))


def test_a_store_that_is_in_use_is_not_copied(here: Open, tmp_path: Path) -> None:
    async def scene() -> None:
        used = here().store
        await used.acquire()
        try:
            with pytest.raises(StoreError, match="is in use by process"):
                await copy(here, folder_at(tmp_path / "there"))
        finally:
            await used.close()

    asyncio.run(scene())
    assert not (tmp_path / "there").exists()


class Changing(MemoryStore, ABC):
    """Planted bug: what is given back is not what was kept."""

    @abstractmethod
    def changed(self, records: Iterator[Record]) -> Iterable[Record]:
        """Return what is given back of what was kept."""

    async def load(self) -> AsyncIterator[Batch]:
        async for batch in super().load():
            yield Batch(batch.number, tuple(self.changed(iter(batch.records))))


class Shortening(Changing):
    """Planted bug: the latest record is lost."""

    def changed(self, records: Iterator[Record]) -> Iterable[Record]:
        return [*records][:-1]


class Inventing(Changing):
    """Planted bug: a record is there twice."""

    def changed(self, records: Iterator[Record]) -> Iterable[Record]:
        all_of_them = [*records]
        return [*all_of_them, *all_of_them[-1:]]


class Forging(Changing):
    """Planted bug: one record says something else."""

    def changed(self, records: Iterator[Record]) -> Iterable[Record]:
        for record in islice(records, 1):
            assert isinstance(record, ServerKept)
            yield ServerKept(created_at=record.created_at)
        yield from records


class Swapping(Changing):
    """Planted bug: two records are in another order."""

    def changed(self, records: Iterator[Record]) -> Iterable[Record]:
        first, second = [*islice(records, 1)], [*islice(records, 1)]
        return chain(second, first, records)


@pytest.mark.parametrize("planted", [Shortening, Inventing, Forging, Swapping])
def test_a_store_that_gives_back_something_else_is_noticed(
    here: Open, tmp_path: Path, planted: type[Changing]
) -> None:
    log = MemoryLog()
    with pytest.raises(StoreError, match="it is no copy"):
        asyncio.run(copy(here, memory(lambda: planted(log), tmp_path / "outputs")))
    whole = MemoryLog()
    asyncio.run(copy(here, memory(lambda: MemoryStore(whole), tmp_path / "outputs")))


def test_outputs_that_are_not_what_was_written_are_noticed_and_no_record_is_copied(
    here: Open, tmp_path: Path
) -> None:
    class Forgetful(OutputFolder):
        """Planted bug: the end of an output is not kept."""

        def load(self, run_id: str) -> list[Piece]:
            return super().load(run_id)[:1]

    log = MemoryLog()
    outputs = Forgetful(tmp_path / "outputs")
    with pytest.raises(StoreError, match="has printed is not what was written"):
        asyncio.run(copy(here, lambda: Opened("memory", MemoryStore(log), outputs)))
    assert log.number == 0


def test_outputs_that_cannot_be_written_are_told_of_and_no_record_is_copied(
    here: Open, tmp_path: Path
) -> None:
    class Full(OutputFolder):
        """Has no room."""

        def save(self, _run_id: str, _pieces: Sequence[Piece]) -> None:
            raise OSError(28, "no space left")

    log = MemoryLog()
    outputs = Full(tmp_path / "outputs")
    with pytest.raises(StoreError, match=r"cannot be copied, so nothing was: .*no space left"):
        asyncio.run(copy(here, lambda: Opened("memory", MemoryStore(log), outputs)))
    assert log.number == 0
    (tmp_path / "a file").touch()
    with pytest.raises(StoreError, match="it is no folder"):
        asyncio.run(copy(here, memory(lambda: MemoryStore(log), tmp_path / "a file")))


def test_a_copy_that_was_cut_off_can_be_begun_anew(here: Open, tmp_path: Path) -> None:
    class Full(MemoryStore):
        """Has no room for a snapshot."""

        def compact(self, _fence: Fence, _snapshot: Iterable[Record]) -> Coroutine[Any, Any, None]:
            raise StoreError("no room")

    log = MemoryLog()
    with pytest.raises(StoreError, match="no room"):
        asyncio.run(copy(here, memory(lambda: Full(log), tmp_path / "outputs")))
    asyncio.run(copy(here, memory(lambda: MemoryStore(log), tmp_path / "outputs")))
