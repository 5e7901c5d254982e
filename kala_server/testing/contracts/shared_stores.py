"""What a store promises that several servers are of (`ports/store.py`). It knows no jobs."""

import asyncio
import contextlib
from abc import abstractmethod
from contextlib import aclosing
from typing import Any

from kala_server.boot_time import boot_time
from kala_server.ports.store import (
    Batch,
    Fence,
    FenceLostError,
    SharedStore,
    StoreLockedError,
    TailLostError,
)
from kala_server.testing.contracts.stores import StoreContract, flat, numbers_of, raises, started


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
                assert flat(await numbers_of(follower.load())) == [1, 2]
            await store.append(fence, [started(3)])
            assert flat(await numbers_of(follower.load())) == [1, 2, 3]

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
                with raises(FenceLostError):
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
            with raises(StoreLockedError):
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
            with raises(FenceLostError):
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
            await self.is_fenced_off(store, fence)
            with raises(FenceLostError):
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
            with raises(TailLostError):
                await anext(_tail(follower, 0))
            assert flat(await numbers_of(follower.load())) == [9]

        self.run(scene())


def _tail(store: SharedStore, after: int) -> Any:
    return store.tail(after)
