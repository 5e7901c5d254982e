"""A server that does not lead: whoever follows a store has the state of the one who leads."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from kala_server.clock import LoopClock
from kala_server.core.model import inputs
from kala_server.core.state.state import State
from kala_server.ports.store import Batch
from kala_server.service.follower import Follower
from kala_server.service.known_state import KnownState
from kala_server.service.slices import Pace
from kala_server.stores.memory import MemoryLog, MemoryStore
from tests.eventually import PATIENCE
from tests.unit.core import invariants
from tests.unit.core.simulation import FAILS, FOR_EVER, World, id_of

Scene = Callable[[World, "Leader", Follower], Awaitable[None]]


class Folded:
    """What a follower makes of records: a state."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._known = KnownState(Pace)

    @property
    def state(self) -> State:
        return self._known.state

    async def load(self) -> int:
        return await self._known.load(self._store.load())

    async def take_in(self, batch: Batch) -> None:
        await self._known.take_in(batch.records)


class Leader:
    """Appends what a world of the core decides."""

    def __init__(self, world: World, store: MemoryStore) -> None:
        self._world = world
        self._store = store
        self._kept = 0
        self.batches = 0

    async def lead(self) -> None:
        self._fence = await self._store.acquire()

    async def keep(self) -> None:
        """Append what has happened since."""
        if records := self._world.journal[self._kept :]:
            self._kept += len(records)
            self.batches += 1
            await self._store.append(self._fence, records)

    async def compact(self) -> None:
        await self.keep()
        await self._store.compact(self._fence, self._world.state.snapshot())


def play(scene: Scene) -> None:
    async def whole() -> None:
        world, log = World(), MemoryLog()
        leader, store = Leader(world, MemoryStore(log)), MemoryStore(log)
        folded = Folded(store)
        follower = Follower(store, folded, LoopClock())
        await leader.lead()
        await follower.load()
        following = asyncio.create_task(follower.follow())
        async with asyncio.timeout(PATIENCE):
            await scene(world, leader, follower)
            while follower.number < log.number:
                await follower.taken_in.wait()
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        invariants.check(folded.state)
        assert invariants.contents(folded.state) == invariants.contents(world.state)

    asyncio.run(whole())


def test_a_follower_has_the_state_of_its_leader() -> None:
    async def scene(world: World, leader: Leader, _follower: Follower) -> None:
        world.script["fails"], world.script["slow"] = [FAILS], [FOR_EVER]
        world.create("fails", retries=1, retry_delay="PT1H")
        await leader.keep()
        world.create("slow", overlap="allow")
        await asyncio.sleep(0)
        world.start("slow")
        await leader.keep()
        world.advance(timedelta(hours=3))
        world.decide(inputs.DeleteJob(id=id_of("slow")))
        await leader.keep()

    play(scene)


def test_a_follower_that_a_compaction_has_left_behind_begins_anew() -> None:
    async def scene(world: World, leader: Leader, follower: Follower) -> None:
        world.create("first", schedule="never")
        await leader.keep()
        while follower.number < 1:
            await follower.taken_in.wait()
        for name in ("second", "third"):
            world.create(name, schedule="never")
            await leader.keep()
        await leader.compact()

    play(scene)


@settings(max_examples=30)
@given(
    st.lists(
        st.sampled_from(["create", "start", "advance", "delete", "keep", "compact", "wait"]), max_size=30
    )
)
def test_whatever_happens_a_follower_comes_to_the_state_of_its_leader(steps: list[str]) -> None:
    async def scene(world: World, leader: Leader, _follower: Follower) -> None:
        number = 0
        world.script["job-1"] = [FAILS]
        for step in steps:
            if step == "create":
                number += 1
                world.create(f"job-{number}", retries=1, retry_delay="PT1M")
            elif step == "start" and world.state.jobs:
                world.decide(
                    inputs.StartJob(id=next(iter(world.state.jobs)), run_id=f"by-hand-{len(world.journal)}")
                )
            elif step == "advance":
                world.advance(timedelta(minutes=1))
            elif step == "delete" and world.state.jobs:
                world.decide(inputs.DeleteJob(id=next(iter(world.state.jobs))))
            elif step == "keep":
                await leader.keep()
            elif step == "compact" and world.state.times:
                await leader.compact()
            elif step == "wait":
                await asyncio.sleep(0)
        await leader.keep()

    play(scene)
