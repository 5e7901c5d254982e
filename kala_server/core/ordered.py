"""A table whose entries have an order, such as what is due: of which the first can be told at any time.

What it holds is what stands in it, so that two are equal where their entries are, however they came about; and to look
at it changes nothing. The heap within only finds the first. Knows nothing of jobs.
"""

from heapq import heapify, heappop, heappush
from typing import Any, TypeVar

from kala_server.core.steps import A_STEP, Steps

E = TypeVar("E", bound=tuple[Any, ...])

_FEW = 1_000
"""Entries of the past that are not worth the trouble to forget them."""


class Ordered(dict[str, E]):
    """Entries, each under its key; of equal ones the key decides."""

    def __init__(self) -> None:
        super().__init__()
        self._heap: list[tuple[E, str]] = []
        """Every entry that is there, and such as were; the first of them is there."""

    @property
    def weight(self) -> int:
        """How many entries are remembered, those that were among them."""
        return len(self._heap)

    def first(self) -> tuple[E, str] | None:
        """Return the least entry and its key."""
        return self._heap[0] if self._heap else None

    def __setitem__(self, key: str, entry: E) -> None:
        super().__setitem__(key, entry)
        heappush(self._heap, (entry, key))
        self._find_first()

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._find_first()

    def pop(self, key: str, *default: Any) -> Any:
        """Remove an entry and return it."""
        entry = super().pop(key, *default)
        self._find_first()
        return entry

    def _find_first(self) -> None:
        heap = self._heap
        while heap and self.get(heap[0][1]) != heap[0][0]:
            heappop(heap)

    def tidying(self) -> Steps[None]:
        """Forget the entries that were, once they outnumber those that are, step by step; nothing may change meanwhile.

        A job that runs each second with a timeout of a day would else keep a day's worth of deadlines.
        """
        if len(self._heap) <= 2 * len(self) + _FEW:
            return
        heap = []
        for number, (key, entry) in enumerate(self.items()):
            heap.append((entry, key))
            if not number % A_STEP:
                yield
        heapify(heap)
        self._heap = heap
