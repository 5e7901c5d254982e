"""Group commit: events wait in an inbox, many are decided on together, made durable with one sync, and told of then.

While one batch is being made durable the next one gathers, and it is let gather a little longer while more comes.
Nobody hears of a record, and nothing is spawned for it, before it is durable; readers see only what is. What an event
means, what time it is, and what is done once a batch is durable is for the `Life` that it is part of.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from typing import Protocol, TypeVar

from kala_server.clock import Clock
from kala_server.core.decide.engine import Decision
from kala_server.core.errors import RefusedError
from kala_server.core.model import inputs
from kala_server.core.model import records as r
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.ports.store import (
    Batch,
    Fence,
    RemoteStore,
    Store,
    StoreAwayError,
    StoreBrokenError,
    StoreFullError,
)
from kala_server.service.garbage import Garbage
from kala_server.service.inbox import Inbox, Wish
from kala_server.service.known_state import KnownState
from kala_server.service.slices import Pace
from kala_server.service.standing import NotLeadingError, Standing

T = TypeVar("T")

_log = logging.getLogger("kala.service")

_BETWEEN_TRIES = timedelta(seconds=1)
_MANY = 1_000
"""Records of a batch after which what they made is kept out of the garbage collector's way."""


_AT_WORK = {Standing.OPEN, Standing.FULL}
_NOT_LEADING = {Standing.FOLLOWING, Standing.STOPPED}


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

    def taken_in(self, records: Sequence[r.Record]) -> None:
        """Tell of what another server has come to."""
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
        self.standing = Standing.BEGINNING
        self.broken: StoreBrokenError | None = None
        """Why, where it is."""
        self._store = store
        self._fence: Fence | None = None
        self._clock = clock
        self._garbage = garbage
        self._life = life
        self._inbox = Inbox()
        self._known = KnownState(self._pace)
        self._working: asyncio.Task[None] | None = None
        self._leader: Callable[[], str] | None = None
        """Tells the address of the server that leads, where this one is one of several."""
        self._away: StoreAwayError | None = None
        """Why the store cannot be reached, while it cannot."""
        self._settling: asyncio.Task[None] | None = None
        """Kept, as the loop itself does not keep its tasks."""
        self._retries = False
        """Whether it will be looked for room by itself."""

    @property
    def state(self) -> State:
        """What there is, with what may not be durable yet."""
        return self._known.state

    # -- for whoever asks

    async def submit(self, event: inputs.Input) -> Decision:
        """Return what follows from the event once that is durable.

        Raises RefusedError where the event is refused, StoreFullError where there is no room, NotLeadingError where
        another server leads: nothing has changed then. Raises StoreAwayError where the store cannot be reached, and
        StoreBrokenError where it can no longer be trusted; the server is about to end.
        """
        self._check()
        answer: asyncio.Future[Decision | None] = asyncio.get_running_loop().create_future()
        self._inbox.put(Wish(event, answer, asked=True))
        self._work_on()
        try:
            decision = await answer
            assert decision is not None
            return decision
        finally:
            del answer  # or an error, whose traceback has this frame, would refer to itself

    def _check(self) -> None:
        """Refuse at once what can be of no use now."""
        if self.broken:
            raise self.broken
        if self._leader and self.standing in _NOT_LEADING:
            raise NotLeadingError(self._leader())
        if self.standing is Standing.STOPPED:
            raise StoreBrokenError("the server has stopped")
        if self._away is not None:
            raise self._away

    def tell(self, event: inputs.Input) -> None:
        """Take note of what has happened; where the store has no room, it is tried again until it has.

        Where another server leads, it is none of ours.
        """
        if self.standing is not Standing.FOLLOWING:
            self._inbox.put(Wish(event))
            self._work_on()

    async def read(self, question: Callable[[State], T]) -> T:
        """Return the answer to a question about what is durable. Raises StoreBrokenError where that is not known."""
        if self.broken:
            raise self.broken
        return await self._known.read(question)

    @property
    def waiting(self) -> int:
        """How many events wait in the inbox."""
        return len(self._inbox)

    @property
    def at_work(self) -> bool:
        """Whether a batch is on its way."""
        return self._working is not None

    # -- for the life of the server

    def follow(self, leader: Callable[[], str]) -> None:
        """Commit nothing, but take in what another server commits, until this one leads."""
        self.standing, self._leader = Standing.FOLLOWING, leader

    def begin(self) -> None:
        """Let what comes wait: this server is about to lead."""
        self.standing = Standing.BEGINNING

    async def lead(self, fence: Fence, first: inputs.Input) -> None:
        """Commit under this fence from now on, and decide on this before all that waits. Raises what comes of that.

        Where there is no room, it stays the first to be decided on.
        """
        self.standing, self._fence = Standing.OPEN, fence
        answer = asyncio.get_running_loop().create_future()
        wish = Wish(first, answer)
        self._inbox.put_back([wish])
        self._work_on()
        while self._working is not None and not answer.done():
            await asyncio.wait([self._working, answer], return_when=asyncio.FIRST_COMPLETED)
        wish.waiting = None
        if answer.done():
            answer.result()

    async def load(self, batches: AsyncIterator[Batch]) -> int:
        """Begin with what is kept, and return the number of the latest batch; until then the state is as before."""
        with self._garbage.only_the_newest_looked_at():
            number = await self._known.load(batches)
            self._garbage.keep_what_is_here(clean=True)
        return number

    async def take_in(self, records: Sequence[r.Record]) -> None:
        """Take in what another server has committed."""
        await self._known.take_in(records)
        self._life.taken_in(records)

    @property
    def fence(self) -> Fence:
        """Under which is committed, once the store is ours."""
        assert self._fence is not None
        return self._fence

    async def until_all_is_tried(self) -> None:
        """Wait until the inbox is empty, or there is no room."""
        while self._working is not None:
            await self._working

    def stop(self) -> None:
        """Take nothing more."""
        if self._settling is not None:
            self._settling.cancel()
        if self.standing is not Standing.BROKEN:
            self.standing = Standing.STOPPED

    def break_down(self, error: StoreBrokenError, wishes: Sequence[Wish] = ()) -> None:
        """Answer nobody but with the error: what is on disk can no longer be known."""
        self.standing, self.broken = Standing.BROKEN, error
        for wish in [*wishes, *self._inbox.take()]:
            wish.answer(error)
        self._known.refuse(error)
        self._life.settled(self.standing)

    # -- a batch

    def _work_on(self) -> None:
        if self._working is None and self.standing in _AT_WORK:
            self._working = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        """Take batch after batch until the inbox is empty."""
        room = True
        try:
            while room and self._inbox:
                await self._inbox.gather(self._clock.monotonic)
                with self._garbage.only_the_newest_looked_at():
                    room = await self._work_on_batch()
                await self._known.answer_all()
                if self.standing is not Standing.BROKEN:
                    self._life.settled(self.standing)
        finally:
            self._working = None
            self._known.answer_at_once()

    def _pace(self) -> Pace:
        return Pace(self._clock.monotonic)

    async def _work_on_batch(self) -> bool:
        """Decide on all that is in the inbox, make it durable, act on it; False where that cannot be.

        Others have their turns meanwhile, but readers wait: the state holds what may have to be taken back.
        """
        wishes, decisions = self._inbox.take(), list[Decision]()
        try:
            with self._known.changing():
                answers, decisions = await self._decide(wishes)
                records = [record for decision in decisions for record in decision.records]
                began = self._clock.monotonic()
                if records:
                    await self._store.append(self.fence, records)
        except StoreFullError as error:
            await self._no_room(wishes, error)
            return False
        except StoreAwayError as error:
            await self._cannot_be_reached(wishes, decisions, error)
            return False
        except StoreBrokenError as error:
            self.break_down(error, wishes)
            return False
        except ValueError as error:
            await self._cannot_be_kept(wishes, error)
            return True
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
                wish.decision = await pace.walk(self._life.deciding(wish.event))
                decisions.append(wish.decision)
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
        await self._known.take_back()
        for wish in wishes:
            if wish.asked:
                wish.answer(error)
        self._inbox.put_back(wishes)
        if not self._inbox:
            self._inbox.put(Wish(inputs.LookForRoom()))
        if not self._retries:
            self._retries = True
            self._clock.later(_BETWEEN_TRIES, self._look_for_room)

    async def _cannot_be_reached(
        self, wishes: Sequence[Wish], decisions: Sequence[Decision], error: StoreAwayError
    ) -> None:
        """Go back to what is known to be kept, refuse who waits, and ask what became of the batch."""
        _log.error("the store cannot be reached, waiting for it: %s", error)
        self.standing, self._away = Standing.AWAY, error
        await self._known.take_back()
        for wish in wishes:
            if wish.asked:
                wish.answer(error)
        self._settling = asyncio.get_running_loop().create_task(self._settle(wishes, decisions))

    async def _settle(self, wishes: Sequence[Wish], decisions: Sequence[Decision]) -> None:
        """Go on once the store is back: with what it has kept after all, or with what has happened all the same."""
        assert isinstance(self._store, RemoteStore)
        try:
            if await self._store.settle(self.fence):
                await self._go_on_with(decisions)
            else:
                self._inbox.put_back(wishes)
        except StoreBrokenError as error:
            self.break_down(error, wishes)
            return
        _log.warning("the store is back")
        self.standing, self._away = Standing.OPEN, None
        self._life.settled(self.standing)
        if self._inbox:
            self._work_on()

    async def _go_on_with(self, decisions: Sequence[Decision]) -> None:
        """Take in what was kept of ours, and act on it; who asked for it has heard that it is not known."""
        records = [record for decision in decisions for record in decision.records]
        await self._known.take_in(records)
        self._life.durable(records, 0.0)
        await self._life.carry_out(decisions, records)

    def _look_for_room(self) -> None:
        self._retries = False
        self._work_on()

    async def _cannot_be_kept(self, wishes: Sequence[Wish], error: ValueError) -> None:
        """Go back to what is on disk: a fault of ours, as what comes in is checked at the door."""
        _log.error("lost what the store cannot hold: %s", error, exc_info=error)
        await self._known.take_back()
        for wish in wishes:
            self._life.lost(wish.event)
            wish.answer(error)
