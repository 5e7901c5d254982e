"""What runs have printed, in a Redis: bounded, whole up to the last write, and gone with the run."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kala_server.outputs.bounded import BoundedOutput, Piece
from kala_server.stores.redis.link import Link
from kala_server.stores.redis.outputs import PREFIX, RedisOutputs
from tests.redis_server import RedisServer
from tests.unit.server.test_output import as_kept

RUN_ID = "5e0f4e2a-4a1b-4b8c-9d57-0d2f5a1f6f3a"
CHUNKS = st.lists(
    st.binary(min_size=1, max_size=12) | st.text("é€😀", min_size=1).map(str.encode), max_size=20
)
LIMITS = st.tuples(st.integers(0, 12), st.integers(0, 12))
BOTH = [Piece(0, b"a"), Piece(5, b"b")]


@pytest.fixture
def outputs(redis: RedisServer) -> Iterator[RedisOutputs]:
    link = Link(redis.address)
    yield RedisOutputs(link)
    link.close()


def taken_up(outputs: RedisOutputs, limits: tuple[int, int]) -> BoundedOutput:
    """What a server finds that starts now."""
    found = BoundedOutput(*limits)
    for piece in outputs.load(RUN_ID):
        found.put(piece)
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHUNKS, LIMITS, st.sets(st.integers(0, 19)), st.sets(st.integers(0, 19)))
def test_what_was_written_is_there_and_bounded(
    redis: RedisServer,
    outputs: RedisOutputs,
    chunks: list[bytes],
    limits: tuple[int, int],
    writes: set[int],
    attempts: set[int],
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
        size = sum(redis.ask("STRLEN", key) for key in redis.ask("KEYS", f"{PREFIX}*"))
        assert size < limits[0] + 3 * limits[1] + 100
    outputs.save(RUN_ID, output.kept())
    assert outputs.read(RUN_ID) == as_kept(everything, *limits)


def test_what_is_gone_is_noticed_before_more_is_added(redis: RedisServer, outputs: RedisOutputs) -> None:
    limits = (100, 100)
    assert outputs.add(RUN_ID, 0, [Piece(0, b"one ")], limits)
    redis.ask("FLUSHALL")
    assert not outputs.add(RUN_ID, 4, [Piece(4, b"two")], limits)
    assert outputs.read(RUN_ID) == b""
    assert outputs.add(RUN_ID, 0, [Piece(0, b"one two")], limits)
    assert outputs.read(RUN_ID) == b"one two"


def test_a_run_is_dropped_with_all_that_is_kept_of_it_and_what_belongs_to_none_is_swept_away(
    redis: RedisServer, outputs: RedisOutputs
) -> None:
    redis.ask("SET", "another", "one's")
    for run_id in (RUN_ID, "other"):
        outputs.save(run_id, BOTH)
    assert set(outputs.run_ids()) == {RUN_ID, "other"}
    outputs.sweep({RUN_ID})
    assert set(outputs.run_ids()) == {RUN_ID}
    assert outputs.read(RUN_ID) == "a\n[… 4 bytes cut …]\nb".encode()
    outputs.drop(RUN_ID)
    outputs.drop(RUN_ID)
    assert redis.ask("KEYS", "*") == [b"another"]


def test_an_output_of_one_piece_takes_the_place_of_two(outputs: RedisOutputs) -> None:
    outputs.save(RUN_ID, BOTH)
    outputs.save(RUN_ID, [Piece(0, b"anew")])
    assert outputs.load(RUN_ID) == [Piece(0, b"anew")]
    outputs.save("silent", [Piece(0, b"")])
    assert set(outputs.run_ids()) == {RUN_ID}


def test_a_write_without_room_leaves_what_was_there_and_is_an_error_of_the_system(
    redis: RedisServer, outputs: RedisOutputs
) -> None:
    assert outputs.add(RUN_ID, 0, [Piece(0, b"kept")], (10, 10))
    redis.set(maxmemory="1")
    with pytest.raises(OSError, match="used memory > 'maxmemory'"):
        outputs.add(RUN_ID, 4, [Piece(4, b" more")], (10, 10))
    assert outputs.read(RUN_ID) == b"kept"
    outputs.drop(RUN_ID)
    assert outputs.read(RUN_ID) == b""
