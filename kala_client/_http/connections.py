"""Whose connections a blocking client uses: each process has its own.

A connection that a fork has brought along is the parent's too, and whoever reads first has the answer to the other's
question. So a child drops what it has inherited, without a word on it. It must not send calls: `_engine` does.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import httpx

from kala_client._http.failures import closed
from kala_client._http.request import Way
from kala_client._http.route import Routes
from kala_client._http.target import Target

_Place = tuple[int, str]
"""A process, and the address to which it has connections."""


class Connections:
    """The connections to the servers of one Kala: our own, or those of what the caller gave us for all of them."""

    def __init__(
        self,
        routes: Routes,
        *,
        transport: httpx.BaseTransport | None = None,
        http_client: httpx.Client | None = None,
    ) -> None:
        self._routes = routes
        self._transport = transport
        self._given = http_client
        self._closed = False
        self._by_place: dict[_Place, _Opened] = {}

    def way(self, target: Target) -> Way:
        """Return what is known of the way to a server, which those who give us connections choose themselves."""
        if self._given is not None or self._transport is not None:
            return Way(ours=False)
        return Way(ours=True, proxy=self._routes.proxy_for(target.url))

    def current(self, target: Target) -> httpx.Client:
        """Return this process's connections to a server. Raises KalaConnectionError where there can be none."""
        if self._closed:
            raise closed()
        here = (os.getpid(), target.url)
        opened = self._by_place.get(here)
        if opened is None:
            self._drop_inherited()
            # Threads may both come here: to make a client opens nothing, so the one that loses is only forgotten.
            opened = self._by_place.setdefault(here, self._open(target))
        if opened.http.is_closed:
            raise closed()
        return opened.http

    def close(self) -> None:
        """Close them, but not a client that was given; no call can be made after that."""
        self._closed = True
        self._drop_inherited()
        for opened in self._by_place.values():
            if opened.http is not self._given:
                opened.http.close()

    def _open(self, target: Target) -> "_Opened":
        if self._given is not None:
            return _Opened(self._given, partial(_close_transports, self._given))
        if self._transport is not None:
            return _Opened(self._client_over(self._transport, target), self._transport.close)
        transport = self._routes.blocking(target.url)
        return _Opened(self._client_over(transport, target), transport.abandon)

    @staticmethod
    def _client_over(transport: httpx.BaseTransport, target: Target) -> httpx.Client:
        return httpx.Client(transport=transport, headers=target.headers, trust_env=False)

    def _drop_inherited(self) -> None:
        for place in [place for place in self._by_place if place[0] != os.getpid()]:
            self._by_place.pop(place).drop()


@dataclass(frozen=True, slots=True)
class _Opened:
    """The connections of one process to a server, and how another process lets go of them.

    A transport can be used again after that.
    """

    http: httpx.Client
    drop: Callable[[], None]


def _close_transports(http: httpx.Client) -> None:
    # httpx has no public way to drop the connections of a client that is to be used on.
    for transport in (http._transport, *http._mounts.values()):  # noqa: SLF001
        if transport is not None:
            transport.close()
