"""The event loop of one simulated process: it has a turn when it is given one, and its time is what it is told.

So a process can be paused between any two turns, and lost with all that it had in hand. It waits for no socket, and
what belongs in a thread is done at once: the same story has the same course in each process that tells it.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from heapq import heappop, heappush
from itertools import count
from selectors import SelectSelector
from typing import Any, TypeVarTuple

_Ts = TypeVarTuple("_Ts")


class _Deaf(SelectSelector):
    """Nobody is heard from outside."""

    def select(self, timeout: float | None = None) -> list[Any]:  # noqa: ARG002 - it never waits
        return []


class TurnLoop(asyncio.SelectorEventLoop):
    """A loop whose turns are given to it."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(_Deaf())
        self.has_turn = False
        """Whether there is something to do in its next turn."""
        self._now = now
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = count()

    def time(self) -> float:
        return self._now()

    def call_soon(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        self.has_turn = True
        return super().call_soon(callback, *args, context=context)

    def call_soon_threadsafe(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = super().call_at(when, callback, *args, context=context)
        heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def run_in_executor(  # type: ignore[override]
        self,
        executor: Any,  # noqa: ARG002 - there is no thread
        func: Callable[..., Any],
        *args: Any,
    ) -> asyncio.Future[Any]:
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is whose asked for it
            done.set_exception(error)
        return done

    # -- for whoever gives it turns

    @property
    def wakes_at(self) -> float | None:
        """When it has a turn next, if nothing else happens."""
        while self._timers and self._timers[0][2].cancelled():
            heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def rush(self) -> None:
        """Let nobody wait any more: from here on each turn comes when somebody wakes."""
        now = self._now()
        self._now = lambda: max(now, self.wakes_at or now)

    def turn(self) -> None:
        """Do what is to be done by now, and not what follows from it."""
        self.has_turn = False
        self.stop()
        self.run_forever()
        while self._timers and self._timers[0][0] <= self.time():
            heappop(self._timers)
