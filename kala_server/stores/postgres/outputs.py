"""What runs print, kept in PostgreSQL: no record, bounded, not waited for until it is on the disk, gone with its run.

A run has a row with its beginning. Where it prints more than that, another one has the end: it is added to, and cut
when it is twice as long as it need be. What a newer leader has written is not touched by an older one.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from functools import partial
from typing import TypeVar

from kala_server.outputs import utf8
from kala_server.outputs.bounded import Piece, text_of
from kala_server.ports.store import FenceLostError, StoreAwayError, StoreError
from kala_server.stores.postgres.connection import Connection
from kala_server.stores.postgres.link import Link

T = TypeVar("T")

_AT_A_TIME = 1_000

_ENDS = "SELECT part, start + length(text), epoch FROM kala_output WHERE run_id = %s FOR UPDATE"
_PUT = """
INSERT INTO kala_output (run_id, part, start, epoch, text) VALUES (%(run_id)s, %(part)s, %(start)s, %(epoch)s, %(text)b)
ON CONFLICT (run_id, part) DO UPDATE SET start = excluded.start, epoch = excluded.epoch, text = excluded.text
"""
_APPEND = """
UPDATE kala_output SET text = text || %(text)b, epoch = %(epoch)s WHERE run_id = %(run_id)s AND part = %(part)s
"""
_CUT = """
UPDATE kala_output SET start = start + length(text) - %(last)s, text = substr(text, length(text) - %(last)s + 1)
WHERE run_id = %(run_id)s AND part = 1 AND length(text) > 2 * %(last)s
"""
_LOAD = "SELECT start, text FROM kala_output WHERE run_id = %s ORDER BY part"
_DROP = "DELETE FROM kala_output WHERE run_id = ANY(%s) AND epoch <= %s"
_DROP_PARTS = "DELETE FROM kala_output WHERE run_id = %s AND part >= %s"
_RUN_IDS = "SELECT DISTINCT run_id FROM kala_output WHERE run_id > %s ORDER BY run_id LIMIT %s"


class PostgresOutputs:
    """The outputs of all runs; see `Outputs` for what its methods promise. What goes wrong is an OSError."""

    def __init__(self, link: Link, epoch: Callable[[], int]) -> None:
        """Write under that epoch, by a connection of their own."""
        self._link = link
        self._epoch = epoch

    def save(self, run_id: str, pieces: Sequence[Piece]) -> None:
        """Put the pieces in place of what was there."""
        if pieces[-1].end:
            self._tried(partial(self._save, run_id, pieces))

    def _save(self, run_id: str, pieces: Sequence[Piece], connection: Connection) -> None:
        with connection.transaction():
            self._ends(connection, run_id)
            connection.execute(_DROP_PARTS, (run_id, len(pieces)))
            for part, piece in enumerate(pieces):
                connection.execute(_PUT, self._said(run_id, part, piece))

    def add(self, run_id: str, position: int, pieces: Sequence[Piece], limits: tuple[int, int]) -> bool:
        """Add to the part that the pieces follow on."""
        return self._tried(partial(self._add, run_id, position, pieces, limits))

    def _add(
        self,
        run_id: str,
        position: int,
        pieces: Sequence[Piece],
        limits: tuple[int, int],
        connection: Connection,
    ) -> bool:
        beginning, last = (limit + utf8.LONGEST for limit in limits)
        with connection.transaction():
            ends = self._ends(connection, run_id)
            if position == 0:
                connection.execute(_DROP_PARTS, (run_id, 0))
                ends = {}
            elif position != max(ends.values(), default=0):
                return False
            for piece in pieces:
                is_first = 1 not in ends and piece.start == ends.get(0, 0) and piece.end <= beginning
                part = 0 if is_first else 1
                statement = _APPEND if ends.get(part) == piece.start else _PUT
                connection.execute(statement, self._said(run_id, part, piece))
                ends[part] = piece.end
            connection.execute(_CUT, {"run_id": run_id, "last": last})
        return True

    def _said(self, run_id: str, part: int, piece: Piece) -> dict[str, object]:
        return {
            "run_id": run_id,
            "part": part,
            "start": piece.start,
            "text": piece.text,
            "epoch": self._epoch(),
        }

    def _ends(self, connection: Connection, run_id: str) -> dict[int, int]:
        """Return where the parts end. Raises FenceLostError where another server writes them by now."""
        rows = connection.execute(_ENDS, (run_id,)).fetchall()
        if any(epoch > self._epoch() for _, _, epoch in rows):
            raise FenceLostError(f"what run {run_id} prints is written by another server by now")
        return {part: end for part, end, _ in rows}

    def load(self, run_id: str) -> list[Piece]:
        """Return the parts."""
        pieces = [Piece(*row) for row in self._tried(partial(_parts_of, run_id))]
        return [piece for piece in pieces if piece.end]

    def read(self, run_id: str) -> bytes:
        """Return the parts in one."""
        return text_of(self.load(run_id))

    def drop(self, run_id: str) -> None:
        """Remove the parts."""
        self._drop([run_id])

    def _drop(self, run_ids: Sequence[str]) -> None:
        said = (list(run_ids), self._epoch())
        self._tried(lambda connection: connection.execute(_DROP, said))

    def sweep(self, known: Container[str]) -> None:
        """Look through all runs, some at a time."""
        for run_ids in self._pages():
            self._drop([run_id for run_id in run_ids if run_id not in known])

    def run_ids(self) -> Iterator[str]:
        """Give each run of which something is kept."""
        for run_ids in self._pages():
            yield from run_ids

    def _pages(self) -> Iterator[list[str]]:
        last = ""
        while rows := self._tried(partial(_run_ids_after, last)):
            last = rows[-1]
            yield rows

    def _tried(self, work: Callable[[Connection], T]) -> T:
        try:
            try:
                return self._link.ask(work)
            except StoreAwayError:  # the connection, which was idle, may have ended with the database before
                return self._link.ask(work)
        except StoreError as error:
            raise OSError(str(error)) from error


def _parts_of(run_id: str, connection: Connection) -> list[tuple[int, bytes]]:
    return connection.cursor(binary=True).execute(_LOAD, (run_id,)).fetchall()


def _run_ids_after(last: str, connection: Connection) -> list[str]:
    return [run_id for (run_id,) in connection.execute(_RUN_IDS, (last, _AT_A_TIME))]
