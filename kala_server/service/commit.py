"""Group commit: events wait in an inbox, many are decided on together, made durable with one sync, and told of then.

While one batch is being made durable the next one gathers, and it is let gather a little longer while more comes.
Nobody hears of a record, and nothing is spawned for it, before it is durable; readers see only what is. What an event
means, what time it is, and what is done once a batch is durable is for the `Life` that it is part of.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import Enum, auto
from typing import Protocol, TypeVar

from kala_server.clock import Clock
from kala_server.core.decide.engine import Decision
from kala_server.core.errors import RefusedError
from kala_server.core.model import inputs
from kala_server.core.model import records as r
from kala_server.core.state.state import State
from kala_server.core.steps import Steps, to_the_end
from kala_server.ports.store import Fence, Store, StoreBrokenError, StoreFullError
from kala_server.service.garbage import Garbage
from kala_server.service.inbox import Inbox, Wish
from kala_server.service.readers import Readers
from kala_server.service.slices import Pace

T = TypeVar("T")

_log = logging.getLogger("kala.service")

_BETWEEN_TRIES = timedelta(seconds=1)
_MANY = 1_000
"""Records of a batch after which what they made is kept out of the garbage collector's way."""


class Standing(Enum):
    """What can be committed."""

    OPEN = auto()
    FULL = auto()
    """The store has no room: nothing, and it is tried again until there is."""
    BROKEN = auto()
    """What is on disk can no longer be known: nothing ever, and the server is about to end."""
    STOPPED = auto()


class Life(Protocol):
    """What the rest of a server has to do with a batch, in the order in which it is asked."""

    def preceding(self) -> Sequence[inputs.Input]:
        """Return what has to be decided on before the events of a batch that was just taken."""
        ...

    def deciding(self, event: inputs.Input) -> Steps[Decision]:
        """Return the steps of a decision as of now."""
        ...

    def lost(self, event: inputs.Input) -> None:
        """Take note of a fault of ours, for which an event came to nothing."""
        ...

    def durable(self, records: Sequence[r.Record], seconds: float) -> None:
        """Tell of what a batch has come to, which took so long to be durable."""
        ...

    async def carry_out(self, decisions: Sequence[Decision], records: Sequence[r.Record]) -> None:
        """Do what was asked for, once everybody has the answer."""
        ...

    def settled(self, standing: Standing) -> None:
        """Go on from where a batch has left us: readers have their answers, too."""
        ...


