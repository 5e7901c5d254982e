"""The store in a Redis: a list with a batch for each entry, in the journal's framing, and a snapshot before it.

A batch is one script, which looks at who asks and at the number of the batch before: one round trip, and its answer
comes after Redis has synced its file (`safety.py`). Where no answer comes the batch may be kept or not: `settle` asks,
and one that is still on its way then is refused.

Threads work for it, as nothing may wait on the event loop: the *writer* loads, appends and settles as it is asked to;
the *compactor* writes a snapshot; the holder tells that we are there. This module must not know what a record means,
and answers nothing before Redis did.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from math import inf
from threading import Event
from typing import Any, NamedTuple, TypeVar

from kala_server.core.model.records import Record
from kala_server.ports.store import Batch, Fence, FenceLostError, StoreError, StoreFullError
from kala_server.stores.journal.codec import encode
from kala_server.stores.redis.address import Address
from kala_server.stores.redis.entries import Entry
from kala_server.stores.redis.holder import Holder, name
from kala_server.stores.redis.link import Link
from kala_server.stores.redis.log import Log, Read, compact
from kala_server.stores.redis.outputs import RedisOutputs

T = TypeVar("T")

_log = logging.getLogger("kala.store")

KALAS_JOBS = "kala:jobs"
"""Where Kala's own server, the one in Go, keeps its jobs in a Redis."""

LEASE = 3.0
"""Seconds after which a server is taken to be gone of which nothing is heard."""
COMPACT_FROM = 4 << 20
"""Bytes of history below which a snapshot is not worth its writes."""
COMPACT_FACTOR = 2
"""So many times the snapshot's size of history, and so many times the records that are still needed."""
COMPACT_ANYWAY = 8
"""So many times the snapshot, or `COMPACT_FROM`, is too much whatever the records: few outweigh many."""


class Amount(NamedTuple):
    """How much of something there is."""

    records: int = 0
    size: int = 0
    """In bytes."""

    def with_more(self, records: int, size: int) -> "Amount":
        """Return it and that."""
        return Amount(self.records + records, self.size + size)

    def since(self, before: "Amount") -> "Amount":
        """Return what has come to it."""
        return Amount(self.records - before.records, self.size - before.size)


