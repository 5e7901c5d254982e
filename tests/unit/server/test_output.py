"""What is kept of an output, and what its followers see."""

import asyncio
import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kala_server.runner.output import BoundedOutput

CHUNKS = st.lists(st.binary(max_size=12).map(lambda chunk: chunk.replace(b"\n", b"")), max_size=12)
LIMITS = st.tuples(st.integers(0, 10), st.integers(0, 10))
_NOTICE = re.compile("\n\\[… ([0-9,]+) bytes cut …\\]\n".encode())


def as_kept(everything: bytes, head: int, tail: int) -> bytes:
    """The naive model: keep all of it, cut at the end."""
    cut = len(everything) - head - tail
    if cut <= 0:
        return everything
    notice = f"\n[… {cut:,} bytes cut …]\n".encode()
    return everything[:head] + notice + everything[head + cut :]


def gathered(pieces: list[bytes]) -> tuple[bytes, int]:
    """What a follower has seen, without the notices; and how many bytes it was told that it had missed."""
    seen = b"".join(pieces)
    missed = sum(int(number.replace(b",", b"")) for number in _NOTICE.findall(seen))
    return _NOTICE.sub(b"", seen), missed


@given(CHUNKS, LIMITS)
def test_the_first_and_the_last_are_kept_and_what_is_missing_is_said(
    chunks: list[bytes], limits: tuple[int, int]
) -> None:
    output = BoundedOutput(*limits)
    everything = b""
    for chunk in chunks:
        output.write(chunk)
        everything += chunk
        assert output.text() == as_kept(everything, *limits)
        assert output.size == len(everything)
        assert output.cut == (len(everything) > sum(limits))


@given(CHUNKS, st.lists(st.integers(1, 3)), LIMITS)
def test_a_follower_sees_all_of_it_in_order_or_is_told_how_much_it_missed(
    chunks: list[bytes], pauses: list[int], limits: tuple[int, int]
) -> None:
    async def scenario() -> list[bytes]:
        output = BoundedOutput(*limits)

        async def follow() -> list[bytes]:
            pieces = []
            waits = iter(pauses)
            async for piece in output.follow():
                pieces.append(piece)
                for _ in range(next(waits, 0)):
                    await asyncio.sleep(0)
            return pieces

        following = asyncio.ensure_future(follow())
        for chunk in chunks:
            output.write(chunk)
            await asyncio.sleep(0)
        output.finish()
        return await following

    everything = b"".join(chunks)
    seen, missed = gathered(asyncio.run(scenario()))
    assert len(seen) + missed == len(everything)
    if missed == 0:
        assert seen == everything


def test_every_follower_is_woken_and_comes_to_its_end() -> None:
    async def scenario() -> None:
        output = BoundedOutput()
        progress = [0, 0, 0]
        caught_up = asyncio.Event()

        async def follow(number: int) -> bytes:
            seen = b""
            async for piece in output.follow():
                seen += piece
                progress[number] = len(seen)
                if min(progress) == output.size:
                    caught_up.set()
            return seen

        following = [asyncio.ensure_future(follow(number)) for number in range(3)]
        for chunk in (b"one ", b"two ", b"three"):
            caught_up.clear()
            output.write(chunk)
            await caught_up.wait()
        output.finish()
        assert await asyncio.gather(*following) == [b"one two three"] * 3

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_one_who_comes_late_sees_what_is_kept() -> None:
    async def scenario() -> list[bytes]:
        output = BoundedOutput(2, 2)
        output.write(b"abcdef")
        output.finish()
        return [piece async for piece in output.follow()]

    assert b"".join(asyncio.run(scenario())) == "ab\n[… 2 bytes cut …]\nef".encode()


def test_what_is_written_while_a_follower_is_busy_is_not_lost() -> None:
    async def scenario() -> bytes:
        output = BoundedOutput()
        output.write(b"a")
        seen = b""
        async for piece in output.follow():
            seen += piece
            if seen == b"a":
                output.write(b"b")
            elif seen == b"ab":
                output.finish()
        return seen

    assert asyncio.run(asyncio.wait_for(scenario(), 10)) == b"ab"


@pytest.mark.parametrize("size", [1, 100, 65_536, 1_000_000])
def test_memory_is_bounded_however_the_output_comes_and_however_slow_a_follower_is(size: int) -> None:
    async def scenario() -> int:
        output = BoundedOutput()
        output.write(b"x")
        follower = output.follow()
        await anext(follower)
        chunk = b"x" * size
        tracemalloc.start()
        try:
            for _ in range(max(20, 300_000 // size)):
                output.write(chunk)
            await anext(follower)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        await follower.aclose()
        return peak

    assert asyncio.run(scenario()) < 2_000_000
