"""A connection and the thread that it is used in, made anew after it was lost. It knows no SQL.

The event loop never waits for a database, and whatever takes too long is cut off: its fate is unknown then.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any, TypeVar

from kala_server.ports.store import StoreAwayError
from kala_server.stores.postgres.connection import Connection, in_words_of_a_store

T = TypeVar("T")


class Link:
    """One connection, for one piece of work at a time."""

    def __init__(self, connect: Callable[[], Connection], *, patience: float, name: str) -> None:
        """Connect when there is something to do; what takes longer than `patience` seconds is cut off."""
        self._connect = connect
        self._patience = patience
        self._thread = ThreadPoolExecutor(1, name)
        self._connection: Connection | None = None
        self._wire: socket.socket | None = None
        self._closed = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Return what comes of the work. Raises StoreAwayError where it cannot be known, or was not begun."""
        future = asyncio.wrap_future(self._submit(work))
        future.add_done_callback(_heard)
        await asyncio.wait([future], timeout=self._patience)
        if not future.done():
            self._cut()
        return await asyncio.shield(future)

    def ask(self, work: Callable[[Connection], T]) -> T:
        """Do the same for a thread."""
        future = self._submit(work)
        wait([future], self._patience)
        if not future.done():
            self._cut()
        return future.result()

    def _submit(self, work: Callable[[Connection], T]) -> "Future[T]":
        if self._closed:
            raise StoreAwayError("the store was closed")
        return self._thread.submit(self._work, work)

    def _work(self, work: Callable[[Connection], T]) -> T:
        connection = self._connection or self._connected()
        try:
            with in_words_of_a_store():
                return work(connection)
        finally:
            if connection.closed:
                self._let_go()

    def _connected(self) -> Connection:
        if self._closed:
            raise StoreAwayError("the store was closed")
        self._connection = self._connect()
        # A descriptor of its own: it can be shut down whatever the connection's thread does, and is never another's.
        self._wire = socket.socket(fileno=os.dup(self._connection.fileno()))
        return self._connection

    def _cut(self) -> None:
        if (wire := self._wire) is not None:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """Cut off what goes on, and close the connection; it may take a moment until that is done."""
        if not self._closed:
            self._closed = True
            self._cut()
            self._thread.submit(self._let_go)
            self._thread.shutdown(wait=False)


def _heard(future: asyncio.Future[Any]) -> None:
    """Let go of what comes of it: whoever was to hear of it may have been cancelled."""
    if not future.cancelled():
        future.exception()
