"""Who waits for news hears of them once, also where a thousand wait; and they hold the loop for none of the others."""

import asyncio
from collections.abc import Awaitable, Callable

from kala_server.news import AT_A_TURN, News
from tests.eventually import PATIENCE

MANY = 1_000


def play(scene: Callable[[News], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(PATIENCE):
            await scene(News())
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(whole())


def test_a_thousand_are_woken_some_at_a_turn_of_the_loop() -> None:
    async def scene(news: News) -> None:
        heard = 0

        async def wait() -> None:
            nonlocal heard
            assert await news.wait()
            heard += 1

        waiting = [asyncio.ensure_future(wait()) for _ in range(MANY)]
        await asyncio.sleep(0)
        news.tell()
        most = 0
        while heard < MANY:
            before = heard
            await asyncio.sleep(0)
            most = max(most, heard - before)
        assert most == AT_A_TURN
        await asyncio.gather(*waiting)

    play(scene)


def test_who_comes_later_waits_for_what_comes_later() -> None:
    async def scene(news: News) -> None:
        first = [asyncio.ensure_future(news.wait()) for _ in range(2 * AT_A_TURN)]
        await asyncio.sleep(0)
        news.tell()
        later = asyncio.ensure_future(news.wait())
        await asyncio.gather(*first)
        assert not later.done()
        news.tell()
        news.tell()
        assert await later

    play(scene)


def test_silence_is_told_to_who_does_not_wait_longer() -> None:
    async def scene(news: News) -> None:
        assert not await news.wait(0.001)
        waiting = asyncio.ensure_future(news.wait(10))
        await asyncio.sleep(0)
        news.tell()
        assert await waiting
        assert news.waiting == 0

    play(scene)


def test_who_goes_is_not_waited_for_and_not_remembered() -> None:
    async def scene(news: News) -> None:
        gone = [asyncio.ensure_future(news.wait()) for _ in range(MANY)]
        await asyncio.sleep(0)
        for each in gone[: MANY // 2]:
            each.cancel()
        await asyncio.sleep(0)
        assert news.waiting == MANY // 2
        news.tell()
        for each in gone:
            each.cancel()
        there = asyncio.ensure_future(news.wait())
        await asyncio.sleep(0)
        news.tell()
        assert await there
        await asyncio.gather(*gone, return_exceptions=True)
        assert news.waiting == 0

    play(scene)


def test_to_tell_nobody_needs_no_loop() -> None:
    News().tell()
