"""Dictionaries of frozen values that can take back what was done to them since the last commit.

Records are applied before they are durable, so that one decision sees its own steps. Where the store then has no
room, the state goes back to what is on disk. Knows nothing of jobs.
"""

from collections.abc import Hashable
from typing import Any, TypeVar

from kala_server.core.steps import A_STEP, Steps, to_the_end

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_MISSING: Any = object()
_SHORT = 10
"""Elements of a list that is kept each time."""


class UndoLog:
    """What to do to take back every change since the last `commit`.

    Of a long list that is changed again and again only what stood there first is kept: each of ten thousand values of
    one that grows by one would be ten thousand lists.
    """

    def __init__(self) -> None:
        self._steps: list[tuple[Any, Any, Any]] = []
        """A table, a key and what stood there."""
        self._noted: set[tuple[int, Any]] = set()
        """The long lists of which a step since the last mark tells: the table's identity, and the key."""

    def put(self, table: dict[K, V], key: K, value: V) -> None:
        """Set an entry of the table."""
        self._note(table, key)
        table[key] = value

    def drop(self, table: dict[K, V], key: K) -> V | None:
        """Remove an entry of the table, which may be missing."""
        if key not in table:
            return None
        self._note(table, key)
        return table.pop(key)

    def _note(self, table: dict[K, V], key: K) -> None:
        before = table.get(key, _MISSING)
        if type(before) is tuple and len(before) > _SHORT:
            entry = id(table), key
            if entry in self._noted:
                return
            self._noted.add(entry)
        self._steps.append((table, key, before))

    def mark(self) -> int:
        """Return a place to roll back to."""
        self._noted = set()
        return len(self._steps)

    def roll_back(self, mark: int = 0) -> None:
        """Take back every change since the mark, the latest first."""
        to_the_end(self.rolling_back(mark))

    def rolling_back(self, mark: int = 0) -> Steps[None]:
        """Do the same step by step."""
        self._noted = set()
        while len(self._steps) > mark:
            changed, key, before = self._steps.pop()
            if before is _MISSING:
                changed.pop(key, None)
            else:
                changed[key] = before
            if not len(self._steps) % A_STEP:
                yield

    def commit(self) -> None:
        """Keep every change for good."""
        to_the_end(self.committing())

    def committing(self) -> Steps[None]:
        """Do the same, and return the steps in which what stood there is freed; it takes time where it was much."""
        steps, self._steps, self._noted = self._steps, [], set()
        return _freeing(steps)


def _freeing(steps: list[Any]) -> Steps[None]:
    while steps:
        del steps[-A_STEP:]
        yield
