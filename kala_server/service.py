"""The only orchestrator: event → engine → durable records → effects → answer.

Events wait in an inbox. While one batch is being made durable the next one gathers, and it is let gather a little
longer while more comes, so that many requests share one sync. Nobody hears of a record, and nothing is spawned for it,
before it is durable; readers see only what is.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from kala_server.clock import Clock, direction_of
from kala_server.core import events as e
from kala_server.core.engine import Decision, deciding
from kala_server.core.errors import RefusedError
from kala_server.core.fold import apply
from kala_server.core.state import State
from kala_server.core.steps import Steps, to_the_end
from kala_server.core.turn import Limits
from kala_server.executor import Executor
from kala_server.feed import Feed
from kala_server.garbage import Garbage
from kala_server.inbox import Inbox, Wish
from kala_server.metrics import Meter, Unmetered
from kala_server.readers import Readers
from kala_server.store.protocol import Store, StoreBrokenError, StoreFullError
from kala_server.turns import Pace

T = TypeVar("T")

_log = logging.getLogger("kala.service")

_BETWEEN_TRIES = timedelta(seconds=1)
_HOUSEKEEPING = timedelta(hours=1)
_KEYS_KEPT = timedelta(hours=24)
_MANY = 1_000
"""Records of a batch after which what they made is kept out of the garbage collector's way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the server as a whole behaves."""

    limits: Limits = field(default_factory=Limits)
    keep_days: float | None = None
    """Finished runs older than this are dropped; None keeps them as each job says."""
    wait_for_survivors: bool = False
    """Whether a command that outlived a crashed server is waited for; else it is ended at the next start."""
    longest_ending: timedelta = timedelta(seconds=10)
    """How long commands that are ended at a stop may take for it."""


