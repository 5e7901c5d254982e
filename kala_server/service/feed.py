"""The live stream of what happens: the latest durable records, for as many followers as there are.

A follower is a position in one shared buffer, so that a slow one costs nothing and holds up nobody; one that falls
behind the buffer is told so.
"""

from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import islice
from uuid import uuid4

from kala_server.core.model.records import Record
from kala_server.news import News

BUFFERED = 50_000
"""A few batches of the largest size, so that a follower that keeps up misses none of them."""

_AT_A_TIME = 1_000
"""Records that a follower who is far behind is given in one go."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record and its number in this feed; no record where the follower has missed some."""

    number: int
    record: Record | None


class Feed:
    """A bounded buffer of durable records, numbered from 1."""

    def __init__(self, buffered: int = BUFFERED) -> None:
        self.life = uuid4().hex[:8]
        """Tells the numbers of this feed from those of another server, or of this one before it was started again."""
        self._records: deque[Record] = deque(maxlen=buffered)
        self._latest = 0
        self._news = News()
        self._closed = False

    @property
    def latest(self) -> int:
        """The number of the latest record; 0 before the first."""
        return self._latest

    def publish(self, records: Sequence[Record]) -> None:
        """Tell every follower of records that have just become durable."""
        self._latest += len(records)
        self._records.extend(records)
        self._news.tell()

    def begin_anew(self) -> None:
        """Tell every follower that it has missed something: what has happened is not known one by one."""
        self._latest += 1
        self._records.clear()
        self._news.tell()

    def close(self) -> None:
        """Let every follower come to its end."""
        self._closed = True
        self._news.tell()

    async def follow(self, after: int) -> AsyncGenerator[Entry, None]:
        """Yield what comes after that number, as it comes, until the feed closes."""
        async with aclosing(self.listen(after, patience=None)) as heard:
            async for entry in heard:
                if entry is not None:
                    yield entry

    async def listen(self, after: int, *, patience: float | None) -> AsyncGenerator[Entry | None, None]:
        """Do the same, and yield None whenever nothing has come for `patience` seconds."""
        position = after
        while True:
            for entry in self._since(position):
                yield entry
                position = entry.number
            if position == self._latest:
                if self._closed:
                    return
                if not await self._news.wait(patience):
                    yield None

    def _since(self, position: int) -> list[Entry]:
        """Return what is buffered next after the position, or an entry that says so where it is not any more."""
        missed = self._latest - len(self._records)
        if position > self._latest or position < missed:
            return [Entry(missed, None)]
        # From the end, as a follower is mostly a few records behind.
        newest_first = list(islice(reversed(self._records), self._latest - position))
        next_ones = newest_first[: -_AT_A_TIME - 1 : -1]
        return [Entry(number, record) for number, record in enumerate(next_ones, position + 1)]
