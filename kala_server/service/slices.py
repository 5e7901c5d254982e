"""Turns on the event loop: who has much to compute does it in slices, and all who compute share them.

A slice is a few milliseconds; after it, everybody else has a few turns of the loop. It knows nothing of what is
computed, and holds no result.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from kala_server.core.steps import Steps

T = TypeVar("T")

SLICE = 0.004
"""Seconds for which the loop is held at a time, however many compute."""
REST = 5
"""Turns of the loop in which others go on after a slice: a small request takes so many from its first byte to its
answer, so that it waits for a slice or two and not for one at each of its turns."""


async def rest() -> None:
    """Let everybody else go on."""
    for _ in range(REST):
        await asyncio.sleep(0)


class Pace:
    """The pace of one who has much to do, and need not wait for others who have."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, seconds: float = SLICE) -> None:
        self._monotonic = monotonic
        self._until = monotonic() + seconds

    @property
    def used_up(self) -> bool:
        """Whether the slice is over."""
        return self._monotonic() >= self._until

    async def keep(self) -> None:
        """Let others go on where the slice is over; what follows is another one then."""
        if self.used_up:
            await rest()
            self._until = self._monotonic() + SLICE

    async def walk(self, steps: Steps[T]) -> T:
        """Do all of it, in slices."""
        while True:
            try:
                next(steps)
            except StopIteration as end:
                result: T = end.value
                return result
            if self.used_up:
                await self.keep()


class Turns:
    """A queue of those who compute: they come one at a time, in their order, and share the slices."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._calling = False
        self._spent = 0.0
        self._began: float | None = None
        """When the one who was called last had its turn; what it then took counts for the slice."""
        self._resting = 0

    async def take(self) -> None:
        """Wait for a turn; who has it may hold the loop for up to a slice, and is to take another one then."""
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiting.append(turn)
        if not self._calling:
            self._calling = True
            loop.call_soon(self._call)
        await turn

    async def walk(self, steps: Steps[T]) -> T:
        """Do all of it, a slice at a turn."""
        while True:
            await self.take()
            if done := self.slice_of(steps):
                return done[0]

    def slice_of(self, steps: Steps[T], seconds: float = SLICE) -> list[T]:
        """Do a slice of it, for which a turn is to be taken, and return what it comes to where that is all of it."""
        pace = Pace(self._monotonic, seconds)
        while not pace.used_up:
            try:
                next(steps)
            except StopIteration as end:
                return [end.value]
        return []

    def _call(self) -> None:
        """Call the next one; it goes on right before this is called again, in the next turn of the loop."""
        if self._began is not None:
            self._spent += self._monotonic() - self._began
            self._began = None
        if self._spent >= SLICE:
            self._spent, self._resting = 0.0, REST
        while self._waiting and self._waiting[0].done():  # given up
            self._waiting.popleft()
        if self._resting:
            self._resting -= 1
        elif self._waiting:
            self._began = self._monotonic()
            self._waiting.popleft().set_result(None)
        self._calling = bool(self._waiting or self._resting or self._began is not None)
        if self._calling:
            asyncio.get_running_loop().call_soon(self._call)
