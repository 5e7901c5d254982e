"""The store in PostgreSQL; see `ports/store.py` for what its methods promise.

Its parts: a `Watch` keeps the lease, a `Writer` appends, a `Reader` reads, a `Compaction` lets go of history; each by a
`Link` of its own, which is a connection and a thread. What is here puts them together, on the loop.
"""

from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from math import inf
from typing import Any
from uuid import uuid4

from kala_client.clock import utc_now
from kala_server.boot_time import boot_time
from kala_server.core.model.records import Record
from kala_server.ports.store import (
    Batch,
    Fence,
    FenceLostError,
    Leader,
    StoreAwayError,
    StoreBrokenError,
    StoreError,
    StoreFullError,
    StoreLockedError,
    StoreUnsafeError,
    Word,
)
from kala_server.stores.postgres import lease_row, words
from kala_server.stores.postgres.checks import clock_is_off
from kala_server.stores.postgres.compaction import Compaction
from kala_server.stores.postgres.connection import Connection, Database
from kala_server.stores.postgres.links import Links
from kala_server.stores.postgres.outputs import PostgresOutputs
from kala_server.stores.postgres.reader import POLL, End, Reader
from kala_server.stores.postgres.sizes import Size, Sizes
from kala_server.stores.postgres.watch import Watch, why_lost
from kala_server.stores.postgres.writer import Writer

TTL = 3.0
"""Seconds of a lease."""
PATIENCE = 10.0
"""Seconds that a statement may take, such as one with 10,000 jobs, on a disk that is slow."""
_BETWEEN_TRIES = 0.1


