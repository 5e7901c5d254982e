"""Want of room on the machine: descriptors, processes, memory. It says which errors tell of it, and decides nothing."""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack

_WANTED = {
    errno.EMFILE: "no file descriptor is left for this server",
    errno.ENFILE: "no file descriptor is left on this machine",
    errno.EAGAIN: "no further process may be started",
    errno.ENOMEM: "there is not enough memory",
    errno.ENOBUFS: "there is not enough memory",
    errno.ENOSPC: "no further file may be watched",
}
_NO_THREAD = "can't start new thread"
"""What Python says, as a RuntimeError, where the machine has no room for one."""
_FEW = 4


def want_in(error: BaseException | None) -> str:
    """Return what the machine has no room for, by an error or what led to it; empty where that is not the matter."""
    return next((want for each in _causes(error) if (want := _want_in_one(each))), "")


def check_for_descriptors() -> None:
    """Raise OSError where there are too few for what would not tell of it, such as to look up a name."""
    with ExitStack() as held:
        for _ in range(_FEW):
            held.callback(os.close, os.open(os.devnull, os.O_RDONLY))


def _want_in_one(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return _WANTED[errno.ENOMEM]
    if isinstance(error, RuntimeError) and str(error) == _NO_THREAD:
        return _WANTED[errno.EAGAIN]
    return _WANTED.get(error.errno or 0, "") if isinstance(error, OSError) else ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions:
                yield from _causes(each)
        error = error.__cause__
