"""Reads the log: all that is there as of one moment, and what comes after a batch. Needs no fence, and changes nothing.

Rows come in pages of some size, the next of which is fetched while one is decoded.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, LiteralString, NamedTuple

from kala_server.ports.store import Batch, Leader, StoreBrokenError, TailLostError
from kala_server.stores.postgres.connection import Connection
from kala_server.stores.postgres.lease_row import LeaseRow, look
from kala_server.stores.postgres.link import Link
from kala_server.stores.postgres.rows import Row, Snapshot, Turns, batch_of, damaged

_PAGE = 512 << 10
"""Bytes that are fetched at a time, or a row."""
_MOST = 2_000
"""Rows of a page."""
POLL = 1.0
"""Seconds after which it is asked anyway whether there is a new batch, if nothing was told of one."""

_MOMENT = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_HEAD = """
SELECT generation, snapshot_batch, snapshot_seq, last_batch, last_seq,
       (SELECT count(*) FROM kala_snapshot AS part WHERE part.generation = lease.generation)
FROM kala_lease AS lease WHERE name = 'kala'
"""
_PARTS = """
SELECT part, lines FROM kala_snapshot
WHERE generation = %(generation)s AND part > %(after)s ORDER BY part LIMIT %(most)s
"""
_LOG = "SELECT batch, seq, epoch, lines FROM kala_log WHERE batch > %(after)s ORDER BY batch LIMIT %(most)s"
_SNAPSHOT = "SELECT snapshot_batch FROM kala_lease WHERE name = 'kala'"
_EPOCH = "SELECT epoch FROM kala_log WHERE batch = %s"

See = Callable[[LeaseRow, Leader], None]


class Head(NamedTuple):
    """What the log consists of."""

    generation: int
    snapshot_batch: int
    snapshot_seq: int
    last_batch: int
    last_seq: int
    parts: int


@dataclass(slots=True)
class End:
    """The last batch that was read, so that the next can be held against it."""

    number: int
    seq: int | None = None
    """Of its last record; None where that is not known, and …"""
    epoch: int = 0
    """… under which it was appended; 0 where that is not known."""

    def follow(self, number: int, seq: int, epoch: int, lines: bytes) -> Row:
        """Take the next. Raises StoreDamagedError where it is another."""
        if number != self.number + 1:
            damaged("kala_log", number, f"batch {self.number + 1} must be here")
        if self.seq is not None and seq != self.seq + 1:
            damaged("kala_log", number, f"its first record is {seq}, where {self.seq + 1} must be")
        self.number, self.seq, self.epoch = number, seq - 1 + lines.count(b"\n"), epoch
        return Row("kala_log", number, seq, lines)


class Reader:
    """One pass over the log, by a connection of its own."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._most = 16
        self._turns = Turns()
        self._listening: Connection | None = None

    # -- all that is there

    async def begin(self) -> Head:
        """See the log as of now until the link is closed."""
        return await self._link.run(self._begin)

    def _begin(self, connection: Connection) -> Head:
        connection.execute(_MOMENT)
        row = connection.execute(_HEAD).fetchone()
        if row is None:
            raise StoreBrokenError("the row of kala_lease is gone")
        return Head(*row)

    async def snapshot(self, head: Head) -> AsyncGenerator[tuple[int, Batch], None]:
        """Give the parts of the snapshot, and how many bytes each takes."""
        if head.generation == 0:
            yield 0, Batch(0, ())
            return
        snapshot = Snapshot(head.snapshot_batch, head.parts, self._turns)
        fetch = partial(self._page, _PARTS, generation=head.generation)
        async with aclosing(self._rows(fetch, after=0)) as rows:
            async for part, lines in rows:
                yield len(lines), await snapshot.batch_of(part, lines)
        snapshot.check_end()

    async def log(self, head: Head, end: End) -> AsyncGenerator[tuple[int, Batch], None]:
        """Give the batches after its end, and how many bytes each takes."""
        async with aclosing(self._rows(partial(self._page, _LOG), after=end.number)) as rows:
            async for row in rows:
                yield len(row[-1]), await batch_of(end.follow(*row), self._turns)
        if (end.number, end.seq) != (head.last_batch, head.last_seq):
            damaged("kala_log", end.number, f"the log ends here, and batch {head.last_batch} is its latest")

    async def _rows(self, fetch: Callable[..., list[Any]], *, after: int) -> AsyncGenerator[Any, None]:
        ahead = self._fetching(fetch, after)
        try:
            while rows := await ahead:
                ahead = self._fetching(fetch, rows[-1][0])
                for row in rows:
                    yield row
        finally:
            ahead.cancel()

    def _fetching(self, fetch: Callable[..., list[Any]], after: int) -> asyncio.Task[list[Any]]:
        return asyncio.get_running_loop().create_task(self._link.run(partial(fetch, after=after)))

    def _page(self, statement: LiteralString, connection: Connection, **said: int) -> list[Any]:
        rows = connection.cursor(binary=True).execute(statement, {**said, "most": self._most}).fetchall()
        if rows:
            size = sum(len(row[-1]) for row in rows)
            self._most = min(_MOST, max(1, len(rows) * _PAGE // size))
        return rows

    # -- what comes

    async def after(
        self, end: End, see: See, known: Callable[[], Leader]
    ) -> AsyncGenerator[tuple[int, Batch], None]:
        """Give each batch after one, as it comes, and how many bytes it takes. Raises TailLostError."""
        while True:
            rows = await self._link.run(partial(self._next, end, see, known))
            for row in rows:
                yield len(row[-1]), await batch_of(end.follow(*row), self._turns)

    def _next(self, end: End, see: See, known: Callable[[], Leader], connection: Connection) -> list[Any]:
        """Return what is there after that batch; where nothing is, wait for a moment first."""
        if connection is not self._listening:
            connection.execute("LISTEN kala_log")
            self._same_history(connection, end)
            self._listening = connection
        if rows := self._page(_LOG, connection, after=end.number):
            return self._unbroken(connection, rows, end)
        before = known()
        see(look(connection), before)
        self._unbroken(connection, [], end)
        for _ in connection.notifies(timeout=POLL, stop_after=1):
            pass
        return []

    def _unbroken(self, connection: Connection, rows: list[Any], end: End) -> list[Any]:
        """Return the rows, where none is missing before them."""
        if not rows or rows[0][0] != end.number + 1:
            row = connection.execute(_SNAPSHOT).fetchone()
            if row is not None and row[0] > end.number:
                raise TailLostError(f"some batches after {end.number} are in a snapshot by now: load anew")
        return rows

    def _same_history(self, connection: Connection, end: End) -> None:
        """Look whether the last batch that was read is still that."""
        row = connection.execute(_EPOCH, (end.number,)).fetchone()
        if row is not None and end.epoch and row[0] != end.epoch:
            raise StoreBrokenError(
                f"batch {end.number} was appended under epoch {end.epoch}, and in the database it is of {row[0]} now: "
                "it has lost what it had acknowledged. See which database is right before a server is started on it"
            )
