"""What every keeper of outputs promises (`outputs/kept.py`), whatever it keeps them in."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kala_server.outputs.bounded import BoundedOutput, Piece
from kala_server.outputs.kept import OutputFolder, Outputs
from kala_server.stores.postgres.store import PostgresStore
from kala_server.stores.redis.link import Link
from kala_server.stores.redis.outputs import RedisOutputs
from tests.unit.server.test_output import as_kept

RUN_ID = "5e0f4e2a-4a1b-4b8c-9d57-0d2f5a1f6f3a"
OTHER = "77a6d8a1-0f0c-4d7c-8f2b-1f8c5f5c2a11"
CHUNKS = st.lists(
    st.binary(min_size=1, max_size=12) | st.text("é€😀", min_size=1).map(str.encode), max_size=20
)
LIMITS = st.tuples(st.integers(0, 12), st.integers(0, 12))
BOTH = [Piece(0, b"a"), Piece(5, b"b")]


def in_a_folder(request: pytest.FixtureRequest) -> Iterator[Outputs]:
    folder: Path = request.getfixturevalue("tmp_path")
    yield OutputFolder(folder / "output")


def in_postgres(request: pytest.FixtureRequest) -> Iterator[Outputs]:
    store = PostgresStore(request.getfixturevalue("database"))
    yield store.outputs
    asyncio.run(store.close())


def in_redis(request: pytest.FixtureRequest) -> Iterator[Outputs]:
    link = Link(request.getfixturevalue("redis").address)
    yield RedisOutputs(link)
    link.close()


@pytest.fixture(params=[in_a_folder, in_postgres, in_redis], ids=lambda kept: kept.__name__)
def outputs(request: pytest.FixtureRequest) -> Iterator[Outputs]:
    keeping: Callable[[pytest.FixtureRequest], Iterator[Outputs]] = request.param
    yield from keeping(request)


def taken_up(outputs: Outputs, limits: tuple[int, int]) -> BoundedOutput:
    """What a server finds that starts now."""
    found = BoundedOutput(*limits)
    for piece in outputs.load(RUN_ID):
        found.put(piece)
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHUNKS, LIMITS, st.sets(st.integers(0, 19)), st.sets(st.integers(0, 19)))
def test_what_was_written_is_there_and_bounded(
    outputs: Outputs, chunks: list[bytes], limits: tuple[int, int], writes: set[int], attempts: set[int]
) -> None:
    outputs.drop(RUN_ID)
    output, written, everything = BoundedOutput(*limits), 0, b""
    for number, chunk in enumerate(chunks):
        output.write(chunk)
        everything += chunk
        if number in writes:
            assert outputs.add(RUN_ID, written, output.since(written), limits)
            written = output.size
        elif number in attempts:
            outputs.save(RUN_ID, output.kept())
            written = output.size
        found = taken_up(outputs, limits)
        assert found.text() == as_kept(everything[:written], *limits)
        assert (found.size, found.cut) == (written, written > sum(limits))
        assert sum(len(piece.text) for piece in outputs.load(RUN_ID)) < limits[0] + 3 * limits[1] + 100
    outputs.save(RUN_ID, output.kept())
    assert outputs.read(RUN_ID) == as_kept(everything, *limits)


def test_what_is_gone_is_noticed_before_more_is_added(outputs: Outputs) -> None:
    limits = (100, 100)
    assert outputs.add(RUN_ID, 0, [Piece(0, b"one ")], limits)
    outputs.drop(RUN_ID)
    assert not outputs.add(RUN_ID, 4, [Piece(4, b"two")], limits)
    assert outputs.read(RUN_ID) == b""
    assert outputs.add(RUN_ID, 0, [Piece(0, b"one two")], limits)
    assert outputs.read(RUN_ID) == b"one two"


def test_a_run_is_dropped_with_all_that_is_kept_of_it_and_what_belongs_to_none_is_swept_away(
    outputs: Outputs,
) -> None:
    for run_id in (RUN_ID, OTHER):
        outputs.save(run_id, BOTH)
    outputs.sweep({RUN_ID})
    assert outputs.load(OTHER) == []
    assert outputs.read(RUN_ID) == "a\n[… 4 bytes cut …]\nb".encode()
    outputs.drop(RUN_ID)
    outputs.drop(RUN_ID)
    assert outputs.load(RUN_ID) == []


def test_an_output_of_one_piece_takes_the_place_of_two(outputs: Outputs) -> None:
    outputs.save(RUN_ID, BOTH)
    outputs.save(RUN_ID, [Piece(0, b"anew")])
    assert outputs.load(RUN_ID) == [Piece(0, b"anew")]
    outputs.save(OTHER, [Piece(0, b"")])
    assert outputs.load(OTHER) == []
