"""A transport for HTTP jobs that calls a server at an address which was checked, and at no other.

A name is looked up once, here: its owner could let it lead elsewhere when it is looked up again to connect. The
server's name stays what it is in `Host` and in TLS. Where a proxy is between, it looks the name up, and the name alone
is checked.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import httpx

from kala_server.runners.http.reach import Address, NotAllowedError, Reach, address_of

LookUp = Callable[[str], Awaitable[list[str]]]


async def look_up(host: str) -> list[str]:
    """Return the addresses to which a name leads, in the order in which the system would try them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class CheckedTransport(httpx.AsyncBaseTransport):
    """Sends what may be sent by way of another transport."""

    def __init__(
        self, inner: httpx.AsyncBaseTransport, reach: Reach, *, proxied: bool, look_up: LookUp = look_up
    ) -> None:
        self._inner = inner
        self._reach = reach
        self._proxied = proxied
        self._look_up = look_up

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request to the first address that may be called and answers. Raises NotAllowedError."""
        host = request.url.raw_host.decode("ascii")
        if self._proxied:
            self._reach.check(host, _written_address(host))
            return await self._inner.handle_async_request(request)
        *others, last = await self._allowed(host, request)
        for address in others:
            try:
                return await self._inner.handle_async_request(_sent_to(address, host, request))
            except httpx.ConnectError:
                continue
        return await self._inner.handle_async_request(_sent_to(last, host, request))

    async def aclose(self) -> None:
        """Close the other transport."""
        await self._inner.aclose()

    async def _allowed(self, host: str, request: httpx.Request) -> list[str]:
        """Return the addresses of the host that may be called, at least one."""
        try:
            addresses = await self._look_up(host)
        except OSError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        allowed, refused = [], NotAllowedError(f"{host} has no address")
        for address in addresses:
            try:
                self._reach.check(host, address_of(address))
            except NotAllowedError as refusal:
                refused = refusal
            else:
                allowed.append(address)
        if not allowed:
            raise refused
        return allowed


def _written_address(host: str) -> Address | None:
    """Return the address that a host is, in whatever way it is written (`127.1`); None for a name."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except OSError:
        return None
    return address_of(str(found[0][4][0]))


def _sent_to(address: str, host: str, request: httpx.Request) -> httpx.Request:
    """Return the request with an address in place of the name, which stays that of `Host` and of TLS."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )
