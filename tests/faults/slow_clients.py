"""Clients that hold a connection and hold back: their head, their body, or their reading."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import cycle, islice

from tests.faults.server_child import FORKS

_HEAD = b"GET /api/v1/job/ HTTP/1.1\r\nHost: localhost\r\n"
_POST = b"POST /api/v1/job/ HTTP/1.1\r\nHost: localhost\r\n"
_DRIP = 0.25
"""Seconds between two bytes."""

KINDS: dict[str, tuple[bytes, bytes]] = {
    "says nothing": (b"", b""),
    "drips its head": (_HEAD + b"X-Slow: ", b"x"),
    "drips its body": (_POST + b"Content-Length: 1000000\r\n\r\n", b" "),
    "drips chunks": (_POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "reads nothing": (_HEAD + b"\r\n", b""),
    "asks on and reads nothing": (_HEAD + b"\r\n", _HEAD + b"\r\n"),
}
"""What each sends at first, and then again and again."""


def hold(url: str, number: int) -> None:
    """Open connections of every kind, in turn, and drip until somebody ends this process."""
    _allow_files(number)
    host, port = url.removeprefix("http://").split(":")
    connections: dict[socket.socket, bytes] = {}
    for kind in islice(cycle(KINDS), number):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(10)
        connection.connect((host, int(port)))
        first, drip = KINDS[kind]
        connection.sendall(first)
        connection.setblocking(False)
        connections[connection] = drip
    while True:
        time.sleep(_DRIP)
        for connection, drip in connections.items():
            with suppress(OSError):  # dropped already, or what it asks is not taken in either
                connection.send(drip)


@contextmanager
def slow_clients(url: str, number: int) -> Iterator[None]:
    """Let slow clients hold on to a server while the block lasts; in a process of their own, to cost us no time."""
    process = FORKS.Process(target=hold, args=(url, number))
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()
        process.close()


def _allow_files(number: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < number + 200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, number + 200), hard))


class Health:
    """Asks a server whether it is alive, over a new connection each time, and measures how long the answer takes."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self._address = host, int(port)
        self.seconds: list[float] = []

    def ask(self) -> None:
        """Ask once. Raises where no answer comes within ten seconds."""
        since = time.monotonic()
        self.get("/healthz")
        self.seconds.append(time.monotonic() - since)

    def get(self, path: str) -> str:
        """Return an answer, without the weight of an HTTP client."""
        answer = bytearray()
        with socket.create_connection(self._address, timeout=10) as connection:
            connection.sendall(
                f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
            )
            while chunk := connection.recv(65_536):
                answer += chunk
        assert answer.startswith(b"HTTP/1.1 200"), answer
        return answer.decode()

    def percentile(self, percent: int) -> float:
        """Return below how many milliseconds so many of the answers came."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000
