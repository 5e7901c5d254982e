"""A store in PostgreSQL that is appended to, and an account of what it has said to be kept."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from kala_server.ports.store import Fence, StoreAwayError
from kala_server.stores.postgres.store import PATIENCE, TTL, PostgresStore
from kala_server.testing.contracts.stores import number_of, numbers_of, started

A_BATCH = 3
AT = datetime(2024, 5, 1, tzinfo=UTC)


@dataclass
class Account:
    """Numbers of records."""

    kept: list[int] = field(default_factory=list)
    """Those that are in the store, as it says: in their order."""
    settled: list[bool] = field(default_factory=list)
    """What it said when it was asked what became of a batch."""


@asynccontextmanager
async def leading(
    address: str, *, patience: float = PATIENCE, ttl: float = TTL
) -> AsyncIterator[tuple[PostgresStore, Fence]]:
    """Hold a store."""
    store = PostgresStore(address, patience=patience, ttl=ttl)
    try:
        fence = await store.acquire()
        async for _ in store.load():
            pass
        yield store, fence
    finally:
        await store.close()


async def append_until(
    store: PostgresStore, fence: Fence, enough: Callable[[], bool], account: Account
) -> None:
    """Append batch after batch, and ask what became of those that are not known to be kept."""
    for begin in itertools.count(0, A_BATCH):
        if enough():
            return
        await append(store, fence, list(range(begin, begin + A_BATCH)), account)


async def append(store: PostgresStore, fence: Fence, numbers: list[int], account: Account) -> None:
    """Append a batch, and find out whether it is kept."""
    try:
        await store.append(fence, [started(number) for number in numbers])
    except StoreAwayError:
        account.settled.append(await store.settle(fence))
        if not account.settled[-1]:
            return
    account.kept += numbers


async def found(address: str) -> list[int]:
    """Return what the next one finds."""
    store = PostgresStore(address)
    try:
        return list(itertools.chain(*await numbers_of(store.load())))
    finally:
        await store.close()


async def forever(store: PostgresStore, numbers: list[int]) -> None:
    """Follow the store, whenever it is there."""
    last = 0
    while True:
        try:
            async for batch in store.tail(last):
                numbers += map(number_of, batch.records)
                last = batch.number
        except StoreAwayError:
            await asyncio.sleep(0.1)
