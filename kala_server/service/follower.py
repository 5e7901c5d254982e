"""One of several servers of a store: it follows whoever leads, until the store is free and it leads itself.

What it shows meanwhile is what the leader's records lead to, soon after they are kept. It holds no fence then, so it
can append nothing. It decides nothing about jobs.
"""

import asyncio
import logging
from datetime import timedelta
from typing import Protocol

from kala_server.clock import Clock, pause
from kala_server.news import News
from kala_server.ports.store import (
    Batch,
    Fence,
    SharedStore,
    StoreAwayError,
    StoreLockedError,
    StoreUnsafeError,
    TailLostError,
)

_log = logging.getLogger("kala.service")

_BETWEEN_TRIES = timedelta(seconds=0.5)


class Folded(Protocol):
    """What is made of a store's records."""

    async def load(self) -> int:
        """Begin with what the store has kept, and return the number of the latest batch."""
        ...

    async def take_in(self, batch: Batch) -> None:
        """Go on with a batch."""
        ...


class Follower:
    """Keeps what is made of a store's records up to date."""

    def __init__(self, store: SharedStore, folded: Folded, clock: Clock) -> None:
        self.number = 0
        """Of the latest batch that was taken in."""
        self.taken_in = News()
        """Told of each batch."""
        self._store = store
        self._folded = folded
        self._clock = clock
        self._complete_at = clock.since_boot()
        """When it had all that the leader was known to have."""
        self._last_words = ""

    @property
    def lag(self) -> float:
        """Seconds: what it shows was so at most so long ago."""
        leader = self._store.leader
        if self.number >= leader.number:
            self._complete_at = max(self._complete_at, leader.seen_at)
        return max(0.0, self._clock.since_boot() - self._complete_at)

    async def load(self) -> None:
        """Begin with what is kept by now. Raises StoreError."""
        began = self._clock.since_boot()
        self.number = await self._folded.load()
        self._complete_at = began

    async def follow(self) -> None:
        """Go after the store until this is cancelled; who was left behind by a compaction begins anew."""
        while True:
            try:
                async for batch in self._store.tail(self.number):
                    await self._folded.take_in(batch)
                    self.number = batch.number
                    self.taken_in.tell()
            except TailLostError as lost:
                _log.info("%s", lost)
                await self._begin_anew()
            except StoreAwayError as error:
                await self._try_again(error)

    async def until_leading(self) -> Fence:
        """Follow until the store is free and it could be acquired; all that was kept is taken in then."""
        async with asyncio.TaskGroup() as beside:
            following = beside.create_task(self.follow())
            fence = await self._acquired()
            while self.number < fence.number:
                await self.taken_in.wait()
            following.cancel()
        return fence

    async def _acquired(self) -> Fence:
        while True:
            try:
                await self._store.until_free()
                return await self._store.acquire()
            except (StoreLockedError, StoreAwayError, StoreUnsafeError) as error:
                await self._try_again(error)

    async def _begin_anew(self) -> None:
        try:
            await self.load()
            self.taken_in.tell()
        except StoreAwayError as error:
            await self._try_again(error)

    async def _try_again(self, error: Exception) -> None:
        """Say why not, once, and wait a little."""
        if str(error) != self._last_words:
            self._last_words = str(error)
            _log.warning("this server follows and cannot lead for now: %s", error)
        await pause(self._clock, _BETWEEN_TRIES)
