"""The database as it really is, whatever servers hear of it: a log, and who may append to it by its own clock.

Each method is one statement, which happens at an instant, as a whole. It notes what no later reader could know: each
batch that was ever kept, and who let go of the lease.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from math import inf

from kala_server.core.model.records import Record
from kala_server.ports.store import Batch, StoreLockedError, TailLostError, Word
from tests.faults.simulated.world import World

LEASE = 3.0


@dataclass(slots=True)
class Lease:
    """Who may append, and until when."""

    epoch: int = 0
    address: str = ""
    expires: float = -inf
    """In the time of the world; in the past where nobody holds it."""
    writer: int = 0
    """Each connection that appends takes a number: those of a lower one come too late."""
    released: bool = True


@dataclass(slots=True)
class Row:
    """A batch in the log."""

    epoch: int
    batch: Batch


@dataclass(slots=True)
class Database:
    """What is kept."""

    world: World
    lease: Lease = field(default_factory=Lease)
    snapshot: Batch = field(default_factory=lambda: Batch(0, ()))
    rows: list[Row] = field(default_factory=list)
    ever: list[Row] = field(default_factory=list)
    """Each batch that was ever kept, in its order."""
    compactions: int = 0
    compact: bool = False
    """Whether whoever leads is to compact it."""
    away_until: float = -inf
    listeners: list[Callable[[], None]] = field(default_factory=list)
    words: dict[str, tuple[float, str]] = field(default_factory=dict)
    """Of attempts that were left: until when there may be word of them, and what it says."""
    on_release: Callable[[int, Collection[str], float], None] = lambda *_: None

    @property
    def away(self) -> bool:
        return self.world.time < self.away_until

    @property
    def number(self) -> int:
        """Of the latest batch."""
        return self.snapshot.number + len(self.rows)

    def held_by(self, epoch: int) -> bool:
        """Whether this epoch holds the lease now."""
        lease = self.lease
        return lease.epoch == epoch and not lease.released and self.world.time <= lease.expires

    # -- statements

    def look(self) -> tuple[Lease, int, float]:
        """Return the lease, the number of the latest batch, and for how long nobody can acquire the store."""
        lease = self.lease
        until = -inf if lease.released else max(lease.expires, self.away_until + LEASE)
        copy = Lease(lease.epoch, lease.address, lease.expires, lease.writer, lease.released)
        return copy, self.number, max(0.0, until - self.world.time)

    def acquire(self, address: str) -> tuple[Lease, int]:
        """Take the lease. Who lived through an outage goes on: nobody else is let in for a lease after one."""
        _, number, left = self.look()
        if left > 0:
            raise StoreLockedError(f"the store is held by {self.lease.address}")
        assert not self.held_by(self.lease.epoch), "two servers lead"
        self.lease = Lease(
            epoch=self.lease.epoch + 1,
            address=address,
            expires=self.world.time + LEASE,
            writer=self.lease.writer,
            released=False,
        )
        self._tell()
        return self.look()[0], number

    def renew(self, epoch: int) -> int | None:
        """Make the lease last; None where that epoch does not hold it any more."""
        if not self._fenced(epoch):
            return None
        self.lease.expires = self.world.time + LEASE
        return self.number

    def append(self, epoch: int, writer: int, after: int, records: Sequence[Record]) -> bool:
        """Keep a batch, where nobody else has the lease or the pen, and the log ends where it is thought to."""
        if not self._fenced(epoch) or (writer, after) != (self.lease.writer, self.number):
            return False
        row = Row(epoch, Batch(self.number + 1, tuple(records)))
        self.rows.append(row)
        self.ever.append(row)
        self.lease.expires = self.world.time + LEASE
        self._tell()
        return True

    def take_the_pen(self, epoch: int, writer: int) -> int | None:
        """Shut out what is on its way of writers with lower numbers; return the number of the latest batch."""
        if not self._fenced(epoch) or writer <= self.lease.writer:
            return None
        self.lease.writer = writer
        return self.number

    def release(self, epoch: int, left: Collection[str], seconds: float) -> None:
        """Let others have the lease, where that epoch holds it; there will be word of what is left for so long."""
        if self._fenced(epoch):
            self.on_release(epoch, left, seconds)
            self.words |= dict.fromkeys(left, (self.world.time + seconds, ""))
            self.lease.released, self.lease.address = True, ""
            self._tell()

    def leave_word(self, handle: str, text: str) -> None:
        """Say how it has ended, where somebody wants to know."""
        if handle in self.words:
            self.words[handle] = self.words[handle][0], text

    def tell_words(self) -> list[Word]:
        return [Word(handle, until - self.world.time, text) for handle, (until, text) in self.words.items()]

    def drop_words(self, handles: Collection[str]) -> None:
        for handle in handles:
            self.words.pop(handle, None)

    def everything(self) -> list[Batch]:
        return [self.snapshot, *(row.batch for row in self.rows)]

    def after(self, number: int) -> list[Batch]:
        """Return what came after a batch."""
        if number < self.snapshot.number:
            raise TailLostError(f"some batches after {number} are in a snapshot by now")
        return [row.batch for row in self.rows[number - self.snapshot.number :]]

    def replace(self, epoch: int, number: int, records: Sequence[Record]) -> bool:
        """Let a snapshot stand for the batches up to a number, where none does already."""
        if not self._fenced(epoch):
            return False
        if number <= self.snapshot.number:
            return True
        self.rows = self.rows[number - self.snapshot.number :]
        self.snapshot = Batch(number, tuple(records))
        self.compactions += 1
        self._tell()
        return True

    def _fenced(self, epoch: int) -> bool:
        return epoch == self.lease.epoch and not self.lease.released

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()
