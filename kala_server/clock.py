"""What time it is, and an alarm: the only place of the server that reads a clock.

Alarms run on monotonic timers, but the wall clock is read anew at least once a second, also where there is no alarm, so
that a step of the clock or a suspended machine is noticed at once.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from tornado.ioloop import IOLoop

from kala_server.boot_time import boot_time

LONGEST_SLEEP = timedelta(seconds=1)
_NO_STEP = 1.0


class Clock(Protocol):
    """Tells the time, and wakes one sleeper."""

    def now(self) -> datetime:
        """Return the time, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds from an instant that is nobody's business, to measure with."""
        ...

    def since_boot(self) -> float:
        """Return the seconds of `boot_time`, by which rights last."""
        ...

    def stepped(self) -> timedelta:
        """Return by how much the wall clock was put on or back since the last call, beside what has passed."""
        ...

    def set_alarm(self, when: datetime | None, wake: Callable[[], None]) -> None:
        """Call `wake` once the time has come; replaces the alarm set before, None only takes it back."""
        ...

    def watch(self, wake: Callable[[], None] | None) -> None:
        """Call `wake` whenever the wall clock was put on or back, within a second; None calls nobody any more."""
        ...

    def later(self, delay: timedelta, wake: Callable[[], None]) -> None:
        """Call `wake` after a while, whatever happens to the wall clock."""
        ...


class LoopClock:
    """The wall clock, and callbacks of the running IOLoop."""

    def __init__(self) -> None:
        self._loop = IOLoop.current()
        self._timer: object = None
        self._alarm: tuple[datetime, Callable[[], None]] | None = None
        self._on_step: Callable[[], None] | None = None
        self._ahead = self._wall_ahead()

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the seconds of a clock that nobody can set; an IOLoop's own time is that of the wall."""
        return time.monotonic()

    def since_boot(self) -> float:
        """Return the seconds of a clock that nobody can set, and that runs while the machine sleeps."""
        return boot_time()

    def stepped(self) -> timedelta:
        """Return the step; below a second it is none: it adds up and is returned when it has come to one."""
        step = self._step()
        self._ahead += step.total_seconds()
        return step

    @property
    def looks_again(self) -> bool:
        """Whether it is going to look at the wall clock by itself."""
        return self._timer is not None

    def set_alarm(self, when: datetime | None, wake: Callable[[], None]) -> None:
        """Call `wake` once the wall clock reads `when`."""
        self._alarm = None if when is None else (when, wake)
        self._sleep()

    def watch(self, wake: Callable[[], None] | None) -> None:
        """Call `wake` when the wall clock has been put on or back, until `stepped` was asked by how much."""
        self._on_step = wake
        self._sleep()

    def later(self, delay: timedelta, wake: Callable[[], None]) -> None:
        """Call `wake` after a while."""
        self._loop.call_later(delay.total_seconds(), wake)

    def _step(self) -> timedelta:
        step = self._wall_ahead() - self._ahead
        return timedelta(0) if abs(step) < _NO_STEP else timedelta(seconds=step)

    def _wall_ahead(self) -> float:
        return self.now().timestamp() - self.monotonic()

    def _sleep(self) -> None:
        """Look again when the alarm is due, and before long in any case; not at all where nobody is to be woken."""
        if self._timer is not None:
            self._loop.remove_timeout(self._timer)
            self._timer = None
        if self._alarm is None and self._on_step is None:
            return
        left = LONGEST_SLEEP
        if self._alarm is not None:
            left = min(max(self._alarm[0] - self.now(), timedelta(0)), left)
        self._timer = self._loop.call_later(left.total_seconds(), self._look)

    def _look(self) -> None:
        self._timer = None
        alarm, on_step = self._alarm, self._on_step
        if alarm is not None and self.now() >= alarm[0]:
            self._alarm = None
            alarm[1]()
        if on_step is not None and self._step():
            on_step()
        if self._timer is None:
            self._sleep()


async def pause(clock: Clock, delay: timedelta) -> None:
    """Return after a while."""
    over = asyncio.Event()
    clock.later(delay, over.set)
    await over.wait()


def direction_of(step: timedelta) -> tuple[str, timedelta]:
    """Return how people speak of a step: on or back, and by how much, without fractions of many seconds."""
    by = abs(step)
    if by > timedelta(seconds=10):
        by = timedelta(seconds=round(by.total_seconds()))
    return ("on" if step > timedelta(0) else "back", by)
