"""Carry out the orders of `_retry.exchange` over httpx on asyncio. It is `_engine` with awaits, and nothing more."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

import httpx

from kala_client._calls.answers import Answer
from kala_client._calls.call import Call
from kala_client._calls.retry import Exchange, RetryPolicy, Send, exchange, may_pass, nothing_was_done
from kala_client._calls.servers import Servers
from kala_client._http.aio_connections import Connections
from kala_client._http.failures import FAILURES, inherited
from kala_client._http.lines import Lines
from kala_client._http.request import Wire, coding_of
from kala_client.errors import KalaError

T = TypeVar("T")


class AsyncEngine:
    """Sends calls, for the tasks of any event loop."""

    def __init__(
        self,
        wires: Sequence[Wire],
        connections: Connections,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.servers = Servers([wire.target.url for wire in wires])
        self._wires = wires
        self.sleep = sleep
        self._connections = connections
        self._borrows = False

    def with_options(self, timeout: float | None, retry: RetryPolicy | None) -> "AsyncEngine":
        """Return one with other options over the same connections, which it leaves open."""
        rules = self.wire.rules.with_options(timeout, retry)
        other = AsyncEngine([wire.with_rules(rules) for wire in self._wires], self._connections, self.sleep)
        other.servers, other._borrows = self.servers, True
        return other

    @property
    def wire(self) -> Wire:
        """The server that is asked first."""
        return self._wires[self.servers.first]

    async def run(self, call: Call[T], *, within: float | None = None) -> T:
        """Send a call, again where that is safe, and return its value; within so many seconds at the most."""
        rules = self.wire.rules
        remaining = rules.deadline(within)
        steps: Exchange[T] = exchange(
            call,
            rules.retry,
            servers=self.servers,
            remaining=remaining,
            honours_keys=lambda: rules.known.honours_keys,
        )
        order = next(steps)
        try:
            while True:
                if isinstance(order, Send):
                    order = steps.send(await self._attempt(order, remaining))
                else:
                    await self.sleep(order.seconds)
                    order = next(steps)
        except StopIteration as done:
            value: T = done.value
            return value

    async def lines(self, call: Call[None], lines: Lines) -> AsyncIterator[str]:
        """Send a call, and yield the lines that the answer ends as it comes; it may never end.

        Another server is asked where one is not reached, and none where an answer breaks off.
        """
        process = os.getpid()
        at, response = await self._begin(call)
        wire = self._wires[at]
        try:
            try:
                if not response.is_success:
                    call.decode(await self._read(wire, call, response, wire.rules.deadline()))
                wire.begin(call, response)
                coding = coding_of(response)
                async for chunk in _chunks(response):
                    if os.getpid() != process:
                        raise inherited()
                    for piece in coding.feed(chunk):
                        for line in lines.feed(piece):
                            yield line
                coding.end()
            finally:
                await response.aclose()
        except FAILURES as error:
            failure = wire.failure(call, error)
            if may_pass(failure):
                self.servers.failed(at)
            raise failure  # noqa: B904 - it has its cause

    async def close(self) -> None:
        """Close the connections."""
        if not self._borrows:
            await self._connections.close()

    async def _begin(self, call: Call[None]) -> tuple[int, httpx.Response]:
        """Send a call to one server after another, until one is reached; return which, and what it answers."""
        for at in self.servers.in_turn():
            try:
                return at, await self._send(self._wires[at], call, lambda: None)
            except FAILURES as error:
                failure = self._wires[at].failure(call, error)
            self.servers.failed(at)
            if not nothing_was_done(failure):
                break
        raise failure

    async def _attempt(self, order: Send, remaining: Callable[[], float]) -> Answer | KalaError:
        wire = self._wires[order.at]
        if order.within is not None:
            wire = wire.with_rules(wire.rules.with_options(order.within, None))
            remaining = wire.rules.deadline()
        since = wire.rules.monotonic()
        outcome: Answer | KalaError
        try:
            async with asyncio.timeout(max(remaining(), 0)):
                outcome = await self._fetch(wire, order.call, remaining)
        except FAILURES as error:
            outcome = wire.failure(order.call, error)
        wire.report(order.call, order.attempt, outcome, since)
        return outcome

    async def _fetch(self, wire: Wire, call: Call[T], remaining: Callable[[], float]) -> Answer:
        response = await self._send(wire, call, remaining)
        try:
            return await self._read(wire, call, response, remaining)
        finally:
            await response.aclose()

    async def _send(self, wire: Wire, call: Call[T], seconds: Callable[[], float | None]) -> httpx.Response:
        http = await self._connections.current(wire.target)
        try:
            return await self._answered(wire, http, wire.request(http, call, seconds()))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if not wire.spoke_no_tls(error):
                raise
            if await self._speaks_http(http, wire.question(seconds())):
                raise wire.speaks_http() from error
            if isinstance(error, httpx.ConnectError):
                raise
            wire.proven()  # so it is slow, and is given the time
            return await self._answered(wire, http, wire.request(http, call, seconds()))

    @staticmethod
    async def _answered(wire: Wire, http: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        response = await http.send(request, stream=True, follow_redirects=False)
        wire.proven()
        return response

    @staticmethod
    async def _speaks_http(http: httpx.AsyncClient, question: httpx.Request) -> bool:
        try:
            response = await http.send(question, stream=True, follow_redirects=False)
        except httpx.HTTPError:
            return False
        await response.aclose()
        return response.status_code != 400  # with which servers that speak TLS answer to http

    @staticmethod
    async def _read(
        wire: Wire, call: Call[T], response: httpx.Response, remaining: Callable[[], float]
    ) -> Answer:
        body = wire.body(call, response, remaining)
        async for chunk in _chunks(response):
            body.add(chunk)
        return wire.answer(call, response, body.whole())


async def _chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield what comes in, as it is; a hook of the caller's may have read it all, and undone its coding."""
    if response.is_stream_consumed:
        yield response.content
        return
    async for chunk in response.aiter_raw():
        yield chunk
