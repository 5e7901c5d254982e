"""A worker of queues as a process of its own, to be killed without warning."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.eventually import eventually

COMMAND = (sys.executable, "-m", "kala_server", "worker")


class WorkerProcess:
    """A worker, which can be started anew under its name."""

    def __init__(
        self, database: str, *, name: str = "one", queues: tuple[str, ...] = ("db",), **options: Any
    ) -> None:
        self.database = database
        self.name = name
        said = [f"--queue={queue}" for queue in queues]
        said += [f"--{option.replace('_', '-')}={value}" for option, value in options.items()]
        self._words = [*COMMAND, f"--name={name}", *said]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Which process it is."""
        assert self._process is not None
        return self._process.pid

    def start(self, *, wait: bool = True) -> None:
        """Start it, and return once it takes attempts."""
        before = self.life
        environment = {**os.environ, "KALA_JOBDB_ADDRESS": self.database}
        self._process = subprocess.Popen(
            self._words, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        if wait:
            eventually(lambda: self.life != before or not self.is_there)
            assert self.is_there

    @property
    def life(self) -> int:
        """Its number in the database."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            if connection.execute("SELECT to_regclass('kala_worker')").fetchone() == (None,):
                return 0
            row = connection.execute("SELECT life FROM kala_worker WHERE name = %s", (self.name,)).fetchone()
        return 0 if row is None else int(row[0])

    def children(self) -> list[str]:
        """Return the pids of its children."""
        return Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()

    def kill(self) -> None:
        """End it as the kernel does that needs its memory."""
        self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait()

    @property
    def is_there(self) -> bool:
        """Whether its process has not ended."""
        return self._process is not None and self._process.poll() is None


@contextmanager
def a_worker(database: str, *, name: str = "one", **options: Any) -> Iterator[WorkerProcess]:
    """Have a worker of the queue `db`."""
    worker = WorkerProcess(database, name=name, **options)
    try:
        worker.start()
        yield worker
    finally:
        if worker.is_there:
            worker.kill()
