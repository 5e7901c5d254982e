"""A clock that moves only when it is told to, from one sleeper to the next. It knows nothing of what wakes up.

What is due is woken one after the other: between two of them everything that the first has set off comes to its end, so
that the same story has the same course in every process. Of one instant, timers come before the alarm: a command that
ends when the next slot is due has ended by then.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count

_Wake = Callable[[], None]


class VirtualClock:
    """See `kala_server.clock.Clock` for what its methods promise."""

    def __init__(self, now: datetime, settle: Callable[[], Awaitable[None]]) -> None:
        """Begin at an instant; `settle` returns when what a sleeper has set off has come to its end."""
        self._begin = self._now = now
        self._settle = settle
        self._timers: list[tuple[datetime, int, _Wake]] = []
        self._numbers = count()
        self._alarm: tuple[datetime, _Wake] | None = None
        self._waking: asyncio.Task[None] | None = None
        """Those who are due are being woken; where that came to grief, it stays so, and is raised to who moves it."""

    def now(self) -> datetime:
        """Return the time that it was moved to."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds that have passed: nothing takes time, so whoever computes is not interrupted."""
        return (self._now - self._begin).total_seconds()

    def since_boot(self) -> float:
        """Return the same: there was a boot when it began."""
        return self.monotonic()

    def stepped(self) -> timedelta:
        """Return that nobody put it on or back."""
        return timedelta(0)

    def set_alarm(self, when: datetime | None, wake: _Wake) -> None:
        """Wake somebody when it is moved there."""
        self._alarm = None if when is None else (when, wake)
        self._look()

    def watch(self, wake: _Wake | None) -> None:
        """Never wake anybody: nobody puts it on or back."""

    def later(self, delay: timedelta, wake: _Wake) -> None:
        """Wake somebody when it is moved that far."""
        heappush(self._timers, (self._now + delay, next(self._numbers), wake))
        self._look()

    # -- for whoever moves it

    async def move(self, until: datetime) -> None:
        """Go to an instant, and stop wherever somebody is to be woken."""
        await self.until_all_are_woken()
        while (when := self._next()) is not None and when <= until:
            self._now = when
            self._look()
            await self.until_all_are_woken()
        self._now = max(self._now, until)

    async def until_all_are_woken(self) -> None:
        """Return when nobody is due, and what was set off has come to its end."""
        await self._settle()
        while self._waking is not None:
            await self._waking

    def forget_all(self) -> None:
        """Wake nobody any more that sleeps now."""
        self._timers.clear()
        self._alarm = None

    def put_on(self, by: timedelta) -> None:
        """Let time pass while nobody sleeps."""
        self._now += by

    # -- within

    def _next(self) -> datetime | None:
        times = [self._timers[0][0]] if self._timers else []
        return min([*times, self._alarm[0]] if self._alarm else times, default=None)

    def _look(self) -> None:
        """Wake who is due already, as any clock does."""
        if self._waking is None and (when := self._next()) is not None and when <= self._now:
            self._waking = asyncio.get_running_loop().create_task(self._wake_all())

    async def _wake_all(self) -> None:
        while (wake := self._take_due()) is not None:
            wake()
            await self._settle()
        self._waking = None

    def _take_due(self) -> _Wake | None:
        if self._timers and self._timers[0][0] <= self._now:
            return heappop(self._timers)[2]
        if self._alarm and self._alarm[0] <= self._now:
            (_, wake), self._alarm = self._alarm, None
            return wake
        return None
