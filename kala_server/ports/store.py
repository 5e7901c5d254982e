"""The contract of a store: an ordered log of records, durable before `append` returns.

A store knows nothing of jobs: it keeps what it is given, in order, and gives it back. Who may add to it holds its
fence; who only reads needs none.
"""

from collections.abc import AsyncIterator, Collection, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from kala_server.core.model.records import Record


class StoreError(Exception):
    """The root of what can go wrong in a store."""


class StoreFullError(StoreError):
    """There is no room: what was asked for is not in the store, all that was there still is, and reading goes on."""


class StoreAwayError(StoreError):
    """The store cannot be reached for now: whether what was asked for is kept can be said when it is back."""


class StoreBrokenError(StoreError):
    """A sync failed or the file is not what was written: the process must end, answering nobody."""


class FenceLostError(StoreBrokenError):
    """Somebody else has acquired the store since: nothing was kept, and nothing will be; the process must end."""


class StoreDamagedError(StoreError):
    """What is on disk cannot be what was written; says which file and byte. Nothing was changed."""


class StoreNewerError(StoreError):
    """A newer version wrote this store. Nothing was changed."""


class StoreLockedError(StoreError):
    """Another server holds this store; says which process."""


class StoreUnsafeError(StoreError):
    """What would be kept here could be changed or lost; says how, and what mends it. Nothing was changed."""


class TailLostError(StoreError):
    """What came after that batch is no longer there one by one: whoever follows loads anew."""


@dataclass(frozen=True, slots=True)
class Fence:
    """The right to add to a store, until somebody else acquires it."""

    epoch: int
    """From 1; each time that the store is acquired it is higher."""
    mark: str
    """A word that the commands of this store's servers carry, and those of no other, be it a copy of this one.

    It is the same after the next `acquire` only where what it was given to can be told for sure.
    """
    number: int = 0
    """Of the latest batch when the store was acquired: who holds the fence has read as far before it appends."""


class Batch(NamedTuple):
    """Records that were kept together."""

    number: int
    """Later batches have higher numbers."""
    records: Sequence[Record]


class Store(Protocol):
    """One owner at a time; `append` and `compact` may be awaited at the same time, two appends may not."""

    async def acquire(self) -> Fence:
        """Become the one who may add to the store.

        Whoever could before cannot any more, or it is refused: StoreLockedError, StoreUnsafeError; StoreFullError or
        StoreBrokenError where the disk refuses.
        """
        ...

    def load(self) -> AsyncIterator[Batch]:
        """Give back every record that is kept, in order; what a snapshot holds comes as batches too.

        Read to its end before anything is appended. May mend a torn tail. Raises StoreDamagedError or StoreNewerError,
        perhaps after many records; StoreFullError or StoreBrokenError where the disk refuses.
        """
        ...

    async def append(self, fence: Fence, batch: Sequence[Record]) -> None:
        """Keep the batch as a whole: durable on return, and after a crash either all of it is there or none.

        Who cancels it never learns whether the batch was kept. Raises StoreFullError or ValueError, for a record that
        cannot be written (nothing was kept), FenceLostError or StoreBrokenError.
        """
        ...

    @property
    def is_new(self) -> bool:
        """Whether nothing was there when the store was loaded."""
        ...

    @property
    def size(self) -> int:
        """How many bytes the log takes; 0 where it takes none of a disk."""
        ...

    def wants_compaction(self, needed: int) -> bool:
        """Whether so much of the log is history that a snapshot, of so many records, would be much smaller."""
        ...

    def compact(self, fence: Fence, snapshot: Iterable[Record]) -> Coroutine[Any, Any, None]:
        """Put the snapshot (frozen values, iterated in a thread) in place of every record appended before this call.

        Before this call: those whose `append` has returned, no matter when the result is awaited. The batches after
        them are kept after the snapshot. A crash at any point leaves a whole store. One at a time.
        Raises StoreFullError (the old log goes on), FenceLostError or StoreBrokenError.
        """
        ...

    async def close(self) -> None:
        """Let go of the store: who waits for it need not wait any longer. No record is written; twice is as good."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """What is known of who holds a store that is shared."""

    epoch: int = 0
    """0 where nobody has ever held it."""
    address: str = ""
    """Where others reach it; empty where nobody holds the store."""
    number: int = 0
    """Of the latest batch that was kept by then."""
    lease: float = 0.0
    """Seconds for which it is held if nothing more is heard of its holder."""
    seen_at: float = 0.0
    """When this was so, in seconds of `boot_time`."""


class Word(NamedTuple):
    """What a server that has let go of a store says of an attempt that goes on there."""

    handle: str
    seconds: float
    """For which it may still be told of; none are left where it is over."""
    text: str
    """How it has ended, for the one that leads; empty while it has not."""


@runtime_checkable
class RemoteStore(Store, Protocol):
    """A store that is reached over a connection, which may be lost: `append` may raise StoreAwayError.

    It is held for a time (a lease), which is made longer as long as its holder is there and reaches the store; once
    that has run out somebody else may acquire it, and not before.
    """

    async def settle(self, fence: Fence) -> bool:
        """Return whether the batch is kept whose `append` has raised StoreAwayError last.

        Waits until the store is back. Raises FenceLostError or StoreBrokenError.
        """
        ...

    def held_until(self, fence: Fence) -> float:
        """Return until when nobody else can have acquired the store, for certain, in seconds of `boot_time`.

        It lies in the past where that is not known, and is infinite where nothing but `acquire` ends it.
        """
        ...

    async def until_held(self, fence: Fence) -> None:
        """Return once it is certain again that the store is held. Waits where it is away. Raises FenceLostError."""
        ...


class SharedStore(RemoteStore, Protocol):
    """A store that may be followed by those who do not hold it, any of whom may be the next to do so.

    A folder is none, as it has one owner, on one machine. `load` needs no fence here, and may be called again.
    Where it cannot be reached for now, `acquire`, `load`, `tail`, `append` and `compact` raise StoreAwayError.
    """

    @property
    def leader(self) -> Leader:
        """Who holds the store, as it was seen last."""
        ...

    def tail(self, after: int) -> AsyncIterator[Batch]:
        """Give each batch after the one of that number once it is kept, in order, without an end.

        Raises TailLostError where a compaction has taken some of them; StoreAwayError.
        """
        ...

    async def until_free(self) -> None:
        """Return when nobody may hold the store any more, so that `acquire` is worth a try. Waits where it is away."""
        ...

    async def until_lost(self, fence: Fence) -> FenceLostError:
        """Return, with the reason, once somebody else has acquired the store, or this one was let go of."""
        ...

    async def release(self, fence: Fence, left: Collection[str] = (), seconds: float = 0.0) -> None:
        """Let others acquire the store at once; nothing more is appended under this fence. One that fell: nothing.

        `left` are attempts that go on here, of which there is word within so many seconds: it begins without a text.
        """
        ...

    async def leave_word(self, handle: str, text: str) -> None:
        """Say how an attempt that was left has ended; where there is no word of it any more, nothing. No fence."""
        ...

    async def words(self) -> Sequence[Word]:
        """Return the words that there are."""
        ...

    async def drop_words(self, handles: Collection[str]) -> None:
        """Keep these no longer."""
        ...