class RedisStore:
    """A store in a Redis; see `ports/store.py` for what its methods promise. It is of one server at a time."""

    def __init__(self, address: Address, *, lease: float = LEASE, compact_from: int = COMPACT_FROM) -> None:
        self.is_new = False
        self._who = name()
        self._address = address
        self._lease = lease
        self._compact_from = compact_from
        self._link = Link(address)
        self._link_of_outputs = Link(address)
        self.outputs = RedisOutputs(self._link_of_outputs)
        """What runs print, for whoever keeps it here too; of use until the store is closed."""
        self._log = Log(self._link)
        self._holder: Holder | None = None
        self._fence: Fence | None = None
        self._closing = Event()
        self._compacting = False
        self._writer = ThreadPoolExecutor(1, "kala-redis")
        self._compactor = ThreadPoolExecutor(1, "kala-redis-compaction")
        # The loop's own: the latest batch whose `append` has returned, and all that has ever been there up to it.
        self._returned = 0
        self._kept = Amount()
        # The compactor's own: what of that the snapshot stands for, how much it is itself, and what is tried again.
        self._compacted = Amount()
        self._snapshot = Amount()
        self._next_try = 0

    # Loading

    async def acquire(self) -> Fence:
        """Become the one whose batches are kept. A server that is there is let alone, one that is gone waited for."""
        if self._fence is not None:
            raise RuntimeError("a store is acquired once")
        fence = await self._by_the_writer(self._acquire)
        self._returned = fence.number
        return fence

    def _acquire(self) -> Fence:
        self._fence = fence = self._log.acquire(self._who, self._lease, self._closing.wait)
        self._holder = Holder(Link(self._address), self._who, self._lease)
        self._holder.begin()
        if fence.number == 0 and self._link.ask("EXISTS", KALAS_JOBS):
            _log.warning(
                "%s has jobs of Kala itself (%s), which are not read. To bring them here, let that Kala run, ask it "
                "for them (GET /api/v1/job/) and create each one here (POST /api/v1/job/)",
                *(self._address, KALAS_JOBS),
            )
        return fence

    async def load(self) -> AsyncIterator[Batch]:
        """Give back what is kept, some at a time."""
        if self._fence is None:
            raise RuntimeError("a store is acquired, and then loaded")
        pages, self.is_new = self._log.read(), True
        while page := await self._by_the_writer(next, pages, ()):
            self.is_new = False
            for read in page:
                self._count(read)
                yield read.batch

    def _count(self, read: Read) -> None:
        if read.in_snapshot:
            self._snapshot = self._snapshot.with_more(len(read.batch.records), read.size)
        else:
            self._kept = self._kept.with_more(len(read.batch.records), read.size)

    # Appending

    async def append(self, fence: Fence, batch: Sequence[Record]) -> None:
        """Keep the batch: written and sent by the writer."""
        self._check(fence)
        if batch:
            self._note(await self._by_the_writer(self._append, tuple(batch)))

    def _append(self, batch: Sequence[Record]) -> Entry:
        return self._log.append([encode(record) for record in batch])

    async def settle(self, fence: Fence) -> bool:
        """Return whether the batch is kept whose `append` has raised StoreAwayError last, once Redis is back."""
        self._check(fence)
        kept = await self._by_the_writer(self._log.settle, self._closing.wait)
        if kept is not None:
            self._note(kept)
        return kept is not None

    def held_until(self, fence: Fence) -> float:
        """Return until when nobody else can have acquired it, as Redis has promised last."""
        return self._holder.until if self._holder is not None and fence == self._fence else -inf

    async def until_held(self, fence: Fence) -> None:
        """Ask Redis until it promises so again."""
        self._check(fence)
        assert self._holder is not None
        await asyncio.to_thread(self._holder.until_held)

    def _note(self, entry: Entry) -> None:
        self._returned += 1
        self._kept = self._kept.with_more(entry.records, len(entry.text))

    # Compacting

    @property
    def size(self) -> int:
        """How many bytes the entries have."""
        return self._snapshot.size + self._history.size

    @property
    def _history(self) -> Amount:
        return self._kept.since(self._compacted)

    def wants_compaction(self, needed: int) -> bool:
        """Whether enough of the log would go. After a compaction that failed, only after more."""
        history, snapshot = self._history, self._snapshot
        if self._compacting or history.size <= max(
            self._compact_from, COMPACT_FACTOR * snapshot.size, self._next_try
        ):
            return False
        too_much = COMPACT_ANYWAY * max(self._compact_from, snapshot.size)
        return history.records + snapshot.records > COMPACT_FACTOR * needed or history.size > too_much

    def compact(self, fence: Fence, snapshot: Iterable[Record]) -> Coroutine[Any, Any, None]:
        """Put the snapshot in place of the log. What of it is settled here, not when the result is first awaited."""
        self._check(fence)
        if self._compacting:
            raise RuntimeError("one compaction at a time")
        self._compacting = True
        return self._compacted_by(self._compactor.submit(self._compact, self._returned, self._kept, snapshot))

    @staticmethod
    async def _compacted_by(done: "Future[None]") -> None:
        await asyncio.shield(asyncio.wrap_future(done))

    def _compact(self, until: int, kept: Amount, snapshot: Iterable[Record]) -> None:
        link = Link(self._address)
        try:
            written = compact(link, self._who, until, snapshot, self._closing.is_set)
        except StoreFullError:
            self._next_try = self._history.size + self._compact_from
            raise
        else:
            self._compacted, self._snapshot, self._next_try = kept, Amount(*written), 0
        finally:
            self._compacting = False
            link.close()

    # Ending

    async def close(self) -> None:
        """Let others in, and hang up; waits for what is being written."""
        self._closing.set()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._compactor.shutdown()
        self._writer.shutdown()
        self._link.close()
        self._link_of_outputs.close()
        if self._holder is not None:
            self._holder.end()

    def _check(self, fence: Fence) -> None:
        if self._closing.is_set():
            raise StoreError(f"{self._address} is closed")
        if fence != self._fence:
            raise FenceLostError(f"{self._address} is not held under epoch {fence.epoch}: nothing was kept")

    async def _by_the_writer(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, work, *arguments)
