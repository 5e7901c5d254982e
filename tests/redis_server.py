"""A Redis of the tests' own: its folder and port are its own and end with it. No other is touched."""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kala_server.stores.redis.address import Address
from tests.eventually import PATIENCE, eventually
from tests.free_port import free_port

SETTINGS = {
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "maxmemory": "0",
    "maxmemory-policy": "noeviction",
    "requirepass": "",
    "save": "",
}
"""What a store wants of a Redis, and what a test may set otherwise."""

Word = str | int | bytes


class RedisServer:
    """A server that can be killed, and started again on what it has left."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.address = Address(port=free_port())
        self._settings = {**SETTINGS, **_as_written(settings)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **otherwise: str) -> None:
        """Return once it answers, well or badly."""
        self._settings |= _as_written(otherwise)
        settings = {"port": str(self.address.port), "bind": "127.0.0.1", **self._settings}
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", *words], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        eventually(self._is_there)

    def _is_there(self) -> bool:
        assert self.is_running, (self.folder / "log").read_text()
        try:
            return not str(self.ask("PING")).startswith("-LOADING")
        except OSError:
            return False

    @property
    def is_running(self) -> bool:
        """Whether it was started, and did not end since."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it without a word."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def begin_anew(self) -> None:
        """Empty it, and set it as a store wants it."""
        self.set(**self._settings)
        assert self.ask("FLUSHALL") == "OK"
        self.until_its_file_is_there()

    def until_its_file_is_there(self) -> None:
        """Return once it does not write it anew."""
        busy = (b"aof_rewrite_in_progress:1", b"aof_rewrite_scheduled:1")
        eventually(lambda: not any(word in self.ask("INFO", "persistence") for word in busy))

    def set(self, **settings: str) -> None:
        """Set it otherwise while it runs."""
        for name, value in settings.items():
            assert self.ask("CONFIG", "SET", name.replace("_", "-"), value) == "OK"

    def ask(self, *command: Word, login: tuple[Word, ...] = ()) -> Any:
        """Return what it answers, an error too: as a text that begins with -."""
        with socket.create_connection((self.address.host, self.address.port), timeout=PATIENCE) as connection:
            answers = connection.makefile("rb")
            for each in filter(None, (login, command)):
                connection.sendall(_written(each))
                answer = _read(answers)
            return answer


def _as_written(settings: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in settings.items()}


def _written(command: tuple[Word, ...]) -> bytes:
    words = [word if isinstance(word, bytes) else str(word).encode() for word in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def _read(answers: Any) -> Any:
    """Read one answer of RESP2."""
    line = answers.readline()[:-2]
    kind, rest = line[:1], line[1:]
    if kind == b"$":
        return None if rest == b"-1" else answers.read(int(rest) + 2)[:-2]
    if kind == b"*":
        return [_read(answers) for _ in range(int(rest))]
    if kind == b":":
        return int(rest)
    return rest.decode() if kind == b"+" else line.decode()


@contextmanager
def a_redis(folder: Path | None = None, **settings: str) -> Iterator[RedisServer]:
    """Run a new Redis; the test is skipped where this machine has none."""
    if shutil.which("redis-server") is None:
        pytest.skip("no Redis here: apt install redis-server")
    with tempfile.TemporaryDirectory(prefix="kala-redis-") as place:
        server = RedisServer(folder or Path(place), **settings)
        server.start()
        try:
            yield server
        finally:
            if server.is_running:
                server.kill()
