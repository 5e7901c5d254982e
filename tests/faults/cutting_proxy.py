"""A TCP proxy that cuts a connection at a byte: after so many in one direction, from when it was told to."""

import selectors
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock, Thread

_AT_ONCE = struct.pack("ii", 1, 0)
"""Linger for no time: closing sends a reset."""


class Way(StrEnum):
    """Which bytes are counted."""

    ASKED = "of what was asked"
    ANSWERED = "of the answer"


@dataclass(slots=True)
class Cut:
    """What is to happen next, once."""

    way: Way
    left: int
    """Bytes that still pass."""
    reset: bool
    """Whether both sides are told by a reset, else by an end of file."""


class CuttingProxy:
    """Stands between a client and a server; `url` is for the client."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self._server = host, int(port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._selector = selectors.DefaultSelector()
        self._other: dict[socket.socket, tuple[socket.socket, Way]] = {}
        self._cut: Cut | None = None
        self._lock = Lock()
        self._stop, self._stopped = socket.socketpair()

    def arm(self, cut: Cut) -> None:
        """Say what is to be cut next."""
        with self._lock:
            self._cut = cut

    @property
    def is_armed(self) -> bool:
        """Whether a cut is still to be made."""
        return self._cut is not None

    def disarm(self) -> bool:
        """Return whether the cut was made; if not, it will not be any more."""
        with self._lock:
            done, self._cut = self._cut is None, None
            return done

    def serve(self) -> None:
        """Pass bytes until `stop`."""
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._selector.register(self._stopped, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                side = key.fileobj
                if side is self._stopped:
                    return
                if side is self._listening:
                    self._accept()
                elif isinstance(side, socket.socket) and side in self._other:
                    self._pass_on(side)

    def stop(self) -> None:
        """End `serve`."""
        self._stop.close()

    def close(self) -> None:
        """Close everything; after `serve` has ended."""
        for side in [*self._other, self._listening, self._stopped]:
            side.close()
        self._selector.close()

    def _accept(self) -> None:
        client, _ = self._listening.accept()
        server = socket.create_connection(self._server)
        for side, other, way in ((client, server, Way.ASKED), (server, client, Way.ANSWERED)):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._other[side] = other, way
            self._selector.register(side, selectors.EVENT_READ)

    def _pass_on(self, side: socket.socket) -> None:
        other, way = self._other[side]
        try:
            data = side.recv(65_536)
            whole = len(data)
            data = self._allowed(way, data)
            other.sendall(data)
        except OSError:
            whole, data = 1, b""
        if not whole or len(data) < whole:
            self._end(side, other)

    def _allowed(self, way: Way, data: bytes) -> bytes:
        with self._lock:
            cut = self._cut
            if cut is None or cut.way is not way or not data:
                return data
            if len(data) <= cut.left:
                cut.left -= len(data)
                return data
            self._cut = None
        if cut.reset:
            for side in self._other:
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        return data[: cut.left]

    def _end(self, *sides: socket.socket) -> None:
        for side in sides:
            with suppress(KeyError):
                self._selector.unregister(side)
            del self._other[side]
            side.close()


@contextmanager
def cutting_proxy(url: str) -> Iterator[CuttingProxy]:
    """Run a proxy in front of a server."""
    proxy = CuttingProxy(url)
    thread = Thread(target=proxy.serve, name="cutting-proxy")
    thread.start()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join()
        proxy.close()
