"""Notices when processes have ended, by their pidfds (Linux ≥ 5.3): no thread for each and no SIGCHLD handler.

All pidfds are in one epoll, and that is what the event loop watches: to add and remove a reader of the loop for each
process takes ten times as long. It reaps nothing: that is for whoever watches.
"""

import asyncio
import os
import select
from collections.abc import Callable


class Exits:
    """The processes whose end somebody waits for."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._listeners: dict[int, Callable[[], None]] = {}
        """By pidfd. While there is none, the loop knows nothing of this."""

    def watch(self, pid: int, on_exit: Callable[[], None]) -> None:
        """Call back from the loop once the process has ended. Raises OSError where it cannot be watched."""
        pidfd = os.pidfd_open(pid)
        try:
            self._epoll.register(pidfd, select.EPOLLIN)
            if not self._listeners:
                asyncio.get_running_loop().add_reader(self._epoll, self._look)
        except OSError:
            os.close(pidfd)
            raise
        self._listeners[pidfd] = on_exit

    def _look(self) -> None:
        for pidfd, _ in self._epoll.poll(0):
            # A command that is just being loaded may hold a copy of it, so to close it alone is not enough.
            self._epoll.unregister(pidfd)
            os.close(pidfd)
            on_exit = self._listeners.pop(pidfd)
            if not self._listeners:
                asyncio.get_running_loop().remove_reader(self._epoll)
            on_exit()

    def close(self) -> None:
        """Wait for nothing any more."""
        for pidfd in self._listeners:
            os.close(pidfd)
        if self._listeners:
            asyncio.get_running_loop().remove_reader(self._epoll)
        self._listeners.clear()
        self._epoll.close()
