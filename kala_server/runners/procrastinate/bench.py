"""The statements of a worker: it says that it is there, takes attempts, and tells what became of them."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import NamedTuple

from kala_client import __version__
from kala_server.ports.store import StoreError
from kala_server.stores.postgres.connection import Connection

_BEGIN = "SELECT kala_begin(%s, %s, %s, %s, %s)"
_BEAT = "SELECT * FROM kala_beat(%s, %s, %s, %s)"
_LEFT = "SELECT handle FROM kala_attempt WHERE worker = %s AND life <> %s AND outcome IS NULL"
_TURN = "SELECT its_handle, its_attempt FROM kala_turn(%s, %s, %s, %s, %s)"
_TELL = "SELECT kala_tell(%s, %s, %s, %s, %s)"


class Badge(NamedTuple):
    """Who a worker is."""

    name: str
    queues: Sequence[str]
    concurrency: int


class Life(NamedTuple):
    """From one start of a worker to its end."""

    number: int
    left: Collection[str]
    """What it has taken in earlier ones, and not told of."""


class ReplacedError(StoreError):
    """Another worker has the name by now."""


class Told(NamedTuple):
    """What there is to tell: pieces of output, and after them how attempts went."""

    printed: Sequence[tuple[str, int, bytes]]
    over: Sequence[tuple[str, str]]


def begin(connection: Connection, who: Badge, free_after: float) -> Life | None:
    """Begin a life, unless one of that name was there so many seconds ago."""
    said = (who.name, list(who.queues), who.concurrency, __version__, timedelta(seconds=free_after))
    with connection.transaction():
        row = connection.execute(_BEGIN, said).fetchone()
        if row is None or row[0] is None:
            return None
        left = connection.execute(_LEFT, (who.name, row[0])).fetchall()
    return Life(row[0], [handle for (handle,) in left])


def beat(connection: Connection, who: Badge, life: int, *, running: int, stops: bool = False) -> bool:
    """Say that the worker is there; whether it is to take nothing more. Raises ReplacedError."""
    row = connection.execute(_BEAT, (who.name, life, running, stops)).fetchone()
    if row is None:
        raise ReplacedError(f"another worker has the name {who.name!r} by now: each needs its own (--name)")
    return bool(row[0])


def turn(
    connection: Connection, who: Badge, life: int, *, held: Collection[str], room: int
) -> Sequence[tuple[str, str | None]]:
    """Return attempts that are to be carried out, and without what it is, those that are to be ended."""
    return connection.execute(_TURN, (who.name, life, list(who.queues), list(held), room)).fetchall()


def tell(connection: Connection, what: Told) -> None:
    """Tell what attempts have printed and how they went; to tell it twice is as good as once."""
    columns = [list(column) for column in zip(*what.printed, strict=True)] or [[], [], []]
    ended = [list(column) for column in zip(*what.over, strict=True)] or [[], []]
    connection.execute(_TELL, (*columns, *ended))
