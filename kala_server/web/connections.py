"""The HTTP server with limits of its own: how many connections there are, and how long one may hold back.

It knows nothing of what requests say. Tornado's own limits of time are a task and a timer for each request and for
each body, which were a tenth of all that a small request costs; here one look at all connections does for them.
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tornado.http1connection import HTTP1ServerConnection
from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream

from kala_server.web.accepting import Acceptor

_BETWEEN_LOOKS = 0.5
"""Seconds: a connection is closed that much after its time, at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What connections may take."""

    max_connections: int
    header_timeout: timedelta
    """For so long a connection may be without a request, or take to send the head of one."""
    body_timeout: timedelta
    """For so long a client may take to send a body."""
    unread_timeout: timedelta
    """For so long a client may leave what was sent unacknowledged, or its window closed (tcp(7))."""


class BoundedServer(HTTPServer):
    """An HTTPServer that has no more connections than a number, and closes those that hold back for too long."""

    open_connections = 0

    def initialize(  # type: ignore[override]  # it is the constructor of a Configurable
        self, *arguments: Any, bounds: Bounds, **options: Any
    ) -> None:
        """Make the server, without Tornado's own limit of time, which has a default."""
        super().initialize(*arguments, **options)
        self.conn_params.header_timeout = None
        self.bounds = bounds
        self._deadlines: dict[HTTP1ServerConnection, float] = {}
        """Until when each connection that is waited for may hold back."""
        self._looking: asyncio.TimerHandle | None = None
        self._acceptors: list[Acceptor] = []

    def add_sockets(self, sockets: Iterable[socket.socket]) -> None:
        """Accept connections while there is room; `stop` ends it, as Tornado's own way of accepting."""
        for listening in sockets:
            acceptor = Acceptor(listening, self._handle_connection, self._has_room)
            self._acceptors.append(acceptor)
            self._sockets[listening.fileno()] = listening
            self._handlers[listening.fileno()] = acceptor.stop

    def _has_room(self) -> bool:
        return self.open_connections < self.bounds.max_connections

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """Serve a new connection."""
        self.open_connections += 1
        assert stream.socket is not None, "a stream has one until it is closed"
        if stream.socket.family in {socket.AF_INET, socket.AF_INET6}:
            milliseconds = round(self.bounds.unread_timeout.total_seconds() * 1000)
            stream.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        super().handle_stream(stream, address)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Wait for a request."""
        assert isinstance(server_conn, HTTP1ServerConnection)
        self.expect(server_conn, self.bounds.header_timeout)
        return _Watched(super().start_request(server_conn, request_conn), self, server_conn)

    def expect(self, server_conn: HTTP1ServerConnection, within: timedelta) -> None:
        """Close the connection unless something else is said of it within this time."""
        self._deadlines[server_conn] = time.monotonic() + within.total_seconds()
        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(_BETWEEN_LOOKS, self._look)

    def expect_nothing(self, server_conn: HTTP1ServerConnection) -> None:
        """Leave the connection alone: it is our turn."""
        self._deadlines.pop(server_conn, None)

    def on_close(self, server_conn: object) -> None:
        """Make room again."""
        assert isinstance(server_conn, HTTP1ServerConnection)
        self.open_connections -= 1
        for acceptor in self._acceptors:
            acceptor.go_on()
        self.expect_nothing(server_conn)
        super().on_close(server_conn)

    def _look(self) -> None:
        now = time.monotonic()
        for server_conn in [each for each, deadline in self._deadlines.items() if deadline < now]:
            server_conn.stream.close()
        later = asyncio.get_running_loop().call_later
        self._looking = later(_BETWEEN_LOOKS, self._look) if self._deadlines else None


class _Watched(HTTPMessageDelegate):
    """A request on its way in: tells the server what is waited for, and passes everything on."""

    def __init__(
        self, request: HTTPMessageDelegate, server: BoundedServer, conn: HTTP1ServerConnection
    ) -> None:
        self._request = request
        self._server = server
        self._conn = conn

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        self._server.expect(self._conn, self._server.bounds.body_timeout)
        return self._request.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return self._request.data_received(chunk)

    def finish(self) -> None:
        self._server.expect_nothing(self._conn)
        self._request.finish()

    def on_connection_close(self) -> None:
        self._request.on_connection_close()
