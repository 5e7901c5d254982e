"""A real server for tests: on a free port, in a thread, over a store of its own.

with running_server() as server:
client = KalaClient(server.url)
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from kala_server.config import Settings
from kala_server.server import Server

_START_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """Where the server answers."""

    url: str


@contextmanager
def running_server(data_dir: Path | None = None, **settings: Any) -> Iterator[RunningServer]:
    """Run a server while the block lasts; without `data_dir`, all is kept in memory.

    `settings` are fields of `kala_server.config.Settings`. Commands that still run at the end are ended at once.
    """
    wanted = replace(Settings(host="127.0.0.1", port=0, data_dir=data_dir, grace=timedelta(0)), **settings)
    thread = _ServerThread(wanted)
    thread.start()
    try:
        yield RunningServer(thread.wait_until_ready())
    finally:
        thread.finish()


class _ServerThread(threading.Thread):
    """A server on an event loop of its own."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="kala-server", daemon=True)
        self._settings = settings
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._url = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - it belongs to who started the thread
            self._failure = error
            self._ready.set()

    async def _serve(self) -> None:
        server = Server(self._settings)
        await server.start()
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        self._url = server.url
        self._ready.set()
        await self._stopping.wait()
        await server.stop()

    def wait_until_ready(self) -> str:
        """Return the server's URL. Raises what kept it from starting."""
        if not self._ready.wait(_START_TIMEOUT):
            raise TimeoutError(f"the server did not start within {_START_TIMEOUT:.0f} s")
        if self._failure is not None:
            raise self._failure
        return self._url

    def finish(self) -> None:
        """Stop the server and wait for it. Raises what went wrong in it."""
        if self._loop is not None and self._stopping is not None and self.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self.join()
        if self._failure is not None:
            raise self._failure
