"""What is kept of an output, and what its followers see."""

import asyncio
import contextlib
import itertools
import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kala_server.outputs.bounded import BoundedOutput
from tests.eventually import PATIENCE

TEXT = st.text(alphabet="aé€😀", max_size=12).map(str.encode)
CHUNKS = (
    st.lists(st.binary(max_size=12) | TEXT, max_size=12)
    .flatmap(
        # So that characters come in parts, too.
        lambda chunks: st.sampled_from([chunks, [b"".join(chunks)[at : at + 5] for at in range(0, 144, 5)]])
    )
    .map(lambda chunks: [chunk.replace(b"\n", b"") for chunk in chunks])
)
LIMITS = st.tuples(st.integers(0, 10), st.integers(0, 10))
_NOTICE = re.compile("\n\\[… ([0-9,]+) bytes cut …\\]\n".encode())


def within_characters(everything: bytes) -> set[int]:
    """Every place that has a character's bytes on both sides."""
    places: set[int] = set()
    for start, size in itertools.product(range(len(everything)), (2, 3, 4)):
        with contextlib.suppress(UnicodeDecodeError):
            if start + size <= len(everything) and len(everything[start : start + size].decode()) == 1:
                places.update(range(start + 1, start + size))
    return places


def as_kept(everything: bytes, head: int, tail: int) -> bytes:
    """The naive model: keep all of it, cut at the end, and not within a character."""
    if len(everything) <= head + tail:
        return everything
    places = within_characters(everything)
    start, end = head, len(everything) - tail
    while start in places:
        start -= 1
    while end in places:
        end += 1
    return everything[:start] + f"\n[… {end - start:,} bytes cut …]\n".encode() + everything[end:]


def gathered(pieces: list[bytes]) -> tuple[bytes, int]:
    """What a follower has seen, without the notices; and how many bytes it was told that it had missed."""
    seen = b"".join(pieces)
    missed = sum(int(number.replace(b",", b"")) for number in _NOTICE.findall(seen))
    return _NOTICE.sub(b"", seen), missed


def followed(chunks: list[bytes], pauses: list[int], limits: tuple[int, int]) -> list[bytes]:
    """What a follower gets that is now and then busy."""

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

    return asyncio.run(scenario())


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
    everything = b"".join(chunks)
    seen, missed = gathered(followed(chunks, pauses, limits))
    assert len(seen) + missed == len(everything)
    if missed == 0:
        assert seen == everything


@given(
    st.lists(TEXT, max_size=12),
    st.integers(1, 5),
    st.lists(st.integers(1, 3)),
    st.tuples(st.integers(0, 10), st.integers(3, 10)),  # the place of a cut is known a character later
)
def test_a_follower_of_text_gets_whole_characters_however_it_is_written_and_cut(
    texts: list[bytes], size: int, pauses: list[int], limits: tuple[int, int]
) -> None:
    everything = b"".join(texts)
    chunks = [everything[at : at + size] for at in range(0, len(everything), size)]
    for piece in followed(chunks, pauses, limits):
        piece.decode()


@pytest.mark.parametrize("limits", [(5, 4), (6, 5), (0, 2), (2, 0)])
@pytest.mark.parametrize("text", ["éééééééééééé", "a€€€€€€€€", "😀😀😀😀😀😀", "aé😀€aé😀€aé😀€"])
def test_text_is_cut_between_its_characters(text: str, limits: tuple[int, int]) -> None:
    output = BoundedOutput(*limits)
    output.write(text.encode())
    begins, _, ends = output.text().decode().partition("\n[…")
    assert text.startswith(begins)
    assert text.endswith(ends.partition("…]\n")[2])


def test_what_is_no_utf_8_is_kept_to_the_byte() -> None:
    output = BoundedOutput(3, 3)
    output.write(b"ab\xe9cdefghi\x82\xac\xe2")
    assert output.text() == b"ab\xe9" + "\n[… 7 bytes cut …]\n".encode() + b"\x82\xac\xe2"


@given(CHUNKS, LIMITS, st.integers(0, 200))
def test_all_that_is_at_hand_can_be_taken_in_parts_and_put_together_again(
    chunks: list[bytes], limits: tuple[int, int], often: int
) -> None:
    """As it is written to a disk, and read from there."""
    output, again = BoundedOutput(*limits), BoundedOutput(*limits)
    for number, chunk in enumerate(chunks):
        output.write(chunk)
        if number % (often + 1) == 0:
            take_over(output, again)
    take_over(output, again)
    assert (again.size, again.text()) == (output.size, output.text())


def take_over(output: BoundedOutput, again: BoundedOutput) -> None:
    for piece in output.since(again.size):
        again.put(piece)


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

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE))


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

    assert asyncio.run(asyncio.wait_for(scenario(), PATIENCE)) == b"ab"


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
