"""What runs print, in a PostgreSQL: the newest leader has it, and a database that is away is an error of the system."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from kala_server.outputs.bounded import Piece
from kala_server.stores.postgres.store import PostgresStore
from tests.postgres import a_postgres

RUN_ID = "5e0f4e2a-4a1b-4b8c-9d57-0d2f5a1f6f3a"
LIMITS = (100, 100)


def played(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def test_an_older_leader_cannot_touch_what_a_newer_one_has_written(database: str) -> None:
    async def scene() -> None:
        old, new = PostgresStore(database), PostgresStore(database)
        fence = await old.acquire()
        assert old.outputs.add(RUN_ID, 0, [Piece(0, b"old")], LIMITS)
        await old.release(fence)
        await new.acquire()
        new.outputs.save(RUN_ID, [Piece(0, b"new")])
        with pytest.raises(OSError, match="by another server by now"):
            old.outputs.add(RUN_ID, 3, [Piece(3, b" late")], LIMITS)
        with pytest.raises(OSError, match="by another server by now"):
            old.outputs.save(RUN_ID, [Piece(0, b"late")])
        old.outputs.drop(RUN_ID)
        old.outputs.sweep(())
        for store in (old, new):
            assert store.outputs.read(RUN_ID) == b"new"
            await store.close()

    played(scene())


def test_a_database_that_is_away_is_an_error_of_the_system_until_it_is_back() -> None:
    with a_postgres() as server:
        store = PostgresStore(server.database())
        store.outputs.save(RUN_ID, [Piece(0, b"kept")])
        server.stop()
        with pytest.raises(OSError, match="PostgreSQL: "):
            store.outputs.add(RUN_ID, 4, [Piece(4, b" more")], LIMITS)
        server.start()
        assert store.outputs.add(RUN_ID, 4, [Piece(4, b" more")], LIMITS)
        assert list(store.outputs.run_ids()) == [RUN_ID]
        assert store.outputs.read(RUN_ID) == b"kept more"
        played(store.close())
    with pytest.raises(OSError, match="the store was closed"):
        store.outputs.read(RUN_ID)
