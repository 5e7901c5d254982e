"""Who computes does it in slices, shares them with others who do, and leaves the loop to everybody else in between."""

import asyncio
from collections.abc import Awaitable, Callable

from kala_server.core.steps import Steps, to_the_end
from kala_server.service.slices import REST, SLICE, Pace, Turns
from tests.eventually import PATIENCE

STEP = SLICE / 4


class Work:
    """Steps that take time on a clock of their own; and what was seen of them."""

    def __init__(self) -> None:
        self.now = 0.0
        self.done = ""
        """Who has done a step, in their order; a dot is a turn of the loop."""

    def monotonic(self) -> float:
        return self.now

    def steps(self, name: str, count: int) -> Steps[str]:
        for _ in range(count):
            self.now += STEP
            self.done += name
            yield
        return name * 2

    async def others(self) -> None:
        while True:
            self.done += "."
            await asyncio.sleep(0)


def play(scene: Callable[[Work], Awaitable[None]]) -> Work:
    work = Work()

    async def whole() -> None:
        others = asyncio.ensure_future(work.others())
        async with asyncio.timeout(PATIENCE):
            await scene(work)
        others.cancel()

    asyncio.run(whole())
    return work


def test_between_two_slices_others_have_some_turns() -> None:
    async def scene(work: Work) -> None:
        assert await Turns(work.monotonic).walk(work.steps("a", 8)) == "aa"

    slices = [part for part in play(scene).done.split("." * REST) if part.strip(".")]
    assert [part.strip(".") for part in slices] == ["aaaa", "aaaa"]


def test_who_has_a_pace_of_his_own_begins_at_once_and_rests_too() -> None:
    async def scene(work: Work) -> None:
        await Pace(work.monotonic).walk(work.steps("a", 8))

    done = play(scene).done
    assert done.startswith("aaaa." + "." * (REST - 1))
    assert done.count("a") == 8


def test_many_at_once_hold_the_loop_for_no_longer_than_one() -> None:
    async def scene(work: Work) -> None:
        turns = Turns(work.monotonic)
        told = await asyncio.gather(*(turns.walk(work.steps(name, 8)) for name in "abcdefgh"))
        assert told == [name * 2 for name in "abcdefgh"]

    done = play(scene).done
    held = [part for part in done.split("." * (REST - 1)) if part.strip(".")]
    assert max(len(part.replace(".", "")) for part in held) <= 4
    # Each has its turn before one has its second.
    assert "".join(dict.fromkeys(done.replace(".", ""))) == "abcdefgh"
    assert done.replace(".", "").index("h") < 8 * 4


def test_small_steps_of_many_share_a_slice_and_come_one_in_a_turn() -> None:
    async def small(work: Work, turns: Turns, name: str) -> None:
        await turns.take()
        work.now += STEP
        work.done += name

    async def scene(work: Work) -> None:
        turns = Turns(work.monotonic)
        await asyncio.gather(*(small(work, turns, name) for name in "abcdefgh"))

    done = play(scene).done.strip(".")
    assert done.replace(".", "") == "abcdefgh"
    assert all(part in set("abcdefgh") for part in done.replace(".", " ").split())
    first, second = done[: done.index("d") + 1], done[done.index("e") :]
    assert "." * REST not in first + second
    assert "." * REST in done


def test_who_gives_up_keeps_nobody_waiting() -> None:
    async def scene(work: Work) -> None:
        turns = Turns(work.monotonic)
        given_up = asyncio.ensure_future(turns.take())
        other = asyncio.ensure_future(turns.walk(work.steps("a", 1)))
        await asyncio.sleep(0)
        given_up.cancel()
        assert await other == "aa"
        await turns.take()

    play(scene)


def test_an_error_ends_the_work_and_not_the_turns() -> None:
    def fails() -> Steps[None]:
        yield
        raise KeyError

    async def scene(work: Work) -> None:
        turns = Turns(work.monotonic)
        told = await asyncio.gather(
            turns.walk(fails()), turns.walk(work.steps("a", 1)), return_exceptions=True
        )
        assert isinstance(told[0], KeyError)
        assert told[1] == "aa"

    play(scene)


def test_what_nobody_waits_for_is_done_to_its_end() -> None:
    assert to_the_end(Work().steps("a", 3)) == "aa"
