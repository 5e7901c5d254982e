"""Sends each attempt to the runner for its job's type; it knows no other difference between them."""

from collections.abc import Callable

from kala_server.core.model.job import HTTP_CALL
from kala_server.ports.runner import Attempt, Outcome, Runner


class Runners:
    """Both kinds of runner behind the face of one."""

    def __init__(self, *, shell: Runner, http: Runner) -> None:
        self._shell = shell
        self._http = http

    def start(
        self,
        attempt: Attempt,
        *,
        on_spawned: Callable[[int, int], None],
        on_ended: Callable[[Outcome], None],
    ) -> None:
        """Start the attempt with the runner for its type."""
        runner = self._http if attempt.spec.type == HTTP_CALL else self._shell
        runner.start(attempt, on_spawned=on_spawned, on_ended=on_ended)

    def end(self, run_id: str) -> None:
        """End the attempt, whichever runner has it."""
        self._shell.end(run_id)
        self._http.end(run_id)

    def kill_all(self) -> None:
        """End every attempt at once."""
        self._shell.kill_all()
        self._http.kill_all()

    async def close(self) -> None:
        """Wait for the attempts that were ended, and let go of what the runners hold."""
        await self._shell.close()
        await self._http.close()
