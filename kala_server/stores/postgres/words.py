"""The rows of `kala_word`: what servers that have let go of the store say of attempts that go on there."""

from collections.abc import Collection, Sequence

from kala_server.ports.store import Word
from kala_server.stores.postgres.connection import Connection

_ALL = (
    "SELECT handle, extract(epoch FROM until - clock_timestamp())::float, text FROM kala_word ORDER BY handle"
)
_SAY = "UPDATE kala_word SET text = %s WHERE handle = %s"
_DROP = "DELETE FROM kala_word WHERE handle = ANY(%s)"


def words(connection: Connection) -> Sequence[Word]:
    """Return all that there are."""
    return [Word(*row) for row in connection.execute(_ALL)]


def leave(connection: Connection, handle: str, text: str) -> None:
    """Say how an attempt has ended, where somebody still wants to know."""
    connection.execute(_SAY, (text, handle))


def drop(connection: Connection, handles: Collection[str]) -> None:
    """Keep these no longer."""
    connection.execute(_DROP, (list(handles),))
