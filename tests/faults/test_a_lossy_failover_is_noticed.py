"""Where a replica that was behind takes the database's place, whoever has seen more stops, and says so."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from kala_server.ports.store import Fence, StoreAwayError, StoreBrokenError, StoreLockedError
from kala_server.stores.postgres.lease_row import LeaseRow
from kala_server.stores.postgres.store import PostgresStore
from kala_server.testing.contracts.stores import started
from tests.faults.a_database import found, leading
from tests.postgres import Postgres, a_postgres


def fail_over(primary: Postgres, standby: Postgres) -> None:
    """Let a standby that was stopped take the place of the primary, at its address."""
    primary.stop()
    standby.port = primary.port
    standby.start()
    standby.promote()


async def told(ask: Callable[[], Awaitable[object]]) -> str:
    """Ask until the database is there, and return why it is not trusted; nothing where it is."""
    while True:
        try:
            await ask()
        except StoreAwayError:
            continue
        except StoreBrokenError as error:
            return str(error)
        except (StoreLockedError, TimeoutError):
            return ""
        return ""


async def append_until_away(store: PostgresStore, fence: Fence) -> None:
    for number in range(100, 1_000_000):
        await store.append(fence, [started(number)])


async def said_after_a_failover() -> list[str]:
    """Have a failover that loses batches. Return what the leader, a follower and one who would lead say of it."""
    with a_postgres() as primary:
        address = primary.database()
        async with leading(address) as (store, fence):
            await store.append(fence, [started(1)])
            with a_postgres(standby_of=primary) as standby:
                standby.stop()
                await store.append(fence, [started(2)])
                follower = PostgresStore(address)
                assert [batch.number async for batch in follower.load()][-1] == 2
                failing = asyncio.create_task(asyncio.to_thread(fail_over, primary, standby))
                with pytest.raises(StoreAwayError):
                    await append_until_away(store, fence)
                await failing
                asked = (
                    lambda: store.settle(fence),
                    lambda: asyncio.wait_for(anext(follower.tail(2)), 3),
                    follower.acquire,
                )
                said = [await told(ask) for ask in asked]
                await follower.close()
                assert await found(address) == [1]
                return said


def test_whoever_has_seen_more_than_the_database_knows_stops_and_says_so() -> None:
    said = asyncio.run(said_after_a_failover())
    assert len(said) == 3
    assert all("the database has lost what it had acknowledged" in words for words in said)


def test_a_store_that_forgets_what_it_has_seen_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LeaseRow, "check_against", lambda *_: None)
    said = asyncio.run(said_after_a_failover())
    assert not all("the database has lost what it had acknowledged" in words for words in said)
