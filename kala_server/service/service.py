"""The life of a server: from its start to its stop it says what time it is, looks what is due, acts and keeps house.

event → engine → durable records → effects → answer: the commit (`commit.py`) has that order, and asks here for what is
between the arrows.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from kala_server.clock import Clock, direction_of
from kala_server.core.decide.engine import Decision, deciding
from kala_server.core.decide.transaction import Limits
from kala_server.core.model import inputs
from kala_server.core.model import records as r
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.metrics import Meter, Unmetered
from kala_server.ports.store import (
    Batch,
    Fence,
    RemoteStore,
    Store,
    StoreAwayError,
    StoreBrokenError,
    StoreFullError,
)
from kala_server.service.alarm import Alarm
from kala_server.service.commit import GroupCommit
from kala_server.service.executor import Executor
from kala_server.service.feed import Feed
from kala_server.service.garbage import Garbage
from kala_server.service.slices import Pace
from kala_server.service.standing import Hold, Leased, Standing

T = TypeVar("T")

_log = logging.getLogger("kala.service")

_TROUBLE = {
    Standing.FULL: "there is no room in the store",
    Standing.AWAY: "the store cannot be reached",
}
_HOUSEKEEPING = timedelta(hours=1)
_KEYS_KEPT = timedelta(hours=24)


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
        self.feed = Feed()
        self.clock = clock
        self.up_since = clock.now()
        """Since when this server is there."""
        self.last_step: tuple[datetime, timedelta] | None = None
        """When the clock was put on or back for the last time, by what it says since, and by how much."""
        self._store = store
        self._executor = executor
        self._policy = policy
        self._limits = policy.limits
        self._on_broken = on_broken
        self._meter = meter or Unmetered()
        self._garbage = garbage or Garbage()
        self._commit = GroupCommit(store=store, clock=clock, garbage=self._garbage, life=self)
        self._alarm = Alarm(clock, lambda: self.tell(inputs.Tick()))
        self._step = timedelta(0)
        """How far the clock was put on or back, until that is durable."""
        self.compacting: asyncio.Task[None] | None = None
        """What begins the journal anew, while that goes on."""
        self._idle = asyncio.Event()
        self._hold = Hold()

    # -- for the web and the command line

    @property
    def state(self) -> State:
        """What there is; to be looked at with `read`, or where nothing depends on whether it is durable."""
        return self._commit.state

    async def submit(self, event: inputs.Input) -> Decision:
        """Return what follows from the event once that is durable.

        Raises RefusedError where the event is refused, StoreFullError where there is no room: nothing has changed
        then. Raises StoreBrokenError where the store can no longer be trusted; the server is about to end.
        """
        return await self._commit.submit(event)

    async def read(self, question: Callable[[State], T]) -> T:
        """Return the answer to a question about what is durable. Raises StoreBrokenError where that is not known."""
        return await self._commit.read(question)

    def tell(self, event: inputs.Input) -> None:
        """Take note of what has happened; where the store has no room, it is tried again until it has."""
        self._commit.tell(event)

    @property
    def broken(self) -> StoreBrokenError | None:
        """Why the store can no longer be trusted; None where it can."""
        return self._commit.broken

    @property
    def follows(self) -> bool:
        """Whether another server decides, and this one takes in what that has committed."""
        return self._commit.standing is Standing.FOLLOWING

    @property
    def trouble(self) -> str:
        """What keeps the service from its work, in words; empty where nothing does."""
        if self.broken:
            return f"the store can no longer be trusted: {self.broken}"
        return _TROUBLE.get(self._commit.standing, "")

    @property
    def waiting_events(self) -> int:
        """How many events wait in the inbox."""
        return self._commit.waiting

    # -- from start to stop

    async def start(self) -> None:
        """Acquire and load the store, account for what was cut off or missed meanwhile, and begin."""
        fence = await self._store.acquire()
        await self.load()
        store = self._store
        await self.lead(fence, Leased(store, fence, self.clock) if isinstance(store, RemoteStore) else None)

    async def load(self) -> int:
        """Begin with what the store has kept, and return the number of the latest batch."""
        knew_something = bool(self.state.times)
        number = await self._commit.load(self._store.load())
        if knew_something:
            self.feed.begin_anew()
        return number

    async def lead(
        self, fence: Fence, hold: Hold | None = None, elsewhere: frozenset[str] = frozenset()
    ) -> None:
        """Begin to decide: the state is what the store has kept, and nobody else adds to it.

        Attempts that go on elsewhere, by their handles, are told of by somebody.
        """
        self._hold = hold or self._hold
        self._commit.begin()
        self._executor.attach(self.tell, fence.mark, self._hold.until)
        printed = await self._executor.take_up_outputs(self.state, elsewhere)
        survivors = await self._executor.meet_survivors(
            self.state, wait=self._policy.wait_for_survivors, patience=self._policy.longest_ending
        )
        runs = self.state.runs
        survivors |= {run_id for run_id in runs.open if runs[run_id].handle in elsewhere}
        # Before all else: what begins to run earlier would be taken for something that was cut off.
        recover = inputs.Recover(still_running=survivors, printed=printed, epoch=fence.epoch)
        await self._commit.lead(fence, recover)
        self._housekeep()
        self._alarm.watch_the_clock()

    def follow(self, leader: Callable[[], str]) -> None:
        """Decide nothing until this server leads; whoever asks for something is told who does."""
        self._commit.follow(leader)

    async def take_in(self, batch: Batch) -> None:
        """Take in what another server has committed."""
        await self._commit.take_in(batch.records)

    def break_down(self, error: StoreBrokenError) -> None:
        """Answer nobody any more, and end: the store is somebody else's, or cannot be trusted."""
        self._commit.break_down(error)

    async def stop(self, grace: timedelta) -> None:
        """Start nothing more, let commands finish for a while, then end them; return when all is recorded.

        It waits neither for room nor for what cannot be ended: the next start finds those runs interrupted.
        """
        if self.follows:
            await self.leave()
            return
        self._limits = replace(self._limits, starting=False)
        if not await self._nothing_runs_within(grace):
            self.tell(inputs.EndEverything())
            await self._commit.until_all_is_tried()
            await self._nothing_runs_within(self._policy.longest_ending, or_no_room=True)
        await self.leave()

    async def stand_down(self, tell: Callable[[inputs.Input], None]) -> dict[str, str]:
        """Decide nothing more; what attempts come to that go on is told to somebody. Returns their handles by run."""
        self._limits = replace(self._limits, starting=False)
        await self._commit.until_all_is_tried()
        self._commit.stop()
        self._alarm.stop()
        return self._executor.redirect(tell)

    async def let_finish(self, grace: timedelta, ending: Callable[[], None]) -> None:
        """Let what goes on finish for a while, say that the rest is being ended, and end it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace.total_seconds()):
                await self._executor.until_all_have_ended()
                return
        ending()
        self._executor.end_all()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.longest_ending):
                await self._executor.until_all_have_ended()

    @property
    def longest_ending(self) -> float:
        """Seconds that commands which are ended may take for it."""
        return self._policy.longest_ending.total_seconds()

    async def leave(self) -> None:
        """Let go of everything as it is, as if the server was killed between two batches: nothing more is recorded."""
        await self._commit.until_all_is_tried()
        self._commit.stop()
        self._alarm.stop()
        if self.compacting:
            await self.compacting
        self.feed.close()
        await self._executor.close()
        await self._store.close()

    async def _nothing_runs_within(self, time: timedelta, *, or_no_room: bool = False) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(time.total_seconds()):
                await self.until_nothing_runs(or_no_room=or_no_room)
                return True
        return False

    async def until_nothing_runs(self, *, or_no_room: bool = False) -> None:
        """Return when no command runs, or it cannot be known any more."""
        enough = {Standing.BROKEN, *([Standing.FULL] if or_no_room else [])}
        while self.state.counts["running"] and self._commit.standing not in enough:
            self._idle.clear()
            await self._idle.wait()

    async def until_all_is_done(self) -> None:
        """Return when all that has happened is decided on, durable and acted on: what comes next is another's doing."""
        while self._commit.at_work or self._executor.at_work or self.compacting:
            await self._commit.until_all_is_tried()
            await self._executor.until_all_is_told()
            if self.compacting:
                await self.compacting

    # -- what the commit asks for

    def preceding(self) -> Sequence[inputs.Input]:
        """Return that the clock was put on or back, where it was."""
        self._alarm.heard()
        if step := self.clock.stepped():
            _log.warning("the clock was put %s by %s", *direction_of(step))
            self.last_step = (self.clock.now(), step)
            self._step += step
        if not self._step:
            return []
        self._alarm.begin_anew()
        return [inputs.StepClock(seconds=self._step.total_seconds())]

    def deciding(self, event: inputs.Input) -> Steps[Decision]:
        """Return the steps of a decision as of now."""
        return deciding(self.state, event, self.clock.now(), self._limits, self._alarm.noticed)

    def lost(self, event: inputs.Input) -> None:
        """Take note of a fault of ours: what is due was not looked at."""
        if isinstance(event, inputs.Tick):
            self._alarm.failed()

    def durable(self, records: Sequence[r.Record], seconds: float) -> None:
        """Tell meters and followers."""
        self._step = timedelta(0)
        if records:
            self._meter.kept(records, self.state, seconds)
        self.feed.publish(records)

    def taken_in(self, records: Sequence[r.Record]) -> None:
        """Tell followers of the stream: who decided on it has told the meters."""
        self.feed.publish(records)

    async def carry_out(self, decisions: Sequence[Decision], records: Sequence[r.Record]) -> None:
        """Start and end commands, while the store is certainly ours; begin the journal anew where that is wanted."""
        pace = Pace(self.clock.monotonic)
        try:
            for decision in decisions:
                for effect in decision.effects:
                    await self._hold.certain()
                    self._executor.perform((effect,))
                    await pace.keep()
        except StoreBrokenError as error:
            self.break_down(error)
            return
        await pace.keep()
        self._executor.settle(records)
        await self._compact_when_wanted()

    def settled(self, standing: Standing) -> None:
        """Wait for what is due next; a stop looks whether anything runs."""
        self._idle.set()
        if standing is Standing.OPEN:
            self._alarm.set(self.state.next_due(room=self._limits.have_room(self.state)))
        elif standing in {Standing.FULL, Standing.AWAY}:
            self._alarm.begin_anew()
        elif self.broken is not None:
            self._on_broken(self.broken)

    # -- keeping house

    def _housekeep(self) -> None:
        now = self.clock.now()
        days = self._policy.keep_days
        before = None if days is None else now - timedelta(days=days)
        if before is not None or self.state.keys:
            self.tell(inputs.Housekeep(runs_before=before, keys_before=now - _KEYS_KEPT))
        self.clock.later(_HOUSEKEEPING, self._housekeep)

    async def _compact_when_wanted(self) -> None:
        if self.compacting is None and self._store.wants_compaction(self.state.size):
            # Not in the task, which may begin when the next batch is in the state and not yet in the store.
            snapshot = await Pace(self.clock.monotonic).walk(self.state.taking_snapshot())
            try:
                compaction = self._store.compact(self._commit.fence, snapshot)
            except StoreBrokenError as error:
                self._commit.break_down(error)
                return
            self.compacting = asyncio.get_running_loop().create_task(self._compact(compaction))

    async def _compact(self, compaction: Coroutine[Any, Any, None]) -> None:
        try:
            await compaction
        except StoreFullError as error:
            _log.warning("no room to compact the journal, the old one goes on: %s", error)
        except StoreAwayError as error:
            _log.warning("not compacted, the log goes on as it is: %s", error)
        except StoreBrokenError as error:
            self._commit.break_down(error)
        finally:
            self.compacting = None
