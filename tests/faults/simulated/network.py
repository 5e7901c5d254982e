"""What is between a server and the database: calls take their time, and some are lost on the way there or back."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import TypeVar

from kala_server.ports.store import StoreAwayError, StoreError
from tests.faults.simulated.database import Database
from tests.faults.simulated.world import World

T = TypeVar("T")

_REFUSED_AFTER = 0.005
"""Seconds after which whoever asks a database that is not there knows it."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a call."""

    there: float | None = 0.001
    """After so many seconds it is carried out; None where it never is."""
    back: float | None = 0.001
    """After so many more the answer is there; None where it never is."""
    patience: float = 2.0
    """After so many seconds the connection is given up. The call may be carried out all the same, later."""
    stalls: float = 0.0
    """For so many seconds the server is paused when it is carried out: the worst moment."""
    kills: bool = False
    """Whether the server is killed then."""


class Purpose(StrEnum):
    """Each has a connection of its own, so that one may be slow or lost where another is not."""

    LEASE = auto()
    APPEND = auto()
    READ = auto()
    COMPACT = auto()
    WORD = auto()


class Connections:
    """The calls of one server."""

    def __init__(
        self,
        world: World,
        database: Database,
        loop: asyncio.AbstractEventLoop,
        *,
        stall: Callable[[float], None],
        kill: Callable[[], None],
    ) -> None:
        self.fates: dict[Purpose, deque[Fate]] = {purpose: deque() for purpose in Purpose}
        """Of the next calls."""
        self.cut = False
        """Whether nothing comes through, in either direction."""
        self.dead = False
        """Whether the server is no more."""
        self.deaf = False
        """Whether it is told nothing that it does not ask for."""
        self._world = world
        self._database = database
        self._loop = loop
        self._stall = stall
        self._kill = kill

    def mend(self) -> None:
        """Let calls come through again."""
        self.cut = False

    async def ask(self, purpose: Purpose, statement: Callable[[Database], T]) -> T:
        """Have a statement carried out. Raises StoreAwayError where there is no answer; it may be carried out then."""
        if self.dead:
            raise StoreAwayError("this server was killed")
        fates = self.fates[purpose]
        fate = fates.popleft() if fates else Fate()
        answer: asyncio.Future[T] = self._loop.create_future()
        if self._database.away:
            self._world.after(_REFUSED_AFTER, lambda: self._give_up(answer))
        else:
            if fate.there is not None:
                self._world.after(fate.there, lambda: self._arrive(statement, fate, answer))
            self._world.after(fate.patience, lambda: self._give_up(answer))
        return await answer

    def _arrive(self, statement: Callable[[Database], T], fate: Fate, answer: asyncio.Future[T]) -> None:
        if self.cut or self._database.away:
            return
        error: StoreError | None = None
        try:
            result = statement(self._database)
        except StoreError as refused:
            error = refused
        self._strike(fate)
        if fate.back is None:
            return

        def come_back() -> None:
            if self.cut or self.dead or answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(result)

        self._world.after(fate.back, come_back)

    def _strike(self, fate: Fate) -> None:
        if self.dead:
            return
        if fate.kills:
            self._kill()
        elif fate.stalls:
            self._stall(fate.stalls)

    def _give_up(self, answer: asyncio.Future[T]) -> None:
        if not answer.done() and not self.dead:
            answer.set_exception(StoreAwayError("there is no answer from the database"))
