"""Carries out the HTTP calls of jobs of type 1; the answer's body is the run's output.

Redirects are not followed, cookies are not kept, and nothing of the URL but its server's name gets into a reason: a
path or a query may be the secret. The way to a server is read from the environment as the client reads it.
"""

import asyncio
import os
from collections.abc import Collection, Mapping
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from kala_client import KalaConnectionError
from kala_client._http.network import Network
from kala_client._http.route import Routes
from kala_server.boot_time import boot_time
from kala_server.core.model.job import RemoteCall
from kala_server.ports.runner import TOO_LATE, Attempt, Listener, Outcome
from kala_server.runners.http.checked_transport import CheckedTransport, LookUp, look_up
from kala_server.runners.http.reach import NotAllowedError, Reach
from kala_server.runners.room import check_for_descriptors, want_in

DEFAULT_TIMEOUT = 30.0
"""Seconds for the whole call, where the job names none; as Kala."""

_DEFAULT_HEADERS = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
"""The first as Kala sends it; the second so that an answer is no larger than what comes over the wire."""
_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=0)
_OF_THE_FRAME = {"content-length", "transfer-encoding", "trailer"}


class HttpRunner:
    """Makes each call on a connection of its own, by the way that the environment names."""

    def __init__(
        self,
        environment: Mapping[str, str] = os.environ,
        *,
        reach: Reach | None = None,
        look_up: LookUp = look_up,
    ) -> None:
        self._routes = Routes(Network.read(environment))
        self._reach = reach or Reach()
        self._look_up = look_up
        self._calls: dict[str, asyncio.Task[Outcome]] = {}
        self._listener: Listener

    def attach(self, listener: Listener, mark: str = "") -> None:  # noqa: ARG002 - a call outlives no server
        """Say whom to tell."""
        self._listener = listener

    async def adopt(self, handles: Collection[str]) -> frozenset[str]:  # noqa: ARG002 - the port's signature
        """Take over nothing: a call ends with its server."""
        return frozenset()

    def start(self, attempt: Attempt) -> str:
        """Send the request; the outcome follows."""
        if attempt.handle not in self._calls:
            task = asyncio.get_running_loop().create_task(self._carry_out(attempt))
            self._calls[attempt.handle] = task
            task.add_done_callback(partial(self._over, attempt))
        return attempt.handle

    def end(self, handle: str) -> None:
        """Give the call up."""
        if handle in self._calls:
            self._calls[handle].cancel()

    def kill_all(self) -> None:
        """Give every call up."""
        for task in self._calls.values():
            task.cancel()

    def independent(self) -> frozenset[str]:
        """Return nothing: a call ends with its server."""
        return frozenset()

    def leave(self) -> None:
        """Let go of nothing."""

    async def close(self) -> None:
        """Wait for the calls that were given up."""
        await asyncio.gather(*self._calls.values(), return_exceptions=True)

    def _over(self, attempt: Attempt, task: asyncio.Task[Outcome]) -> None:
        """Tell how the call went; one that was given up may not even have begun."""
        del self._calls[attempt.handle]
        given_up = Outcome(succeeded=False, reason=f"{_name(attempt)} was given up")
        self._listener.ended(attempt.handle, given_up if task.cancelled() else task.result())

    async def _carry_out(self, attempt: Attempt) -> Outcome:
        call = attempt.spec.remote_properties
        assert call is not None
        if attempt.comes_too_late(boot_time()):
            return TOO_LATE
        timeout = call.timeout or DEFAULT_TIMEOUT
        name = _name(attempt)
        try:
            name = self._name_and_way(attempt)
            async with asyncio.timeout(timeout):
                status = await self._status(call, attempt.handle)
        except TimeoutError:
            return Outcome(succeeded=False, reason=f"{name} took longer than {timeout:g} s")
        except Exception as error:  # noqa: BLE001 - whatever it is, the run must come to its end
            if want := _want_before_it_was_sent(error):
                return Outcome(succeeded=False, reason=want, put_off=True)
            return Outcome(succeeded=False, reason=f"{name} failed: {_in_words(error)}")
        return _outcome(call, status, name)

    async def _status(self, call: RemoteCall, handle: str) -> int:
        async with _client_over(self._transport(call.url)) as client:
            answer = await client.send(request_of(call, client), stream=True)
            try:
                async for chunk in answer.aiter_raw():
                    self._listener.printed(handle, chunk)
            finally:
                await answer.aclose()
            return answer.status_code

    def _transport(self, url: str) -> httpx.AsyncBaseTransport:
        """Return what goes the way that the environment names, to servers that may be called."""
        transport = self._routes.asynchronous(url, _LIMITS)
        if self._reach.everywhere:
            return transport
        proxied = self._routes.proxy_for(url) is not None
        return CheckedTransport(transport, self._reach, proxied=proxied, look_up=self._look_up)

    def _name_and_way(self, attempt: Attempt) -> str:
        """Return the method and the server, and the proxy that is between."""
        call = attempt.spec.remote_properties
        assert call is not None
        try:
            proxy = self._routes.proxy_for(call.url)
        except httpx.InvalidURL:
            proxy = None
        return f"{_name(attempt)} through the proxy {proxy}" if proxy else _name(attempt)


