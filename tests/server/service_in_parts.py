"""A service over parts that a test holds in its hand: the time, the disk and the commands."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any, cast

from kala_server.core.decide.transaction import Limits
from kala_server.core.model import effects, inputs
from kala_server.core.model.inputs import Printed
from kala_server.core.model.job import JobSpec
from kala_server.core.model.records import Record
from kala_server.core.state.state import State
from kala_server.ports.store import Batch, Fence, StoreBrokenError, StoreError, StoreFullError
from kala_server.service.executor import Executor
from kala_server.service.service import Policy, Service
from tests.eventually import PATIENCE

NOW = datetime(2035, 6, 4, 19, 25, tzinfo=UTC)
JOB_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
RUN_ID = "5e0f4e2a-4a1b-4b8c-9d57-0d2f5a1f6f3a"
FULL = StoreFullError("no space left on device")
BROKEN = StoreBrokenError("fsync: input/output error")


class Time:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self._now = NOW
        self._alarm: tuple[datetime, Callable[[], None]] | None = None
        self._later: list[tuple[datetime, Callable[[], None]]] = []
        self._stepped = timedelta(0)
        self._on_step: Callable[[], None] | None = None

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - NOW).total_seconds()

    def since_boot(self) -> float:
        return self.monotonic()

    def stepped(self) -> timedelta:
        step, self._stepped = self._stepped, timedelta(0)
        return step

    def watch(self, wake: Callable[[], None] | None) -> None:
        self._on_step = wake

    async def step(self, by: timedelta) -> None:
        """Put the clock on or back; who watches it notices."""
        self._now += by
        self._stepped += by
        if self._on_step is not None:
            self._on_step()
        await breathe()

    def set_alarm(self, when: datetime | None, wake: Callable[[], None]) -> None:
        self._alarm = None if when is None else (when, wake)

    def later(self, delay: timedelta, wake: Callable[[], None]) -> None:
        self._later.append((self._now + delay, wake))

    def waiting(self, within: timedelta) -> int:
        """How many sleepers wake up within that time."""
        sleepers = [*self._later, *([self._alarm] if self._alarm else [])]
        return sum(when <= self._now + within for when, _ in sleepers)

    def pass_by(self, **delta: float) -> None:
        """Let time pass that nobody waits for."""
        self._now += timedelta(**delta)

    async def go_on(self, **delta: float) -> None:
        """Let time pass, and whoever is waiting for it do its work."""
        self.pass_by(**delta)
        due = [(when, wake) for when, wake in self._later if when <= self._now]
        self._later = [entry for entry in self._later if entry not in due]
        if self._alarm and self._alarm[0] <= self._now:
            due.append(self._alarm)
            self._alarm = None
        for _, wake in due:
            wake()
        await breathe()


class Disk:
    """A store that keeps a batch when it is told to; by default at once."""

    fence = Fence(1, "of this disk")
    is_new = True

    def __init__(self) -> None:
        self.before: list[Record] = []
        """What it holds when it is loaded."""
        self.batches: list[list[Record]] = []
        self.tried = 0
        self.refuses: Exception | None = None
        self.refuses_to_compact: StoreError | None = None
        self.takes: Callable[[], None] = lambda: None
        """Called for each batch that is kept."""
        self.closed = False
        self.compacts = False
        """Whether it wants to be compacted."""
        self._open = asyncio.Event()
        self._open.set()

    def hold(self) -> None:
        """Let every batch wait from now on."""
        self._open.clear()

    def let_go(self) -> None:
        """Keep what waits, or refuse it."""
        self._open.set()

    @property
    def records(self) -> list[Record]:
        return [record for batch in self.batches for record in batch]

    @property
    def size(self) -> int:
        return 0

    def wants_compaction(self, needed: int) -> bool:  # noqa: ARG002 - the protocol's signature
        return self.compacts

    async def acquire(self) -> Fence:
        return self.fence

    async def load(self) -> AsyncIterator[Batch]:
        yield Batch(1, self.before)

    async def append(self, fence: Fence, batch: Sequence[Record]) -> None:
        assert fence == self.fence
        assert not self.closed
        self.tried += 1
        await self._open.wait()
        if self.refuses:
            raise self.refuses
        self.batches.append(list(batch))
        self.takes()

    async def compact(self, fence: Fence, snapshot: Iterable[Record]) -> None:  # noqa: ARG002 - the port's signature
        list(snapshot)
        if self.refuses_to_compact:
            raise self.refuses_to_compact

    async def close(self) -> None:
        self.closed = True


class Commands:
    """An executor that carries out nothing, and remembers what it was asked for."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.asked: list[effects.Effect] = []
        self.durable_when_asked: list[int] = []
        self.tell: Callable[[inputs.Input], None] = lambda _event: None
        self.closed = False

    def attach(self, tell: Callable[[inputs.Input], None], mark: str, not_after: Callable[[], float]) -> None:
        assert mark == Disk.fence.mark
        assert not_after() == inf, "a disk has one owner for as long as he is there"
        self.tell = tell

    def perform(self, effects: Iterable[effects.Effect]) -> None:
        for effect in effects:
            self.asked.append(effect)
            self.durable_when_asked.append(len(self._disk.records))

    def settle(self, records: Sequence[Record]) -> None:
        pass

    async def meet_survivors(self, _state: State, *, wait: bool, patience: timedelta) -> frozenset[str]:
        assert (wait, patience) == (False, Policy().longest_ending)
        return frozenset()

    async def take_up_outputs(self, _state: State, elsewhere: Collection[str]) -> dict[str, Printed]:
        assert not elsewhere
        return {}

    async def close(self) -> None:
        self.closed = True

    @property
    def started(self) -> list[str]:
        """The runs that were started, in order."""
        return [effect.run.id for effect in self.asked if isinstance(effect, effects.StartAttempt)]


class Parts:
    """A started service, and what it is made of."""

    def __init__(self, *, limits: Limits | None = None, disk: Disk | None = None) -> None:
        self.time = Time()
        self.disk = disk or Disk()
        self.commands = Commands(self.disk)
        self.broken: list[StoreBrokenError] = []
        self.service = Service(
            store=self.disk,
            executor=cast("Executor", self.commands),
            clock=self.time,
            policy=Policy(limits=limits or Limits()),
            on_broken=self.broken.append,
        )

    def create(self, job_id: str = JOB_ID, **fields: Any) -> "asyncio.Task[Any]":
        """Ask for a job, by default one that is due at once."""
        spec = JobSpec(**{"name": "a job", "command": "true", **fields})
        return self.submit(inputs.CreateJobs(jobs=(inputs.NewJob(id=job_id, spec=spec),)))

    def submit(self, event: inputs.Input) -> "asyncio.Task[Any]":
        return asyncio.ensure_future(self.service.submit(event))

    def jobs(self) -> "asyncio.Task[set[str]]":
        """Ask which jobs there are."""
        return asyncio.ensure_future(self.service.read(lambda state: set(state.jobs)))


async def breathe() -> None:
    """Let everything that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


def play(scene: Callable[[Parts], Awaitable[None]], **options: Any) -> None:
    """Play a scene with a service that has started; nothing in it may take real time."""

    async def whole() -> None:
        parts = Parts(**options)
        await parts.service.start()
        await breathe()
        async with asyncio.timeout(PATIENCE):
            await scene(parts)

    asyncio.run(whole())
