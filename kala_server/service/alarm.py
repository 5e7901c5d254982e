"""When it is to be looked what is due. It knows nothing of what that is."""

from collections.abc import Callable
from datetime import datetime, timedelta

from kala_server.clock import Clock

_AFTER_A_FAULT = timedelta(seconds=1)


class Alarm:
    """One that rings when the next thing is due, until it is heard."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self.noticed: datetime | None = None
        """When it was noticed that something is due, until nothing is: what is decided in parts is noticed at once."""
        self._clock = clock
        self._ring = ring
        self._rung = False
        self._failed = False
        """Whether a fault of ours kept it from being looked at: what is due may then be due for ever."""

    def go_off(self) -> None:
        """Ring, unless that has not been heard yet."""
        self.noticed = self.noticed or self._clock.now()
        if not self._rung:
            self._rung = True
            self._ring()

    def heard(self) -> None:
        """Take note that it is about to be looked what is due."""
        self._rung = False

    def failed(self) -> None:
        """Take note that this came to nothing: it is tried again, and not at once."""
        self._failed = True

    def begin_anew(self) -> None:
        """Take what is due for noticed when it is looked at next: until now nothing could be done about it."""
        self.noticed = None

    def set(self, due: datetime | None) -> None:
        """Let it ring when something is due; never where nothing is."""
        now = self._clock.now()
        if due is None or due > now:
            self.noticed = None
        if due is not None and self._failed:
            due = max(due, now + _AFTER_A_FAULT)
        self._failed = False
        self._clock.set_alarm(due, self.go_off)

    def watch_the_clock(self) -> None:
        """Let it ring whenever the clock was put on or back, too."""
        self._clock.watch(self.go_off)

    def stop(self) -> None:
        """Let it never ring again."""
        self._clock.set_alarm(None, self.go_off)
        self._clock.watch(None)
