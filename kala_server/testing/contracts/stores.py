"""What every store promises (`ports/store.py`), whatever it keeps its records in. It knows no jobs."""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, TypeVar

from kala_server.boot_time import boot_time
from kala_server.core.model.records import Record, RunStarted
from kala_server.ports.store import (
    Batch,
    Fence,
    FenceLostError,
    SharedStore,
    Store,
    StoreLockedError,
    TailLostError,
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


def _flat(batches: Sequence[Sequence[int]]) -> list[int]:
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
        found = _flat(await numbers_of(store.load()))
        await store.close()
        return found

    def test_a_new_store_is_empty_and_says_that_it_is_new(self) -> None:
        """Nothing is there, and nothing is worth a compaction."""

        async def scene() -> None:
            store = self.store()
            await store.acquire()
            assert _flat(await numbers_of(store.load())) == []
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
            assert _flat(await numbers_of(again.load())) == [1, 2, 3, 4]
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
            assert _flat(await numbers_of(second.load())) == [1]
            await second.append(newer, [started(3)])
            await self._is_fenced_off(first, fence)
            await first.close()
            await second.close()
            assert await self.there() == [1, 3]

        self.run(scene())

    async def _is_fenced_off(self, store: Store, fence: Fence) -> None:
        with _raises(FenceLostError):
            await store.append(fence, [started(2)])
        with _raises(FenceLostError):
            await store.compact(fence, [])

    def test_a_fence_of_another_epoch_is_refused(self) -> None:
        """What somebody believes to own is nothing to a store."""

        async def scene() -> None:
            store, fence = await self.own()
            for epoch in (fence.epoch - 1, fence.epoch + 1):
                await self._is_fenced_off(store, Fence(epoch, fence.mark))
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


class SharedStoreContract(StoreContract):
    """The promises of a store that may be followed."""

    @abstractmethod
    def store(self) -> SharedStore:
        """Return a store that is neither acquired nor loaded. In one test all are of the same place."""

    @abstractmethod
    def lease_runs_out(self) -> None:
        """Let the store be as if nothing had been heard of its holder for longer than the lease."""

    async def own(self) -> tuple[SharedStore, Fence]:
        """Acquire and load a store."""
        store = self.store()
        fence = await store.acquire()
        async for _ in store.load():
            pass
        return store, fence

    def test_who_does_not_own_a_store_may_load_it_and_again(self) -> None:
        """What is there is given back as often as somebody asks."""

        async def scene() -> None:
            store, fence = await self.own()
            await store.append(fence, [started(1), started(2)])
            follower = self.store()
            for _ in range(2):
                assert _flat(await numbers_of(follower.load())) == [1, 2]
            await store.append(fence, [started(3)])
            assert _flat(await numbers_of(follower.load())) == [1, 2, 3]

        self.run(scene())

    def test_a_tail_gives_what_comes_after_a_batch_and_waits_for_more(self) -> None:
        """In order, without a gap, and as soon as it is kept."""

        async def scene() -> None:
            store, fence = await self.own()
            await store.append(fence, [started(1)])
            await store.append(fence, [started(2), started(3)])
            follower = self.store()
            numbers = [batch.number async for batch in follower.load() if batch.records]
            async with aclosing(_tail(follower, numbers[0])) as tail:
                assert (await anext(tail)).records == (started(2), started(3))
                waiting = asyncio.ensure_future(anext(tail))
                await asyncio.sleep(0)
                assert not waiting.done()
                await store.append(fence, [started(4)])
                assert (await waiting).records == (started(4),)

        self.run(scene())

    def test_a_tail_goes_on_under_the_next_owner(self) -> None:
        """Who follows sees one log, whoever appends to it."""

        async def scene() -> None:
            store, fence = await self.own()
            await store.append(fence, [started(1)])
            async with aclosing(_tail(self.store(), 0)) as tail:
                assert (await anext(tail)).records == (started(1),)
                await store.release(fence)
                other, newer = await self.own()
                with _raises(FenceLostError):
                    await store.append(fence, [started(2)])
                await other.append(newer, [started(3)])
                assert (await anext(tail)).records == (started(3),)
                await other.close()

        self.run(scene())

    def test_who_holds_a_store_is_known_to_others_and_for_how_long_for_certain_to_himself(self) -> None:
        """Until it is let go of; then somebody else may hold it, and whoever did before is told."""

        async def scene() -> None:
            store, fence = await self.own()
            assert store.held_until(fence) > boot_time()
            await store.until_held(fence)
            other = self.store()
            with _raises(StoreLockedError):
                await other.acquire()
            assert other.leader.epoch == fence.epoch
            free = asyncio.ensure_future(other.until_free())
            lost = asyncio.ensure_future(store.until_lost(fence))
            await store.append(fence, [started(1), started(2)])
            await asyncio.sleep(0)
            assert not free.done()
            assert not lost.done()
            await store.release(fence)
            await free
            newer = await other.acquire()
            assert newer.number == (await self._latest(other)).number
            assert isinstance(await lost, FenceLostError)
            assert store.held_until(fence) < boot_time()
            with _raises(FenceLostError):
                await store.until_held(fence)
            await store.release(fence)
            assert other.held_until(newer) > boot_time()
            await other.close()

        self.run(scene())

    def test_word_is_left_of_what_goes_on_where_the_store_was_let_go_of(self) -> None:
        """For whoever leads then, until that lets go of it; of what was not left there is none."""

        async def scene() -> None:
            store, fence = await self.own()
            assert list(await store.words()) == []
            await store.release(fence, ["a.1", "b.2"], 1000)
            other, newer = await self.own()
            there = {word.handle: word for word in await other.words()}
            assert there.keys() == {"a.1", "b.2"}
            assert all(900 < word.seconds <= 1000 and not word.text for word in there.values())
            await store.leave_word("b.2", "it went well: ü")
            await store.leave_word("c.3", "nobody asked")
            assert {word.handle: word.text for word in await other.words()} == {
                "a.1": "",
                "b.2": "it went well: ü",
            }
            await other.drop_words(["b.2"])
            await store.leave_word("b.2", "too late")
            await other.release(newer, ["d.1"], -1)
            after = {word.handle: word.seconds > 0 for word in await store.words()}
            assert after == {"a.1": True, "d.1": False}
            await other.close()
            await store.close()

        self.run(scene())

    def test_who_is_not_heard_of_any_more_loses_the_store_to_the_next(self) -> None:
        """Once the lease has run out; and what he would append after that is not kept."""

        async def scene() -> None:
            store, fence = await self.own()
            await store.append(fence, [started(1)])
            other = self.store()
            newer = await self._taken_over(other)
            assert newer.epoch > fence.epoch
            await self._is_fenced_off(store, fence)
            with _raises(FenceLostError):
                await store.settle(fence)
            await other.append(newer, [started(3)])
            await store.close()
            await other.close()
            assert await self.there() == [1, 3]

        self.run(scene())

    async def _taken_over(self, other: SharedStore) -> Fence:
        while True:
            self.lease_runs_out()
            with contextlib.suppress(StoreLockedError):
                return await other.acquire()

    async def _latest(self, store: SharedStore) -> Batch:
        return [batch async for batch in store.load()][-1]

    def test_a_tail_whose_batches_a_compaction_took_says_so(self) -> None:
        """Who follows and is behind loads anew, and has then what is there."""

        async def scene() -> None:
            store, fence = await self.own()
            for number in range(3):
                await store.append(fence, [started(number)])
            await store.compact(fence, [started(9)])
            follower = self.store()
            with _raises(TailLostError):
                await anext(_tail(follower, 0))
            assert _flat(await numbers_of(follower.load())) == [9]

        self.run(scene())


def _tail(store: SharedStore, after: int) -> Any:
    return store.tail(after)


@contextlib.contextmanager
def _raises(kind: type[Exception]) -> Iterator[None]:
    try:
        yield
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was not raised")
