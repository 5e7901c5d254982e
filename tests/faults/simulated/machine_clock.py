"""The clock of a simulated machine: that of the world, but for how far it was put on or back."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.faults.simulated.world import World

BEGIN = datetime(2035, 1, 1, tzinfo=UTC)
_NO_STEP = 1.0


def instant(seconds: float) -> datetime:
    """Return what a clock that is right says then."""
    return BEGIN + timedelta(seconds=seconds)


class MachineClock:
    """See `kala_server.clock.Clock` for what its methods promise."""

    def __init__(self, world: World, loop: asyncio.AbstractEventLoop, *, ahead: float, up: float) -> None:
        """Be so many seconds ahead, and count those since the machine was started from another number."""
        self.ahead = ahead
        self._told = ahead
        """How far it was ahead when that was asked last."""
        self._world = world
        self._loop = loop
        self._up = up
        self._alarm: tuple[datetime, Callable[[], None]] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._on_step: Callable[[], None] | None = None

    def now(self) -> datetime:
        return instant(self._world.time + self.ahead)

    def monotonic(self) -> float:
        return self._world.time

    def since_boot(self) -> float:
        return self._up + self._world.time

    def stepped(self) -> timedelta:
        step = self.ahead - self._told
        if abs(step) < _NO_STEP:
            return timedelta(0)
        self._told = self.ahead
        return timedelta(seconds=step)

    def set_alarm(self, when: datetime | None, wake: Callable[[], None]) -> None:
        self._alarm = None if when is None else (when, wake)
        self._sleep()

    def watch(self, wake: Callable[[], None] | None) -> None:
        self._on_step = wake

    def later(self, delay: timedelta, wake: Callable[[], None]) -> None:
        self._loop.call_later(delay.total_seconds(), wake)

    def step(self, seconds: float) -> None:
        """Put it on or back."""
        self.ahead += seconds
        self._sleep()
        if self._on_step is not None and abs(self.ahead - self._told) >= _NO_STEP:
            self._loop.call_soon(self._on_step)

    def _sleep(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._alarm is not None:
            left = (self._alarm[0] - self.now()).total_seconds()
            self._timer = self._loop.call_later(max(left, 0.0), self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._alarm is None:
            return
        when, wake = self._alarm
        if self.now() < when:
            self._sleep()
            return
        self._alarm = None
        wake()
