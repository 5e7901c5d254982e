"""Sends each attempt to the runner for its queue, or for its job's type; it knows no other difference between them."""

import asyncio
from collections.abc import Collection

from kala_server.core.frozen import replace
from kala_server.core.model.job import HTTP_CALL
from kala_server.ports.runner import Attempt, Listener, Outcome, Runner

_NO_QUEUES = Outcome(
    succeeded=False,
    reason="this server has no queues: commands run on other machines only where jobs are kept in PostgreSQL",
)


class Runners:
    """All kinds of runner behind the face of one."""

    def __init__(
        self, *, shell: Runner, http: Runner, queues: Runner | None = None, default_queue: str = ""
    ) -> None:
        """Send what names no queue to the default one, where there is one; else it runs here."""
        self._shell = shell
        self._http = http
        self._queues = queues
        self._default_queue = default_queue
        self._all = [runner for runner in (shell, http, queues) if runner is not None]
        self._listener: Listener

    def attach(self, listener: Listener, mark: str = "") -> None:
        """Say whom all are to tell."""
        self._listener = listener
        for runner in self._all:
            runner.attach(listener, mark)

    async def adopt(self, handles: Collection[str]) -> frozenset[str]:
        """Let each take over what it knows of."""
        return frozenset().union(*[await runner.adopt(handles) for runner in self._all])

    def start(self, attempt: Attempt) -> str:
        """Start the attempt with the runner for it."""
        queue = attempt.spec.queue or self._default_queue
        if not queue:
            return (self._http if attempt.spec.type == HTTP_CALL else self._shell).start(attempt)
        if self._queues is None:
            asyncio.get_running_loop().call_soon(self._listener.ended, attempt.handle, _NO_QUEUES)
            return attempt.handle
        return self._queues.start(replace(attempt, spec=replace(attempt.spec, queue=queue)))

    def end(self, handle: str) -> None:
        """End the attempt, whichever runner has it."""
        for runner in self._all:
            runner.end(handle)

    def kill_all(self) -> None:
        """End every attempt at once."""
        for runner in self._all:
            runner.kill_all()

    def independent(self) -> frozenset[str]:
        """Return what goes on elsewhere."""
        return frozenset().union(*[runner.independent() for runner in self._all])

    def leave(self) -> None:
        """Let go of that."""
        for runner in self._all:
            runner.leave()

    async def close(self) -> None:
        """Wait for the attempts that were ended, and let go of what the runners hold."""
        for runner in self._all:
            await runner.close()
