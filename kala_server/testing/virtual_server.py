"""A server on a virtual clock, on the event loop that it lives on. What is done to it here is done by a `Kit`.

A server that is lost is followed by another one on the same clock, the same store and the same address.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from kala_server.config import Settings
from kala_server.core.state.state import State
from kala_server.server import Server
from kala_server.service.service import Service
from kala_server.testing.fakes import FakeRunner, Scripts
from kala_server.testing.virtual_clock import VirtualClock


class KitError(Exception):
    """What a test asks of its kit cannot be; says why, and what would be right."""


class VirtualServer:
    """The server as it is now, and what it shares with the one after it."""

    def __init__(self, settings: Settings, *, start: datetime, seed: int, patience: float | None) -> None:
        """Begin at an instant; `patience` says how many seconds real commands may take, None is for fakes."""
        self.loop = asyncio.get_running_loop()
        self.clock = VirtualClock(start, self._settle)
        self.scripts = Scripts()
        self._settings = settings
        self._patience = patience
        self._random = Random(seed)  # noqa: S311 - the same in every process, which is the point
        self._server = self._make_server()

    @property
    def url(self) -> str:
        """Where the server answers, the one after it too."""
        return self._server.url

    @property
    def state(self) -> State:
        """What the server knows."""
        return self._service.state

    async def start(self) -> None:
        """Start the server."""
        await self._server.start()
        await self.clock.until_all_are_woken()
        self._settings = replace(self._settings, port=self._server.port)

    async def advance(self, until: datetime) -> None:
        """Let time pass, from one thing that is due to the next. Raises KitError where that cannot go on."""
        await self.clock.move(until)

    async def crash(self, down: timedelta) -> None:
        """Lose the server, and start another one a while later."""
        await self.clock.until_all_are_woken()
        await self._server.leave()
        await self.clock.until_all_are_woken()
        self.clock.forget_all()
        self.clock.put_on(down)
        self._server = self._make_server()
        await self.start()

    async def stop(self) -> None:
        """Stop the server for good."""
        await self._server.stop()

    @property
    def _service(self) -> Service:
        return self._server.service

    def _make_server(self) -> Server:
        runner = FakeRunner(self.clock, self.scripts) if self._patience is None else None
        return Server(self._settings, clock=self.clock, runner=runner, random=self._random.randbytes)

    async def _settle(self) -> None:
        """Return when all that was set off has come to its end, real commands too: the clock stands while one runs."""
        await self._service.until_all_is_done()
        while self._patience is not None and self.state.counts["running"]:
            await self._until_nothing_runs(self._patience)
            await self._service.until_all_is_done()
        if trouble := self._service.trouble:
            raise KitError(f"the server is in trouble: {trouble}")

    async def _until_nothing_runs(self, patience: float) -> None:
        try:
            async with asyncio.timeout(patience):
                await self._service.until_nothing_runs()
        except TimeoutError:
            raise KitError(
                f"{self._what_runs()} still running after {patience:g} s; the clock stands still while a real command "
                "runs, so none of them may wait for a time to come. Kit(patience=…) gives them longer"
            ) from None

    def _what_runs(self) -> str:
        running = self.state.runs.running.keys() & self.state.jobs.keys()
        names = sorted(repr(self.state.jobs[job_id].spec.name) for job_id in running)
        return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"


@asynccontextmanager
async def virtual_server(make: Callable[[], VirtualServer]) -> AsyncIterator[VirtualServer]:
    """Have a server while the block lasts."""
    server = make()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
