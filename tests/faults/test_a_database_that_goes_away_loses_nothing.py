"""A PostgreSQL that is killed, cut off or stuck loses nothing and doubles nothing; who led goes on leading."""

import asyncio
import os
import random
import signal
from collections.abc import Iterator
from threading import Event

import pytest

from kala_server.ports.store import FenceLostError, StoreAwayError, StoreLockedError
from kala_server.stores.postgres import writer
from kala_server.stores.postgres.connection import Connection
from kala_server.stores.postgres.lease_row import LeaseRow
from kala_server.stores.postgres.store import PostgresStore
from kala_server.stores.postgres.writer import Writer
from kala_server.testing.contracts.stores import started
from tests.eventually import eventually
from tests.faults.a_database import Account, append, append_until, forever, found, leading
from tests.faults.conftest import Tell
from tests.faults.cutting_proxy import Cut, Way, cutting_proxy
from tests.faults.figures import ANSWERS_CUT, DATABASE_OUTAGES, PROMOTIONS, SECONDS_OF_AN_OUTAGE
from tests.postgres import Postgres, a_postgres

ENOUGH = 10
"""Batches that are kept between two outages."""
SOON = 0.5
"""Seconds after which a statement is cut off that is known to be stuck."""


# -- killed


def outages(server: Postgres, account: Account) -> None:
    """Kill the server again and again while it is appended to."""
    for _ in range(DATABASE_OUTAGES):
        until_more(account)
        server.stop(immediate=True)
        Event().wait(SECONDS_OF_AN_OUTAGE)
        server.start()
    until_more(account)


def until_more(account: Account) -> None:
    before = len(account.kept)
    eventually(lambda: len(account.kept) > before + ENOUGH)


def test_a_database_that_is_killed_again_and_again_loses_nothing_and_the_same_server_leads(
    tell: Tell,
) -> None:
    async def scene(server: Postgres) -> Account:
        account, followed, address = Account(), list[int](), server.database()
        other = PostgresStore(address)
        # A lease that ends within each outage, and leaves a busy machine the time to start a database anew.
        lease = SECONDS_OF_AN_OUTAGE - 1
        async with leading(address, ttl=lease) as (store, fence), asyncio.TaskGroup() as beside:
            following = beside.create_task(forever(other, followed))
            rival = beside.create_task(other.until_free())
            killing = beside.create_task(asyncio.to_thread(outages, server, account))
            await append_until(store, fence, killing.done, account)
            assert not rival.done()
            await asyncio.to_thread(eventually, lambda: len(followed) == len(account.kept))
            for task in (following, rival):
                task.cancel()
        await other.close()
        assert await found(address) == account.kept == followed
        return account

    with a_postgres() as server:
        account = asyncio.run(scene(server))
    tell(
        f"{DATABASE_OUTAGES} outages of {SECONDS_OF_AN_OUTAGE} s, {len(account.kept)} records kept, {account.settled}"
    )


def test_who_comes_anew_waits_for_a_lease_after_the_database_is_back() -> None:
    async def scene(server: Postgres) -> None:
        address = server.database()
        async with leading(address) as (store, fence):
            await store.append(fence, [started(1)])
            store.watch.close()
            server.stop(immediate=True)
            server.start()
            server.ask(
                "UPDATE kala_lease SET expires = clock_timestamp() - interval '1 hour', ttl = '1 hour'",
                address,
            )
            other = PostgresStore(address)
            with pytest.raises(StoreLockedError, match=r"for 3\d\d\d\.\d s"):
                await other.acquire()
            server.ask("UPDATE kala_lease SET ttl = '0 s'", address)
            await other.acquire()
            with pytest.raises(StoreAwayError):
                await store.append(fence, [started(2)])
            with pytest.raises(FenceLostError):
                await store.settle(fence)
            await other.close()

    with a_postgres() as server:
        asyncio.run(scene(server))


def test_what_is_read_after_an_outage_frees_nothing_before_the_lease_itself_was_looked_at() -> None:
    async def scene(server: Postgres) -> None:
        address = server.database()
        async with leading(address):
            other = PostgresStore(address)
            with pytest.raises(StoreLockedError):
                await other.acquire()
            other.watch.close()
            for away, free in ((False, True), (True, False)):
                if away:
                    other.watch._is_away(StoreAwayError("cut off"))
                seen = other.leader
                expired = LeaseRow(seen.epoch, seen.address, held=True, number=seen.number, seq=0, left=0)
                other.watch.see(expired, seen)  # as by a connection that was back before
                assert other.watch.free is free
            await other.close()

    with a_postgres() as server:
        asyncio.run(scene(server))


# -- replaced


def promote_the_replica(primary: Postgres, account: Account) -> Iterator[None]:
    """Kill the primary under appends, and let its synchronous replica take its place."""
    with a_postgres(standby_of=primary) as standby:
        primary.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.ask("SELECT pg_reload_conf()")
        eventually(lambda: primary.ask("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"))
        until_more(account)
        primary.stop(immediate=True)
        standby.stop()
        standby.port = primary.port
        standby.start()
        standby.promote()
        until_more(account)
        yield


def test_a_synchronous_replica_that_is_promoted_has_all_that_was_kept(tell: Tell) -> None:
    async def scene(primary: Postgres) -> Account:
        account, address = Account(), primary.database()
        async with leading(address) as (store, fence):
            promoting = promote_the_replica(primary, account)
            promoted = asyncio.create_task(asyncio.to_thread(next, promoting))
            await append_until(store, fence, promoted.done, account)
            await promoted
            assert await found(address) == account.kept
        next(promoting, None)
        return account

    for _ in range(PROMOTIONS):
        with a_postgres() as primary:
            account = asyncio.run(scene(primary))
            tell(f"{len(account.kept)} records kept, {account.settled}")


