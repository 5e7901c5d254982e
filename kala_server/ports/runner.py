"""The contract of a runner: start an attempt, end it, and say once how it went.

A runner knows nothing of schedules, retries or the store. An attempt is named by its handle, which whoever asks for it
knows beforehand; what carries it out (a process, a connection, a row of some queue) is the runner's own.
"""

from collections.abc import Collection
from datetime import datetime
from math import inf
from typing import Protocol

from kala_server.core.frozen import value
from kala_server.core.model.job import JobSpec


@value(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt of one run."""

    handle: str
    """`Run.handle`: the run's id and the number of the attempt."""
    run_id: str
    job_id: str
    number: int
    """From 1."""
    scheduled_at: datetime
    spec: JobSpec
    not_after: float = inf
    """It may be started until then, in seconds of `boot_time`: later somebody else may decide on it."""

    def comes_too_late(self, now: float) -> bool:
        """Whether it may not be started any more, `now` seconds after the boot."""
        return now > self.not_after


@value(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt went. Success is exit code 0, or an expected HTTP status."""

    succeeded: bool
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""
    """For people, where there is more to say than the exit code: "no such command: foo"."""
    interrupted: bool = False
    """It was cut off by something that is the matter of neither the command nor its owner."""
    may_go_on: bool = False
    """Nothing is heard of it any more; if it is, it is told of once more."""
    put_off: bool = False
    """The machine had no room for it: nothing of it has happened, and it may be tried again."""


TOO_LATE = Outcome(
    succeeded=False,
    reason="it was not started in the time for which this server was certain to lead",
    put_off=True,
)


class Listener(Protocol):
    """Is told what becomes of attempts; from the loop, and never from within a call of the runner."""

    def printed(self, handle: str, chunk: bytes, missing: int = 0) -> None:
        """Take what an attempt prints: stdout and stderr together, or the body of an HTTP answer.

        So many bytes before it are left out, as it was much.
        """
        ...

    def ended(self, handle: str, outcome: Outcome) -> None:
        """Take note of how an attempt went: once for each that was started or adopted.

        Of one that may go on it may be told again, by whichever server leads then, and more than once.
        """
        ...


class Runner(Protocol):
    """Carries out attempts on the running event loop, without ever blocking it."""

    def attach(self, listener: Listener, mark: str = "") -> None:
        """Say whom to tell, before anything else; and by what attempts of this store can be known, if by anything."""
        ...

    async def adopt(self, handles: Collection[str]) -> frozenset[str]:
        """Take over, before anything is started, what an earlier server of this store has left of these attempts.

        Returns those that still run. They can be ended, and of each it is told once that it has. Raises OSError where
        that cannot be looked up.
        """
        ...

    def start(self, attempt: Attempt) -> str:
        """Start the attempt, and return its handle. One that is there already is not started again.

        One that comes too late is put off.

        Never raises: what goes wrong is an outcome.
        """
        ...

    def end(self, handle: str) -> None:
        """End the attempt: TERM to its whole process group, KILL after a grace. One that is not here: nothing."""
        ...

    def kill_all(self) -> None:
        """End every attempt at once, without a grace."""
        ...

    def independent(self) -> frozenset[str]:
        """Return the attempts that go on when this server is gone, whatever becomes of it: the next one adopts them."""
        ...

    def leave(self) -> None:
        """Let go of those: nothing more is told of them."""
        ...

    async def close(self) -> None:
        """Wait for the attempts that were ended, and let go of what is held; others are left."""
        ...
