"""Servers as processes of their own: ours, a bare Tornado to compare with, and a live Kala that is just there."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

API = "/api/v1"


@dataclass(frozen=True, slots=True)
class Address:
    """Where something answers HTTP."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Address":
        parts = urlsplit(url)
        return cls(parts.hostname or "127.0.0.1", parts.port or 80)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def call(self, method: str, path: str, document: object = None) -> Any:
        """Make one call of the API, and return the JSON of its answer."""
        return json.loads(self.fetch(method, API + path, document) or b"null")

    def fetch(self, method: str, path: str, document: object = None) -> bytes:
        """Make one call, and return the body of its answer. Any status but 2xx is an AssertionError.

        A document that is bytes is sent as it is.
        """
        connection = HTTPConnection(self.host, self.port, timeout=60)
        with _closing(connection):
            body = document if isinstance(document, bytes | None) else json.dumps(document)
            connection.request(method, path, body)
            answer = connection.getresponse()
            text = answer.read()
        assert 200 <= answer.status < 300, f"{method} {path}: {answer.status} {text[:400]!r}"
        return text


@contextmanager
def _closing(connection: HTTPConnection) -> Iterator[None]:
    try:
        yield
    finally:
        connection.close()


class Server:
    """A process that says where it listens."""

    def __init__(self, arguments: Sequence[str], log: Path, compiled: Path) -> None:
        self.began = time.perf_counter()
        self._log = log
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(compiled),
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode()
        found = re.search(r"http://\S+", line)
        if found is None:
            self.stop()
            raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")
        self.address = Address.of(found[0])

    @property
    def pid(self) -> int:
        return self._process.pid

    def memory(self) -> float:
        """How many bytes the process has in memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024

    def stop(self) -> None:
        """Ask it to end, and wait for that."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def environment(compiled: Path) -> dict[str, str]:
    """Return what our processes find: nothing that changes a server, and compiled modules as installed ones have.

    They are compiled once for all of them, into the folder `compiled`, unless whoever started us has one.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KALA_")}
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)
    return {"PYTHONPYCACHEPREFIX": str(compiled), **inherited}


def kala(folder: Path, compiled: Path) -> Server:
    """Start our server on a folder, as its users do."""
    folder.mkdir(exist_ok=True)
    return Server(
        ["-m", "kala_server", "serve", "-p", "0", "--grace", "0", "--data-dir", str(folder / "data")],
        folder / "log",
        compiled,
    )


def kala_of(database: str, folder: Path, compiled: Path) -> Server:
    """Start one of several servers of a database in PostgreSQL."""
    folder.mkdir(exist_ok=True)
    where = ("--jobDB=postgres", f"--jobDBAddress={database}")
    return Server(["-m", "kala_server", "serve", "-p", "0", "--grace", "0", *where], folder / "log", compiled)


def bare(folder: Path, compiled: Path) -> Server:
    """Start the bare Tornado server."""
    return Server(["-m", "tests.bench.bare"], folder / "bare.log", compiled)