# -- cut off


async def cut_at_random(postgres: Postgres, address: str, times: int) -> Account:
    """Append through a proxy that cuts the connection at some byte, and hold the store to what it said."""
    drawn, account, name = random.Random(7), Account(), address.rpartition("/")[2]
    with cutting_proxy(f"http://127.0.0.1:{postgres.port}") as proxy:
        through = postgres.address(name, port=int(proxy.url.rpartition(":")[2]))
        async with leading(through) as (store, fence):
            for number in range(times):
                way = drawn.choice(list(Way))
                proxy.arm(Cut(way, drawn.choice([0, drawn.randrange(600)]), reset=drawn.random() < 0.5))
                for again in range(20):
                    await append(store, fence, [100 * number + again], account)
                    if not proxy.is_armed:
                        break
    assert await found(address) == account.kept
    return account


def test_a_connection_that_is_cut_anywhere_loses_and_doubles_nothing(
    postgres: Postgres, database: str, tell: Tell
) -> None:
    account = asyncio.run(cut_at_random(postgres, database, ANSWERS_CUT))
    assert {True, False} == set(account.settled)
    tell(f"{len(account.settled)} batches of unknown fate, of which {sum(account.settled)} were kept")


def test_a_store_that_takes_what_it_did_not_hear_of_for_not_kept_is_noticed(
    postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def settle(self: Writer, connection: Connection) -> bool:
        self._take_the_pen(connection)
        return False

    monkeypatch.setattr(Writer, "settle", settle)
    with pytest.raises(AssertionError):
        asyncio.run(cut_at_random(postgres, database, 40))


# -- stuck, and late


def ours(postgres: Postgres, address: str, name: str) -> list[int]:
    """Return the processes of PostgreSQL that serve connections of a store."""
    rows = postgres.ask(
        "SELECT pid FROM pg_stat_activity"
        f" WHERE datname = current_database() AND application_name LIKE '{name}'",
        address,
    )
    return [int(str(pid)) for (pid,) in rows]


async def late(postgres: Postgres, address: str) -> tuple[list[int], list[int]]:
    """Let an append come late, when it is settled that it is not kept: what is kept as the store says, and in truth."""
    account = Account()
    async with leading(address, patience=SOON) as (store, fence):
        await append(store, fence, [1], account)
        [stuck] = ours(postgres, address, "kala append")
        os.kill(stuck, signal.SIGSTOP)
        try:
            await append(store, fence, [2], account)
            assert account.settled == [False]
        finally:
            os.kill(stuck, signal.SIGCONT)
        eventually(
            lambda: postgres.ask(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {stuck}") == [(0,)]
        )
        return account.kept, await found(address)


def test_an_append_that_comes_late_is_not_kept_once_that_was_said(postgres: Postgres, database: str) -> None:
    said, true = asyncio.run(late(postgres, database))
    assert said == true == [1]


def test_a_fence_that_any_connection_passes_is_noticed(
    postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "writer = %(writer)s::bigint")
    said, true = asyncio.run(late(postgres, database))
    assert said != true


# -- resumed


async def resumed(postgres: Postgres, address: str) -> bool:
    """Let somebody append who was paused while another acquired the store; whether that was refused."""
    async with leading(address) as (store, fence):
        store.watch.close()
        postgres.ask("UPDATE kala_lease SET expires = NULL", address)
        async with leading(address) as (other, newer):
            try:
                await store.append(fence, [started(1)])
            except FenceLostError:
                await other.append(newer, [started(2)])
                return await found(address) == [2]
    return False


def test_who_was_paused_while_another_acquired_the_store_appends_nothing(
    postgres: Postgres, database: str
) -> None:
    assert asyncio.run(resumed(postgres, database))


def test_a_fence_without_its_epoch_is_noticed(
    postgres: Postgres, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, "epoch = %(epoch)s::bigint")
    assert not asyncio.run(resumed(postgres, database))


def without(monkeypatch: pytest.MonkeyPatch, condition: str) -> None:
    """Plant a fence that does not look at something."""
    assert condition in writer._APPEND
    monkeypatch.setattr(writer, "_APPEND", writer._APPEND.replace(condition, f"{condition} IS NOT NULL", 1))


# -- silent


def stopped_in_between(postgres: Postgres, address: str) -> list[int]:
    """Stop all that serve us, and none while it holds what the next connection needs."""
    while True:
        pids = ours(postgres, address, "kala %")
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        busy = f"SELECT 1 FROM pg_stat_activity WHERE pid = ANY('{{{','.join(map(str, pids))}}}') AND state <> 'idle'"
        if not postgres.ask(busy):
            return pids
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_database_that_does_not_answer_is_away_and_nobody_waits_for_ever(
    postgres: Postgres, database: str
) -> None:
    async def scene() -> None:
        async with leading(database, patience=SOON) as (store, fence):
            await store.append(fence, [started(1)])
            pids = stopped_in_between(postgres, database)
            try:
                with pytest.raises(StoreAwayError):
                    await store.append(fence, [started(2)])
                assert not await store.settle(fence)
                await store.until_held(fence)
                await store.append(fence, [started(3)])
            finally:
                for pid in pids:
                    os.kill(pid, signal.SIGCONT)
            assert await found(database) == [1, 3]

    asyncio.run(scene())
