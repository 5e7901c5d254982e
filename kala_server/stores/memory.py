"""The store that keeps nothing: for `--no-persist` and for tests. It touches no disk and starts no thread."""

from collections.abc import Iterable, Iterator, Sequence
from uuid import uuid4

from kala_server.core.model.records import Record


class MemoryStore:
    """A store whose log is always empty; see `protocol.Store` for what its methods promise."""

    def __init__(self) -> None:
        self.mark = uuid4().hex
        """Nothing outlives this store that could know it again."""

    def load(self) -> Iterator[Record]:
        """Give back what a store without a memory has: nothing."""
        return iter(())

    async def append(self, batch: Sequence[Record]) -> None:
        """Take note of nothing."""

    @property
    def is_new(self) -> bool:
        """It always is."""
        return True

    @property
    def locks(self) -> Sequence[int]:
        """Nobody else could own it."""
        return ()

    @property
    def size(self) -> int:
        """There is no log."""
        return 0

    def wants_compaction(self, needed: int) -> bool:  # noqa: ARG002 - the protocol's signature
        """There is never anything to compact."""
        return False

    async def compact(self, snapshot: Iterable[Record]) -> None:
        """Leave the snapshot as it is, not iterated."""

    def close(self) -> None:
        """Let go of nothing."""
