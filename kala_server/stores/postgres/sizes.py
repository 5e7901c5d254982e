"""How large the log is, and how much of it is history. The figures are those of the journal, for the same reasons."""

from dataclasses import dataclass

from kala_server.stores.journal.journal import COMPACT_ANYWAY, COMPACT_FACTOR, COMPACT_FROM


@dataclass(frozen=True, slots=True)
class Size:
    """Of a part of the log."""

    size: int = 0
    """Bytes, before PostgreSQL has made them smaller."""
    records: int = 0

    def __add__(self, other: "Size") -> "Size":
        return Size(self.size + other.size, self.records + other.records)

    def __sub__(self, other: "Size") -> "Size":
        return Size(self.size - other.size, self.records - other.records)


@dataclass(slots=True)
class Sizes:
    """Of the snapshot, and of what was appended since."""

    snapshot: Size = Size()
    history: Size = Size()
    next_try: int = 0
    """Bytes of history, after a compaction that failed."""

    @property
    def total(self) -> Size:
        """Of all that counts."""
        return self.snapshot + self.history

    def compacted(self, snapshot: Size, gone: Size) -> None:
        """Take note that a snapshot has taken the place of so much history."""
        self.snapshot, self.history, self.next_try = snapshot, self.history - gone, 0

    def failed(self) -> None:
        """Take note that it has not."""
        self.next_try = self.history.size + COMPACT_FROM

    def want_compaction(self, needed: int) -> bool:
        """Whether enough would go."""
        history, snapshot = self.history.size, self.snapshot.size
        if history <= max(COMPACT_FROM, COMPACT_FACTOR * snapshot, self.next_try):
            return False
        too_much = COMPACT_ANYWAY * max(COMPACT_FROM, snapshot)
        return self.total.records > COMPACT_FACTOR * needed or history > too_much
