"""The one time that there is, what happens at which instant, and whose turn it is. It knows no servers."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

_MOST_TURNS = 20_000
"""At one instant: whoever has more comes to no rest."""


class Process(Protocol):
    """What lives in a world."""

    @property
    def has_turn(self) -> bool:
        """Whether it goes on at this instant."""
        ...

    @property
    def wakes_at(self) -> float | None:
        """When it goes on, if nothing happens to it before."""
        ...

    def turn(self) -> None:
        """Go on."""
        ...


class World:
    """Time goes from one thing that happens to the next, and meanwhile each process comes to rest."""

    def __init__(self) -> None:
        self.time = 0.0
        self.processes: list[Process] = []
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def after(self, seconds: float, happens: Callable[[], None]) -> None:
        """Let something happen so many seconds from now."""
        heappush(self._events, (self.time + seconds, next(self._numbers), happens))

    def pass_by(self, seconds: float) -> None:
        """Let time pass, and all that belongs into it happen."""
        until = self.time + seconds
        self.come_to_rest()
        while (when := self._next()) is not None and when <= until:
            self.time = max(self.time, when)
            if self._events and self._events[0][0] <= self.time:
                heappop(self._events)[2]()
            else:
                self._wake()
            self.come_to_rest()
        self.time = until

    def come_to_rest(self) -> None:
        """Let each process do what it can do now."""
        turns = 0
        while at_it := [process for process in self.processes if process.has_turn]:
            for process in at_it:
                process.turn()
            turns += 1
            assert turns < _MOST_TURNS, "a server comes to no rest"

    def _next(self) -> float | None:
        wakes = [when for process in self.processes if (when := process.wakes_at) is not None]
        return min([*wakes, *(event[0] for event in self._events[:1])], default=None)

    def _wake(self) -> None:
        for process in self.processes:
            if (when := process.wakes_at) is not None and when <= self.time:
                process.turn()
