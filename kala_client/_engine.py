"""Carry out the orders of `_retry.exchange` over httpx, blocking. The rules are elsewhere; here is only the I/O."""

from collections.abc import Callable, Iterator
from typing import TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from kala_client import _deadline
from kala_client._answers import Answer
from kala_client._call import Call
from kala_client._http import Target, Wire
from kala_client._lines import Lines
from kala_client._retry import Exchange, Send, exchange
from kala_client.errors import KalaError

T = TypeVar("T")


def own_connections(target: Target, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """Open connections to one server that say who asks and, without a transport, hold to the deadline of a call.

    Where the environment names a proxy for it they are httpx's, which knows proxies: then a server that drips
    the head of its answer can hold a call for longer.
    """
    parts = urlsplit(target.url)
    proxies = getproxies()
    proxied = (proxies.get(parts.scheme) or proxies.get("all")) and not proxy_bypass(parts.hostname or "")
    if transport is None and not proxied:
        from kala_client._transport import DeadlineTransport

        # To load the certificates takes longer than all else here.
        transport = DeadlineTransport(httpx.create_ssl_context() if parts.scheme == "https" else None)
    return httpx.Client(transport=transport, headers=target.headers)


class Engine:
    """Sends calls; safe to share between threads, as httpx.Client is."""

    def __init__(self, wire: Wire, http: httpx.Client, sleep: Callable[[float], None]) -> None:
        self.wire = wire
        self.sleep = sleep
        self._http = http

    def run(self, call: Call[T], *, within: float | None = None) -> T:
        """Send a call, again where that is safe, and return its value; within so many seconds at the most."""
        remaining = self.wire.deadline(within)
        steps: Exchange[T] = exchange(
            call, self.wire.retry, remaining=remaining, honours_keys=lambda: self.wire.honours_keys
        )
        order = next(steps)
        try:
            while True:
                if isinstance(order, Send):
                    order = steps.send(self._attempt(call, order.attempt, remaining))
                else:
                    self.sleep(order.seconds)
                    order = next(steps)
        except StopIteration as done:
            value: T = done.value
            return value

    def lines(self, call: Call[None]) -> Iterator[str]:
        """Send a call once, and yield the lines of its answer as they come; they may never end."""
        lines = Lines(self.wire.max_body)
        try:
            response = self._http.send(
                self.wire.request(self._http, call, None), stream=True, follow_redirects=False
            )
            try:
                if not response.is_success:
                    call.decode(self._read(call, response, self.wire.deadline()))
                for chunk in response.iter_bytes():
                    yield from lines.feed(chunk)
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise self.wire.failure(call, error) from error
        yield from lines.end()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _attempt(self, call: Call[T], attempt: int, remaining: Callable[[], float]) -> Answer | KalaError:
        since = self.wire.monotonic()
        outcome: Answer | KalaError
        try:
            with _deadline.held(remaining):
                outcome = self._fetch(call, remaining)
        except httpx.HTTPError as error:
            outcome = self.wire.failure(call, error)
        except KalaError as error:
            outcome = error
        self.wire.report(call, attempt, outcome, since)
        return outcome

    def _fetch(self, call: Call[T], remaining: Callable[[], float]) -> Answer:
        request = self.wire.request(self._http, call, remaining())
        response = self._http.send(request, stream=True, follow_redirects=False)
        try:
            return self._read(call, response, remaining)
        finally:
            response.close()

    def _read(self, call: Call[T], response: httpx.Response, remaining: Callable[[], float]) -> Answer:
        body = self.wire.body(call, remaining)
        for chunk in response.iter_bytes():
            body.add(chunk)
        return self.wire.answer(call, response, body.whole())
