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
    """The connections to the servers of one Kala: our own, or those of what the caller gave us for all of them."""

    def __init__(
        self,
        routes: Routes,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self._routes = routes
        self._transport = transport
        self._given = http_client
        self._given_at: _Place | None = None
        self._closed = False
        self._by_place: dict[tuple[_Place, str], _Opened] = {}

    def way(self, target: Target) -> Way:
        """Return what is known of the way to a server, which those who give us connections choose themselves."""
        if self._given is not None or self._transport is not None:
            return Way(ours=False)
        return Way(ours=True, proxy=self._routes.proxy_for(target.url))

    async def current(self, target: Target) -> httpx.AsyncClient:
        """Return this loop's connections to a server. Raises KalaConnectionError where there can be none."""
        if self._closed:
            raise closed()
        here = (os.getpid(), asyncio.get_running_loop())
        opened = self._by_place.get((here, target.url))
        if opened is None:
            self._forget_ended()
            opened = self._by_place[here, target.url] = await self._open(here, target)
        if opened.http.is_closed:
            raise closed()
        return opened.http

    async def close(self) -> None:
        """Close them, but not a client that was given; no call can be made after that.

        Those of another loop are closed by it, at its next turn or at its end.
        """
        self._closed = True
        here = (os.getpid(), asyncio.get_running_loop())
        endings = [opened.ending for (place, _), opened in self._by_place.items() if place == here]
        # What a fork has brought along stays: it is the parent's to close, also by way of its loop.
        self._by_place = {key: kept for key, kept in self._by_place.items() if key[0][0] != here[0]}
        for ending in filter(None, endings):
            await ending.aclose()

    async def _open(self, here: _Place, target: Target) -> "_Opened":
        if self._given is not None or self._transport is not None:
            self._take(here)
        if self._given is not None:
            return _Opened(self._given, None)
        transport = self._transport or self._routes.asynchronous(target.url)
        http = httpx.AsyncClient(transport=transport, headers=target.headers, trust_env=False)
        ending = _ends_with_its_loop(http)
        await anext(ending)
        return _Opened(http, ending)

    def _take(self, here: _Place) -> None:
        """Refuse what was given where another loop uses it; a transport is free again when that has ended."""
        before = self._given_at
        if before not in {None, here} and (before[0] != here[0] or self._given or not before[1].is_closed()):
            given = "http_client" if self._given else "transport"
            raise KalaConnectionError.lasting_error(
                f"the {given} belongs to another event loop or process: make a client in each"
            )
        self._given_at = here

    def _forget_ended(self) -> None:
        for key in [key for key in self._by_place if key[0][1].is_closed()]:
            self._by_place.pop(key, None)


@dataclass(frozen=True, slots=True)
class _Opened:
    """The connections of one place to a server, and what closes them there; None where that is not for us."""

    http: httpx.AsyncClient
    ending: AsyncGenerator[None] | None


async def _ends_with_its_loop(http: httpx.AsyncClient) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await http.aclose()
