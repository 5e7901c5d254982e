"""The HTTP server with limits that Tornado lacks: how many connections there are, and how long one may hold back.

It knows nothing of requests.
"""

import socket
from datetime import timedelta
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream


class BoundedServer(HTTPServer):
    """An HTTPServer that closes the connections beyond a number at once, and those that take nothing in."""

    max_connections = 512
    unread_timeout = timedelta(seconds=30)
    """For so long a client may leave what was sent unacknowledged, or its window closed (tcp(7))."""
    open_connections = 0

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """Serve a new connection, if there is room for it."""
        if self.open_connections >= self.max_connections:
            stream.close()
            return
        self.open_connections += 1
        if stream.socket.family in {socket.AF_INET, socket.AF_INET6}:
            milliseconds = round(self.unread_timeout.total_seconds() * 1000)
            stream.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        super().handle_stream(stream, address)

    def on_close(self, server_conn: object) -> None:
        """Make room again."""
        self.open_connections -= 1
        super().on_close(server_conn)
