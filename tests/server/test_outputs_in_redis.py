"""What runs print, in a Redis: beside what others keep there, and where it has no room."""

from collections.abc import Iterator

import pytest

from kala_server.outputs.bounded import Piece
from kala_server.stores.redis.link import Link
from kala_server.stores.redis.outputs import PREFIX, RedisOutputs
from tests.redis_server import RedisServer

RUN_ID = "5e0f4e2a-4a1b-4b8c-9d57-0d2f5a1f6f3a"
LIMITS = (10, 10)


@pytest.fixture
def outputs(redis: RedisServer) -> Iterator[RedisOutputs]:
    link = Link(redis.address)
    yield RedisOutputs(link)
    link.close()


def test_thousands_are_swept_away_and_what_is_another_ones_is_let_alone(
    redis: RedisServer, outputs: RedisOutputs
) -> None:
    redis.ask("MSET", "another", "one's", *(f"{PREFIX}{number}" for number in range(5_000)))
    outputs.save(RUN_ID, [Piece(0, b"a"), Piece(5, b"b")])
    outputs.sweep({RUN_ID})
    assert sorted(redis.ask("KEYS", "*")) == [b"another", *sorted(redis.ask("KEYS", f"{PREFIX}{RUN_ID}*"))]
    outputs.drop(RUN_ID)
    assert redis.ask("KEYS", "*") == [b"another"]


def test_a_redis_that_was_emptied_is_noticed_before_more_is_added(
    redis: RedisServer, outputs: RedisOutputs
) -> None:
    assert outputs.add(RUN_ID, 0, [Piece(0, b"one ")], LIMITS)
    redis.ask("FLUSHALL")
    assert not outputs.add(RUN_ID, 4, [Piece(4, b"two")], LIMITS)


def test_a_write_without_room_leaves_what_was_there_and_is_an_error_of_the_system(
    redis: RedisServer, outputs: RedisOutputs
) -> None:
    assert outputs.add(RUN_ID, 0, [Piece(0, b"kept")], LIMITS)
    redis.set(maxmemory="1")
    with pytest.raises(OSError, match="used memory > 'maxmemory'"):
        outputs.add(RUN_ID, 4, [Piece(4, b" more")], LIMITS)
    assert outputs.read(RUN_ID) == b"kept"
    outputs.drop(RUN_ID)
    assert outputs.read(RUN_ID) == b""
