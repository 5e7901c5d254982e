"""One open journal file: where it ends, and how a batch gets there.

A `Log` is used by one thread at a time. It reads nothing, never writes before its end, and tries nothing twice.
"""

import contextlib
import errno
from collections.abc import Sequence
from pathlib import Path

from kala_server.ports.store import StoreBrokenError, StoreFullError
from kala_server.stores.journal.codec import Payload, frame
from kala_server.stores.journal.filesystem import FileSystem, write_all
from kala_server.stores.journal.torn_tail import copy_bytes

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def told(error: OSError) -> str:
    """Say what the system said."""
    return error.strerror or str(error)


class Log:
    """A file that grows by whole batches."""

    def __init__(
        self,
        filesystem: FileSystem,
        path: Path,
        fd: int,
        *,
        end: int = 0,
        next_seq: int = 1,
        next_batch: int = 1,
    ) -> None:
        self._filesystem = filesystem
        self._fd = fd
        self.path = path
        self.end = end
        """The size that the file has, if nobody else writes to it."""
        self.next_seq = next_seq
        self._next_batch = next_batch

    def write(self, *batches: Sequence[Payload]) -> None:
        """Write the batches at once, without a sync. After an OSError, part of it may be in the file behind `end`."""
        size = self._write(*batches)
        self._advance(size, *batches)

    def keep(self, batch: Sequence[Payload]) -> None:
        """Write the batch and sync it. Raises StoreFullError, then it is cut off again, or StoreBrokenError."""
        self._check_file()
        try:
            size = self._write(batch)
        except OSError as error:
            self._cut_back(error)
            raise StoreFullError(f"{self.path}: {told(error)}; the batch was not kept") from error
        try:
            self.sync()
        except OSError as error:
            # The kernel may have marked the lost pages as clean: a second sync would succeed and mean nothing.
            raise StoreBrokenError(
                f"{self.path}: a sync failed ({told(error)}), so no answer can be given"
            ) from error
        self._advance(size, batch)

    def copy_from(self, source: int, size: int) -> None:
        """Begin an empty file with the first bytes of another one."""
        copy_bytes(self._filesystem, source, self._fd, 0, size)

    def sync(self) -> None:
        """Sync what was written."""
        self._filesystem.sync(self._fd)

    def close(self) -> None:
        """Let go of the file. Whatever was acknowledged is synced, so a failure here takes nothing away."""
        with contextlib.suppress(OSError):
            self._filesystem.close(self._fd)

    def _write(self, *batches: Sequence[Payload]) -> int:
        seq, framed = self.next_seq, []
        for number, batch in enumerate(batches, self._next_batch):
            framed.append(frame(batch, seq=seq, batch=number))
            seq += len(batch)
        data = b"".join(framed)
        write_all(self._filesystem, self._fd, data, self.end)
        return len(data)

    def _advance(self, size: int, *batches: Sequence[Payload]) -> None:
        self.end += size
        self.next_seq += sum(map(len, batches))
        self._next_batch += len(batches)

    def _check_file(self) -> None:
        """Notice a second writer, a file that was cut, or one that was removed, before anything is promised again."""
        try:
            size, names = self._filesystem.status(self._fd)
        except OSError as error:
            raise StoreBrokenError(f"{self.path}: {told(error)}") from error
        if not names:
            raise StoreBrokenError(f"{self.path} was removed or replaced while in use")
        if size != self.end:
            raise StoreBrokenError(
                f"{self.path} has {size} bytes where {self.end} were written: someone changed it"
            )

    def _cut_back(self, error: OSError) -> None:
        """Undo a write. Synced, as pages of the batch must not come back behind those of the next one."""
        if error.errno not in NO_ROOM:
            raise StoreBrokenError(f"{self.path}: a write failed ({told(error)})") from error
        try:
            self._filesystem.truncate(self._fd, self.end)
            self.sync()
        except OSError as second:
            raise StoreBrokenError(
                f"{self.path}: cutting off what was half written failed ({told(second)})"
            ) from error
