"""Whose connections an asyncio client uses: each event loop of each process has its own.

asyncio's connections belong to the loop that opened them, and can be read, and closed, by no other. So they end with
it: a loop that ends lets the asynchronous generators end that were begun in it (PEP 525), and one that is dropped is
ended in its own loop, from whatever thread. `_connections` says why a child has others than its parent. It must not
send calls: `_aio_engine` does.
"""

import asyncio
import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import httpx

from kala_client._http.failures import closed
from kala_client._http.request import Way
from kala_client._http.route import Routes
from kala_client._http.target import Target
from kala_client.errors import KalaConnectionError

_Place = tuple[int, asyncio.AbstractEventLoop]
"""A process, and a loop in it; a loop that is forked is another one."""


class Connections:
    """The connections to one server: our own, or those of a transport or a client that the caller gave us."""

    def __init__(
        self,
        target: Target,
        routes: Routes,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self._target = target
        self._routes = routes
        self._transport = transport
        self._given = http_client
        self._given_at: _Place | None = None
        self._closed = False
        self._by_place: dict[_Place, _Opened] = {}

    @property
    def way(self) -> Way:
        """What is known of the way to the server, which those who give us connections choose themselves."""
        if self._given is not None or self._transport is not None:
            return Way(ours=False)
        return Way(ours=True, proxy=self._routes.proxy_for(self._target.url))

    async def current(self) -> httpx.AsyncClient:
        """Return the connections of this loop. Raises KalaConnectionError where there can be none."""
        if self._closed:
            raise closed()
        here = (os.getpid(), asyncio.get_running_loop())
        opened = self._by_place.get(here)
        if opened is None:
            self._forget_ended()
            opened = self._by_place[here] = await self._open(here)
        if opened.http.is_closed:
            raise closed()
        return opened.http

    async def close(self) -> None:
        """Close them, but not a client that was given; no call can be made after that.

        Those of another loop are closed by it, at its next turn or at its end.
        """
        self._closed = True
        here = self._by_place.pop((os.getpid(), asyncio.get_running_loop()), None)
        # What a fork has brought along stays: it is the parent's to close, also by way of its loop.
        self._by_place = {place: kept for place, kept in self._by_place.items() if place[0] != os.getpid()}
        if here is not None and here.ending is not None:
            await here.ending.aclose()

    async def _open(self, here: _Place) -> "_Opened":
        if self._given is not None or self._transport is not None:
            self._take(here)
        if self._given is not None:
            return _Opened(self._given, None)
        transport = self._transport or self._routes.asynchronous(self._target.url)
        http = httpx.AsyncClient(transport=transport, headers=self._target.headers, trust_env=False)
        ending = _ends_with_its_loop(http)
        await anext(ending)
        return _Opened(http, ending)

    def _take(self, here: _Place) -> None:
        """Refuse what was given where another loop uses it; a transport is free again when that has ended."""
        before = self._given_at
        if before is not None and (before[0] != here[0] or self._given or not before[1].is_closed()):
            given = "http_client" if self._given else "transport"
            raise KalaConnectionError.lasting_error(
                f"the {given} belongs to another event loop or process: make a client in each"
            )
        self._given_at = here

    def _forget_ended(self) -> None:
        for place in [place for place in self._by_place if place[1].is_closed()]:
            self._by_place.pop(place, None)


@dataclass(frozen=True, slots=True)
class _Opened:
    """The connections of one place, and what closes them there; None where that is not for us."""

    http: httpx.AsyncClient
    ending: AsyncGenerator[None] | None


async def _ends_with_its_loop(http: httpx.AsyncClient) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await http.aclose()
