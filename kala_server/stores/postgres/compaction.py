"""Puts a snapshot in place of history, in parts: no batch waits for it, and who follows does not notice it.

Its parts are rows of a generation that nobody reads, each slice of them in a transaction of its own; one fenced
statement lets that generation count, and what it stands for goes after that, some at a time. A crash leaves rows that
do not count, which the next compaction removes. Generations only grow, and each step says which it is about: one that
comes late, of whoever has lost the store, can neither be taken for another's nor remove what counts.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from kala_server.core.model.records import Record
from kala_server.ports.store import FenceLostError
from kala_server.stores.journal.codec import Payload, SnapshotEnded, encode, frame
from kala_server.stores.journal.compaction import BATCH, slices
from kala_server.stores.postgres.connection import Connection
from kala_server.stores.postgres.link import Link
from kala_server.stores.postgres.sizes import Size

_AT_A_TIME = 2_000
"""Rows that are removed in one transaction."""

_BEGIN = "UPDATE kala_lease SET compaction = compaction + 1 WHERE name = 'kala' AND epoch = %s RETURNING compaction"
_PART = "COPY kala_snapshot (generation, part, lines) FROM STDIN (FORMAT BINARY)"
_MARK = """
UPDATE kala_lease SET generation = compaction, snapshot_batch = %(number)s, snapshot_seq = %(seq)s
WHERE name = 'kala' AND epoch = %(epoch)s AND compaction = %(generation)s
  AND (SELECT count(*) FROM kala_snapshot WHERE generation = %(generation)s) = %(parts)s
RETURNING 1
"""
_SWEEP_PARTS = """
DELETE FROM kala_snapshot WHERE (generation, part) IN (
    SELECT generation, part FROM kala_snapshot
    WHERE generation < %(generation)s AND generation <> (SELECT generation FROM kala_lease WHERE name = 'kala')
    LIMIT %(most)s)
"""
_SWEEP_LOG = """
DELETE FROM kala_log WHERE batch IN (
    SELECT batch FROM kala_log
    WHERE batch <= (SELECT snapshot_batch FROM kala_lease WHERE name = 'kala') ORDER BY batch LIMIT %(most)s)
"""


class Compaction:
    """One snapshot, from its first part until it counts."""

    def __init__(self, link: Link, *, epoch: int, lost: Callable[[Connection], FenceLostError]) -> None:
        """Put it there under that epoch; `lost` says why that does not hold the store any more."""
        self._link = link
        self._epoch = epoch
        self._lost = lost
        self._generation = 0
        self._parts = 0
        self._written = Size()

    async def replace(self, snapshot: Iterable[Record], *, number: int, seq: int) -> Size:
        """Let the snapshot stand for what there is up to a batch and its last record. Return how large it is."""
        await self._link.run(self._begin)
        await self._sweep()
        payloads = slices(snapshot)
        while await self._link.run(partial(self._write_next, payloads)):
            pass
        await self._link.run(partial(self._mark, number, seq))
        await self._sweep()
        return self._written

    def _begin(self, connection: Connection) -> None:
        row = connection.execute(_BEGIN, (self._epoch,)).fetchone()
        if row is None:
            raise self._lost(connection)
        self._generation = row[0]

    def _write_next(self, payloads: Iterator[list[Payload]], connection: Connection) -> bool:
        """Write the next slice, or after the last one the part that ends the snapshot."""
        some = next(payloads, None)
        batches = (
            [[encode(SnapshotEnded(records=self._written.records))]]
            if some is None
            else [some[begin : begin + BATCH] for begin in range(0, len(some), BATCH)]
        )
        with connection.cursor() as cursor, cursor.copy(_PART) as copy:
            copy.set_types(["int8", "int8", "bytea"])
            for batch in batches:
                self._parts += 1
                lines = frame(batch, seq=self._written.records + 1, batch=self._parts)
                copy.write_row((self._generation, self._parts, lines))
                self._written += Size(len(lines), len(batch))
        return some is not None

    def _mark(self, number: int, seq: int, connection: Connection) -> None:
        said = {
            "epoch": self._epoch,
            "generation": self._generation,
            "parts": self._parts,
            "number": number,
            "seq": seq,
        }
        if connection.execute(_MARK, said).fetchone() is None:
            raise self._lost(connection)

    async def _sweep(self) -> None:
        """Remove what does not count any more."""
        for statement in (_SWEEP_PARTS, _SWEEP_LOG):
            while await self._link.run(partial(self._swept, statement)) == _AT_A_TIME:
                pass

    def _swept(self, statement: str, connection: Connection) -> int:
        return connection.execute(statement, {"generation": self._generation, "most": _AT_A_TIME}).rowcount
