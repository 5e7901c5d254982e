"""A real server for tests: on a free port, in a thread, over a store of its own.

with running_server() as server:
    client = KalaClient(server.url)
"""

import asyncio
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from kala_client._extra import hint

try:
    from kala_server.config import Settings
    from kala_server.server import Server
except ModuleNotFoundError as error:
    missing = hint(error, "kala_server.testing")
    if missing is None:
        raise
    raise ModuleNotFoundError(missing, name=error.name) from error


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
    wanted = replace(Settings(host="127.0.0.1", port=0, data_dir=data_dir, grace=timedelta(0)), **settings)
    ready: Future[RunningServer] = Future()
    enough: Future[None] = Future()
    with ThreadPoolExecutor(1, thread_name_prefix="kala-server") as thread:
        ended = thread.submit(asyncio.run, _serve(wanted, ready, enough))
        first = cast("tuple[Future[Any], ...]", (ready, ended))
        try:
            wait(first, return_when=FIRST_COMPLETED)
            if ended.done():
                ended.result()
            yield ready.result()
        finally:
            enough.set_result(None)
            ended.result()


async def _serve(settings: Settings, ready: Future[RunningServer], enough: Future[None]) -> None:
    """Run a server until it is enough; both futures belong to the thread that asked for it."""
    server = Server(settings)
    await server.start()
    ready.set_result(RunningServer(server.url))
    await asyncio.wrap_future(enough)
    await server.stop()
