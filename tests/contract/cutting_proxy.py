"""A proxy that breaks off connections in the middle of an answer."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

Cut = int | bytes | None
"""After so many bytes of the answer, or once these bytes were in it; None = not at all."""


class Proxy:
    """`url` is where it listens; `broken` how many connections it has broken off."""

    def __init__(self, url: str, cuts: Sequence[Cut]) -> None:
        parts = urlsplit(url)
        self._server = str(parts.hostname), parts.port or 0
        self._cuts = cuts
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._sockets = ExitStack()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.broken = 0

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._sockets.close()
        for thread in self._threads:
            thread.join()
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):  # it was shut down: enough
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection(self._server)
                cut = self._cuts[min(len(self._threads), len(self._cuts)) - 1]
                for one in (client, server):
                    self._sockets.callback(_shut, one)
                thread = threading.Thread(target=self._carry, args=(client, server, cut))
                self._threads.append(thread)
                thread.start()

    def _carry(self, client: socket.socket, server: socket.socket, cut: Cut) -> None:
        """Pass one request on, and so much of its answer."""
        with client, server, suppress(OSError):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.recv(65_536)
            server.sendall(head.replace(b"Connection: keep-alive", b"Connection: close"))
            passed = bytearray()
            while byte := server.recv(1):
                client.sendall(byte)
                passed += byte
                if len(passed) == cut or (isinstance(cut, bytes) and passed.endswith(cut)):
                    self.broken += 1
                    return


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutting_proxy(url: str, *cuts: Cut) -> Iterator[Proxy]:
    """Break off each connection as `cuts` say in turn; the last one goes for all that follow."""
    proxy = Proxy(url, cuts)
    try:
        yield proxy
    finally:
        proxy.close()
