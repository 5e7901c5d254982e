"""A store with its fence in hand, for tests that own it from beginning to end."""

from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from typing import Any, Generic, TypeVar

from kala_server.core.model.records import Record
from kala_server.ports.store import Batch, Fence, Store

S = TypeVar("S", bound=Store)
T = TypeVar("T")


class OwnedStore(Generic[S]):
    """The store, acquired when it is loaded; what else it can do is asked of `store`."""

    def __init__(self, store: S) -> None:
        self.store = store
        self.fence: Fence

    def load(self) -> list[Record]:
        """Acquire the store, and return all of its records."""
        self.fence = at_once(self.store.acquire())
        return [record for batch in all_of(self.store.load()) for record in batch.records]

    async def append(self, batch: Sequence[Record]) -> None:
        await self.store.append(self.fence, batch)

    def compact(self, snapshot: Iterable[Record]) -> Coroutine[Any, Any, None]:
        return self.store.compact(self.fence, snapshot)

    def close(self) -> None:
        at_once(self.store.close())


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Return what comes of something that waits for nothing, in or outside of a loop."""
    try:
        work.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    raise AssertionError(f"{work} waits")


def all_of(batches: AsyncIterator[Batch]) -> list[Batch]:
    """Return all batches of a store that is here already."""

    async def read() -> list[Batch]:
        return [batch async for batch in batches]

    return at_once(read())