class PostgresStore:
    """A store that any number of servers may be of."""

    def __init__(
        self,
        where: str,
        *,
        address: Callable[[], str] = str,
        ttl: float = TTL,
        patience: float = PATIENCE,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Use the database at `where`; others are told that its holder is reached at `address`, for `ttl` seconds.

        A statement may take `patience` seconds.
        Raises StoreError where that is no address of a database.
        """
        self._database = Database(where, patience=ttl, now=now)
        self._address = address
        self._ttl = ttl
        self._now = now
        self.links = Links(self._database, patience=patience, more=ttl + POLL)
        """Its connections, and those of whoever else uses this database."""
        self._writing = self.links.make("append")
        self.watch = Watch(self.links.make("lease", patience=ttl), ttl=ttl)
        """Keeps the lease."""
        self.outputs = PostgresOutputs(self.links.make("outputs", durable=False), lambda: self.epoch)
        """What runs print, for whoever keeps it here too; of use until the store is closed."""
        self._fence: Fence | None = None
        self._writer: Writer | None = None
        self._end = End(0)
        """The last batch that was given to whoever loads and follows."""
        self._returned = 0, 0
        """The latest batch whose `append` has returned, and its last record."""
        self._sizes = Sizes()
        self._compacting = False
        self.is_new = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._database})"

    @property
    def epoch(self) -> int:
        """Under which this server holds the store, or did last; 0 where it never did."""
        return 0 if self._fence is None else self._fence.epoch

    def _known(self) -> Leader:
        """Return the latest that the database has said: it can never be less again."""
        leader, end = self.watch.leader, self._end
        return replace(leader, number=max(leader.number, end.number), epoch=max(leader.epoch, end.epoch))

    # Whose it is

    @property
    def leader(self) -> Leader:
        """Who holds the store, as it was seen last."""
        return self.watch.leader

    async def acquire(self) -> Fence:
        """Take the lease, where nobody holds it."""
        address, sent = self._address(), boot_time()
        fence = await self._writing.run(partial(self._acquire, address))
        self.watch.hold(fence, address, sent)
        self.watch.start()
        return fence

    def _acquire(self, address: str, connection: Connection) -> Fence:
        if off := clock_is_off(connection, self._now):
            raise StoreUnsafeError(off)
        known = self._known()
        self.watch.see(lease_row.look(connection), known)
        taken = lease_row.acquire(connection, address, self._ttl)
        if taken is None:
            row = lease_row.look(connection)
            self.watch.see(row, known)
            who = row.address or "another server"
            raise StoreLockedError(
                f"the store is held by {who}, for {row.left:.1f} s if nothing more is heard of it"
            )
        fence = Fence(taken.epoch, uuid4().hex, taken.number)
        self._writer = Writer(fence, taken, connection, self.watch)
        self._returned = taken.number, taken.seq
        self._fence = fence  # here, so that it is released where nobody waits for it any more
        return fence

    async def until_free(self) -> None:
        """Wait until the lease has run out, or was let go of."""
        self.watch.start()
        while not self.watch.free:
            if self.watch.wrong is not None:
                raise self.watch.wrong
            await self.watch.news.wait(self._ttl)

    def held_until(self, fence: Fence) -> float:
        """Return until when the lease is ours at the least."""
        return self.watch.held_until if self._why_lost(fence) is None else -inf

    async def until_held(self, fence: Fence) -> None:
        """Wait until it is certain again that the lease is ours."""
        while self.held_until(fence) <= boot_time():
            self._check(fence)
            await self.watch.news.wait(self._ttl)

    async def until_lost(self, fence: Fence) -> FenceLostError:
        """Wait until it is not ours any more."""
        while (lost := self._why_lost(fence)) is None:
            await self.watch.news.wait()
        return lost

    async def release(self, fence: Fence, left: Collection[str] = (), seconds: float = 0.0) -> None:
        """Let others have the lease at once."""
        if self._why_lost(fence) is None:
            lost = FenceLostError(
                f"the store, held under epoch {fence.epoch}, was let go of: nothing more is kept of that"
            )
            self.watch.lose(fence, lost)
            release = partial(lease_row.release, epoch=fence.epoch, left=list(left), seconds=seconds)
            await self._writing.run(release)

    async def leave_word(self, handle: str, text: str) -> None:
        """Say how an attempt that was left has ended."""
        await self._writing.run(partial(words.leave, handle=handle, text=text))

    async def words(self) -> Sequence[Word]:
        """Return what is said of attempts that were left."""
        return await self._writing.run(words.words)

    async def drop_words(self, handles: Collection[str]) -> None:
        """Keep these no longer."""
        if handles:
            await self._writing.run(partial(words.drop, handles=handles))

    def _why_lost(self, fence: Fence) -> FenceLostError | None:
        if self._fence is not None and fence.epoch == self._fence.epoch:
            return self.watch.lost
        return FenceLostError(f"the store is not held under epoch {fence.epoch}: nothing is kept of that")

    def _check(self, fence: Fence) -> Writer:
        if lost := self._why_lost(fence):
            raise lost
        assert self._writer is not None
        return self._writer

    # Reading

    async def load(self) -> AsyncIterator[Batch]:
        """Give what is there as of now."""
        with self.links.passing("load") as link:
            reader = Reader(link)
            head = await reader.begin()
            self.watch.start()
            self.is_new = head.generation == head.last_batch == 0
            self._sizes = Sizes()
            async with aclosing(reader.snapshot(head)) as parts:
                async for size, batch in parts:
                    self._sizes.snapshot += Size(size, len(batch.records))
                    yield batch
            self._end = End(head.snapshot_batch, head.snapshot_seq)
            async with aclosing(reader.log(head, self._end)) as batches:
                async for size, batch in batches:
                    self._sizes.history += Size(size, len(batch.records))
                    yield batch

    async def tail(self, after: int) -> AsyncIterator[Batch]:
        """Give what comes, as it is told of."""
        if self._end.number != after:
            self._end = End(after)
        with self.links.passing("follow") as link:
            self.watch.start()
            come = Reader(link).after(self._end, self.watch.see, self._known)
            async with aclosing(come) as batches:
                async for size, batch in batches:
                    self._sizes.history += Size(size, len(batch.records))
                    yield batch

    # Appending

    async def append(self, fence: Fence, batch: Sequence[Record]) -> None:
        """Keep the batch, encoded and sent by the writer's thread."""
        writer = self._check(fence)
        if batch:
            with _as_who_leads():
                size = await self._writing.run(partial(writer.append, batch=tuple(batch)))
            self._has_returned(writer, size, len(batch))

    def _has_returned(self, writer: Writer, size: int, records: int) -> None:
        self._returned = writer.number, writer.seq
        self._sizes.history += Size(size, records)

    async def settle(self, fence: Fence) -> bool:
        """Ask until the database answers."""
        writer = self._check(fence)
        while True:
            self._check(fence)
            before = writer.seq
            try:
                with _as_who_leads():
                    kept = await self._writing.run(writer.settle)
            except StoreAwayError:
                await self.watch.news.wait(_BETWEEN_TRIES)
                continue
            if kept:
                self._has_returned(writer, 0, writer.seq - before)
            return kept

    # Compacting

    @property
    def size(self) -> int:
        """How many bytes the log has."""
        return self._sizes.total.size

    def wants_compaction(self, needed: int) -> bool:
        """Whether enough of it would go."""
        return not self._compacting and self._sizes.want_compaction(needed)

    def compact(self, fence: Fence, snapshot: Iterable[Record]) -> Coroutine[Any, Any, None]:
        """Let the snapshot stand for what has been appended by now."""
        self._check(fence)
        if self._compacting:
            raise RuntimeError("one compaction at a time")
        self._compacting = True
        return self._compact(fence, snapshot, self._returned, self._sizes.history)

    async def _compact(
        self, fence: Fence, snapshot: Iterable[Record], end: tuple[int, int], gone: Size
    ) -> None:
        number, seq = end
        try:
            with self.links.passing("compact") as link, _as_who_leads():
                compaction = Compaction(link, epoch=fence.epoch, lost=partial(self._lost, fence))
                size = await compaction.replace(snapshot, number=number, seq=seq)
            self._sizes.compacted(size, gone)
        except StoreError:
            self._sizes.failed()
            raise
        finally:
            self._compacting = False

    def _lost(self, fence: Fence, connection: Connection) -> FenceLostError:
        lost = why_lost(lease_row.look(connection), fence, Leader(epoch=fence.epoch))
        self.watch.lose(fence, lost)
        return lost

    # Ending

    async def close(self) -> None:
        """Let go of the lease and of every connection."""
        if self._fence is not None:
            with suppress(StoreError):
                await self.release(self._fence)
        self.watch.close()
        self.links.close()


@contextmanager
def _as_who_leads() -> Iterator[None]:
    """Let what is wrong with the database be a reason to end: it was all right when the store was acquired."""
    try:
        yield
    except (StoreAwayError, StoreFullError, StoreBrokenError):
        raise
    except StoreError as error:
        raise StoreBrokenError(str(error)) from error
