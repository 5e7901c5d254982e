"""Workers on other machines, as those who run a server see them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Protocol

from kala_server.core.frozen import value


class WorkerState(StrEnum):
    """How a worker is."""

    THERE = "there"
    DRAINING = "draining"
    """It takes nothing more."""
    STOPPED = "stopped"
    GONE = "gone"
    """Nothing is heard of it."""


@value(frozen=True, slots=True, kw_only=True)
class Machine:
    """A worker, as it was heard of last."""

    name: str
    queues: tuple[str, ...]
    concurrency: int
    """How many attempts it carries out at the same time."""
    running: int
    version: str
    seen_at: datetime
    state: WorkerState


class Machines(Protocol):
    """The workers of a store's queues."""

    @property
    def seen(self) -> Sequence[Machine]:
        """What the server that leads has seen, a moment ago; nothing at others."""
        ...

    @property
    def untaken(self) -> Mapping[str, str]:
        """The queues of attempts that no worker has taken, by their handles; as above."""
        ...

    async def machines(self) -> Sequence[Machine]:
        """Return them as they are now. Raises StoreAwayError."""
        ...

    async def drain(self, name: str) -> bool:
        """Let a worker take nothing more until it is started anew; whether there is one of that name."""
        ...


def attended(queue: str, machines: Sequence[Machine]) -> bool:
    """Whether a worker takes from the queue."""
    return any(machine.state is WorkerState.THERE and queue in machine.queues for machine in machines)


def unattended(machines: Machines) -> frozenset[str]:
    """Return the queues in which attempts wait, while no worker takes from them."""
    return frozenset(queue for queue in machines.untaken.values() if not attended(queue, machines.seen))


def waits(queue: str, machines: Sequence[Machine], zone: tzinfo | None = None) -> str:
    """Say for what an attempt in the queue waits."""
    if attended(queue, machines):
        return f"waits for a worker of {queue!r} that has room"
    last = max((machine.seen_at for machine in machines if queue in machine.queues), default=None)
    if last is None:
        return f"waits for a worker of {queue!r}; there never was one"
    return f"waits for a worker of {queue!r}; none since {last.astimezone(zone or UTC):%Y-%m-%d %H:%M %Z}"