class GroupCommit:
    """The state, and the only way to change it."""

    def __init__(self, *, store: Store, clock: Clock, garbage: Garbage, life: Life) -> None:
        self.state = State()
        self.standing = Standing.OPEN
        self.broken: StoreBrokenError | None = None
        """Why, where it is."""
        self._store = store
        self._fence: Fence | None = None
        self._clock = clock
        self._garbage = garbage
        self._life = life
        self._inbox = Inbox()
        self._readers = Readers()
        self._working: asyncio.Task[None] | None = None
        self._undurable = False
        """Whether the state holds what is not durable yet, and may have to be taken back."""
        self._retries = False
        """Whether it will be looked for room by itself."""

    # -- for whoever asks

    async def submit(self, event: inputs.Input) -> None:
        """Return once what follows from the event is durable.

        Raises RefusedError where the event is refused, StoreFullError where there is no room: nothing has changed
        then. Raises StoreBrokenError where the store can no longer be trusted; the server is about to end.
        """
        if self.broken:
            raise self.broken
        if self.standing is Standing.STOPPED:
            raise StoreBrokenError("the server has stopped")
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._inbox.put(Wish(event, answer, asked=True))
        self._work_on()
        try:
            await answer
        finally:
            del answer  # or an error, whose traceback has this frame, would refer to itself

    def tell(self, event: inputs.Input) -> None:
        """Take note of what has happened; where the store has no room, it is tried again until it has."""
        self._inbox.put(Wish(event))
        self._work_on()

    async def read(self, question: Callable[[State], T]) -> T:
        """Return the answer to a question about what is durable. Raises StoreBrokenError where that is not known."""
        if self.broken:
            raise self.broken
        if not self._undurable:
            return question(self.state)
        return await self._readers.ask(question)

    @property
    def waiting(self) -> int:
        """How many events wait in the inbox."""
        return len(self._inbox)

    @property
    def at_work(self) -> bool:
        """Whether a batch is on its way."""
        return self._working is not None

    # -- for the life of the server

    def lead(self, fence: Fence) -> None:
        """Commit under this fence from now on."""
        self._fence = fence

    @property
    def fence(self) -> Fence:
        """Under which is committed, once the store is ours."""
        assert self._fence is not None
        return self._fence

    async def try_once(self, event: inputs.Input) -> None:
        """Have it tried, and raise what comes of that. Where there is no room it stays the first to be decided on."""
        wish = Wish(event, asyncio.get_running_loop().create_future())
        self._inbox.put(wish)
        self._work_on()
        await self.until_all_is_tried()
        answer, wish.waiting = wish.waiting, None
        if answer is not None and answer.done():
            answer.result()

    async def until_all_is_tried(self) -> None:
        """Wait until the inbox is empty, or there is no room."""
        while self._working is not None:
            await self._working

    def stop(self) -> None:
        """Take nothing more."""
        if self.standing is not Standing.BROKEN:
            self.standing = Standing.STOPPED

    def break_down(self, error: StoreBrokenError, wishes: Sequence[Wish] = ()) -> None:
        """Answer nobody but with the error: what is on disk can no longer be known."""
        self.standing, self.broken = Standing.BROKEN, error
        for wish in [*wishes, *self._inbox.take()]:
            wish.answer(error)
        self._readers.refuse(error)
        self._life.settled(self.standing)

    # -- a batch

    def _work_on(self) -> None:
        if self._working is None and self.standing in {Standing.OPEN, Standing.FULL}:
            self._working = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        """Take batch after batch until the inbox is empty."""
        room = True
        try:
            while room and self._inbox:
                await self._inbox.gather(self._clock.monotonic)
                with self._garbage.only_the_newest_looked_at():
                    room = await self._work_on_batch()
                await self._pace().walk(self._readers.answering(self.state))
                if self.standing is not Standing.BROKEN:
                    self._life.settled(self.standing)
        finally:
            self._working = None
            to_the_end(self._readers.answering(self.state))

    def _pace(self) -> Pace:
        return Pace(self._clock.monotonic)

    async def _work_on_batch(self) -> bool:
        """Decide on all that is in the inbox, make it durable, act on it; False where that cannot be.

        Others have their turns meanwhile, but readers wait: the state holds what may have to be taken back.
        """
        wishes = self._inbox.take()
        self._undurable = True
        try:
            answers, decisions = await self._decide(wishes)
            records = [record for decision in decisions for record in decision.records]
            began = self._clock.monotonic()
            if records:
                await self._store.append(self.fence, records)
        except StoreFullError as error:
            await self._no_room(wishes, error)
            return False
        except StoreBrokenError as error:
            self.break_down(error, wishes)
            return False
        except ValueError as error:
            await self._cannot_be_kept(wishes, error)
            return True
        finally:
            self._undurable = False
        freeing = self.state.undo.committing()
        if self.standing is Standing.FULL and records:
            _log.warning("there is room in the store again")
            self.standing = Standing.OPEN
        pace = self._pace()
        self._life.durable(records, self._clock.monotonic() - began)
        for wish, refusal in answers:
            wish.answer(refusal)
        await pace.keep()
        await self._life.carry_out(decisions, records)
        await self._tidy(freeing, len(records))
        return True

    async def _decide(
        self, wishes: Sequence[Wish]
    ) -> tuple[list[tuple[Wish, Exception | None]], list[Decision]]:
        """Return what to answer and what was decided. A refusal may rest on the batch, so it waits for it too."""
        answers: list[tuple[Wish, Exception | None]] = []
        decisions = []
        pace = self._pace()
        for wish in [*map(Wish, self._life.preceding()), *wishes]:
            try:
                decisions.append(await pace.walk(self._life.deciding(wish.event)))
                answers.append((wish, None))
            except RefusedError as refusal:
                answers.append((wish, refusal.without_frames()))
            except Exception as error:  # noqa: BLE001
                # A fault of ours: whoever asked hears of it, the state is as before, and the server goes on.
                _log.exception("could not decide on %s", type(wish.event).__name__)
                self._life.lost(wish.event)
                answers.append((wish, error))
            await pace.keep()
        return answers, decisions

    async def _tidy(self, freeing: Steps[None], records: int) -> None:
        """Let go of what was needed to take the batch back."""
        await self._pace().walk(freeing)
        if records > _MANY:
            self._garbage.keep_what_is_here()

    async def _no_room(self, wishes: Sequence[Wish], error: StoreFullError) -> None:
        """Go back to what is on disk, refuse who waits, and try again later what has happened all the same."""
        if self.standing is Standing.OPEN:
            _log.error("no room in the store, trying again until there is: %s", error)
            self.standing = Standing.FULL
        await self._pace().walk(self.state.undo.rolling_back())
        for wish in wishes:
            if wish.asked:
                wish.answer(error)
        self._inbox.put_back(wishes)
        if not self._inbox:
            self._inbox.put(Wish(inputs.LookForRoom()))
        if not self._retries:
            self._retries = True
            self._clock.later(_BETWEEN_TRIES, self._look_for_room)

    def _look_for_room(self) -> None:
        self._retries = False
        self._work_on()

    async def _cannot_be_kept(self, wishes: Sequence[Wish], error: ValueError) -> None:
        """Go back to what is on disk: a fault of ours, as what comes in is checked at the door."""
        _log.error("lost what the store cannot hold: %s", error, exc_info=error)
        await self._pace().walk(self.state.undo.rolling_back())
        for wish in wishes:
            self._life.lost(wish.event)
            wish.answer(error)
