"""What time it is, and an alarm: the only place of the server that reads a clock.

Alarms run on monotonic timers, but the wall clock is read anew at least once a second, so that a step of the clock
or a suspended machine is noticed at once.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from tornado.ioloop import IOLoop

_LONGEST_SLEEP = timedelta(seconds=1)
_NO_STEP = 1.0


class Clock(Protocol):
    """Tells the time, and wakes one sleeper."""

    def now(self) -> datetime:
        """Return the time, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds from an instant that is nobody's business, to measure with."""
        ...

    def stepped(self) -> timedelta:
        """Return by how much the wall clock was put on or back since the last call, beside what has passed."""
        ...

    def set_alarm(self, when: datetime | None, wake: Callable[[], None]) -> None:
        """Call `wake` once the time has come; replaces the alarm set before, None only takes it back."""
        ...

    def later(self, delay: timedelta, wake: Callable[[], None]) -> None:
        """Call `wake` after a while, whatever happens to the wall clock."""
        ...


class LoopClock:
    """The wall clock, and callbacks of the running IOLoop."""

    def __init__(self) -> None:
        self._loop = IOLoop.current()
        self._timer: object = None
        self._ahead = self._wall_ahead()

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the seconds of a clock that nobody can set; an IOLoop's own time is that of the wall."""
        return time.monotonic()

    def stepped(self) -> timedelta:
        """Return the step; below a second it is none: it adds up and is returned when it has come to one."""
        ahead = self._wall_ahead()
        if abs(ahead - self._ahead) < _NO_STEP:
            return timedelta(0)
        before, self._ahead = self._ahead, ahead
        return timedelta(seconds=ahead - before)

    def _wall_ahead(self) -> float:
        return self.now().timestamp() - self.monotonic()

    def set_alarm(self, when: datetime | None, wake: Callable[[], None]) -> None:
        """Call `wake` once the wall clock reads `when`."""
        if self._timer is not None:
            self._loop.remove_timeout(self._timer)
        self._timer = None if when is None else self._sleep(when, wake)

    def later(self, delay: timedelta, wake: Callable[[], None]) -> None:
        """Call `wake` after a while."""
        self._loop.call_later(delay.total_seconds(), wake)

    def _sleep(self, when: datetime, wake: Callable[[], None]) -> object:
        left = min(max(when - self.now(), timedelta(0)), _LONGEST_SLEEP)
        return self._loop.call_later(left.total_seconds(), self._look, when, wake)

    def _look(self, when: datetime, wake: Callable[[], None]) -> None:
        self._timer = None
        if self.now() >= when:
            wake()
        else:
            self._timer = self._sleep(when, wake)


def direction_of(step: timedelta) -> tuple[str, timedelta]:
    """Return how people speak of a step: on or back, and by how much."""
    return ("on", step) if step > timedelta(0) else ("back", -step)
