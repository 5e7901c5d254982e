"""The contract of a store: an ordered log of records, durable before `append` returns.

A store knows nothing of jobs: it keeps what it is given, in order, and gives it back.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from kala_server.core.records import Record


class StoreError(Exception):
    """The root of what can go wrong in a store."""


class StoreFullError(StoreError):
    """There is no room: the batch is not in the store, earlier ones are, and reading goes on."""


class StoreBrokenError(StoreError):
    """A sync failed or the file is not what was written: the process must end, answering nobody."""


class StoreDamagedError(StoreError):
    """What is on disk cannot be what was written; says which file and byte. Nothing was changed."""


class StoreLockedError(StoreError):
    """Another server holds this store; says which process."""


class Store(Protocol):
    """One owner at a time; `append` and `compact` may be awaited at the same time, two appends may not."""

    def load(self) -> Iterator[Record]:
        """Give back every record, in order. Called once, before anything else; may mend a torn tail.

        Raises StoreLockedError or StoreDamagedError.
        """
        ...

    async def append(self, batch: Sequence[Record]) -> None:
        """Keep the batch as a whole: durable on return, and after a crash either all of it is there or none.

        Raises StoreFullError (nothing was kept) or StoreBrokenError.
        """
        ...

    @property
    def wants_compaction(self) -> bool:
        """Whether so much of the log is history that a snapshot would be much smaller."""
        ...

    async def compact(self, snapshot: Iterable[Record]) -> None:
        """Put the snapshot (frozen values, iterated in a thread) in place of every record appended before this call.

        Batches appended while it runs are kept after the snapshot. A crash at any point leaves a whole store.
        Raises StoreFullError (the old log goes on) or StoreBrokenError.
        """
        ...

    def close(self) -> None:
        """Let go of the store; nothing is written."""
        ...
