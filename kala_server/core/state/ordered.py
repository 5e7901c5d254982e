"""Entries that have an order, such as what is due: of which any part can be read at a cost of what is read.

What it holds is what stands in it, so that two are equal where their entries are, however they came about; and to look
at it changes nothing. Entries stand in chunks, so that one that comes or goes moves a few hundred others at the most.
Knows nothing of jobs.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from itertools import chain
from typing import Any, Generic, TypeVar

from kala_server.core.steps import A_STEP

E = TypeVar("E", bound=tuple[Any, ...])

_CHUNK = 512
"""Entries of a chunk: one that has twice as many is split, one with a quarter of it joins its neighbour."""


class Sorted(Generic[E]):
    """Entries, no two of which are equal."""

    def __init__(self, chunk: int = _CHUNK) -> None:
        self._chunk = chunk
        self._chunks: list[list[E]] = []
        self._lasts: list[E] = []
        """The last entry of each chunk."""

    def __len__(self) -> int:
        return sum(map(len, self._chunks))

    @property
    def chunks(self) -> int:
        """In how many chunks they stand."""
        return len(self._chunks)

    def __iter__(self) -> Iterator[E]:
        return chain.from_iterable(self._chunks)

    def add(self, entry: E) -> None:
        """Add an entry that is not there."""
        chunks, lasts = self._chunks, self._lasts
        if not lasts:
            chunks.append([entry])
            lasts.append(entry)
            return
        if entry > lasts[-1]:  # what is told of the time mostly comes in its order
            number = len(lasts) - 1
            chunks[number].append(entry)
            lasts[number] = entry
        else:
            number = bisect_left(lasts, entry) if len(lasts) > 1 else 0
            insort(chunks[number], entry)
        if len(chunks[number]) > 2 * self._chunk:
            self._split(number)

    def remove(self, entry: E) -> None:
        """Remove an entry that is there."""
        chunks, lasts = self._chunks, self._lasts
        number = bisect_left(lasts, entry) if len(lasts) > 1 else 0
        chunk = chunks[number]
        at = bisect_left(chunk, entry)
        del chunk[at]
        if not chunk:
            del chunks[number], lasts[number]
            return
        if at == len(chunk):
            lasts[number] = chunk[-1]
        if number and len(chunk) < self._chunk // 4:
            self._join(number)

    def first(self) -> E | None:
        """Return the least entry."""
        return self._chunks[0][0] if self._chunks else None

    def after(self, place: tuple[Any, ...] | None, most: int) -> list[E]:
        """Return the first entries behind a place, least first; None is before all of them."""
        number = bisect_right(self._lasts, place) if place is not None else 0
        if number == len(self._chunks):
            return []
        begin = bisect_right(self._chunks[number], place) if place is not None else 0
        return self._from(number, begin, most)

    def blocks(self, place: tuple[Any, ...] | None = None) -> Iterator[list[E]]:
        """Yield the entries behind a place in their order, some at a time; meanwhile others may come and go."""
        while block := self.after(place, A_STEP):
            yield block
            place = block[-1]

    def count_before(self, place: tuple[Any, ...]) -> int:
        """Return how many entries are before a place."""
        number = bisect_left(self._lasts, place)
        whole = sum(map(len, self._chunks[:number]))
        return whole + (bisect_left(self._chunks[number], place) if number < len(self._chunks) else 0)

    def at(self, offset: int, most: int) -> list[E]:
        """Return the entries behind the first `offset` ones."""
        for number, chunk in enumerate(self._chunks):
            if offset < len(chunk):
                return self._from(number, offset, most)
            offset -= len(chunk)
        return []

    def before(self, place: tuple[Any, ...] | None, most: int) -> list[E]:
        """Return the last entries before a place, greatest first; None is behind all of them."""
        number = bisect_left(self._lasts, place) if place is not None else len(self._chunks)
        found: list[E] = []
        if place is not None and number < len(self._chunks):
            end = bisect_left(self._chunks[number], place)
            found = self._chunks[number][max(0, end - most) : end][::-1]
        while number and len(found) < most:
            number -= 1
            found += self._chunks[number][-(most - len(found)) :][::-1]
        return found

    def _from(self, number: int, begin: int, most: int) -> list[E]:
        found = self._chunks[number][begin : begin + most]
        while len(found) < most and number + 1 < len(self._chunks):
            number += 1
            found += self._chunks[number][: most - len(found)]
        return found

    def _split(self, number: int) -> None:
        chunk = self._chunks[number]
        self._chunks.insert(number + 1, chunk[self._chunk :])
        del chunk[self._chunk :]
        self._lasts.insert(number, chunk[-1])

    def _join(self, number: int) -> None:
        """Add a chunk to the one before, which may be long enough then to be split."""
        self._chunks[number - 1] += self._chunks.pop(number)
        del self._lasts[number - 1]
        if len(self._chunks[number - 1]) > 2 * self._chunk:
            self._split(number - 1)


class Ordered(dict[str, E]):
    """A table whose entries have an order; of equal ones the key decides."""

    def __init__(self) -> None:
        super().__init__()
        self.places: Sorted[tuple[Any, ...]] = Sorted()
        """Every entry with its key at the end, in their order."""

    def first(self) -> tuple[Any, ...] | None:
        """Return the least entry, with its key at the end."""
        return self.places.first()

    def __setitem__(self, key: str, entry: E) -> None:
        before = self.get(key)
        if before is not None:
            self.places.remove((*before, key))
        dict.__setitem__(self, key, entry)
        self.places.add((*entry, key))

    def __delitem__(self, key: str) -> None:
        self.places.remove((*self[key], key))
        super().__delitem__(key)

    def pop(self, key: str, *default: Any) -> Any:
        """Remove an entry and return it."""
        if key in self:
            self.places.remove((*self[key], key))
        return super().pop(key, *default)
