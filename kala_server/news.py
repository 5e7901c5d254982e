"""Something new: wakes those who wait for it, some at each turn of the loop, so that a thousand do not hold it.

It knows nothing of what is new, and whoever waits looks for himself.
"""

import asyncio
from collections import deque

AT_A_TURN = 32
"""Of those who wait: each of them then writes to a socket, which takes some 30 µs."""


class News:
    """Those who wait for what comes next."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[bool], None] = {}
        self._woken: deque[asyncio.Future[bool]] = deque()
        """Those whose wait is over, and who have not heard of it yet."""

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def wait(self, patience: float | None = None) -> bool:
        """Return once there is something new, or False where there was nothing for `patience` seconds."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[bool] = loop.create_future()
        self._waiting[waiting] = None
        timer = None if patience is None else loop.call_later(patience, self._give_up, waiting)
        try:
            return await waiting
        finally:
            self._waiting.pop(waiting, None)
            if timer is not None:
                timer.cancel()

    def tell(self) -> None:
        """Wake all who wait by now; those who come later wait for what comes later."""
        if not self._waiting:
            return
        at_it = bool(self._woken)
        self._woken.extend(self._waiting)
        self._waiting.clear()
        if not at_it:
            self._wake_some()

    def _wake_some(self) -> None:
        for _ in range(min(AT_A_TURN, len(self._woken))):
            waiting = self._woken.popleft()
            if not waiting.done():
                waiting.set_result(True)
        if self._woken:
            self._woken[0].get_loop().call_soon(self._wake_some)

    def _give_up(self, waiting: asyncio.Future[bool]) -> None:
        # One whose wait is over is woken soon, and then finds what is new.
        if waiting in self._waiting and not waiting.done():
            waiting.set_result(False)
