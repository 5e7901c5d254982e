"""The contract of a store: an ordered log of records, durable before `append` returns.

A store knows nothing of jobs: it keeps what it is given, in order, and gives it back.
"""

from collections.abc import Coroutine, Iterable, Iterator, Sequence
from typing import Any, Protocol

from kala_server.core.model.records import Record


class StoreError(Exception):
    """The root of what can go wrong in a store."""


class StoreFullError(StoreError):
    """There is no room: what was asked for is not in the store, all that was there still is, and reading goes on."""


class StoreBrokenError(StoreError):
    """A sync failed or the file is not what was written: the process must end, answering nobody."""


class StoreDamagedError(StoreError):
    """What is on disk cannot be what was written; says which file and byte. Nothing was changed."""


class StoreNewerError(StoreError):
    """A newer version wrote this store. Nothing was changed."""


class StoreLockedError(StoreError):
    """Another server holds this store; says which process."""


class StoreUnsafeError(StoreError):
    """Others could change this store; says who, and what mends it. Nothing was changed."""


class Store(Protocol):
    """One owner at a time; `append` and `compact` may be awaited at the same time, two appends may not."""

    def load(self) -> Iterator[Record]:
        """Give back every record, in order. Called once and read to its end, before anything else.

        May mend a torn tail. Raises StoreLockedError, StoreDamagedError or StoreNewerError, perhaps after many records;
        StoreFullError or StoreBrokenError where the disk refuses.
        """
        ...

    async def append(self, batch: Sequence[Record]) -> None:
        """Keep the batch as a whole: durable on return, and after a crash either all of it is there or none.

        Who cancels it never learns whether the batch was kept. Raises StoreFullError (nothing was kept) or
        StoreBrokenError; ValueError for a record that cannot be written (nothing was kept).
        """
        ...

    @property
    def locks(self) -> Sequence[int]:
        """Descriptors by which the store is owned: a process that holds one keeps it from the next owner."""
        ...

    @property
    def mark(self) -> str:
        """A word that the commands of this store's servers carry, and those of no other, be it a copy of this one.

        Of a loaded store. It is the same at the next load only where what it was given to can be told for sure.
        """
        ...

    @property
    def is_new(self) -> bool:
        """Whether the store was made when it was loaded."""
        ...

    @property
    def size(self) -> int:
        """How many bytes the log takes."""
        ...

    def wants_compaction(self, needed: int) -> bool:
        """Whether so much of the log is history that a snapshot, of so many records, would be much smaller."""
        ...

    def compact(self, snapshot: Iterable[Record]) -> Coroutine[Any, Any, None]:
        """Put the snapshot (frozen values, iterated in a thread) in place of every record appended before this call.

        Before this call: those whose `append` has returned, no matter when the result is awaited. The batches after
        them are kept after the snapshot. A crash at any point leaves a whole store. One at a time.
        Raises StoreFullError (the old log goes on) or StoreBrokenError.
        """
        ...

    def close(self) -> None:
        """Let go of the store; nothing is written."""
        ...
