"""Waits for what the database tells of, on a connection of its own."""

from collections.abc import Sequence
from functools import partial

from psycopg.sql import SQL, Identifier

from kala_server.stores.postgres.connection import Connection
from kala_server.stores.postgres.link import Link

PATIENCE = 1.0
"""Seconds after which whoever waits looks by himself."""


class Ears:
    """Hears what is told on some channels."""

    def __init__(self, link: Link, channels: Sequence[str]) -> None:
        self._link = link
        self._channels = channels
        self._listening: Connection | None = None

    async def wait(self) -> None:
        """Return when there may be news, or after a while. Raises StoreAwayError."""
        await self._link.run(partial(self._wait))

    def _wait(self, connection: Connection) -> None:
        if connection is not self._listening:
            for channel in self._channels:
                connection.execute(SQL("LISTEN {}").format(Identifier(channel)))
            self._listening = connection
            return
        if any(True for _ in connection.notifies(timeout=PATIENCE, stop_after=1)):
            for _ in connection.notifies(timeout=0):
                pass  # all of them are one piece of news
