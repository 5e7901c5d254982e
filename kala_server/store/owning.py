"""To own a store's folder: one server for each, and what one that was killed has left is waited for.

It waits where nothing else can be done: before there is anything in memory to serve.
"""

import time
from pathlib import Path

from kala_server.store.filesystem import FileSystem
from kala_server.store.protocol import StoreLockedError

_LETTING_GO = 5.0
"""Seconds that the worker of a server that was killed may take to end."""


def own(filesystem: FileSystem, lock: Path) -> int:
    """Take the lock and return its descriptor. Raises StoreLockedError: at once where the one who signed it lives."""
    until = time.monotonic() + _LETTING_GO
    while True:
        try:
            return filesystem.lock(lock)
        except StoreLockedError as error:
            if error.holder is None or _lives(error.holder):
                raise
            if time.monotonic() > until:
                raise StoreLockedError(
                    f"{lock.parent} is in use by the worker of process {error.holder}, which is gone; it should have "
                    "ended with it: in ps it is the one with kala_server.runner.worker in its line"
                ) from error
        time.sleep(0.01)  # noqa: TID251 - a lock cannot be waited for with a limit


def _lives(pid: int) -> bool:
    """Whether there is such a process; a zombie holds nothing."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return not stat.rpartition(")")[2].lstrip().startswith("Z")