class Service:
    """A scheduler at work: its state, its store, its executor and its clock."""

    def __init__(
        self,
        *,
        store: Store,
        executor: Executor,
        clock: Clock,
        policy: Policy,
        on_broken: Callable[[StoreBrokenError], None],
        meter: Meter | None = None,
        garbage: Garbage | None = None,
    ) -> None:
        self.state = State()
        self.feed = Feed()
        self.clock = clock
        self._store = store
        self._executor = executor
        self._policy = policy
        self._limits = policy.limits
        self._on_broken = on_broken
        self._meter = meter or Unmetered()
        self._garbage = garbage or Garbage()
        self._inbox = Inbox()
        self._readers = Readers()
        self._working: asyncio.Task[None] | None = None
        self._compacting: asyncio.Task[None] | None = None
        self._noticed: datetime | None = None
        """When it was noticed that something is due, until nothing is: what is decided in parts is noticed at once."""
        self._tick_failed = False
        """Whether a fault of ours kept a tick from being decided on or kept: what is due may then be due for ever."""
        self._undurable = False
        """Whether the state holds what is not durable yet, and may have to be taken back."""
        self._ticking = False
        self._full = False
        self._looks_for_room = False
        self._stopped = False
        self._step = timedelta(0)
        """How far the clock was put on or back, until that is durable."""
        self._idle = asyncio.Event()
        self.broken: StoreBrokenError | None = None
        self.last_step: tuple[datetime, timedelta] | None = None
        """When the clock was put on or back for the last time, by what it says since, and by how much."""

    # -- for the web and the command line

    async def submit(self, event: e.Event) -> None:
        """Return once what follows from the event is durable.

        Raises RefusedError where the event is refused, StoreFullError where there is no room: nothing has changed
        then. Raises StoreBrokenError where the store can no longer be trusted; the server is about to end.
        """
        if self.broken:
            raise self.broken
        if self._stopped:
            raise StoreBrokenError("the server has stopped")
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._inbox.put(Wish(event, answer, asked=True))
        self._work_on()
        try:
            await answer
        finally:
            del answer  # or an error, whose traceback has this frame, would refer to itself

    async def read(self, question: Callable[[State], T]) -> T:
        """Return the answer to a question about what is durable. Raises StoreBrokenError where that is not known."""
        if self.broken:
            raise self.broken
        if not self._undurable:
            return question(self.state)
        return await self._readers.ask(question)

    @property
    def trouble(self) -> str:
        """What keeps the service from its work, in words; empty where nothing does."""
        if self.broken:
            return f"the store can no longer be trusted: {self.broken}"
        return "there is no room in the store" if self._full else ""

    @property
    def waiting_events(self) -> int:
        """How many events wait in the inbox."""
        return len(self._inbox)

    def tell(self, event: e.Event) -> None:
        """Take note of what has happened; where the store has no room, it is tried again until it has."""
        self._inbox.put(Wish(event))
        self._work_on()

    # -- from start to stop

    async def start(self) -> None:
        """Load the store, account for what was cut off or missed while the server was down, and begin."""
        with self._garbage.only_the_newest_looked_at():
            for record in self._store.load():
                apply(self.state, record)
                self.state.undo.commit()
            self._garbage.keep_what_is_here(clean=True)
        self.state.take_dropped()
        self._executor.attach(self.tell, self._store.mark)
        survivors = await self._executor.meet_survivors(self.state, wait=self._policy.wait_for_survivors)
        printed = await self._executor.take_up_outputs(self.state)
        await self._recover(e.Recover(still_running=survivors, printed=printed, mark=self._store.mark))
        self._executor.watch(survivors)
        self._housekeep()
        self.clock.watch(self._tick)

    async def _recover(self, event: e.Recover) -> None:
        """Have it tried once. Where there is no room, it stays the first to be decided on: nothing runs before it."""
        wish = Wish(event, asyncio.get_running_loop().create_future())
        self._inbox.put(wish)
        self._work_on()
        await self._until_all_is_tried()
        answer, wish.waiting = wish.waiting, None
        if answer is not None and answer.done():
            answer.result()

    async def stop(self, grace: timedelta) -> None:
        """Start nothing more, let commands finish for a while, then end them; return when all is recorded.

        It waits neither for room nor for what cannot be ended: the next start finds those runs interrupted.
        """
        self._limits = replace(self._limits, starting=False)
        if not await self._nothing_runs_within(grace):
            self.tell(e.EndEverything())
            await self._until_all_is_tried()
            await self._nothing_runs_within(self._policy.longest_ending, or_no_room=True)
        await self._until_all_is_tried()
        self._stopped = True
        self.clock.set_alarm(None, self._tick)
        self.clock.watch(None)
        if self._compacting:
            await self._compacting
        self.feed.close()
        await self._executor.close()
        self._store.close()

    async def _nothing_runs_within(self, time: timedelta, *, or_no_room: bool = False) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(time.total_seconds()):
                while self.state.counts["running"] and not self.broken and not (or_no_room and self._full):
                    self._idle.clear()
                    await self._idle.wait()
                return True
        return False

    async def _until_all_is_tried(self) -> None:
        while self._working is not None:
            await self._working

    # -- the work

    def _work_on(self) -> None:
        if self._working is None and self.broken is None and not self._stopped:
            self._working = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        """Take batch after batch until the inbox is empty."""
        room = True
        try:
            while room and self._inbox:
                await self._inbox.gather(self.clock.monotonic)
                with self._garbage.only_the_newest_looked_at():
                    room = await self._work_on_batch()
                await self._pace().walk(self._readers.answering(self.state))
                if room:
                    self._set_alarm()
        finally:
            self._working = None
            to_the_end(self._readers.answering(self.state))

    def _pace(self) -> Pace:
        return Pace(self.clock.monotonic)

    async def _work_on_batch(self) -> bool:
        """Decide on all that is in the inbox, make it durable, act on it; False where that cannot be.

        Others have their turns meanwhile, but readers wait: the state holds what may have to be taken back.
        """
        wishes = self._inbox.take()
        self._ticking = False
        self._undurable = True
        try:
            answers, decisions = await self._decide(wishes)
            records = [record for decision in decisions for record in decision.records]
            began = self.clock.monotonic()
            if records:
                await self._store.append(records)
        except StoreFullError as error:
            await self._no_room(wishes, error)
            return False
        except StoreBrokenError as error:
            self._break(wishes, error)
            return False
        except ValueError as error:
            await self._cannot_be_kept(wishes, error)
            return True
        finally:
            self._undurable = False
        freeing = self.state.undo.committing()
        if self._full and records:
            _log.warning("there is room in the store again")
            self._full = False
        self._step = timedelta(0)
        if records:
            self._meter.kept(records, self.state, self.clock.monotonic() - began)
        self.feed.publish(records)
        for wish, refusal in answers:
            wish.answer(refusal)
        await self._act(decisions)
        self._executor.settle(records)
        self._idle.set()
        await self._tidy(freeing, len(records))
        await self._compact_when_wanted()
        return True

    async def _decide(
        self, wishes: Sequence[Wish]
    ) -> tuple[list[tuple[Wish, Exception | None]], list[Decision]]:
        """Return what to answer and what was decided. A refusal may rest on the batch, so it waits for it too."""
        answers: list[tuple[Wish, Exception | None]] = []
        decisions = []
        if step := self.clock.stepped():
            _log.warning("the clock was put %s by %s", *direction_of(step))
            self.last_step = (self.clock.now(), step)
            self._step += step
        if self._step:
            self._noticed = None
            wishes = [Wish(e.StepClock(seconds=self._step.total_seconds())), *wishes]
        pace = self._pace()
        for wish in wishes:
            try:
                now = self.clock.now()
                deciding_on_it = deciding(self.state, wish.event, now, self._limits, self._noticed)
                decisions.append(await pace.walk(deciding_on_it))
                answers.append((wish, None))
            except RefusedError as refusal:
                answers.append((wish, refusal.without_frames()))
            except Exception as error:  # noqa: BLE001
                # A fault of ours: whoever asked hears of it, the state is as before, and the server goes on.
                _log.exception("could not decide on %s", type(wish.event).__name__)
                self._tick_failed |= isinstance(wish.event, e.Tick)
                answers.append((wish, error))
            await pace.keep()
        return answers, decisions

    async def _act(self, decisions: Sequence[Decision]) -> None:
        """Carry out what was decided, as it is durable now."""
        pace = self._pace()
        for decision in decisions:
            for effect in decision.effects:
                self._executor.perform((effect,))
                await pace.keep()

    async def _tidy(self, freeing: Steps[None], records: int) -> None:
        """Let go of what was needed to take the batch back, and of what it made useless."""
        await self._pace().walk(freeing)
        await self._pace().walk(self.state.tidying())
        if records > _MANY:
            self._garbage.keep_what_is_here()

    async def _no_room(self, wishes: Sequence[Wish], error: StoreFullError) -> None:
        """Go back to what is on disk, refuse who waits, and try again later what has happened all the same."""
        if not self._full:
            _log.error("no room in the store, trying again until there is: %s", error)
        await self._pace().walk(self.state.undo.rolling_back())
        for wish in wishes:
            if wish.asked:
                wish.answer(error)
        self._inbox.put_back(wishes)
        if not self._inbox:
            self._inbox.put(Wish(e.LookForRoom()))
        self._full = True
        self._noticed = None
        self._idle.set()
        if not self._looks_for_room:
            self._looks_for_room = True
            self.clock.later(_BETWEEN_TRIES, self._look_for_room)

    def _look_for_room(self) -> None:
        self._looks_for_room = False
        self._work_on()

    async def _cannot_be_kept(self, wishes: Sequence[Wish], error: ValueError) -> None:
        """Go back to what is on disk: a fault of ours, as what comes in is checked at the door."""
        _log.error("lost what the store cannot hold: %s", error, exc_info=error)
        self._tick_failed |= any(isinstance(wish.event, e.Tick) for wish in wishes)
        await self._pace().walk(self.state.undo.rolling_back())
        for wish in wishes:
            wish.answer(error)

    def _break(self, wishes: Sequence[Wish], error: StoreBrokenError) -> None:
        """Answer nobody but with the error: what is on disk can no longer be known."""
        self.broken = error
        for wish in [*wishes, *self._inbox.take()]:
            wish.answer(error)
        self._readers.refuse(error)
        self._idle.set()
        self._on_broken(error)

    def _set_alarm(self) -> None:
        due = self.state.next_due(room=self._limits.have_room(self.state))
        now = self.clock.now()
        if due is None or due > now:
            self._noticed = None
        if due is not None and self._tick_failed:
            due = max(due, now + _BETWEEN_TRIES)
        self._tick_failed = False
        self.clock.set_alarm(due, self._tick)

    def _tick(self) -> None:
        self._noticed = self._noticed or self.clock.now()
        if not self._ticking:
            self._ticking = True
            self.tell(e.Tick())

    def _housekeep(self) -> None:
        now = self.clock.now()
        days = self._policy.keep_days
        before = None if days is None else now - timedelta(days=days)
        self.tell(e.Housekeep(runs_before=before, keys_before=now - _KEYS_KEPT))
        self.clock.later(_HOUSEKEEPING, self._housekeep)

    async def _compact_when_wanted(self) -> None:
        if self._compacting is None and self._store.wants_compaction(self.state.size):
            # Not in the task, which may begin when the next batch is in the state and not yet in the store.
            snapshot = await self._pace().walk(self.state.taking_snapshot())
            try:
                compaction = self._store.compact(snapshot)
            except StoreBrokenError as error:
                self._break((), error)
                return
            self._compacting = asyncio.get_running_loop().create_task(self._compact(compaction))

    async def _compact(self, compaction: Coroutine[Any, Any, None]) -> None:
        try:
            await compaction
        except StoreFullError as error:
            _log.warning("no room to compact the journal, the old one goes on: %s", error)
        except StoreBrokenError as error:
            self._break((), error)
        finally:
            self._compacting = None
