"""A proxy below a path, as a site has one: `/ops/kala/` of it is the root of a server. It passes bytes on."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

PREFIX = "/ops/kala"


@contextmanager
def below_a_path(url: str) -> Iterator[str]:
    """Run the proxy while the block lasts; return where the server is behind it."""
    behind = urlsplit(url)
    assert behind.hostname is not None
    assert behind.port is not None
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(
            target=_accept, args=(listening, (behind.hostname, behind.port)), daemon=True
        ).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}{PREFIX}"
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def _accept(listening: socket.socket, server: tuple[str, int]) -> None:
    while True:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(client, server), daemon=True).start()


def _serve(client: socket.socket, server: tuple[str, int]) -> None:
    """Answer one request, of which the head comes at once, on a connection of its own."""
    with client, suppress(OSError), socket.create_connection(server) as behind:
        head, _, rest = client.recv(65_536).partition(b"\r\n\r\n")
        method, path, version = head.split(b"\r\n", 1)[0].split(b" ")
        if not path.startswith(PREFIX.encode()):
            client.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        stripped = path[len(PREFIX) :] or b"/"
        lines = [line for line in head.split(b"\r\n")[1:] if not line.lower().startswith(b"connection:")]
        first = b" ".join((method, stripped, version))
        behind.sendall(b"\r\n".join([first, *lines, b"Connection: close"]) + b"\r\n\r\n" + rest)
        upward = threading.Thread(target=_pump, args=(client, behind), daemon=True)
        upward.start()
        _pump(behind, client)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
