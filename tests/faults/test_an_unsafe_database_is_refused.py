"""A PostgreSQL that could lose or change what it says is kept is refused, with the reason and what mends it."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from kala_client.clock import utc_now
from kala_server.ports.store import StoreAwayError, StoreBrokenError, StoreUnsafeError
from kala_server.stores.postgres import checks, connection
from kala_server.stores.postgres.checks import Report
from kala_server.stores.postgres.store import PostgresStore
from kala_server.testing.contracts.stores import started
from tests.faults.a_database import Account, append_until, leading
from tests.pgbouncer import a_pooler
from tests.postgres import Postgres, a_postgres

REFUSED = {
    "fsync is off": (r"fsync is off .* ALTER SYSTEM SET fsync = on"),
    "pages may be torn": (r"full_page_writes is off .* ALTER SYSTEM SET full_page_writes = on"),
    "a standby": (r"in recovery .* connect to the primary"),
    "a pooler of transactions": (r"a pooler such as PgBouncer.* Connect to PostgreSQL itself"),
    "a pooler of sessions": (r"a pooler such as PgBouncer.* Connect to PostgreSQL itself"),
    "another encoding": (r"encoding of this database is SQL_ASCII: .*ENCODING 'UTF8'"),
    "a clock 5 s ahead": (r"clock of this machine is 5\.\d s ahead of the database's.* Set both"),
    "a clock 5 s behind": (r"clock of this machine is [45]\.\d s behind the database's.* Set both"),
}


@contextmanager
def unsafe(what: str, postgres: Postgres) -> Iterator[str]:
    """Have such a database."""
    match what:
        case "fsync is off" | "pages may be torn":
            option = "fsync" if what == "fsync is off" else "full_page_writes"
            with a_postgres(options={option: "off"}) as server:
                yield server.database()
        case "a standby":
            with a_postgres() as primary, a_postgres(standby_of=primary) as standby:
                yield standby.address()
        case "a pooler of transactions" | "a pooler of sessions":
            name = postgres.database().rpartition("/")[2]
            with a_pooler(postgres, what.removeprefix("a pooler of ").removesuffix("s")) as port:
                yield postgres.address(name, port=port)
        case "another encoding":
            postgres.ask("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0")
            yield postgres.address("ascii")
        case _:
            yield postgres.database()


def clock_of(what: str) -> timedelta:
    """By how much our clock is to differ."""
    return timedelta(seconds={"a clock 5 s ahead": 5, "a clock 5 s behind": -5}.get(what, 0))


BEGIN: dict[str, Callable[[PostgresStore], Awaitable[object]]] = {
    "acquire": lambda store: store.acquire(),
    "load": lambda store: anext(store.load()),
    "tail": lambda store: anext(store.tail(0)),
}


async def refusals(address: str, off: timedelta, begin: Iterable[str] = BEGIN) -> list[str]:
    """Ask for what a server begins with, and return why it was refused."""
    reasons = []
    for name in begin:
        store = PostgresStore(address, now=lambda: utc_now() + off)
        try:
            await BEGIN[name](store)
        except StoreUnsafeError as error:
            reasons.append(str(error))
        finally:
            await store.close()
    return reasons


@pytest.mark.parametrize("what", REFUSED)
def test_an_unsafe_database_is_refused_in_words(what: str, postgres: Postgres) -> None:
    with unsafe(what, postgres) as address:
        reasons = asyncio.run(refusals(address, clock_of(what)))
    assert len(reasons) == 3
    assert all(re.search(REFUSED[what], reason) for reason in reasons), reasons


def test_an_older_database_than_was_tried_is_refused(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "OLDEST", 1000)
    [reason] = asyncio.run(refusals(database, timedelta(0), ["load"]))
    assert re.fullmatch(r"this is PostgreSQL \d\d: at least 1000 is needed", reason)


def test_a_store_that_looks_at_nothing_is_noticed(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "look_at", lambda *_: Report("", ""))
    with unsafe("fsync is off", postgres) as address:
        assert asyncio.run(refusals(address, timedelta(0), ["acquire", "load"])) == []


def test_whoever_has_a_clock_that_goes_wrong_later_cannot_lead(database: str) -> None:
    off = timedelta(0)

    async def scene() -> None:
        nonlocal off
        store = PostgresStore(database, now=lambda: utc_now() + off)
        async for _ in store.load():
            pass
        off = timedelta(seconds=-90)
        with pytest.raises(StoreUnsafeError, match=r"90\.\d s behind the database's"):
            await store.acquire()
        off = timedelta(seconds=0.5)
        await store.acquire()
        await store.close()

    asyncio.run(scene())


def test_a_replica_that_nobody_waits_for_is_warned_of_and_one_that_is_waited_for_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def begin(address: str) -> str:
        caplog.clear()
        store = PostgresStore(address)
        await store.acquire()
        await store.close()
        return caplog.text

    with a_postgres() as primary:
        address = primary.database()
        assert "replica" not in asyncio.run(begin(address))
        with a_postgres(standby_of=primary):
            assert "synchronous_standby_names is empty" in asyncio.run(begin(address))
            primary.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
            primary.ask("SELECT pg_reload_conf()")
            assert "replica" not in asyncio.run(begin(address))


def test_a_standby_that_a_server_finds_later_is_waited_for_until_it_is_promoted() -> None:
    async def scene(primary: Postgres, standby: Postgres) -> None:
        store = PostgresStore(f"{primary.database()}?target_session_attrs=any")
        fence = await store.acquire()
        await store.append(fence, [started(1)])
        primary.stop()
        standby.stop()
        standby.port = primary.port
        standby.start()
        with pytest.raises(StoreAwayError):
            await store.append(fence, [started(2)])
        settling = asyncio.create_task(store.settle(fence))
        await asyncio.sleep(0)
        assert not settling.done()
        await asyncio.to_thread(standby.promote)
        assert not await settling
        await store.append(fence, [started(3)])
        await store.close()

    options = {"synchronous_standby_names": "*"}
    with a_postgres() as primary, a_postgres(standby_of=primary) as standby:
        primary.options = options
        primary.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.ask("SELECT pg_reload_conf()")
        asyncio.run(scene(primary, standby))


def test_a_leader_ends_where_the_database_has_become_unsafe_under_it() -> None:
    async def scene(server: Postgres) -> None:
        async with leading(server.database()) as (store, fence):
            server.stop()
            server.options = {"fsync": "off"}
            server.start()
            with pytest.raises(StoreBrokenError, match="fsync is off"):
                await append_until(store, fence, lambda: False, Account())
            assert "fsync is off" in str(await store.until_lost(fence))

    with a_postgres() as server:
        asyncio.run(scene(server))
