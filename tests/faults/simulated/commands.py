"""Commands that only last (`last TENTHS EXIT_CODE`), started by their server's worker; and a witness, who sees all.

A worker is a process of its own: what it was asked for it does also while its server is paused, and it ends with it.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from math import inf

from kala_server.clock import Clock
from kala_server.ports.runner import TOO_LATE, Attempt, Listener, Outcome
from kala_server.runners.local.shell import outcome_of
from tests.faults.simulated.database import Database
from tests.faults.simulated.world import World

_DIES_WITHIN = 0.05
_TERM, _KILL = -15, -9


@dataclass(slots=True)
class Seen:
    """An attempt that was really started."""

    attempt: Attempt
    epoch: int
    """Of the server that asked for it."""
    began: float
    outcome: Outcome | None = None


class Witness:
    """Sees each command begin and end, wherever that is, and who had the right to start it."""

    def __init__(self, world: World, database: Database) -> None:
        self.seen: dict[str, Seen] = {}
        """By handle."""
        self._left: dict[str, float] = {}
        """What went on when the store was let go of, and until when there may be word of it."""
        self._world = world
        self._database = database
        database.on_release = self._let_go

    def begins(self, attempt: Attempt, epoch: int) -> None:
        assert attempt.handle not in self.seen, "an attempt was started twice"
        assert self._database.held_by(epoch) or self._has_word_of(attempt.handle), (
            "it was started by a server whose lease was over"
        )
        seen = self.seen[attempt.handle] = Seen(attempt, epoch, self._world.time)
        if not attempt.spec.side_by_side:
            self._check_beside(seen)

    def ends(self, handle: str, outcome: Outcome) -> None:
        self.seen[handle].outcome = outcome

    def running(self, epoch: int) -> list[str]:
        """Return what goes on of what that epoch has started."""
        return [handle for handle, seen in self.seen.items() if seen.epoch == epoch and seen.outcome is None]

    def _let_go(self, epoch: int, left: Collection[str], seconds: float) -> None:
        assert set(self.running(epoch)) <= set(left), "commands go on of which there will be no word"
        self._left |= dict.fromkeys(left, self._world.time + seconds)

    def _has_word_of(self, handle: str) -> bool:
        """Whether whoever leads waits for word of it."""
        return self._world.time < self._left.get(handle, -inf)

    def _check_beside(self, begun: Seen) -> None:
        """Fail where it goes on beside another of its job, of which the later leader knew."""
        for other in self.seen.values():
            if other.outcome is None and other.attempt.job_id == begun.attempt.job_id:
                earlier = min(begun, other, key=lambda seen: seen.epoch)
                assert other.epoch == begun.epoch or not self._has_word_of(earlier.attempt.handle), (
                    "it was started beside one that was handed over"
                )


class SimulatedWorker:
    """The runner of one server; see `kala_server/ports/runner.py` for what its methods promise."""

    def __init__(self, world: World, witness: Witness, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        self.lag = 0.001
        """Seconds from an order to what is done for it."""
        self._loop = loop
        self._world = world
        self._witness = witness
        self._clock = clock
        self._dead = False
        self._asked: dict[str, Attempt] = {}
        """What was asked for and is not over."""
        self._running: set[str] = set()
        self._nothing_left = asyncio.Event()
        self._listener: Listener
        self._epoch = 0

    def attach(self, listener: Listener, mark: str = "") -> None:
        self._listener = listener
        self._epoch = int(mark)

    async def adopt(self, handles: Collection[str]) -> frozenset[str]:  # noqa: ARG002 - commands end with their server
        return frozenset()

    def start(self, attempt: Attempt) -> str:
        if attempt.handle not in self._asked:
            self._asked[attempt.handle] = attempt
            self._world.after(self.lag, partial(self._begin, attempt))
        return attempt.handle

    def end(self, handle: str) -> None:
        if handle in self._asked:
            self._world.after(self.lag + _DIES_WITHIN, partial(self._over, handle, outcome_of(_TERM)))

    def kill_all(self) -> None:
        for handle in self._asked:
            self._world.after(self.lag + _DIES_WITHIN, partial(self._over, handle, outcome_of(_KILL)))

    def independent(self) -> frozenset[str]:
        return frozenset()

    def leave(self) -> None:
        """Let go of nothing: commands end with their server."""

    async def close(self) -> None:
        """Wait until those that were killed are gone."""
        while self._asked:
            self._nothing_left.clear()
            await self._nothing_left.wait()

    def die(self) -> None:
        """End with the server, and end every command."""
        self._dead = True
        for handle in list(self._asked):
            self._over(handle, outcome_of(_KILL))

    def _begin(self, attempt: Attempt) -> None:
        if self._dead or attempt.handle not in self._asked:
            return
        if attempt.comes_too_late(self._clock.since_boot()):
            self._over(attempt.handle, TOO_LATE)
            return
        self._witness.begins(attempt, self._epoch)
        self._running.add(attempt.handle)
        _, tenths, exit_code = attempt.spec.command.split()
        self._world.after(int(tenths) / 10, partial(self._over, attempt.handle, outcome_of(int(exit_code))))

    def _over(self, handle: str, outcome: Outcome) -> None:
        if self._asked.pop(handle, None) is None:
            return
        if handle in self._running:
            self._running.discard(handle)
            self._witness.ends(handle, outcome)
        if self._dead:
            return
        self._loop.call_soon(self._listener.ended, handle, outcome)
        if not self._asked:
            self._loop.call_soon(self._nothing_left.set)
