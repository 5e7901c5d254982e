"""The store in PostgreSQL, beyond what all stores promise: its lease, what it finds, and how it lets go of history."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from kala_server.boot_time import boot_time
from kala_server.ports.store import (
    Batch,
    Fence,
    FenceLostError,
    StoreBrokenError,
    StoreDamagedError,
    StoreError,
    StoreLockedError,
    StoreNewerError,
)
from kala_server.stores.journal.codec import frame
from kala_server.stores.postgres import schema, watch
from kala_server.stores.postgres.store import PostgresStore
from kala_server.testing.contracts.stores import number_of, numbers_of, started
from tests.eventually import eventually
from tests.postgres import PASSWORD, Postgres

EXPIRES = "SELECT expires FROM kala_lease"


@asynccontextmanager
async def opened(database: str, **options: Any) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(database, **options)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def owned(database: str, **options: Any) -> AsyncIterator[tuple[PostgresStore, Fence]]:
    async with opened(database, **options) as store:
        fence = await store.acquire()
        async for _ in store.load():
            pass
        yield store, fence


async def there(database: str) -> list[int]:
    async with opened(database) as store:
        return list(itertools.chain(*await numbers_of(store.load())))


# -- the lease


def stop_renewing(store: PostgresStore) -> None:
    """Let it be as if its process was stopped."""
    store.watch.close()


def test_a_loop_that_is_busy_does_not_lose_the_lease(postgres: Postgres, database: str) -> None:
    async def scene() -> None:
        async with owned(database, ttl=0.5) as (store, fence):
            first = postgres.ask(EXPIRES, database)
            until = store.held_until(fence)
            # This holds the loop.
            eventually(lambda: store.held_until(fence) > until + 2 * 0.5)
            assert postgres.ask(EXPIRES, database) > first
            await store.append(fence, [started(1)])

    asyncio.run(scene())


def test_who_holds_it_is_told_to_those_who_do_not(database: str) -> None:
    async def scene() -> None:
        async with (
            owned(database, address=lambda: "http://one:8000") as (store, fence),
            opened(database) as other,
        ):
            await store.append(fence, [started(1)])
            with pytest.raises(StoreLockedError, match="held by http://one:8000"):
                await other.acquire()
            leader = other.leader
            assert (leader.epoch, leader.address, leader.number) == (1, "http://one:8000", 1)
            assert 0 < leader.lease <= 3
            await store.release(fence)
            await other.until_free()
            assert other.leader.address == ""

    asyncio.run(scene())


def test_one_that_has_ended_without_a_word_is_followed_when_its_lease_is_over(database: str) -> None:
    async def scene() -> None:
        async with owned(database, ttl=1.0) as (store, fence), opened(database, ttl=1.0) as other:
            await store.append(fence, [started(1)])
            stop_renewing(store)
            sure = store.held_until(fence)
            await other.until_free()
            assert boot_time() > sure
            newer = await other.acquire()
            assert (newer.epoch, newer.number) == (fence.epoch + 1, 1)
            with pytest.raises(FenceLostError, match="another server has acquired it"):
                await store.append(fence, [started(2)])

    asyncio.run(scene())


def test_a_fault_of_ours_in_the_thread_of_the_lease_is_no_silent_end_of_it(
    database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with owned(database, ttl=0.3) as (store, fence):
            monkeypatch.setattr(watch, "renew", lambda *_: 1 / 0)
            assert "the lease cannot be kept: division by zero" in str(await store.until_lost(fence))

    asyncio.run(scene())
    assert "ZeroDivisionError" in caplog.text


def test_a_mark_is_given_once_so_that_a_copy_of_the_database_does_not_know_it(
    postgres: Postgres, database: str
) -> None:
    async def scene() -> None:
        marks = set()
        for where in (database, database, postgres.database(template=database)):
            async with owned(where) as (_, fence):
                marks.add(fence.mark)
        assert len(marks) == 3

    asyncio.run(scene())


# -- what is found


async def filled(database: str, *, snapshot: bool = False) -> None:
    async with owned(database) as (store, fence):
        for number in range(1, 6):
            await store.append(fence, [started(10 * number), started(10 * number + 1)])
        if snapshot:
            await store.compact(fence, map(started, range(500)))


DAMAGES = {
    "a letter": ("UPDATE kala_log SET lines = set_byte(lines, 100, 33) WHERE batch = 2", "row 2 of kala_log"),
    "a row is missing": ("DELETE FROM kala_log WHERE batch = 2", "row 3 of kala_log .* batch 2 must be here"),
    "the last rows are missing": ("DELETE FROM kala_log WHERE batch > 3", "batch 5 is its latest"),
    "a row is another's": (
        "UPDATE kala_log SET lines = (SELECT lines FROM kala_log WHERE batch = 3) WHERE batch = 2",
        "row 2 of kala_log is damaged: record 5 is where 3 must be",
    ),
    "a record is missing": (
        "UPDATE kala_log SET lines = substr(lines, position('\\x0a' in lines) + 1) WHERE batch = 2",
        "row 2 of kala_log is damaged: record 4 is where 3 must be",
    ),
}
SNAPSHOT_DAMAGES = {
    "a letter": ("UPDATE kala_snapshot SET lines = set_byte(lines, 100, 33) WHERE part = 2", "row 2 of"),
    "a part is missing": ("DELETE FROM kala_snapshot WHERE part = 2", "row 3 of kala_snapshot"),
    "its end is missing": (
        "DELETE FROM kala_snapshot WHERE part = (SELECT max(part) FROM kala_snapshot)",
        "ends before it is whole",
    ),
    "all of it is missing": ("DELETE FROM kala_snapshot", "ends before it is whole"),
}


@pytest.mark.parametrize(
    ("snapshot", "damage", "told"),
    [
        *((False, *damage) for damage in DAMAGES.values()),
        *((True, *damage) for damage in SNAPSHOT_DAMAGES.values()),
    ],
    ids=[*DAMAGES, *(f"{name} of the snapshot" for name in SNAPSHOT_DAMAGES)],
)
def test_damage_is_noticed_and_its_place_told(
    postgres: Postgres, database: str, snapshot: bool, damage: str, told: str
) -> None:
    asyncio.run(filled(database, snapshot=snapshot))
    postgres.ask(damage, database)
    with pytest.raises(StoreDamagedError, match=told):
        asyncio.run(there(database))


def test_a_record_of_a_newer_version_is_told_to_be_that(postgres: Postgres, database: str) -> None:
    asyncio.run(filled(database))
    postgres.ask(
        "UPDATE kala_log SET lines = overlay(lines placing '9' from 6 for 1) WHERE batch = 2", database
    )
    with pytest.raises(StoreNewerError, match="row 2 of kala_log was written by a newer Kala"):
        asyncio.run(there(database))


def test_a_record_that_nobody_knows_is_damage(postgres: Postgres, database: str) -> None:
    asyncio.run(filled(database))
    lines = frame([(b"saucer_landed", b"{}"), (b"saucer_landed", b"{}")], seq=3, batch=2).hex()
    postgres.ask(f"UPDATE kala_log SET lines = '\\x{lines}' WHERE batch = 2", database)
    with pytest.raises(
        StoreDamagedError, match="record 3 cannot be understood: there is no kind of record named"
    ):
        asyncio.run(there(database))


def test_tables_that_have_lost_their_row_are_damaged(postgres: Postgres, database: str) -> None:
    asyncio.run(filled(database))
    postgres.ask("DELETE FROM kala_lease", database)
    with pytest.raises(StoreDamagedError, match="kala_lease has lost its row"):
        asyncio.run(there(database))


def test_a_schema_of_a_newer_version_is_not_touched(postgres: Postgres, database: str) -> None:
    asyncio.run(filled(database))
    postgres.ask(f"UPDATE kala_lease SET version = {schema.VERSION + 1}", database)
    with pytest.raises(StoreNewerError, match="Start the newer one"):
        asyncio.run(there(database))


def test_ten_servers_that_start_at_once_make_one_schema(postgres: Postgres, database: str) -> None:
    async def scene() -> None:
        stores = [PostgresStore(database) for _ in range(10)]
        acquired = await asyncio.gather(*(store.acquire() for store in stores), return_exceptions=True)
        assert sorted(type(each).__name__ for each in acquired) == ["Fence", *["StoreLockedError"] * 9]
        for store in stores:
            await store.close()

    asyncio.run(scene())
    assert postgres.ask("SELECT count(*) FROM kala_lease", database) == [(1,)]


def test_who_may_not_make_the_tables_is_told_who_may(postgres: Postgres, database: str) -> None:
    postgres.ask(f"CREATE ROLE modest LOGIN PASSWORD '{PASSWORD}'")
    modest = database.replace("kala:", "modest:", 1)
    with pytest.raises(StoreError, match=r"permission denied .* kala store prepare"):
        asyncio.run(there(modest))
    asyncio.run(filled(database))
    with pytest.raises(StoreError, match="permission denied for table kala_lease"):
        asyncio.run(there(modest))
    postgres.ask("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO modest", database)
    asyncio.run(filled(modest))
    assert len(asyncio.run(there(database))) == 20


# -- a database that knows less than it did


SHORTER = "UPDATE kala_lease SET last_batch = last_batch - 1, last_seq = last_seq - 2"
FORGOTTEN = "DELETE FROM kala_log WHERE batch = (SELECT max(batch) FROM kala_log)"


def test_a_leader_whose_log_has_become_shorter_keeps_nothing_more(postgres: Postgres, database: str) -> None:
    async def scene() -> None:
        async with owned(database) as (store, fence):
            for number in range(3):
                await store.append(fence, [started(number), started(number)])
            postgres.ask(f"{SHORTER}; {FORGOTTEN}", database)
            with pytest.raises(StoreBrokenError, match="lost what it had acknowledged"):
                await store.append(fence, [started(9)])
            assert "lost what it had acknowledged" in str(await store.until_lost(fence))
            assert store.held_until(fence) < boot_time()

    asyncio.run(scene())
    assert asyncio.run(there(database)) == [0, 0, 1, 1]


def test_a_leader_that_appends_nothing_notices_it_too(postgres: Postgres, database: str) -> None:
    async def scene() -> None:
        async with owned(database, ttl=0.3) as (store, fence):
            await store.append(fence, [started(1), started(2)])
            postgres.ask(f"{SHORTER}; {FORGOTTEN}", database)
            assert "lost what it had acknowledged" in str(await store.until_lost(fence))

    asyncio.run(scene())


async def following(store: PostgresStore, numbers: list[int]) -> None:
    async for batch in store.tail(0):
        numbers += map(number_of, batch.records)


@pytest.mark.parametrize("then", ["", "UPDATE kala_log SET epoch = 7"], ids=["shorter", "of another epoch"])
def test_who_follows_stops_where_what_it_has_seen_is_gone(
    postgres: Postgres, database: str, then: str
) -> None:
    async def scene() -> None:
        async with owned(database, ttl=0.3) as (store, fence), opened(database, ttl=0.3) as follower:
            await store.append(fence, [started(1), started(2)])
            tail = follower.tail(0)
            async with aclosing(tail):  # type: ignore[type-var]
                assert (await anext(tail)).number == 1
                if not then:
                    postgres.ask(f"{SHORTER}; {FORGOTTEN}", database)
                    with pytest.raises(StoreBrokenError, match="lost what it had acknowledged"):
                        await anext(tail)
                    with pytest.raises(StoreBrokenError, match="lost what it had acknowledged"):
                        await follower.acquire()
                    return
            postgres.ask(then, database)
            with pytest.raises(StoreBrokenError, match="under epoch 1, and in the database it is of 7"):
                await anext(follower.tail(1))

    asyncio.run(scene())


# -- history


class StoppedError(Exception):
    """Nothing more comes."""


def broken_off(after: int) -> Iterator[Any]:
    yield from map(started, range(after))
    raise StoppedError


def rows(postgres: Postgres, database: str) -> list[tuple[object, ...]]:
    return postgres.ask(
        "SELECT (SELECT count(*) FROM kala_log), (SELECT count(DISTINCT generation) FROM kala_snapshot)",
        database,
    )


def test_what_a_compaction_has_left_behind_is_nothing_and_is_removed_by_the_next(
    postgres: Postgres, database: str
) -> None:
    async def scene() -> None:
        async with owned(database) as (store, fence):
            for number in range(3):
                await store.append(fence, [started(number)])
            with pytest.raises(StoppedError):
                await store.compact(fence, broken_off(100_000))
            assert rows(postgres, database) == [(3, 1)]
            assert await there(database) == [0, 1, 2]
            await store.compact(fence, map(started, range(100)))
            assert rows(postgres, database) == [(0, 1)]
            await store.append(fence, [started(100)])
            await store.compact(fence, map(started, range(50)))
            assert rows(postgres, database) == [(0, 1)]
            assert await there(database) == list(range(50))

    asyncio.run(scene())


def test_much_history_is_removed_some_at_a_time(postgres: Postgres, database: str) -> None:
    async def scene() -> None:
        async with owned(database) as (store, fence):
            await store.append(fence, [started(1)])
            postgres.ask(
                "INSERT INTO kala_log SELECT n, n, 1, 1, '' FROM generate_series(2, 4500) AS n;"
                " UPDATE kala_lease SET last_batch = 4500, last_seq = 4500",
                database,
            )
            await store.release(fence)
            await store.compact(await store.acquire(), [started(7)])
            assert rows(postgres, database) == [(0, 1)]
            assert await there(database) == [7]

    asyncio.run(scene())


def test_who_follows_and_is_past_it_does_not_notice_a_compaction(database: str) -> None:
    async def scene() -> None:
        async with owned(database) as (store, fence), opened(database) as follower:
            await store.append(fence, [started(1)])
            tail: Any = follower.tail(0)
            async with aclosing(tail):
                assert (await anext(tail)).number == 1
                await store.compact(fence, [started(1)])
                await store.append(fence, [started(2)])
                batch: Batch = await anext(tail)
                assert list(map(number_of, batch.records)) == [2]

    asyncio.run(scene())


def test_a_load_that_has_begun_sees_one_moment_whatever_is_compacted_meanwhile(database: str) -> None:
    async def scene() -> None:
        async with owned(database) as (store, fence), opened(database) as follower:
            await store.compact(fence, map(started, range(5_000)))
            await store.append(fence, [started(5_000)])
            found: list[int] = []
            async for batch in follower.load():
                if not found:
                    await store.append(fence, [started(5_001)])
                    await store.compact(fence, [started(0)])
                found += map(number_of, batch.records)
            assert found == list(range(5_001))

    asyncio.run(scene())


def test_a_compaction_of_whoever_has_lost_the_store_changes_nothing(
    postgres: Postgres, database: str
) -> None:
    async def scene() -> None:
        async with owned(database) as (store, fence), opened(database) as other:
            await store.append(fence, [started(1)])
            compaction = store.compact(fence, taking_over(map(started, range(10_000)), lambda: take(other)))
            with pytest.raises(FenceLostError):
                await compaction
            assert await there(database) == [1]
            await other.compact(other.fence, [started(7)])  # type: ignore[attr-defined]
            assert rows(postgres, database) == [(0, 1)]

    def take(other: PostgresStore) -> None:
        postgres.ask("UPDATE kala_lease SET expires = NULL", database)
        other.fence = asyncio.run(other.acquire())  # type: ignore[attr-defined]

    asyncio.run(scene())


def taking_over(snapshot: Iterator[Any], take: Callable[[], None]) -> Iterator[Any]:
    for number, record in enumerate(snapshot):
        if number == 5_000:
            take()
        yield record
