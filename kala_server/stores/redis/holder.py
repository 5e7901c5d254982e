"""That a server is there, told to Redis again and again, from a thread, as a loop that is held up is there too.

It is told for others, who wait for it to end. Whether a batch is kept does not rest on it; whether it may be acted
does: up to some time nobody else can have come in between.
"""

import os
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from threading import Event, Thread
from uuid import uuid4

from kala_server.boot_time import boot_time
from kala_server.ports.store import StoreAwayError, StoreBrokenError, StoreError, StoreFullError
from kala_server.stores.redis import scripts
from kala_server.stores.redis.answers import refused
from kala_server.stores.redis.link import Link

_A_LEASE = 3
"""So many times it is told before it would be forgotten."""
_MARGIN = 0.02
"""By so much of it the clocks of two machines may differ over a lease."""
_BETWEEN_TRIES = 0.2


def name() -> str:
    """Name this process for others, and unlike any other."""
    return f"{uuid4().hex} process {os.getpid()} of {socket.gethostname()}"


@dataclass(slots=True)
class Holder:
    """A server that is there, until it is told to end."""

    link: Link
    who: str
    lease: float
    until: float = -inf
    """In seconds of `boot_time`: nobody else can have acquired the store before."""
    _ending: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def begin(self) -> None:
        """Tell of it now, and from now on."""
        with suppress(StoreAwayError, StoreFullError):
            self._renew()
        self._thread = Thread(target=self._go_on, name="kala-redis-holder", daemon=True)
        self._thread.start()

    def until_held(self) -> None:
        """Return once it is certain that nobody else has come in between. Raises StoreBrokenError where it never is."""
        while self.until <= boot_time():
            try:
                self._renew()
            except (StoreAwayError, StoreFullError):
                if self._ending.wait(_BETWEEN_TRIES):
                    raise
            except StoreBrokenError:
                raise
            except StoreError as error:
                raise StoreBrokenError(f"whether the store is ours cannot be asked: {error}") from error

    def end(self) -> None:
        """Tell of it no more, and let others in."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        with suppress(StoreError):
            self.link.run(scripts.RELEASE, (scripts.OWNER, scripts.HOLDER), (self.who,))
        self.until = -inf
        self.link.close()

    def _go_on(self) -> None:
        while not self._ending.wait(self.lease / _A_LEASE):
            try:
                self._renew()
            except StoreBrokenError:
                return
            except StoreError:
                # It is away, or not safe any more: whoever wants something of it hears why.
                continue

    def _renew(self) -> None:
        sent, milliseconds = boot_time(), int(self.lease * 1000)
        answer = self.link.run(
            scripts.RENEW,
            (scripts.OWNER, scripts.HOLDER),
            (self.who, milliseconds, self.link.run_id),
        )
        try:
            refused(str(self.link.address), self.who, answer)
        except StoreBrokenError:
            self.until = -inf
            raise
        self.until = sent + self.lease * (1 - _MARGIN)
