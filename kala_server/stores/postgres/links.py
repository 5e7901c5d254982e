"""The connections of a store, each with its thread: made when they are needed, and closed together. It knows no SQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from kala_server.stores.postgres.connection import Database
from kala_server.stores.postgres.link import Link


class Links:
    """What one store has of them."""

    def __init__(self, database: Database, *, patience: float, more: float) -> None:
        """A statement may take `patience` seconds; it is cut off some seconds `more` after that."""
        self._database = database
        self._patience = patience
        self._more = more
        self._links: set[Link] = set()

    def make(self, purpose: str, *, patience: float | None = None, durable: bool = True) -> Link:
        """Return one that stays; unless what it does is to be durable, nobody waits until it is on the disk."""
        statement = self._patience if patience is None else patience
        connect = partial(self._database.connect, purpose, statement=statement, durable=durable)
        link = Link(connect, patience=statement + self._more, name=f"kala-{purpose}")
        self._links.add(link)
        return link

    @contextmanager
    def passing(self, purpose: str) -> Iterator[Link]:
        """Have one for a while."""
        link = self.make(purpose)
        try:
            yield link
        finally:
            self._links.discard(link)
            link.close()

    def close(self) -> None:
        """Close all that there are."""
        for link in self._links:
            link.close()
