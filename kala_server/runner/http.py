"""Carries out the HTTP calls of jobs of type 1; the answer's body is the run's output."""

import asyncio
from collections.abc import Callable

import httpx

from kala_server.core.job import RemoteCall
from kala_server.runner.protocol import Attempt, Outcome

DEFAULT_TIMEOUT = 60.0
"""Seconds for the whole call, where the job names none."""


class HttpRunner:
    """One asynchronous client for all calls; redirects are not followed, their status is the outcome."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None
        self._calls: dict[str, asyncio.Task[None]] = {}

    def start(
        self,
        attempt: Attempt,
        *,
        on_spawned: Callable[[int, int], None],  # noqa: ARG002 - a call has no process
        on_ended: Callable[[Outcome], None],
    ) -> None:
        """Send the request; the outcome follows."""
        task = asyncio.get_running_loop().create_task(self._carry_out(attempt, on_ended))
        self._calls[attempt.run_id] = task

    def end(self, run_id: str) -> None:
        """Give the call up."""
        if run_id in self._calls:
            self._calls[run_id].cancel()

    def kill_all(self) -> None:
        """Give every call up."""
        for task in self._calls.values():
            task.cancel()

    async def close(self) -> None:
        """Wait for the calls that were given up, and close the client's connections."""
        await asyncio.gather(*self._calls.values(), return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    async def _carry_out(self, attempt: Attempt, on_ended: Callable[[Outcome], None]) -> None:
        call = attempt.spec.remote_properties
        assert call is not None
        name = f"{call.method.upper()} {_without_secrets(call.url)}"
        timeout = call.timeout or DEFAULT_TIMEOUT
        try:
            async with asyncio.timeout(timeout):
                outcome = await self._call(attempt, call, name)
        except TimeoutError:
            outcome = Outcome(succeeded=False, reason=f"{name} took longer than {timeout:g} s")
        except asyncio.CancelledError:
            outcome = Outcome(succeeded=False, reason=f"{name} was given up")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
            outcome = Outcome(succeeded=False, reason=f"{name} failed: {error or type(error).__name__}")
        del self._calls[attempt.run_id]
        on_ended(outcome)

    async def _call(self, attempt: Attempt, call: RemoteCall, name: str) -> Outcome:
        if self._client is None:
            self._client = httpx.AsyncClient(follow_redirects=False, timeout=None)  # noqa: S113 - one limit for the whole call
        request = self._client.build_request(
            call.method.upper(), call.url, content=call.body.encode(), headers=dict(call.headers)
        )
        answer = await self._client.send(request, stream=True)
        try:
            async for chunk in answer.aiter_bytes():
                attempt.output.write(chunk)
        finally:
            await answer.aclose()
        expected = call.expected_response_codes
        succeeded = answer.status_code in expected if expected else answer.is_success
        wanted = " or ".join(map(str, expected)) if expected else "2xx"
        reason = "" if succeeded else f"{name} answered {answer.status_code}, expected {wanted}"
        return Outcome(succeeded=succeeded, reason=reason)


def _without_secrets(url: str) -> str:
    """Return the URL without the name and password, and without the query, that may be in it."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return "an invalid URL"
    return str(parsed.copy_with(username=None, password=None, query=None))
