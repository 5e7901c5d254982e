"""The contract of a runner: start an attempt, end it, and say once how it went.

A runner knows nothing of schedules, retries or the store.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kala_server.core.model.job import JobSpec


class Output(Protocol):
    """Takes what an attempt prints."""

    def write(self, chunk: bytes) -> None:
        """Add to it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt of one run."""

    run_id: str
    job_id: str
    number: int
    """From 1."""
    scheduled_at: datetime
    spec: JobSpec
    output: Output
    """Takes stdout and stderr together, or the body of the HTTP answer."""
    mark: str = ""
    """Of the store whose server starts it; nothing where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt went. Success is exit code 0, or an expected HTTP status."""

    succeeded: bool
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""
    """For people, where there is more to say than the exit code: "no such command: foo"."""
    interrupted: bool = False
    """It was cut off by something that is the matter of neither the command nor its owner."""
    put_off: bool = False
    """The machine had no room for it: nothing of it has happened, and it may be tried again."""


class Runner(Protocol):
    """Carries out attempts on the running event loop, without ever blocking it."""

    def start(
        self,
        attempt: Attempt,
        *,
        on_spawned: Callable[[int, int], None],
        on_ended: Callable[[Outcome], None],
    ) -> None:
        """Start the attempt. Never raises: what goes wrong is an outcome.

        `on_spawned(pid, start time in clock ticks since boot)` where there is a process that lives for longer than
        a moment; `on_ended` exactly once. Both are called from the loop, never from within this call.
        """
        ...

    def end(self, run_id: str) -> None:
        """End the attempt: TERM to its whole process group, KILL after a grace. A run that is not here: nothing."""
        ...

    def kill_all(self) -> None:
        """End every attempt at once, without a grace."""
        ...

    async def close(self) -> None:
        """Wait for the attempts that were ended, and let go of what is held."""
        ...
