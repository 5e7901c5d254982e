"""A whole server as a process of its own, to be killed without warning."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kala_server.runners.local.processes import Process, start_time
from tests.eventually import PATIENCE

_SCRIPT = """
import asyncio, signal, sys
from datetime import timedelta
from pathlib import Path
from kala_server.config import Settings
from kala_server.server import Server

async def serve():
    grace = timedelta(seconds=float(sys.argv[2]))
    server = Server(Settings(port=0, data_dir=Path(sys.argv[1]), grace=grace))
    await server.start()
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    print(server.url, flush=True)
    await stopped.wait()
    await server.stop()

asyncio.run(serve())
"""


def worker_of(server: int) -> Process:
    """Return the process in which a server's commands are started."""
    [pid] = map(int, Path(f"/proc/{server}/task/{server}/children").read_text().split())
    started = start_time(pid)
    assert started is not None
    return Process(pid, started)


class ServerProcess:
    """A running server. `url` is where it answers."""

    def __init__(self, folder: Path, *, grace: float, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SCRIPT, str(folder), str(grace)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )
        self.errors = ""
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        self.pid = self._process.pid

    def kill(self) -> None:
        """End it as the kernel does, without a chance to say goodbye, where it still runs."""
        if self._process.returncode is None:
            self._process.kill()
            self._wait()

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._wait()

    def exit_code(self) -> int:
        """Wait for its end by itself."""
        return self._wait()

    def _wait(self) -> int:
        _, errors = self._process.communicate(timeout=PATIENCE)
        self.errors += errors
        return self._process.returncode


@contextmanager
def server_process(
    folder: Path, *, grace: float = 5, environment: dict[str, str] | None = None
) -> Iterator[ServerProcess]:
    """Run a server on the folder; at the end of the block it is killed where it still runs."""
    server = ServerProcess(folder, grace=grace, environment=environment or {})
    try:
        yield server
    finally:
        server.kill()


def journal(folder: Path) -> list[dict[str, Any]]:
    """Read every record of the journal: one JSON object a line."""
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Return what records of that kind say."""
    return [line["data"] for line in journal(folder) if line["type"] == kind]
