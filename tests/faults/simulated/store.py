"""A store in the simulated database, as `ports/store.py` promises it: like that in PostgreSQL, without threads or SQL.

What it knows of the lease is what it was told last, which may be long ago, lost, or never have been true.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from typing import Any

from kala_server.clock import Clock
from kala_server.core.model.records import Record
from kala_server.news import News
from kala_server.ports.store import (
    Batch,
    Fence,
    FenceLostError,
    Leader,
    StoreAwayError,
    StoreError,
    StoreUnsafeError,
    Word,
)
from tests.faults.simulated.database import LEASE, Database
from tests.faults.simulated.network import Connections, Purpose

_MARGIN = 0.02
_POLL = 1.0
_BETWEEN_TRIES = 0.1
_CLOCK_MAY_BE_OFF = 1.0


class SimulatedStore:
    """One server's view of the database."""

    def __init__(
        self, connections: Connections, *, clock: Clock, clock_is_off: Callable[[], float], address: str
    ) -> None:
        self.leader = Leader()
        self.news = News()
        """Told when something may be known anew."""
        self.is_new = False
        self.size = 0
        self._connections = connections
        self._clock = clock
        self._clock_is_off = clock_is_off
        self._address = address
        self._fence: Fence | None = None
        self._lost: FenceLostError | None = None
        self._held_until = -inf
        self._free = False
        self._number = 0
        """Of the latest batch that is known to be kept, where the store is ours."""
        self._writer = 0
        self._pen = asyncio.Lock()
        """One statement at a time of those that append or let go."""
        self._compact_wanted = False
        self._watching: asyncio.Task[None] | None = None

    # Whose it is

    @property
    def epoch(self) -> int:
        """Under which it holds the store, or has held it last; 0 where it never has."""
        return 0 if self._fence is None else self._fence.epoch

    async def acquire(self) -> Fence:
        if abs(self._clock_is_off()) > _CLOCK_MAY_BE_OFF:
            raise StoreUnsafeError("the clock of this server is not that of the database")
        sent = self._clock.since_boot()
        lease, number = await self._connections.ask(
            Purpose.APPEND, lambda database: database.acquire(self._address)
        )
        self._writer, self._number = lease.writer, number
        self._fence, self._lost, self._free = Fence(lease.epoch, str(lease.epoch), number), None, False
        self._extended(sent)
        self._watch()
        return self._fence

    async def until_free(self) -> None:
        self._watch()
        while not self._free:
            await self.news.wait(_POLL)
        self._free = False  # where it could not be acquired, it is looked anew

    def rumour(self, leader: Leader) -> None:
        """Believe somebody who does not know."""
        self._free = self._fence is None
        if self._fence is None:
            self.leader = leader
        self.news.tell()

    def held_until(self, fence: Fence) -> float:
        return self._held_until if self._why_lost(fence) is None else -inf

    async def until_held(self, fence: Fence) -> None:
        while self.held_until(fence) <= self._clock.since_boot():
            self._check(fence)
            await self.news.wait(_POLL)

    async def until_lost(self, fence: Fence) -> FenceLostError:
        while (lost := self._why_lost(fence)) is None:
            await self.news.wait()
        return lost

    async def release(self, fence: Fence, left: Collection[str] = (), seconds: float = 0.0) -> None:
        if self._why_lost(fence) is None:
            self._lose(f"epoch {fence.epoch} was let go of")
            release = partial(Database.release, epoch=fence.epoch, left=tuple(left), seconds=seconds)
            async with self._pen:
                await self._connections.ask(Purpose.APPEND, release)

    async def leave_word(self, handle: str, text: str) -> None:
        await self._connections.ask(Purpose.WORD, partial(Database.leave_word, handle=handle, text=text))

    async def words(self) -> Sequence[Word]:
        return await self._connections.ask(Purpose.WORD, Database.tell_words)

    async def drop_words(self, handles: Collection[str]) -> None:
        if handles:
            await self._connections.ask(Purpose.WORD, partial(Database.drop_words, handles=tuple(handles)))

    def _watch(self) -> None:
        if self._watching is None:
            self._watching = asyncio.get_running_loop().create_task(self._keep_watching())

    async def _keep_watching(self) -> None:
        while True:
            try:
                await self._renew_or_look()
                self.news.tell()
                await self._pause(LEASE / 3)
            except StoreAwayError:
                self._free = False
                await self._pause(_BETWEEN_TRIES)

    async def _renew_or_look(self) -> None:
        fence, sent = self._fence, self._clock.since_boot()
        if fence is None or self._lost is not None:
            lease, number, left = await self._connections.ask(Purpose.LEASE, Database.look)
            self._free = left <= 0
            self.leader = Leader(
                epoch=lease.epoch, address=lease.address, number=number, lease=left, seen_at=sent
            )
        elif await self._connections.ask(Purpose.LEASE, lambda database: database.renew(fence.epoch)) is None:
            self._lose(f"epoch {fence.epoch} does not hold the store any more")
        elif fence is self._fence:
            self._extended(sent)

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until something is told."""
        await self.news.wait(seconds)

    def _extended(self, sent: float) -> None:
        if self._lost is None and self._fence is not None:
            self._held_until = max(self._held_until, sent + LEASE * (1 - _MARGIN))
            self.leader = Leader(
                epoch=self._fence.epoch,
                address=self._address,
                number=self._number,
                lease=LEASE,
                seen_at=sent,
            )

    def _lose(self, why: str) -> FenceLostError:
        self._lost, self._held_until = FenceLostError(why), -inf
        self.news.tell()
        return self._lost

    def _why_lost(self, fence: Fence) -> FenceLostError | None:
        if self._fence is not None and fence.epoch == self._fence.epoch:
            return self._lost
        return FenceLostError(f"the store is not held under epoch {fence.epoch}")

    def _check(self, fence: Fence) -> None:
        if lost := self._why_lost(fence):
            raise lost

    # Reading

    async def load(self) -> AsyncIterator[Batch]:
        batches = await self._connections.ask(Purpose.READ, Database.everything)
        self.is_new = batches[-1].number == 0
        for batch in batches:
            yield batch

    async def tail(self, after: int) -> AsyncIterator[Batch]:
        while True:
            new = await self._connections.ask(Purpose.READ, partial(Database.after, number=after))
            for batch in new:
                yield batch
                after = batch.number
            if not new:
                await self.news.wait(_POLL)

    # Appending

    async def append(self, fence: Fence, batch: Sequence[Record]) -> None:
        self._check(fence)
        if not batch:
            return
        async with self._pen:
            sent = self._clock.since_boot()
            kept = await self._connections.ask(
                Purpose.APPEND,
                partial(
                    Database.append,
                    epoch=fence.epoch,
                    writer=self._writer,
                    after=self._number,
                    records=tuple(batch),
                ),
            )
            if not kept:
                raise self._lose(f"a batch of epoch {fence.epoch} was refused")
            self._number += 1
            self._extended(sent)

    async def settle(self, fence: Fence) -> bool:
        while True:
            self._check(fence)
            try:
                async with self._pen:
                    return await self._take_the_pen(fence)
            except StoreAwayError:
                await self._pause(_BETWEEN_TRIES)

    async def _take_the_pen(self, fence: Fence) -> bool:
        self._writer += 1
        take = partial(Database.take_the_pen, epoch=fence.epoch, writer=self._writer)
        before, number = self._number, await self._connections.ask(Purpose.APPEND, take)
        if number is None:
            raise self._lose(f"epoch {fence.epoch} does not hold the store any more")
        self._number = number
        return number > before

    # Compacting

    def want_compaction(self) -> None:
        """Let it be compacted at the next occasion."""
        self._compact_wanted = True

    def wants_compaction(self, needed: int) -> bool:  # noqa: ARG002 - the port's signature
        return self._compact_wanted

    def compact(self, fence: Fence, snapshot: Iterable[Record]) -> Coroutine[Any, Any, None]:
        self._check(fence)
        self._compact_wanted = False
        return self._compact(fence, self._number, snapshot)

    async def _compact(self, fence: Fence, number: int, snapshot: Iterable[Record]) -> None:
        await asyncio.sleep(0)
        records = tuple(snapshot)
        replace = partial(Database.replace, epoch=fence.epoch, number=number, records=records)
        if not await self._connections.ask(Purpose.COMPACT, replace):
            raise self._lose(f"a snapshot of epoch {fence.epoch} was refused")

    async def close(self) -> None:
        if self._fence is not None:
            with suppress(StoreError):
                await self.release(self._fence)
        if self._watching is not None:
            self._watching.cancel()
