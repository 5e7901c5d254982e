"""Sends each attempt to the runner for its job's type; it knows no other difference between them."""

from collections.abc import Collection

from kala_server.core.model.job import HTTP_CALL
from kala_server.ports.runner import Attempt, Listener, Runner


class Runners:
    """Both kinds of runner behind the face of one."""

    def __init__(self, *, shell: Runner, http: Runner) -> None:
        self._shell = shell
        self._http = http

    def attach(self, listener: Listener, mark: str = "") -> None:
        """Say whom both are to tell."""
        self._shell.attach(listener, mark)
        self._http.attach(listener, mark)

    async def adopt(self, handles: Collection[str]) -> frozenset[str]:
        """Let each take over what it knows of."""
        return await self._shell.adopt(handles) | await self._http.adopt(handles)

    def start(self, attempt: Attempt) -> str:
        """Start the attempt with the runner for its type."""
        return (self._http if attempt.spec.type == HTTP_CALL else self._shell).start(attempt)

    def end(self, handle: str) -> None:
        """End the attempt, whichever runner has it."""
        self._shell.end(handle)
        self._http.end(handle)

    def kill_all(self) -> None:
        """End every attempt at once."""
        self._shell.kill_all()
        self._http.kill_all()

    async def close(self) -> None:
        """Wait for the attempts that were ended, and let go of what the runners hold."""
        await self._shell.close()
        await self._http.close()
