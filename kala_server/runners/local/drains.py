"""Gives pipes away that others still print into when their command has ended: to a drain, a process (`drain.py`).

There is none before it is needed. One that has got thousands of pipes gets no more, and another one is started: so
nothing is held here, and none of them holds more than it may. Nothing is told of what becomes of a pipe.
"""

import contextlib
import os
import resource
import socket
import sys
from pathlib import Path

_PROGRAM = str(Path(__file__).with_name("drain.py"))
_STDIN, _STDOUT, _STDERR = range(3)
_FEW = 16
"""Descriptors that a drain has of its own, and some to spare."""
_MOST = 4_096
"""Pipes of one drain."""
PATIENCE = 1.0
"""Seconds after which a drain that takes nothing is given up: somebody has stopped it."""
_ENVIRONMENT = ("LD_LIBRARY_PATH",)
"""What a Python may need to start; it is told to believe no other variable."""


class Drains:
    """The drain of the moment."""

    def __init__(self, most: int = _MOST) -> None:
        """Give each of them `most` pipes, or fewer where it may not hold so many."""
        _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._most = most if descriptors == resource.RLIM_INFINITY else min(most, descriptors - _FEW)
        self._connection: socket.socket | None = None
        self._given = 0
        self.begun: set[int] = set()
        """The pids of drains that were started and are not known to be gone."""

    def take(self, pipe: int) -> None:
        """Close the pipe here; whoever holds its other end can print into it for as long as it lives.

        It cannot where no process can be started.
        """
        try:
            if not self._give(pipe):
                self._begin()
                self._give(pipe)
        except OSError:
            pass
        finally:
            os.close(pipe)

    def close(self) -> None:
        """Let the drain end once it has nothing to do."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        for pid in list(self.begun):
            with contextlib.suppress(ChildProcessError):
                if os.waitpid(pid, os.WNOHANG) == (0, 0):
                    continue
            self.begun.remove(pid)

    def _give(self, pipe: int) -> bool:
        """Return whether there is a drain that takes it."""
        if self._connection is None or self._given == self._most:
            return False
        self._given += 1
        try:
            return socket.send_fds(self._connection, [b"."], [pipe]) > 0
        except OSError:  # it was killed, or stopped
            return False

    def _begin(self) -> None:
        self.close()
        self._given = 0
        self._connection, theirs = socket.socketpair()
        self._connection.settimeout(PATIENCE)
        with theirs:
            self.begun.add(_started(theirs.fileno()))


def _started(connection: int) -> int:
    if not sys.executable:
        raise FileNotFoundError
    return os.posix_spawn(
        sys.executable,
        # Isolated, and without the packages of the site: it needs none, and starts in half the time.
        [sys.executable, "-I", "-S", _PROGRAM],
        {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, connection, _STDIN),
            (os.POSIX_SPAWN_OPEN, _STDOUT, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, _STDERR, os.devnull, os.O_WRONLY, 0),
        ],
        setsid=True,
    )