def request_of(call: RemoteCall, client: httpx.AsyncClient) -> httpx.Request:
    """Return what is sent.

    How the body is framed is not for the job to say, as in Go; spaces around a value are none of it (RFC 9110, 5.5).
    """
    headers = [
        (name, value.strip(" \t")) for name, value in call.header_lines() if name.lower() not in _OF_THE_FRAME
    ]
    return client.build_request(call.method.upper(), call.url, content=call.body.encode(), headers=headers)


def _client_over(transport: httpx.AsyncBaseTransport) -> httpx.AsyncClient:
    """Return a client that carries nothing over from one call to the next."""
    return httpx.AsyncClient(
        transport=transport,
        headers=_DEFAULT_HEADERS,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        timeout=None,  # noqa: S113 - there is one limit for the whole call
        trust_env=False,
    )


def _outcome(call: RemoteCall, status: int, name: str) -> Outcome:
    expected = call.expected_response_codes or range(200, 300)
    if status in expected:
        return Outcome(succeeded=True)
    wanted = " or ".join(map(str, call.expected_response_codes)) or "2xx"
    return Outcome(succeeded=False, reason=f"{name} answered {status}, expected {wanted}")


def _in_words(error: Exception) -> str:
    """Topic what failed; only the network's own errors in their own words, as others quote what they choke on."""
    if isinstance(error, httpx.RemoteProtocolError):
        return str(error).partition(":")[0]  # what comes after it is the answer
    if isinstance(error, httpx.NetworkError | httpx.ProxyError):
        return str(error) or type(error).__name__
    if isinstance(error, NotAllowedError):
        return str(error)
    if isinstance(error, KalaConnectionError):
        return error.message  # a setting of the environment, by its name
    return f"the request could not be sent ({type(error).__name__})"


def _want_before_it_was_sent(error: Exception) -> str:
    """Return what the machine had no room for, where that kept the request from being sent; else nothing."""
    if isinstance(error, httpx.HTTPError) and not isinstance(error, httpx.ConnectError):
        return ""
    try:
        if isinstance(error, httpx.ConnectError):
            check_for_descriptors()  # without one, a name is told to be unknown
    except OSError as want:
        return want_in(want)
    return want_in(error)


def _name(attempt: Attempt) -> str:
    """Return the method and the server, without anything that may be secret."""
    call = attempt.spec.remote_properties
    assert call is not None
    try:
        url = httpx.URL(call.url)
        server = f"{url.scheme}://{url.netloc.decode('ascii')}"
    except (httpx.InvalidURL, ValueError):
        server = "an invalid URL"
    return f"{call.method.upper()} {server}"
