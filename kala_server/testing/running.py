"""A real server for tests: on a free port, in a thread, over a store of its own.

with running_server() as server:
    client = KalaClient(server.url)
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from kala_server.config import Settings
from kala_server.server import Server
from kala_server.testing.apart import apart


@dataclass(frozen=True, slots=True)
class RunningServer:
    """Where the server answers."""

    url: str


@contextmanager
def running_server(data_dir: Path | None = None, **settings: Any) -> Iterator[RunningServer]:
    """Run a server while the block lasts; without `data_dir`, all is kept in memory.

    Commands run in a process of their own, which has the directory, the umask and the limits that this one had then.
    `settings` are fields of `kala_server.config.Settings`. Commands that still run at the end are ended at once.
    Raises what keeps the server from starting, and what goes wrong in it.
    """
    with apart(_running(settings_of(data_dir, settings))) as server:
        yield server


def settings_of(data_dir: Path | None, said: dict[str, Any]) -> Settings:
    """Return the settings of a server for tests, but for what is said."""
    return replace(Settings(host="127.0.0.1", port=0, data_dir=data_dir, grace=timedelta(0)), **said)


@asynccontextmanager
async def _running(settings: Settings) -> AsyncIterator[RunningServer]:
    server = Server(settings)
    await server.start()
    try:
        yield RunningServer(server.url)
    finally:
        await server.stop()
