"""To own a store's folder: one server for each, and what one that was killed has left is waited for.

A folder that others may write to is nobody's.

It waits where nothing else can be done: before there is anything in memory to serve.
"""

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from kala_server.ports.store import Fence, StoreLockedError, StoreUnsafeError
from kala_server.stores.journal import owner_signature
from kala_server.stores.journal.filesystem import FileSystem, write_all
from kala_server.stores.journal.owner_signature import Signature

LETTING_GO = 5.0
"""Seconds that the worker of a server that was killed may take to end."""
_WHOLE = 4096
"""More than a signature takes."""


@dataclass(frozen=True, slots=True)
class Owned:
    """A folder that is ours: the lock on it, until that is closed, and what may be done under it."""

    lock: int
    fence: Fence


def own(filesystem: FileSystem, lock: Path) -> Owned:
    """Take the lock and sign it. Raises StoreLockedError: at once where the one who signed it lives.

    Raises StoreUnsafeError, and touches nothing, where others could change what is in the folder.
    """
    if danger := filesystem.danger(lock.parent):
        raise StoreUnsafeError(danger)
    fd = _taken(filesystem, lock)
    try:
        before = owner_signature.read(filesystem.read(fd, _WHOLE, 0))
        ours = owner_signature.signed_by_us(before, filesystem.identity(fd))
        # Without room for the signature the lock still holds. The next one then finds no mark of ours to believe.
        with contextlib.suppress(OSError):
            write_all(filesystem, fd, ours.text(), 0)
            filesystem.truncate(fd, len(ours.text()))
    except OSError:
        filesystem.close(fd)
        raise
    return Owned(fd, Fence(ours.epoch, ours.mark))


def _taken(filesystem: FileSystem, lock: Path) -> int:
    until = time.monotonic() + LETTING_GO
    while True:
        try:
            return filesystem.lock(lock)
        except BlockingIOError as error:
            holder = _holder(filesystem, lock)
            if who := _who_lives(holder):
                raise StoreLockedError(
                    f"{lock.parent} is in use by {who}: one server for each data folder"
                ) from error
            if holder is not None and time.monotonic() > until:
                raise StoreLockedError(
                    f"{lock.parent} is in use by the worker of process {holder.pid}, which is gone; it should have "
                    "ended with it: in ps it is the one with kala_server.runners.local.worker in its line"
                ) from error
        time.sleep(0.01)  # noqa: TID251 - a lock cannot be waited for with a limit


def _holder(filesystem: FileSystem, lock: Path) -> Signature | None:
    fd = filesystem.open_to_read(lock)
    try:
        return owner_signature.read(filesystem.read(fd, _WHOLE, 0))
    finally:
        filesystem.close(fd)


def _who_lives(holder: Signature | None) -> str:
    """Name who has the lock, in words; nothing where the one who signed it is gone."""
    if holder is None:
        return "another process"
    if holder.machine != owner_signature.this_machine():
        return f"process {holder.pid} of another container or machine"
    return f"process {holder.pid}" if holder.lives() else ""
