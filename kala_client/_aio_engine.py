"""Carry out the orders of `_retry.exchange` over httpx on asyncio. It is `_engine` with awaits, and nothing more."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import httpx

from kala_client._answers import Answer
from kala_client._call import Call
from kala_client._http import Wire
from kala_client._lines import Lines
from kala_client._retry import Exchange, Send, exchange
from kala_client.errors import KalaError

T = TypeVar("T")


class AsyncEngine:
    """Sends calls; for the tasks of one event loop."""

    def __init__(
        self, wire: Wire, http: httpx.AsyncClient, sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self.wire = wire
        self.sleep = sleep
        self._http = http

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
                    order = steps.send(await self._attempt(call, order.attempt, remaining))
                else:
                    await self.sleep(order.seconds)
                    order = next(steps)
        except StopIteration as done:
            value: T = done.value
            return value

    async def lines(self, call: Call[None]) -> AsyncIterator[str]:
        """Send a call once, and yield the lines of its answer as they come; they may never end."""
        lines = Lines(self.wire.max_body)
        try:
            response = await self._http.send(
                self.wire.request(self._http, call, None), stream=True, follow_redirects=False
            )
            try:
                if not response.is_success:
                    call.decode(await self._read(call, response, self.wire.deadline()))
                async for chunk in response.aiter_bytes():
                    for line in lines.feed(chunk):
                        yield line
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            raise self.wire.failure(call, error) from error
        for line in lines.end():
            yield line

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _attempt(
        self, call: Call[T], attempt: int, remaining: Callable[[], float]
    ) -> Answer | KalaError:
        since = self.wire.monotonic()
        outcome: Answer | KalaError
        try:
            async with asyncio.timeout(max(remaining(), 0)):
                outcome = await self._fetch(call, remaining)
        except (httpx.HTTPError, TimeoutError) as error:
            outcome = self.wire.failure(call, error)
        except KalaError as error:
            outcome = error
        self.wire.report(call, attempt, outcome, since)
        return outcome

    async def _fetch(self, call: Call[T], remaining: Callable[[], float]) -> Answer:
        request = self.wire.request(self._http, call, remaining())
        response = await self._http.send(request, stream=True, follow_redirects=False)
        try:
            return await self._read(call, response, remaining)
        finally:
            await response.aclose()

    async def _read(self, call: Call[T], response: httpx.Response, remaining: Callable[[], float]) -> Answer:
        body = self.wire.body(call, remaining)
        async for chunk in response.aiter_bytes():
            body.add(chunk)
        return self.wire.answer(call, response, body.whole())
