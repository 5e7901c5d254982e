"""A proxy before a server that answers each thing it is asked: it loses an answer, or is late with what is asked."""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

_MUCH = 1 << 20


class LosingProxy:
    """Listens on `port`."""

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.loses_the_answer_to = b""
        """Once something with these bytes is asked, its answer is lost, and the connection."""
        self.holds_back = b""
        """Something with these bytes is held back, and the connection is lost."""
        self.held: list[tuple[socket.socket, bytes]] = []
        self._sockets = ExitStack()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def let_go(self) -> bytes:
        """Send on what was held back, and return what is answered."""
        [(server, asked)] = self.held
        server.sendall(asked)
        return server.recv(_MUCH)

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
                for one in (server, client):
                    self._sockets.callback(_close, one)
                thread = threading.Thread(target=self._carry, args=(client, server))
                self._threads.append(thread)
                thread.start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError, ValueError):
            while True:
                ready, _, _ = select.select([client, server], [], [])
                if server in ready:
                    client.sendall(_some(server))
                elif not self._asked(client, server):
                    break
        _close(client)
        if server not in (held for held, _ in self.held):
            _close(server)

    def _asked(self, client: socket.socket, server: socket.socket) -> bool:
        """Pass on what is asked; False where the connection is lost then."""
        asked = _some(client)
        if self.holds_back and self.holds_back in asked:
            self.holds_back = b""
            self.held.append((server, asked))
            return False
        server.sendall(asked)
        if self.loses_the_answer_to and self.loses_the_answer_to in asked:
            self.loses_the_answer_to = b""
            _some(server)
            return False
        return True


def _some(one: socket.socket) -> bytes:
    if received := one.recv(_MUCH):
        return received
    raise ConnectionResetError


def _close(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextmanager
def losing_proxy(port: int) -> Iterator[LosingProxy]:
    """Stand before a server of this machine."""
    proxy = LosingProxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
