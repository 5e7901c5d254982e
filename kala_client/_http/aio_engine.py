"""Carry out the orders of `_retry.exchange` over httpx on asyncio. It is `_engine` with awaits, and nothing more."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import httpx

from kala_client._calls.answers import Answer
from kala_client._calls.call import Call
from kala_client._calls.retry import Exchange, RetryPolicy, Send, exchange
from kala_client._http.aio_connections import Connections
from kala_client._http.failures import FAILURES, inherited
from kala_client._http.lines import Lines
from kala_client._http.request import Wire, coding_of
from kala_client.errors import KalaError

T = TypeVar("T")


class AsyncEngine:
    """Sends calls, for the tasks of any event loop."""

    def __init__(
        self, wire: Wire, connections: Connections, sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self.wire = wire
        self.sleep = sleep
        self._connections = connections
        self._borrows = False

    def with_options(self, timeout: float | None, retry: RetryPolicy | None) -> "AsyncEngine":
        """Return one with other options over the same connections, which it leaves open."""
        other = AsyncEngine(self.wire.with_options(timeout, retry), self._connections, self.sleep)
        other._borrows = True
        return other

    async def run(self, call: Call[T], *, within: float | None = None) -> T:
        """Send a call, again where that is safe, and return its value; within so many seconds at the most."""
        remaining = self.wire.deadline(within)
        steps: Exchange[T] = exchange(
            call, self.wire.retry, remaining=remaining, honours_keys=lambda: self.wire.honours_keys
        )
        order = next(steps)
        try:
            while True:
                if isinstance(order, Send):
                    order = steps.send(await self._attempt(order.call, order.attempt, remaining))
                else:
                    await self.sleep(order.seconds)
                    order = next(steps)
        except StopIteration as done:
            value: T = done.value
            return value

    async def lines(self, call: Call[None]) -> AsyncIterator[str]:
        """Send a call once, and yield the lines of its answer as they come; they may never end."""
        lines = Lines(self.wire.max_body)
        process = os.getpid()
        try:
            response = await self._send(call, lambda: None)
            try:
                if not response.is_success:
                    call.decode(await self._read(call, response, self.wire.deadline()))
                self.wire.begin(call, response)
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
            raise self.wire.failure(call, error)  # noqa: B904 - it has its cause
        for line in lines.end():
            yield line

    async def close(self) -> None:
        """Close the connections."""
        if not self._borrows:
            await self._connections.close()

    async def _attempt(
        self, call: Call[T], attempt: int, remaining: Callable[[], float]
    ) -> Answer | KalaError:
        since = self.wire.monotonic()
        outcome: Answer | KalaError
        try:
            async with asyncio.timeout(max(remaining(), 0)):
                outcome = await self._fetch(call, remaining)
        except FAILURES as error:
            outcome = self.wire.failure(call, error)
        self.wire.report(call, attempt, outcome, since)
        return outcome

    async def _fetch(self, call: Call[T], remaining: Callable[[], float]) -> Answer:
        response = await self._send(call, remaining)
        try:
            return await self._read(call, response, remaining)
        finally:
            await response.aclose()

    async def _send(self, call: Call[T], seconds: Callable[[], float | None]) -> httpx.Response:
        http = await self._connections.current()
        try:
            return await self._answered(http, self.wire.request(http, call, seconds()))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            if not self.wire.spoke_no_tls(error):
                raise
            if await self._speaks_http(http, self.wire.question(seconds())):
                raise self.wire.speaks_http() from error
            if isinstance(error, httpx.ConnectError):
                raise
            self.wire.unproven = False  # so it is slow, and is given the time
            return await self._answered(http, self.wire.request(http, call, seconds()))

    async def _answered(self, http: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
        response = await http.send(request, stream=True, follow_redirects=False)
        self.wire.unproven = False
        return response

    @staticmethod
    async def _speaks_http(http: httpx.AsyncClient, question: httpx.Request) -> bool:
        try:
            response = await http.send(question, stream=True, follow_redirects=False)
        except httpx.HTTPError:
            return False
        await response.aclose()
        return response.status_code != 400  # with which servers that speak TLS answer to http

    async def _read(self, call: Call[T], response: httpx.Response, remaining: Callable[[], float]) -> Answer:
        body = self.wire.body(call, response, remaining)
        async for chunk in _chunks(response):
            body.add(chunk)
        return self.wire.answer(call, response, body.whole())


async def _chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield what comes in, as it is; a hook of the caller's may have read it all, and undone its coding."""
    if response.is_stream_consumed:
        yield response.content
        return
    async for chunk in response.aiter_raw():
        yield chunk
