"""Keeps the lease while it is ours, and looks at whose it is while it is not: in a thread, however busy the loop is.

What it knows stands in plain attributes, which the thread sets and the loop reads; `news` wakes who waits on the loop.
It appends nothing.
"""

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import inf
from threading import Event, Thread

from kala_server.boot_time import boot_time
from kala_server.news import News
from kala_server.ports.store import (
    Fence,
    FenceLostError,
    Leader,
    StoreAwayError,
    StoreBrokenError,
    StoreError,
    StoreFullError,
)
from kala_server.stores.postgres.connection import Connection
from kala_server.stores.postgres.lease_row import LeaseRow, look, renew
from kala_server.stores.postgres.link import Link

_log = logging.getLogger("kala.store")

RENEWALS = 3
"""In the time of a lease."""
_MARGIN = 0.02
"""Of a lease: clocks of two machines do not run equally fast."""
_BETWEEN_TRIES = 0.1
"""Seconds, where the database is away."""


class Watch:
    """Whose the lease is."""

    def __init__(self, link: Link, *, ttl: float) -> None:
        self.leader = Leader()
        self.news = News()
        """Told when something is known anew about the lease."""
        self.free = False
        """Whether, as it was seen last, the store could be acquired."""
        self.wrong: StoreError | None = None
        """Why the database is of no use, where it is there."""
        self.lost: FenceLostError | None = None
        self.held_until = -inf
        self._link = link
        self._ttl = ttl
        self._fence: Fence | None = None
        self._sent = -inf
        """When what made the lease last was sent."""
        self._looked = -inf
        self._away = False
        self._wait_until = -inf
        """Before this nobody is to be followed: whoever holds the store may have been cut off as we were."""
        self._listening: Connection | None = None
        self._closing = Event()
        self._thread: Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin, unless it has begun."""
        if self._thread is None and not self._closing.is_set():
            self._loop = asyncio.get_running_loop()
            self._thread = Thread(target=self._run, name="kala-lease", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End soon."""
        self._closing.set()
        self._link.close()

    # -- what others have learned

    def hold(self, fence: Fence, address: str, sent: float) -> None:
        """Keep the lease from now on, which was asked for then."""
        self._fence, self.lost, self.free = fence, None, False
        self.held_until = -inf
        self.leader = Leader(epoch=fence.epoch, address=address, number=fence.number)
        self.extended(fence, sent, fence.number)

    def extended(self, fence: Fence, sent: float, number: int) -> None:
        """Take note that what was sent then has made the lease last, and of the batch that was the latest by then."""
        if fence == self._fence and self.lost is None:
            self._sent = max(self._sent, sent)
            self.held_until = self._sent + self._ttl * (1 - _MARGIN)
            self.leader = replace(
                self.leader, number=max(self.leader.number, number), lease=self._ttl, seen_at=self._sent
            )

    def lose(self, fence: Fence, why: FenceLostError) -> None:
        """Take note that the lease is not ours any more."""
        if fence == self._fence and self.lost is None:
            self.held_until, self.lost = -inf, why
            self._tell()

    def see(self, row: LeaseRow, known: Leader) -> None:
        """Take note of what the row says. Raises StoreBrokenError where that is less than was known before."""
        row.check_against(known)
        self._looked = now = boot_time()
        if (row.epoch, row.number) >= (self.leader.epoch, self.leader.number):
            self.leader = row.leader(now)
            self.free = row.left <= 0 and (not row.held or now >= self._wait_until)
            self._tell()

    # -- the thread

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._turn()
                self._away, self.wrong = False, None
            except (StoreAwayError, StoreFullError) as error:
                self._is_away(error)
            except StoreError as error:
                self._is_wrong(error)
            except Exception as error:  # noqa: BLE001 - a fault of ours, and nobody else would hear of it
                _log.exception("the lease cannot be kept")
                self._is_wrong(StoreBrokenError(f"the lease cannot be kept: {error}"))

    def _is_away(self, error: StoreError) -> None:
        if not self._away and not self._closing.is_set():
            _log.warning("the store is away: %s", error)
        self._away, self.free, self._listening = True, False, None
        self._wait_until = inf  # others of this server may be back before, and see the row
        self._closing.wait(_BETWEEN_TRIES)

    def _is_wrong(self, error: StoreError) -> None:
        """Give up what is ours: nobody can say what becomes of it there."""
        self.wrong, self.free = error, False
        if self._fence is not None:
            self.lose(self._fence, _lost_by(error))
        self._tell()
        self._closing.wait(self._ttl / RENEWALS)

    def _turn(self) -> None:
        if self._link.ask(partial(self._notified, until=self._due())) or boot_time() >= self._due():
            self._link.ask(self._renew_or_look)

    def _due(self) -> float:
        """Return when to ask the database next."""
        if self._fence is not None and self.lost is None:
            return self._sent + self._ttl / RENEWALS
        left = self.leader.lease if self.leader.lease > 0 else inf
        return self._looked + min(self._ttl / RENEWALS, left)

    def _notified(self, connection: Connection, *, until: float) -> bool:
        """Return whether there may be news, now or by then."""
        if connection is self._listening:
            patience = max(0.0, until - boot_time())
            return any(True for _ in connection.notifies(timeout=patience, stop_after=1))
        connection.execute("LISTEN kala_lease")
        if self._away:
            _log.warning("the store is back")
            self._wait_until = boot_time() + self._ttl
        self._listening = connection
        return True

    def _renew_or_look(self, connection: Connection) -> None:
        fence, known, sent = self._fence, self.leader, boot_time()
        if fence is None or self.lost is not None:
            self.see(look(connection), known)
            return
        number = renew(connection, fence.epoch)
        if number is None or number < known.number:
            self.lose(fence, why_lost(look(connection), fence, known))
        else:
            self.extended(fence, sent, number)
            self._tell()

    def _tell(self) -> None:
        """Wake who waits on the loop, from whichever thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # it may be closed by now
                self._loop.call_soon_threadsafe(self.news.tell)


def why_lost(row: LeaseRow, fence: Fence, known: Leader) -> FenceLostError:
    """Say why a fence has fallen."""
    try:
        row.check_against(known)
    except StoreBrokenError as error:
        return _lost_by(error)
    if row.epoch == fence.epoch and row.held:
        return FenceLostError(
            f"batch {row.number} (record {row.seq}) is the latest of the log, which is not what epoch {fence.epoch} "
            f"has left (batch {known.number}): somebody else has changed the tables"
        )
    if row.epoch == fence.epoch:
        return FenceLostError(
            f"the store, held under epoch {fence.epoch}, was let go of: nothing more is kept of that"
        )
    who = row.address or "another server"
    return FenceLostError(
        f"the store is not held under epoch {fence.epoch} any more: {who} has acquired it (epoch {row.epoch}); "
        "nothing was kept"
    )


def _lost_by(error: StoreError) -> FenceLostError:
    lost = FenceLostError(str(error))
    lost.__cause__ = error
    return lost
