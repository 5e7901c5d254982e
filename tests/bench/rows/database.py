"""The store in PostgreSQL: how much can be appended to it, and how long many jobs take to be loaded from it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from statistics import median
from time import perf_counter
from typing import Any

import psycopg

from kala_server.core.model import records as r
from kala_server.core.model.job import JobSpec
from kala_server.ports.store import Store
from kala_server.stores.journal.codec import encode, frame
from kala_server.stores.journal.journal import JournalStore
from kala_server.stores.postgres.store import PostgresStore
from tests.bench.bench import Bench
from tests.bench.documents import FAR_AWAY
from tests.bench.limits import since
from tests.bench.row import Row, Target
from tests.postgres import Postgres, a_postgres

_AT = datetime(2031, 1, 1, tzinfo=UTC)
_TOGETHER = 16
"""Records of a batch, as there are where some clients create jobs."""
_PART = 1_000
"""Those of a batch to be loaded."""


def database(bench: Bench) -> Iterator[Row]:
    """Measure the store, and beside it what it is made of."""
    with a_postgres() as server:
        yield _appending(server, bench)
        yield _loading(server, bench)


def _appending(server: Postgres, bench: Bench) -> Row:
    ours, bare = asyncio.run(_rates(server, bench))
    return Row(
        name="append-postgres",
        what=f"records that a store in PostgreSQL keeps, {_TOGETHER} a batch",
        figure=ours,
        unit="/s",
        limit=bare,
        limit_is="the same bytes by a bare INSERT, without fence, lease and news",
        target=Target(at_least=2_000, of="figure"),
    )


async def _rates(server: Postgres, bench: Bench) -> tuple[float, float]:
    """Return how many records are kept each second, by a store and by a bare INSERT; in turns."""
    batch = [_job(number) for number in range(_TOGETHER)]
    lines = frame([encode(record) for record in batch], seq=1, batch=1)
    ours, bare = list[float](), list[float]()
    address = server.database()
    store = PostgresStore(address)
    fence = await store.acquire()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE TABLE bare (lines bytea NOT NULL)")
        for _ in range(bench.size.rounds):
            ours.append(_TOGETHER * await _rate(lambda: store.append(fence, batch), bench.size.seconds))
            bare.append(_TOGETHER * await _rate(lambda: _insert(connection, lines), bench.size.seconds))
    await store.close()
    return median(ours), median(bare)


async def _insert(connection: psycopg.Connection[Any], lines: bytes) -> None:
    connection.execute("INSERT INTO bare VALUES (%b)", (lines,))


async def _rate(work: Callable[[], Awaitable[None]], seconds: float) -> float:
    """Return how often something can be done each second, one after another."""
    began = perf_counter()
    for done in count(1):
        await work()
        if since(began) > seconds:
            return done / since(began)
    raise AssertionError


def _loading(server: Postgres, bench: Bench) -> Row:
    postgres, journal = asyncio.run(_load_times(server, bench))
    return Row(
        name="load-postgres",
        what=f"{bench.size.jobs:,} jobs, loaded from a store in PostgreSQL",
        figure=postgres,
        unit="s",
        limit=journal,
        limit_is="the same from a journal",
        target=Target(at_most=1.5),
    )


async def _load_times(server: Postgres, bench: Bench) -> tuple[float, float]:
    """Return how many seconds it takes to load the same jobs from PostgreSQL and from a journal, at the least."""
    batches = [
        [_job(number) for number in range(begin, begin + _PART)] for begin in range(0, bench.size.jobs, _PART)
    ]
    address = server.database()
    await _fill(PostgresStore(address), batches)
    folder = bench.folder / "journal-beside"
    await _fill(JournalStore(folder), batches)
    times = [
        (await _load(PostgresStore(address)), await _load(JournalStore(folder)))
        for _ in range(bench.size.rounds)
    ]
    return min(ours for ours, _ in times), min(theirs for _, theirs in times)


async def _fill(store: Store, batches: Sequence[Sequence[r.Record]]) -> None:
    fence = await store.acquire()
    async for _ in store.load():
        pass
    for batch in batches:
        await store.append(fence, batch)
    await store.close()


async def _load(store: Store) -> float:
    await store.acquire()
    began = perf_counter()
    async for _ in store.load():
        pass
    taken = since(began)
    await store.close()
    return taken


def _job(number: int) -> r.Record:
    spec = JobSpec(name=f"job {number}", command="true", schedule=FAR_AWAY)
    return r.JobCreated(id=f"job-{number:06}", at=_AT, spec=spec, next_at=_AT)
