"""A compressed answer is undone piece by piece, and only as it was asked for."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kala_client import UnexpectedResponseError
from kala_client._http.coding import Coding

GZIP = {"content-encoding": "gzip"}
PIECE = 65_536


def undone(chunks: list[bytes], headers: dict[str, str] = GZIP) -> list[bytes]:
    coding = Coding(headers)
    pieces = [piece for chunk in chunks for piece in coding.feed(chunk)]
    coding.end()
    return pieces


@given(st.binary(max_size=300_000) | st.integers(0, 300_000).map(bytes), st.integers(1, 100_000))
def test_what_was_packed_comes_out_however_it_is_cut(data: bytes, size: int) -> None:
    packed = gzip.compress(data, mtime=0)
    pieces = undone([packed[start : start + size] for start in range(0, len(packed), size)])
    assert b"".join(pieces) == data
    assert all(len(piece) <= PIECE for piece in pieces)


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_no_byte_is_lost_at_the_end_of_a_piece(size: int) -> None:
    assert b"".join(undone([gzip.compress(bytes(size), mtime=0)])) == bytes(size)


def test_a_bomb_comes_out_no_faster_than_it_is_asked_for() -> None:
    pieces = Coding(GZIP).feed(gzip.compress(bytes(100_000_000), mtime=0))
    assert len(next(pieces)) == PIECE


@pytest.mark.parametrize("coding", ["", "identity", "Identity", ", ,"])
def test_an_answer_without_a_coding_is_left_as_it_is(coding: str) -> None:
    assert undone([b"\x1f\x8b", b"a"], {"content-encoding": coding}) == [b"\x1f\x8b", b"a"]
    assert undone([b"a"], {}) == [b"a"]


@pytest.mark.parametrize("coding", ["x-gzip", "GZIP", " gzip , identity"])
def test_gzip_has_other_spellings(coding: str) -> None:
    assert b"".join(undone([gzip.compress(b"a", mtime=0)], {"content-encoding": coding})) == b"a"


@pytest.mark.parametrize("coding", ["gzip, gzip", "deflate", "br", "zstd", "gzip,br", "x" * 9999])
def test_any_other_coding_is_refused_before_anything_is_undone(coding: str) -> None:
    with pytest.raises(UnexpectedResponseError, match="and not as gzip") as raised:
        Coding({"content-encoding": coding})
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    ("packed", "told"),
    [
        (b"not gzip", "cannot be read"),
        (gzip.compress(b"a", mtime=0)[:-8] + bytes(8), "cannot be read"),
        (gzip.compress(b"a", mtime=0)[:-4] + bytes(4), "cannot be read"),
        (gzip.compress(b"a", mtime=0)[:-1], "cut off"),
        (gzip.compress(b"a", mtime=0)[:5], "cut off"),
        (gzip.compress(b"a", mtime=0) + b"b", "goes on after its end"),
        (gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0), "goes on after its end"),
    ],
)
def test_a_stream_that_is_broken_is_refused_wherever_it_is_cut(packed: bytes, told: str) -> None:
    for size in (1, len(packed)):
        with pytest.raises(UnexpectedResponseError, match=told):
            undone([packed[start : start + size] for start in range(0, len(packed), size)])


def test_an_answer_without_a_body_has_no_coding() -> None:
    assert b"".join(undone([])) == b"".join(undone([b""])) == b""


def test_what_others_have_undone_is_not_undone_again() -> None:
    coding = Coding(GZIP, undone=True)
    assert list(coding.feed(b"a")) == [b"a"]
    coding.end()
