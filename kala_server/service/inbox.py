"""What is on its way to a decision: events, and who waits for an answer to them. It decides nothing."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kala_server.core.decide.engine import Decision
from kala_server.core.model.inputs import Input

_LONGEST_GATHERING = 0.01
"""Seconds for which a batch may be let grow while more comes."""
_QUIET_TURNS = 4
"""Turns of the loop without a new event after which none is on its way: a request takes so many from its first byte
to the inbox."""


@dataclass(slots=True)
class Wish:
    """An event on its way, and who waits for the answer, if anybody."""

    event: Input
    waiting: "asyncio.Future[Decision | None] | None" = None
    decision: Decision | None = None
    """What came of it."""
    asked: bool = False
    """Whether it may be refused for want of room; what has happened already must not get lost."""

    def answer(self, error: Exception | None = None) -> None:
        """Tell who waits that it is so, or what went wrong."""
        if self.waiting is None or self.waiting.done():
            return
        if error is None:
            self.waiting.set_result(self.decision)
        else:
            self.waiting.set_exception(error)


class Inbox:
    """Wishes in their order."""

    def __init__(self) -> None:
        self._wishes: deque[Wish] = deque()

    def __len__(self) -> int:
        return len(self._wishes)

    def put(self, wish: Wish) -> None:
        """Add a wish."""
        self._wishes.append(wish)

    def put_back(self, wishes: Iterable[Wish]) -> None:
        """Add what must not get lost before all others; who asked has heard that it was in vain."""
        self._wishes.extendleft(reversed([wish for wish in wishes if not wish.asked]))

    def take(self) -> deque[Wish]:
        """Take all that is there."""
        taken, self._wishes = self._wishes, deque()
        return taken

    async def gather(self, monotonic: Callable[[], float]) -> None:
        """Let it fill while more comes: most of what a batch costs does not depend on its size."""
        until = monotonic() + _LONGEST_GATHERING
        gathered = quiet = 0
        while quiet < _QUIET_TURNS and monotonic() < until:
            quiet = 0 if len(self._wishes) > gathered else quiet + 1
            gathered = len(self._wishes)
            await asyncio.sleep(0)
