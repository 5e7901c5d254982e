"""A store in memory: for `--no-persist` and for tests. It touches no disk; what it keeps ends with the process.

Several stores may be of one log, as several servers may be of one database: one of them holds the fence, the others
can follow. Like other stores it lets go of history, so that it stays as large as what there is.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any
from uuid import uuid4

from kala_server.boot_time import boot_time
from kala_server.core.model.records import Record
from kala_server.news import News
from kala_server.ports.store import (
    Batch,
    Fence,
    FenceLostError,
    Leader,
    StoreLockedError,
    TailLostError,
    Word,
)

COMPACT_FROM = 10_000
"""Records of history that are not worth a snapshot."""
COMPACT_FACTOR = 2
"""So many times the records that are still needed."""


@dataclass(slots=True)
class MemoryLog:
    """What is kept, and who may add to it."""

    leader: Leader = field(default_factory=Leader)
    held: bool = False
    mark: str = field(default_factory=lambda: uuid4().hex)
    """Nothing outlives this log that could know it again."""
    snapshot: Batch = field(default_factory=lambda: Batch(0, ()))
    """What stands for the batches up to its number."""
    batches: list[Batch] = field(default_factory=list)
    """Those after the snapshot, numbered without a gap."""
    history: int = 0
    """How many records these have."""
    words: dict[str, tuple[float, str]] = field(default_factory=dict)
    """Of attempts that were left: until when, and what is said."""
    news: News = field(default_factory=News)

    @property
    def number(self) -> int:
        """Of the latest batch."""
        return self.snapshot.number + len(self.batches)

    def after(self, number: int) -> list[Batch]:
        """Return the batches after that one."""
        return self.batches[number - self.snapshot.number :]

    def keep(self, records: Sequence[Record]) -> None:
        """Add a batch."""
        self.batches.append(Batch(self.number + 1, tuple(records)))
        self.history += len(records)
        self.news.tell()

    def replace(self, snapshot: Batch) -> None:
        """Let the snapshot stand for the batches up to its number."""
        self.snapshot, self.batches = snapshot, self.after(snapshot.number)
        self.history = sum(len(batch.records) for batch in self.batches)
        self.news.tell()

    def take(self, address: str) -> Fence:
        """Let whoever is at that address hold it."""
        epoch = self.leader.epoch + 1
        self.held, self.leader = True, Leader(epoch=epoch, address=address, number=self.number)
        self.news.tell()
        return Fence(epoch, self.mark, self.number)

    def let_go(self) -> None:
        """Let nobody hold it: whoever does is not heard of any more, or has ended."""
        self.held, self.leader = False, replace(self.leader, address="")
        self.news.tell()


class MemoryStore:
    """A store of a log in memory; see `ports/store.py` for what its methods promise."""

    def __init__(
        self,
        log: MemoryLog | None = None,
        *,
        address: Callable[[], str] = str,
        compact_from: int = COMPACT_FROM,
    ) -> None:
        self._log = log or MemoryLog()
        self._address = address
        self._fence: Fence | None = None
        self._compact_from = compact_from
        self.is_new = self._log.number == 0
        self.size = 0

    @property
    def leader(self) -> Leader:
        """Who holds the log, which is there to be looked at."""
        return replace(self._log.leader, number=self._log.number, seen_at=boot_time())

    async def acquire(self) -> Fence:
        """Take the fence, unless somebody else is known to hold it."""
        if self._log.held:
            raise StoreLockedError(f"the store is held by {self._log.leader.address or 'another server'}")
        self._fence = self._log.take(self._address())
        return self._fence

    async def load(self) -> AsyncIterator[Batch]:
        """Give back what is kept by now."""
        for batch in [self._log.snapshot, *self._log.batches]:
            yield batch

    async def append(self, fence: Fence, batch: Sequence[Record]) -> None:
        """Keep the batch, and wake who follows."""
        self._check(fence)
        if batch:
            self._log.keep(batch)

    async def tail(self, after: int) -> AsyncIterator[Batch]:
        """Give each batch after that one, as it comes."""
        while True:
            if after < self._log.snapshot.number:
                raise TailLostError(f"some batches after {after} are in a snapshot by now: load anew")
            new = self._log.after(after)
            for batch in new:
                yield batch
                after = batch.number
            if not new:
                await self._log.news.wait()

    def wants_compaction(self, needed: int) -> bool:
        """Whether most of what is kept is history."""
        return self._log.history > max(self._compact_from, COMPACT_FACTOR * needed)

    def compact(self, fence: Fence, snapshot: Iterable[Record]) -> Coroutine[Any, Any, None]:
        """Put the snapshot in place of what is kept by now."""
        self._check(fence)
        return self._compact(fence, self._log.number, snapshot)

    async def _compact(self, fence: Fence, number: int, snapshot: Iterable[Record]) -> None:
        records = await asyncio.to_thread(tuple, snapshot)
        self._check(fence)
        self._log.replace(Batch(number, records))

    async def until_free(self) -> None:
        """Return when nobody holds the log."""
        while self._log.held:
            await self._log.news.wait()

    def held_until(self, fence: Fence) -> float:
        """Return that it is held until somebody acquires it."""
        return inf if self._why_lost(fence) is None else -inf

    async def until_held(self, fence: Fence) -> None:
        """Return at once, where it is."""
        self._check(fence)

    async def until_lost(self, fence: Fence) -> FenceLostError:
        """Return once it was acquired anew."""
        while (lost := self._why_lost(fence)) is None:
            await self._log.news.wait()
        return lost

    async def settle(self, fence: Fence) -> bool:
        """Return that nothing is kept: a log in memory is never away."""
        self._check(fence)
        return False

    async def release(self, fence: Fence, left: Collection[str] = (), seconds: float = 0.0) -> None:
        """Let others acquire the log."""
        if self._why_lost(fence) is None:
            self._fence = None
            self._log.words |= {handle: (boot_time() + seconds, "") for handle in left}
            self._log.let_go()

    async def leave_word(self, handle: str, text: str) -> None:
        """Say how it has ended."""
        if handle in self._log.words:
            self._log.words[handle] = self._log.words[handle][0], text

    async def words(self) -> Sequence[Word]:
        """Return what there is."""
        now = boot_time()
        return [Word(handle, until - now, text) for handle, (until, text) in self._log.words.items()]

    async def drop_words(self, handles: Collection[str]) -> None:
        """Keep these no longer."""
        for handle in handles:
            self._log.words.pop(handle, None)

    async def close(self) -> None:
        """Let go of the log, which may be another store's too."""
        if self._fence is not None:
            await self.release(self._fence)

    def _why_lost(self, fence: Fence) -> FenceLostError | None:
        if fence == self._fence and fence.epoch == self._log.leader.epoch:
            return None
        epoch = self._log.leader.epoch
        return FenceLostError(
            f"the store is not held under epoch {fence.epoch} (of {epoch}): nothing more is kept of that"
        )

    def _check(self, fence: Fence) -> None:
        if lost := self._why_lost(fence):
            raise lost
