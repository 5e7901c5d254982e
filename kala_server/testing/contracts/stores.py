"""What every store promises (`ports/store.py`), whatever it keeps its records in. It knows no jobs."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from kala_server.core.model.records import Record, RunStarted
from kala_server.ports.store import (
    Batch,
    Fence,
    FenceLostError,
    Store,
    StoreLockedError,
)

T = TypeVar("T")

_AT = datetime(2024, 5, 1, tzinfo=UTC)


def started(number: int) -> Record:
    """Return some record, of which a number tells which it is."""
    return RunStarted(run_id=f"run-{number}", at=_AT)


def number_of(record: Record) -> int:
    """Return which record that is."""
    assert isinstance(record, RunStarted)
    return int(record.run_id.removeprefix("run-"))


async def numbers_of(batches: AsyncIterator[Batch]) -> list[list[int]]:
    """Return which records there are, batch by batch."""
    return [[number_of(record) for record in batch.records] async for batch in batches]


def flat(batches: Sequence[Sequence[int]]) -> list[int]:
    """Return which records there are, whatever batch they are in."""
    return [number for batch in batches for number in batch]


class StoreContract(ABC):
    """The promises of a store with one owner at a time."""

    patience = 30.0
    """Seconds after which a promise is taken to be broken."""

    @abstractmethod
    def store(self) -> Store:
        """Return a store that is neither acquired nor loaded. In one test all are of the same place."""

    def run(self, scene: Coroutine[Any, Any, T]) -> T:
        """Play a scene on an event loop of its own."""
        return asyncio.run(self._in_time(scene))

    async def _in_time(self, scene: Coroutine[Any, Any, T]) -> T:
        async with asyncio.timeout(self.patience):
            return await scene

    async def own(self) -> tuple[Store, Fence]:
        """Acquire and load a store."""
        store = self.store()
        fence = await store.acquire()
        async for _ in store.load():
            pass
        return store, fence

    async def there(self) -> list[int]:
        """Return what the next owner finds."""
        store = self.store()
        await store.acquire()
        found = flat(await numbers_of(store.load()))
        await store.close()
        return found

    def test_a_new_store_is_empty_and_says_that_it_is_new(self) -> None:
        """Nothing is there, and nothing is worth a compaction."""

        async def scene() -> None:
            store = self.store()
            await store.acquire()
            assert flat(await numbers_of(store.load())) == []
            assert store.is_new
            assert not store.wants_compaction(0)
            await store.close()

        self.run(scene())

    def test_what_was_appended_is_given_back_in_order(self) -> None:
        """Whole batches, in their order, for the next owner; who finds a store that is not new."""

        async def scene() -> None:
            store, fence = await self.own()
            await store.append(fence, [started(1)])
            await store.append(fence, [started(2), started(3), started(4)])
            await store.close()
            again = self.store()
            await again.acquire()
            assert flat(await numbers_of(again.load())) == [1, 2, 3, 4]
            assert not again.is_new
            await again.close()

        self.run(scene())

    def test_numbers_of_batches_grow(self) -> None:
        """Each batch that is given back has a higher number than the one before."""

        async def scene() -> None:
            store, fence = await self.own()
            for number in range(5):
                await store.append(fence, [started(number)])
            await store.close()
            again = self.store()
            await again.acquire()
            numbers = [batch.number async for batch in again.load()]
            assert numbers == sorted(set(numbers))
            await again.close()

        self.run(scene())

    def test_an_empty_batch_is_taken_and_leaves_nothing(self) -> None:
        """Nothing to keep is kept."""

        async def scene() -> None:
            store, fence = await self.own()
            await store.append(fence, [])
            await store.append(fence, [started(1)])
            await store.close()
            assert await self.there() == [1]

        self.run(scene())

    def test_each_owner_has_a_higher_epoch_and_a_mark(self) -> None:
        """An epoch is never had twice; by a mark commands can be told."""

        async def scene() -> None:
            fences = []
            for _ in range(3):
                store, fence = await self.own()
                fences.append(fence)
                await store.close()
            epochs = [fence.epoch for fence in fences]
            assert epochs == sorted(set(epochs))
            assert epochs[0] > 0
            assert all(fence.mark for fence in fences)

        self.run(scene())

    def test_of_two_owners_one_is_refused_or_has_lost_its_fence(self) -> None:
        """Never can two append: the second is refused, or the first keeps nothing more."""

        async def scene() -> None:
            first, fence = await self.own()
            await first.append(fence, [started(1)])
            second = self.store()
            try:
                newer = await second.acquire()
            except StoreLockedError:
                await first.append(fence, [started(2)])
                await first.close()
                assert await self.there() == [1, 2]
                return
            assert flat(await numbers_of(second.load())) == [1]
            await second.append(newer, [started(3)])
            await self.is_fenced_off(first, fence)
            await first.close()
            await second.close()
            assert await self.there() == [1, 3]

        self.run(scene())

    async def is_fenced_off(self, store: Store, fence: Fence) -> None:
        """Hold a store to keep nothing under that fence any more."""
        with raises(FenceLostError):
            await store.append(fence, [started(2)])
        with raises(FenceLostError):
            await store.compact(fence, [])

    def test_a_fence_of_another_epoch_is_refused(self) -> None:
        """What somebody believes to own is nothing to a store."""

        async def scene() -> None:
            store, fence = await self.own()
            for epoch in (fence.epoch - 1, fence.epoch + 1):
                await self.is_fenced_off(store, Fence(epoch, fence.mark))
            await store.append(fence, [started(1)])
            await store.close()
            assert await self.there() == [1]

        self.run(scene())

    def test_a_snapshot_takes_the_place_of_what_was_appended_before_it(self) -> None:
        """A batch that is appended while it is written, or after it, stands behind it."""

        async def scene() -> None:
            store, fence = await self.own()
            await store.append(fence, [started(1)])
            compaction = asyncio.ensure_future(store.compact(fence, iter([started(10), started(11)])))
            await store.append(fence, [started(2)])
            await compaction
            await store.append(fence, [started(3)])
            await store.close()
            assert await self.there() == [10, 11, 2, 3]

        self.run(scene())

    def test_a_snapshot_may_be_made_as_it_is_read_and_be_empty(self) -> None:
        """It is iterated once; and of nothing there is a snapshot too."""

        def snapshot() -> Iterator[Record]:
            yield from map(started, range(1000))

        async def scene() -> None:
            store, fence = await self.own()
            await store.compact(fence, snapshot())
            await store.close()
            assert await self.there() == list(range(1000))
            store, fence = await self.own()
            await store.compact(fence, [])
            await store.close()
            assert await self.there() == []

        self.run(scene())

    def test_much_history_asks_for_a_compaction_and_is_gone_after_it(self) -> None:
        """Whatever is much: of a store that only grows by what nobody needs, one is asked for some time."""

        async def scene() -> None:
            store, fence = await self.own()
            batch = [started(number) for number in range(1000)]
            while not store.wants_compaction(1):
                await store.append(fence, batch)
            await store.compact(fence, [started(1)])
            assert not store.wants_compaction(1)
            await store.close()
            assert await self.there() == [1]

        self.run(scene())

    def test_a_store_can_be_closed_before_it_is_acquired_and_twice(self) -> None:
        """To let go of nothing is no fault."""

        async def scene() -> None:
            store = self.store()
            await store.close()
            await store.close()

        self.run(scene())


@contextlib.contextmanager
def raises(kind: type[Exception]) -> Iterator[None]:
    """Hold the block to raise such an error."""
    try:
        yield
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was not raised")
