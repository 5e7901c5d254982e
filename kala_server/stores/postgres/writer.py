"""Appends batches under a fence: a row a batch, kept and fenced in one round trip together with the lease.

One connection at a time may append. Its number is in the row of the lease, and each that is made anew has the next:
so a batch that was on its way when a connection was lost is in the log by then, or never will be.
"""

from collections.abc import Sequence

from kala_server.boot_time import boot_time
from kala_server.core.model.records import Record
from kala_server.ports.store import Fence, FenceLostError, Leader, StoreFullError
from kala_server.stores.journal.codec import encode, frame
from kala_server.stores.postgres.connection import Connection, in_words_of_a_store
from kala_server.stores.postgres.lease_row import Taken, look
from kala_server.stores.postgres.watch import Watch, why_lost

_APPEND = """
WITH mine AS (
    UPDATE kala_lease
    SET last_seq = last_seq + %(n)s::int, last_batch = last_batch + 1, expires = clock_timestamp() + ttl
    WHERE name = 'kala' AND last_seq = %(seq)s::bigint
      AND epoch = %(epoch)s::bigint AND writer = %(writer)s::bigint AND expires IS NOT NULL
    RETURNING last_batch, last_seq),
kept AS (
    INSERT INTO kala_log (batch, seq, n, epoch, lines)
    SELECT last_batch, last_seq - %(n)s::int + 1, %(n)s::int, %(epoch)s::bigint, %(lines)b FROM mine RETURNING batch)
SELECT batch, pg_notify('kala_log', '') FROM kept
"""
_TAKE_THE_PEN = """
UPDATE kala_lease SET writer = %(writer)s::bigint
WHERE name = 'kala' AND epoch = %(epoch)s::bigint AND writer < %(writer)s::bigint AND expires IS NOT NULL
RETURNING last_batch, last_seq
"""


class Writer:
    """The end of the log, as whoever holds the fence knows it; used in the thread of its connection."""

    def __init__(self, fence: Fence, taken: Taken, connection: Connection, watch: Watch) -> None:
        """Go on where the store was when it was acquired by that connection."""
        self.number, self.seq = taken.number, taken.seq
        self._fence = fence
        self._writer = taken.writer
        self._pen: Connection | None = connection
        self._watch = watch
        self._unsettled = 0
        """Records of the batch of which it is not known whether it is kept."""

    def append(self, connection: Connection, batch: Sequence[Record]) -> int:
        """Keep a batch and return how many bytes it takes. Whether it is kept is to be settled after StoreAwayError."""
        if self._unsettled:
            raise RuntimeError("whether the batch before is kept is to be settled first")
        if connection is not self._pen:
            self._take_the_pen(connection)
        lines = frame([encode(record) for record in batch], seq=self.seq + 1, batch=self.number + 1)
        self._unsettled = len(batch)
        sent = boot_time()
        if not self._keep(connection, len(batch), lines):
            raise self._lost(connection)
        self._kept()
        self._watch.extended(self._fence, sent, self.number)
        return len(lines)

    def _keep(self, connection: Connection, records: int, lines: bytes) -> bool:
        said = {
            "n": records,
            "epoch": self._fence.epoch,
            "seq": self.seq,
            "writer": self._writer,
            "lines": lines,
        }
        try:
            with in_words_of_a_store():
                return connection.execute(_APPEND, said).fetchone() is not None
        except StoreFullError:
            self._unsettled = 0
            raise

    def settle(self, connection: Connection) -> bool:
        """Return whether the latest batch is kept, now that nothing can change that any more."""
        return self._take_the_pen(connection)

    def _kept(self) -> None:
        self.number, self.seq, self._unsettled = self.number + 1, self.seq + self._unsettled, 0

    def _take_the_pen(self, connection: Connection) -> bool:
        """Let this connection append and no other, once what these have begun is over; return whether that is kept."""
        self._pen = None
        self._writer += 1  # here, so that one which comes late takes it from nobody who came after it
        said = {"epoch": self._fence.epoch, "writer": self._writer}
        end = connection.execute(_TAKE_THE_PEN, said).fetchone()
        if end == (self.number + 1, self.seq + self._unsettled) and self._unsettled:
            self._kept()
            kept = True
        elif end == (self.number, self.seq):
            self._unsettled, kept = 0, False
        else:
            raise self._lost(connection)
        self._pen = connection
        return kept

    def _lost(self, connection: Connection) -> FenceLostError:
        """Say why nothing is kept any more."""
        lost = why_lost(look(connection), self._fence, Leader(epoch=self._fence.epoch, number=self.number))
        self._watch.lose(self._fence, lost)
        return lost
