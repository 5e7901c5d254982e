"""The blocking client's own connections, whose every wait for bytes is held to the deadline of the call.

httpx.HTTPTransport gives each read the whole timeout anew, so a server that drips the head of its answer holds a
call for as long as it likes; and it takes no network backend. This is that transport over the public parts of
httpcore, with a backend that asks `_deadline`. It must not know more: no environment, no Unix sockets, no HTTP/2.
asyncio needs none of this: there `asyncio.timeout` ends a call wherever it waits.

Imported when a client is made, not before: httpx too imports httpcore that late.
"""

import ssl
from collections.abc import Iterable, Iterator
from typing import Any
from weakref import WeakSet

import httpcore
import httpx

from kala_client._http import deadline

_BLOCK = 65_536
_FAILURES = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
)


class DeadlineTransport(httpx.BaseTransport):
    """Connections over HTTP/1.1, as many as httpx keeps; safe to share between threads."""

    def __init__(
        self,
        ssl_context: ssl.SSLContext | None,
        backend: httpcore.NetworkBackend | None = None,
        *,
        proxy: httpx.Proxy | None = None,
    ) -> None:
        self._backend = _Backend(backend or httpcore.SyncBackend())
        self._pool = _pool(ssl_context, proxy, self._backend)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and return the answer as soon as its head is there."""
        url = request.url
        asked = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            answer = self._pool.handle_request(asked)
        except _FAILURES as error:
            raise _as_httpx(error) from error
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def abandon(self) -> None:
        """Let go of connections that a fork has brought along.

        They are the parent's, so nothing is said on them; nor is the pool asked, whose lock a thread of the parent
        may have held.
        """
        self._backend.abandon()


def _pool(
    ssl_context: ssl.SSLContext | None, proxy: httpx.Proxy | None, backend: httpcore.NetworkBackend
) -> httpcore.ConnectionPool:
    options: dict[str, Any] = {
        "ssl_context": ssl_context,
        "max_connections": 100,
        "max_keepalive_connections": 20,
        "keepalive_expiry": 5.0,
        "network_backend": backend,
    }
    if proxy is None:
        return httpcore.ConnectionPool(**options)
    url = proxy.url
    options |= {
        "proxy_url": httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"/"),
        "proxy_auth": proxy.raw_auth,
    }
    if url.scheme.startswith("socks"):
        return httpcore.SOCKSProxy(**options)
    return httpcore.HTTPProxy(**options, proxy_ssl_context=proxy.ssl_context)


class _Body(httpx.SyncByteStream):
    """The body of an answer, as it comes in."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._answer.iter_stream()
        except _FAILURES as error:
            raise _as_httpx(error) from error

    def close(self) -> None:
        self._answer.close()


class _Backend(httpcore.NetworkBackend):
    """Opens connections that hold to the deadline, and knows those that are open."""

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        self._backend = backend
        self._open: WeakSet[httpcore.NetworkStream] = WeakSet()

    def stream(self, stream: httpcore.NetworkStream) -> httpcore.NetworkStream:
        self._open.add(stream)
        return _Stream(stream, self)

    def abandon(self) -> None:
        for stream in self._open:
            stream.close()  # of a socket: its descriptor in this process, without a farewell of TLS

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        seconds = _bound(timeout, httpcore.ConnectTimeout)
        return self.stream(
            self._backend.connect_tcp(
                host, port, timeout=seconds, local_address=local_address, socket_options=socket_options
            )
        )


class _Stream(httpcore.NetworkStream):
    """One connection."""

    def __init__(self, stream: httpcore.NetworkStream, backend: _Backend) -> None:
        self._stream = stream
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout=_bound(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # In blocks, as the write of a whole body waits as often as it fills the buffer of the socket.
        for start in range(0, len(buffer), _BLOCK):
            seconds = _bound(timeout, httpcore.WriteTimeout)
            self._stream.write(buffer[start : start + _BLOCK], timeout=seconds)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = _bound(timeout, httpcore.ConnectTimeout)
        return self._backend.stream(self._stream.start_tls(ssl_context, server_hostname, timeout=seconds))

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _bound(timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    """Return how many seconds a wait may take; raises where none are left, which a socket takes for "at once"."""
    seconds = deadline.bound(timeout)
    if seconds is not None and seconds <= 0:
        raise late("the deadline of the call has passed")
    return seconds


def _as_httpx(error: Exception) -> httpx.TransportError:
    """Return httpcore's error as that of httpx, which has the same name."""
    named: type[httpx.TransportError] = getattr(httpx, type(error).__name__)
    return named(str(error))
