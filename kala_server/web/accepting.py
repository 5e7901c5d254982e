"""Accepting connections: no more than there may be, and none while nothing is left to have one with.

Who is not accepted waits in the kernel's queue. A socket of which connections cannot be accepted leaves the loop, which
would else be told of them again at once, for ever. Knows nothing of HTTP.
"""

import asyncio
import errno
import logging
import socket
import time
from collections.abc import Callable
from typing import Any

_log = logging.getLogger("kala.web")

_AT_ONCE = 64
"""Connections that are accepted in one turn of the loop."""
_PAUSE = 1.0
"""Seconds after which it is tried again, where no connection closes before."""
_BETWEEN_WORDS = 60.0
"""Seconds between two lines of the log about it."""
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_OWN = 64
"""Descriptors that the server needs beside those of connections and of HTTP jobs: its store, outputs, its worker."""
_FEWEST = 8


def fitting(wanted: int, *, descriptors: int, running: int) -> int:
    """Return how many connections there may be, where the process may have so many descriptors.

    `running` is how many jobs may run, as each may call another server.
    """
    return min(wanted, max(_FEWEST, descriptors - _OWN - running)) if descriptors > 0 else wanted


class Acceptor:
    """Accepts from one listening socket while there is room."""

    def __init__(
        self, listening: socket.socket, take: Callable[[socket.socket, Any], None], room: Callable[[], bool]
    ) -> None:
        self._listening = listening
        self._take = take
        self._room = room
        self._loop = asyncio.get_running_loop()
        self._accepting = self._stopped = False
        self._trying: asyncio.TimerHandle | None = None
        self._told = -_BETWEEN_WORDS
        self.go_on()

    @property
    def pausing(self) -> bool:
        """Whether it accepts nothing for now, and tries again by itself."""
        return self._trying is not None

    def go_on(self) -> None:
        """Accept, as there may be room."""
        self._cancel()
        if not (self._accepting or self._stopped):
            self._accepting = True
            self._loop.add_reader(self._listening, self._accept)

    def stop(self) -> None:
        """Accept nothing more."""
        self._stopped = True
        self._leave()

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            if not self._room():
                self._pause("there are as many connections as there may be (--max-connections)")
                return
            try:
                connection, address = self._listening.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    raise
                self._pause(f"no connection can be accepted: {error.strerror}")
                return
            self._take(connection, address)

    def _pause(self, why: str) -> None:
        self._leave()
        self._trying = self._loop.call_later(_PAUSE, self.go_on)
        if time.monotonic() - self._told >= _BETWEEN_WORDS:
            self._told = time.monotonic()
            _log.warning("%s; more wait until one closes", why)

    def _leave(self) -> None:
        self._cancel()
        if self._accepting:
            self._accepting = False
            self._loop.remove_reader(self._listening)

    def _cancel(self) -> None:
        if self._trying is not None:
            self._trying.cancel()
            self._trying = None
