"""A server in a thread of its own, and how long its event loop was held: the processor time between two waits.

It is not the time of the clock: on a busy machine that tells of others.
"""

import asyncio
import selectors
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from kala_server.config import Settings
from kala_server.server import Server
from kala_server.service.garbage import OurGarbage
from tests.eventually import PATIENCE

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """A selector that notes how much its thread has computed since the last time that it was asked to wait."""

    longest = 0.0
    _went_on: float | None = None

    def forget(self) -> None:
        self._went_on, self.longest = None, 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._went_on is not None:
            self.longest = max(self.longest, time.thread_time() - self._went_on)
        found = super().select(timeout)
        self._went_on = time.thread_time()
        return found


class Watched:
    """A running server whose loop is watched."""

    def __init__(self) -> None:
        self._selector = _Selector()
        self._loop = asyncio.SelectorEventLoop(self._selector)
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.server: Server

    @property
    def longest(self) -> float:
        """Seconds for which the loop was held at the most since `begin`, by what it does now too."""
        self.call(lambda: None)  # an answer is out before its turn of the loop is over
        return self._selector.longest

    def begin(self) -> None:
        """Forget what was so far."""

        async def forget() -> None:
            self._selector.forget()

        self.do(forget())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the loop of the server."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def call(self, work: Callable[[], T]) -> T:
        """Do something in the loop of the server, at once."""

        async def at_once() -> T:
            return work()

        return self.do(at_once())

    def start(self, **settings: Any) -> None:
        async def start() -> None:
            self.server = Server(Settings(**{"port": 0, "data_dir": None, **settings}), garbage=OurGarbage())
            await self.server.start()

        self.do(start())

    def stop(self) -> None:
        try:
            if hasattr(self, "server"):
                self.call(self.server.end_everything)
                self.do(self.server.stop())
            self.do(self._loop.shutdown_asyncgens())
            self.do(self._loop.shutdown_default_executor())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()


@contextmanager
def watched(**settings: Any) -> Iterator[Watched]:
    """Run a server while the block lasts."""
    there = Watched()
    try:
        there.start(**settings)
        yield there
    finally:
        there.stop()
