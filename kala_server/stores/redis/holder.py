"""That a server is there, told to Redis again and again, from a thread, as a loop that is held up is there too.

It is told for others, who wait for it to end. Whether a batch is kept does not rest on it.
"""

import os
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from uuid import uuid4

from kala_server.ports.store import StoreError
from kala_server.stores.redis import scripts
from kala_server.stores.redis.link import Link

_A_LEASE = 3
"""So many times it is told before it would be forgotten."""


def name() -> str:
    """Name this process for others, and unlike any other."""
    return f"{uuid4().hex} process {os.getpid()} of {socket.gethostname()}"


def in_words(who: str) -> str:
    """Return what people call one that was named so."""
    return who.partition(" ")[2]


@dataclass(slots=True)
class Holder:
    """A server that is there, until it is told to end."""

    link: Link
    who: str
    lease: float
    _ending: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def begin(self) -> None:
        """Tell of it from now on."""
        self._thread = Thread(target=self._go_on, name="kala-redis-holder", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Tell of it no more, and let others in."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        with suppress(StoreError):
            self.link.run(scripts.RELEASE, (scripts.OWNER, scripts.HOLDER), (self.who,))
        self.link.close()

    def _go_on(self) -> None:
        while not self._ending.wait(self.lease / _A_LEASE):
            # Where it cannot be told the next append says why.
            with suppress(StoreError):
                self._renew()

    def _renew(self) -> None:
        milliseconds = int(self.lease * 1000)
        self.link.run(
            scripts.RENEW,
            (scripts.OWNER, scripts.HOLDER),
            (self.who, milliseconds, self.link.run_id),
        )
