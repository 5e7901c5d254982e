"""The row of `kala_lease`: who holds the store, until when by the database's clock, and what is kept by then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from kala_server.ports.store import Leader, StoreBrokenError
from kala_server.stores.postgres.connection import Connection

# Who lived through an outage of the database goes on: after it was started nobody else is let in for a lease.
_LOOK = """
SELECT epoch, address, expires IS NOT NULL AS held, last_batch, last_seq,
       extract(epoch FROM expires - clock_timestamp())::float AS lease,
       extract(epoch FROM pg_postmaster_start_time() + ttl - clock_timestamp())::float AS grace
FROM kala_lease WHERE name = 'kala'
"""
_ACQUIRE = """
WITH taken AS (
    UPDATE kala_lease
    SET epoch = epoch + 1, address = %(address)s,
        ttl = %(ttl)s, expires = clock_timestamp() + %(ttl)s
    WHERE name = 'kala' AND (expires IS NULL OR expires <= clock_timestamp()
                             AND pg_postmaster_start_time() + ttl <= clock_timestamp())
    RETURNING epoch, writer, last_batch, last_seq)
SELECT taken.*, pg_notify('kala_lease', '') FROM taken
"""
_RENEW = """
UPDATE kala_lease SET expires = clock_timestamp() + ttl
WHERE name = 'kala' AND epoch = %s AND expires IS NOT NULL RETURNING last_batch
"""
_RELEASE = """
WITH released AS (
    UPDATE kala_lease SET expires = NULL, address = ''
    WHERE name = 'kala' AND epoch = %(epoch)s AND expires IS NOT NULL RETURNING 1),
left_behind AS (
    INSERT INTO kala_word (handle, until)
    SELECT unnest(%(left)s::text[]), clock_timestamp() + %(time)s FROM released
    ON CONFLICT (handle) DO UPDATE SET until = excluded.until, text = '')
SELECT pg_notify('kala_lease', '') FROM released
"""


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """What the row says."""

    epoch: int
    address: str
    held: bool
    number: int
    seq: int
    left: float
    """Seconds until somebody else may acquire the store, as far as the database knows; none where it is not held."""

    def leader(self, seen_at: float) -> Leader:
        """Return the same for others."""
        address = self.address if self.held else ""
        return Leader(epoch=self.epoch, address=address, number=self.number, lease=self.left, seen_at=seen_at)

    def check_against(self, known: Leader) -> None:
        """Raise StoreBrokenError where the database knows less than it has said before."""
        if self.epoch < known.epoch or self.number < known.number:
            raise StoreBrokenError(
                f"the database has lost what it had acknowledged: it knew batch {known.number} of epoch {known.epoch}, "
                f"and now it knows {self.number} of {self.epoch}. A replica that was behind may have been promoted, "
                "or a backup brought back: see which database is right before a server is started on it"
            )


@dataclass(frozen=True, slots=True)
class Taken:
    """What whoever acquires the store has to know."""

    epoch: int
    writer: int
    number: int
    seq: int


def look(connection: Connection) -> LeaseRow:
    """Return what the row says."""
    row = connection.execute(_LOOK).fetchone()
    if row is None:
        raise StoreBrokenError("the row of kala_lease is gone")
    epoch, address, held, number, seq, lease, grace = row
    left = max(0.0, lease, grace) if held else 0.0
    return LeaseRow(epoch, address, held, number, seq, left)


def acquire(connection: Connection, address: str, ttl: float) -> Taken | None:
    """Take the lease, unless somebody holds it."""
    said = {"address": address, "ttl": timedelta(seconds=ttl)}
    row = connection.execute(_ACQUIRE, said).fetchone()
    return None if row is None else Taken(*row[:4])


def renew(connection: Connection, epoch: int) -> int | None:
    """Hold it for longer and return the number of the latest batch; None where that epoch does not hold it any more."""
    row = connection.execute(_RENEW, (epoch,)).fetchone()
    return None if row is None else int(row[0])


def release(connection: Connection, epoch: int, left: Sequence[str] = (), seconds: float = 0.0) -> None:
    """Let others have it, where that epoch holds it; word is left of attempts that go on for so long at the most."""
    said = {"epoch": epoch, "left": list(left), "time": timedelta(seconds=seconds)}
    connection.execute(_RELEASE, said)
