"""A port for a server of a test that is told where to listen, and may be started there again."""

import random
import socket

_PORTS = (20_000, 32_000)
"""Below those that the kernel draws: whoever tries a port of these again and again could be connected to himself."""


def free_port() -> int:
    """Return a port where nobody listens."""
    while True:
        port = random.randint(*_PORTS)
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
