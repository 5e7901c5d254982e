"""The live stream: every follower hears all that it can still hear, once and in order, and is told of the rest."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from datetime import UTC, datetime

import pytest

from kala_server.core.model.records import JobEnabled
from kala_server.service.feed import Entry, Feed
from tests.eventually import PATIENCE

NOW = datetime(2035, 6, 4, tzinfo=UTC)


def records(numbers: Iterable[int]) -> list[JobEnabled]:
    return [JobEnabled(id=str(number), at=NOW) for number in numbers]


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(PATIENCE):
            await scene()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(whole())


async def take(entries: AsyncGenerator[Entry, None], count: int) -> list[tuple[int, str | None]]:
    """Take so many entries: their numbers, and the ids in their records."""
    taken = []
    for _ in range(count):
        entry = await anext(entries)
        assert entry.record is None or isinstance(entry.record, JobEnabled)
        taken.append((entry.number, entry.record.id if entry.record else None))
    return taken


def test_a_follower_hears_what_is_buffered_and_then_what_comes() -> None:
    async def scene() -> None:
        feed = Feed()
        assert feed.latest == 0
        feed.publish(records([1, 2]))
        assert feed.latest == 2
        async with aclosing(feed.follow(0)) as entries:
            assert await take(entries, 2) == [(1, "1"), (2, "2")]
            hearing = asyncio.ensure_future(take(entries, 2))
            await asyncio.sleep(0)
            feed.publish(records([3, 4]))
            assert await hearing == [(3, "3"), (4, "4")]

    play(scene)


def test_a_follower_that_is_far_behind_hears_all_of_it_though_the_feed_closes() -> None:
    async def scene() -> None:
        feed = Feed()
        feed.publish(records(range(1, 2_501)))
        feed.close()
        heard = [entry.number async for entry in feed.follow(0)]
        assert heard == list(range(1, 2_501))
        assert [entry.number async for entry in feed.follow(2_499)] == [2_500]

    play(scene)


def test_what_is_published_while_a_follower_is_busy_is_not_lost() -> None:
    async def scene() -> None:
        feed = Feed()
        async with aclosing(feed.follow(feed.latest)) as entries:
            feed.publish(records([1]))
            assert await take(entries, 1) == [(1, "1")]
            feed.publish(records([2, 3]))
            feed.publish(records([4]))
            assert await take(entries, 3) == [(2, "2"), (3, "3"), (4, "4")]

    play(scene)


@pytest.mark.parametrize("after", range(4))
def test_a_follower_takes_up_after_any_number_that_is_still_there(after: int) -> None:
    async def scene() -> None:
        feed = Feed()
        feed.publish(records([1, 2, 3, 4]))
        async with aclosing(feed.follow(after)) as entries:
            rest = [(number, str(number)) for number in range(after + 1, 5)]
            assert await take(entries, 4 - after) == rest

    play(scene)


@pytest.mark.parametrize("after", [-1, 0, 1, 6, 10**14])
def test_who_wants_what_is_not_there_is_told_and_then_hears_all_that_is(after: int) -> None:
    async def scene() -> None:
        feed = Feed(buffered=3)
        feed.publish(records([1, 2, 3, 4, 5]))
        async with aclosing(feed.follow(after)) as entries:
            assert await take(entries, 4) == [(2, None), (3, "3"), (4, "4"), (5, "5")]

    play(scene)


def test_who_just_missed_nothing_is_not_told_that_something_was_missed() -> None:
    async def scene() -> None:
        feed = Feed(buffered=3)
        feed.publish(records([1, 2, 3, 4, 5]))
        async with aclosing(feed.follow(2)) as entries:
            assert await take(entries, 3) == [(3, "3"), (4, "4"), (5, "5")]

    play(scene)


def test_an_unknown_number_of_an_empty_feed_is_missed_and_then_it_goes_on() -> None:
    async def scene() -> None:
        feed = Feed()
        async with aclosing(feed.follow(-1)) as entries:
            assert await take(entries, 1) == [(0, None)]
            feed.publish(records([1]))
            assert await take(entries, 1) == [(1, "1")]

    play(scene)


def test_a_follower_that_falls_behind_is_told_so_in_the_middle() -> None:
    async def scene() -> None:
        feed = Feed(buffered=2)
        async with aclosing(feed.follow(0)) as entries:
            feed.publish(records([1]))
            assert await take(entries, 1) == [(1, "1")]
            feed.publish(records([2, 3, 4]))
            assert await take(entries, 3) == [(2, None), (3, "3"), (4, "4")]

    play(scene)


def test_followers_do_not_take_from_each_other() -> None:
    async def scene() -> None:
        feed = Feed()
        async with aclosing(feed.follow(0)) as one, aclosing(feed.follow(0)) as other:
            hearing = [asyncio.ensure_future(take(entries, 2)) for entries in (one, other)]
            await asyncio.sleep(0)
            feed.publish(records([1, 2]))
            assert await asyncio.gather(*hearing) == [[(1, "1"), (2, "2")]] * 2

    play(scene)


def test_a_closed_feed_still_tells_the_rest_and_then_ends() -> None:
    async def scene() -> None:
        feed = Feed()
        feed.publish(records([1, 2]))
        waiting = asyncio.ensure_future(collect(feed, after=2))
        await asyncio.sleep(0)
        feed.publish(records([3]))
        feed.close()
        assert await waiting == [3]
        assert await collect(feed, after=0) == [1, 2, 3]

    play(scene)


async def collect(feed: Feed, *, after: int) -> list[int]:
    return [entry.number async for entry in feed.follow(after)]


def test_silence_is_told_again_and_again_and_loses_nothing() -> None:
    async def scene() -> None:
        feed = Feed()
        async with aclosing(feed.listen(0, patience=0.001)) as entries:
            assert [await anext(entries) for _ in range(3)] == [None] * 3
            feed.publish(records([1]))
            heard = await anext(entries)
            assert heard is not None
            assert heard.number == 1
            assert await anext(entries) is None

    play(scene)


def test_every_feed_has_a_name_of_its_own() -> None:
    assert Feed().life != Feed().life
