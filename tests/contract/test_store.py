"""What every store promises, whatever it keeps."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

from kala_server.core.model.records import Record, RunStarted
from kala_server.ports.store import Store

AT = datetime(2024, 5, 1, tzinfo=UTC)


def started(number: int) -> Record:
    return RunStarted(run_id=f"run-{number}", at=AT)


def test_a_new_store_is_empty(store: Store) -> None:
    assert list(store.load()) == []


def test_a_batch_is_taken_and_so_is_an_empty_one(store: Store) -> None:
    async def scenario() -> None:
        await store.append([started(1), started(2)])
        await store.append([])

    list(store.load())
    asyncio.run(scenario())


def test_a_new_store_wants_no_compaction(store: Store) -> None:
    list(store.load())
    assert not store.wants_compaction(0)


def test_appending_goes_on_while_and_after_a_store_is_compacted(store: Store) -> None:
    async def scenario() -> None:
        await store.append([started(1)])
        compaction = asyncio.ensure_future(store.compact(iter([started(1)])))
        await store.append([started(2)])
        await compaction
        await store.append([started(3)])

    list(store.load())
    asyncio.run(scenario())


def test_a_snapshot_may_be_made_as_it_is_read(store: Store) -> None:
    def snapshot() -> Iterator[Record]:
        yield from map(started, range(1000))

    list(store.load())
    asyncio.run(store.compact(snapshot()))


def test_a_store_can_be_closed_before_it_is_loaded_and_twice(store: Store) -> None:
    store.close()
    store.close()
