"""The store on disk: one file of JSON lines, `journal.jsonl`, that is appended to and now and then begun anew.

Two threads work for it, so that the event loop waits for no disk: the *writer* owns the log and keeps batches in
order; the *compactor* writes a snapshot beside it. The log changes hands in the writer, between two batches. After
a failed sync nothing is tried again: what the file holds is then known to nobody, and every later call says so.

This module must not know what a record means, and never answers before a sync.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kala_server.core.model.records import Record
from kala_server.ports.store import Batch, Fence, FenceLostError, StoreBrokenError, StoreError, StoreFullError
from kala_server.stores.journal.codec import Payload, encode
from kala_server.stores.journal.compaction import discard, new_name, write_snapshot
from kala_server.stores.journal.filesystem import FileSystem, RealFileSystem, write_all
from kala_server.stores.journal.log import NO_ROOM, Log, told
from kala_server.stores.journal.ownership import Owned, own
from kala_server.stores.journal.scan import Scan, read_lines
from kala_server.stores.journal.torn_tail import Mended, cut_tail

_log = logging.getLogger("kala.store")

JOURNAL = "journal.jsonl"
LOCK = "lock"

COMPACT_FROM = 4 << 20
"""Bytes of history below which a snapshot is not worth its syncs: they load in well under a second."""
COMPACT_FACTOR = 2.0
"""So many times the snapshot's size of history, and so many times the records that are still needed: below that most of
the file would be written again as it is. A store that only grows has nothing to let go of."""
COMPACT_ANYWAY = 8.0
"""So many times the size of the snapshot, or of `COMPACT_FROM`, is too much whatever the records: few outweigh many."""


class JournalStore:
    """A store in a folder; see `ports/store.py` for what its methods promise."""

    def __init__(
        self,
        directory: Path,
        *,
        filesystem: FileSystem | None = None,
        compact_from: int = COMPACT_FROM,
        compact_factor: float = COMPACT_FACTOR,
    ) -> None:
        self.path = directory / JOURNAL
        self.mended: Mended | None = None
        """What `load` had to cut off, if anything."""
        self.is_new = False
        self._filesystem = filesystem or RealFileSystem()
        self._compact_from = compact_from
        self._compact_factor = compact_factor
        self._next_try = 0
        self._owned: Owned | None = None
        self._log: Log | None = None
        self._snapshot_end = 0
        self._broken = ""
        self._mend: Callable[[], None] = _nothing
        """What is to be done before the next write: a torn tail stays where there is no room for its copy."""
        self._closed = False
        self._compacting = False
        self._writer = ThreadPoolExecutor(1, "kala-journal")
        self._compactor = ThreadPoolExecutor(1, "kala-compaction")
        # The writer's own: the batches that a compaction must keep, and the latest one with its number.
        self._kept: list[list[Payload]] | None = None
        self._latest: tuple[int, list[Payload]] = (0, [])
        # The loop's own: the number of the latest batch whose `append` has returned.
        self._returned = 0

    # Loading

    async def acquire(self) -> Fence:
        """Own the folder; one that is in use is refused at once."""
        if self._owned is not None:
            raise RuntimeError("a folder is acquired once")
        try:
            self._filesystem.make_directory(self.path.parent)
            self._owned = own(self._filesystem, self.path.parent / LOCK)
        except OSError as error:
            raise self._refusal(error) from error
        return self._owned.fence

    async def load(self) -> AsyncIterator[Batch]:
        """Read the journal of the folder that was acquired; a folder without one gets one."""
        if self._owned is None or self._log is not None:
            raise RuntimeError("a folder is acquired, and then loaded once")
        for batch in self._read():
            yield batch

    def _open(self) -> int:
        """Open the journal; a folder without one gets one."""
        names = self._filesystem.list_directory(self.path.parent)
        if self.path.name not in names:
            self.is_new = True
            log = write_snapshot(self._filesystem, self.path, ())
            try:
                log.sync()
                self._filesystem.rename(log.path, self.path)
            finally:
                log.close()
        elif new_name(self.path).name in names:
            self._filesystem.unlink(new_name(self.path))
        return self._filesystem.open(self.path)

    def _read(self) -> Iterator[Batch]:
        try:
            fd = self._open()
            try:
                scan = Scan(self.path, read_lines(self._filesystem, fd))
                for records in scan.batches():
                    yield Batch(scan.next_batch - 1, records)
                self._log = self._settle(fd, scan)
            finally:
                if self._log is None:
                    self._filesystem.close(fd)
        except OSError as error:
            raise self._refusal(error) from error

    def _settle(self, fd: int, scan: Scan) -> Log:
        """Make durable what was just read, as the records will be acted on; mend the tail first."""
        self._mend = lambda: self._cut_tail(fd, scan.whole_end, scan.next_seq)
        try:
            self._mend()
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            _log.error("%s: its torn end is copied aside when there is room: %s", self.path, told(error))
        if scan.whole_end != scan.snapshot_end:
            # The last batch may be in the page cache alone, even marked as clean if its sync had failed: then only
            # writing it again makes the sync below mean something.
            last = self._filesystem.read(fd, scan.whole_end - scan.last_start, scan.last_start)
            write_all(self._filesystem, fd, last, scan.last_start)
        self._filesystem.sync(fd)
        self._filesystem.sync_directory(self.path.parent)
        self._snapshot_end = scan.snapshot_end or 0
        return Log(
            self._filesystem,
            self.path,
            fd,
            end=scan.whole_end,
            next_seq=scan.next_seq,
            next_batch=scan.next_batch,
        )

    def _cut_tail(self, fd: int, end: int, seq: int) -> None:
        """Cut off what a crash has left behind the last whole batch; once that is done there is no more to mend."""
        if self._filesystem.status(fd)[0] > end:
            self.mended = cut_tail(self._filesystem, fd, self.path, offset=end, seq=seq)
            _log.warning("%s", self.mended)
        self._mend = _nothing

    def _refusal(self, error: OSError) -> StoreError:
        words = f"{error.filename or self.path}: {told(error)}"
        return StoreFullError(words) if error.errno in NO_ROOM else StoreBrokenError(words)

    # Appending

    async def append(self, fence: Fence, batch: Sequence[Record]) -> None:
        """Keep the batch: encoded, written and synced by the writer."""
        self._check_fence(fence)
        if batch:
            loop = asyncio.get_running_loop()
            self._returned = await loop.run_in_executor(self._writer, self._append, tuple(batch))

    def _append(self, batch: Sequence[Record]) -> int:
        log = self._check()
        payloads = [encode(record) for record in batch]
        try:
            self._mend()
        except OSError as error:
            raise self._refusal(error) from error
        with self._breaking():
            log.keep(payloads)
        number = self._latest[0] + 1
        self._latest = number, payloads
        if self._kept is not None:
            self._kept.append(payloads)
        return number

    # Compacting

    @property
    def locks(self) -> Sequence[int]:
        """Descriptors by which the folder is owned, until it is closed: a process that holds one keeps the next out."""
        return () if self._owned is None else (self._owned.lock,)

    @property
    def size(self) -> int:
        """How many bytes the journal has."""
        return self._log.end if self._log is not None else 0

    def wants_compaction(self, needed: int) -> bool:
        """Whether enough of the file would go. After a compaction that failed, only after more."""
        if self._log is None or self._compacting or self._broken:
            return False
        history, records = self._log.end - self._snapshot_end, self._log.next_seq - 1
        if history <= max(self._compact_from, self._compact_factor * self._snapshot_end, self._next_try):
            return False
        too_much = COMPACT_ANYWAY * max(self._compact_from, self._snapshot_end)
        return records > self._compact_factor * needed or history > too_much

    def compact(self, fence: Fence, snapshot: Iterable[Record]) -> Coroutine[Any, Any, None]:
        """Begin the log anew. What counts as appended is settled here, not when the result is first awaited."""
        self._check_fence(fence)
        if self._compacting:
            raise RuntimeError("one compaction at a time")
        self._compacting = True
        begun = self._writer.submit(self._remember, self._returned)
        done = self._compactor.submit(self._compact, snapshot, begun)
        return self._compacted(done)

    @staticmethod
    async def _compacted(done: "Future[None]") -> None:
        await asyncio.shield(asyncio.wrap_future(done))

    def _remember(self, returned: int) -> None:
        """Keep every batch from here on, and the one whose `append` was still under way when `compact` was called."""
        number, payloads = self._latest
        self._kept = [payloads] if number > returned else []

    def _compact(self, snapshot: Iterable[Record], begun: "Future[None]") -> None:
        try:
            begun.result()
            with self._breaking():
                self._replace(snapshot)
        except OSError as error:
            self._next_try = self._check().end - self._snapshot_end + self._compact_from
            raise StoreFullError(
                f"{self.path} was not compacted: {told(error)}; it goes on as it is"
            ) from error
        finally:
            self._writer.submit(self._forget)
            self._compacting = False

    def _replace(self, snapshot: Iterable[Record]) -> None:
        new = write_snapshot(self._filesystem, self.path, snapshot, stopped=lambda: self._closed)
        snapshot_end = new.end
        try:
            # Most of what came meanwhile is written and synced here, so that the writer is held up for the rest only.
            new.write(*self._writer.submit(self._take_kept).result())
            self._sync_new(new)
            self._writer.submit(self._change_over, new, snapshot_end).result()
        except BaseException:
            if self._log is not new:
                discard(self._filesystem, new)
            raise

    def _sync_new(self, new: Log) -> None:
        """Sync the new file. No room can turn up this late; any other failure says that the disk fails."""
        try:
            new.sync()
        except OSError as error:
            if error.errno in NO_ROOM:
                raise
            raise StoreBrokenError(f"{new.path}: a sync failed ({told(error)})") from error

    def _take_kept(self) -> list[list[Payload]]:
        kept, self._kept = self._kept or [], []
        return kept

    def _forget(self) -> None:
        self._kept = None

    def _change_over(self, new: Log, snapshot_end: int) -> None:
        """Put the new file in place of the old one; this is the writer's turn, so no batch comes in between."""
        with self._breaking():
            self._rename(new, snapshot_end)

    def _rename(self, new: Log, snapshot_end: int) -> None:
        old = self._check()
        kept = self._take_kept()
        if kept:
            new.write(*kept)
            self._sync_new(new)
        self._filesystem.rename(new.path, self.path)
        new.path = self.path
        self._log, self._snapshot_end, self._next_try = new, snapshot_end, 0
        old.close()
        try:
            self._filesystem.sync_directory(self.path.parent)
        except OSError as error:
            # A power cut may bring the old file back, without the batches that would come now.
            raise StoreBrokenError(f"{self.path.parent}: a sync failed ({told(error)})") from error

    # Ending

    async def close(self) -> None:
        """Let go of the files and, last of all, of the folder; waits for what is being written."""
        self._closed = True
        self._compactor.shutdown()
        self._writer.shutdown()
        if self._log is not None:
            self._log.close()
        if self._owned is not None:
            with contextlib.suppress(OSError):
                self._filesystem.close(self._owned.lock)
        self._owned = self._log = None

    def _check_fence(self, fence: Fence) -> None:
        self._check()
        if self._owned is None or fence != self._owned.fence:
            raise FenceLostError(
                f"{self.path.parent} is not owned under epoch {fence.epoch}: nothing was kept"
            )

    def _check(self) -> Log:
        if self._broken:
            raise StoreBrokenError(self._broken)
        if self._closed or self._log is None:
            raise StoreError(f"{self.path} is {'closed' if self._closed else 'not loaded yet'}")
        return self._log

    @contextlib.contextmanager
    def _breaking(self) -> Iterator[None]:
        """Remember a StoreBrokenError: it is for good."""
        try:
            yield
        except StoreBrokenError as error:
            self._broken = str(error)
            raise


def _nothing() -> None:
    """Nothing is to be mended."""
