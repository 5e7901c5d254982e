"""Who knows what a store has promised, and checks that no power cut takes it away.

The witness stands between a workload and a store on a simulated disk. After every change on the disk, and after every
answer, it goes through the states that a power cut could leave, and loads each one as the next start would.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from kala_server.core.model.records import Record, RunStarted
from kala_server.ports.store import StoreError, StoreFullError
from kala_server.stores.journal.journal import JournalStore
from tests.faults.simulated_disk import SimulatedDisk, State
from tests.owned_store import OwnedStore

AT = datetime(2024, 5, 1, tzinfo=UTC)
FOLDER = Path("/simulated")
Names = tuple[str, ...]


def started(name: str) -> Record:
    return RunStarted(run_id=name, at=AT)


def names(records: Sequence[Record]) -> Names:
    return tuple(record.run_id for record in records if isinstance(record, RunStarted))


def load(state: State) -> tuple[Names, SimulatedDisk]:
    """Start on what a power cut left."""
    disk = SimulatedDisk(state)
    store = OwnedStore(JournalStore(FOLDER, filesystem=disk))
    try:
        return names(store.load()), disk
    finally:
        store.close()


class Witness:
    """Runs a workload on a store and counts the states that it checked and the promises that they broke."""

    def __init__(
        self, disk: SimulatedDisk, *, every: int = 1, done: set[object] | None = None, **options: Any
    ) -> None:
        self.disk = disk
        self.checked = 0
        self.violations: list[str] = []
        self._every = every
        self._done = set[object]() if done is None else done
        """What was checked before; witnesses of one store, all of whose violations are told, may share it."""
        self._logs: list[Names] = [()]
        """What the log may be; more than one while a compaction is under way."""
        self._under_way: Names = ()
        self._made = partial(JournalStore, FOLDER, filesystem=disk, **options)
        self.store = OwnedStore(self._made())

    def start(self, *promised: str, unanswered: Names = ()) -> None:
        """Load the store, which must hold what was promised; once it has given out more, that is promised too."""
        self._logs, self._under_way = [promised], unanswered
        self.disk.watch = self.look
        self.restart()

    def restart(self) -> None:
        """Close and load again; what is there must be what was promised."""
        self.store.close()
        self.store = OwnedStore(self._made())
        found = names(self.store.load())
        if found not in self.allowed():
            self.violations.append(f"loaded {found}, not one of {self.allowed()}")
        self._logs, self._under_way = [found], ()
        self.look()

    async def append(self, *batch: str) -> None:
        self._under_way = batch
        try:
            await self.store.append([started(name) for name in batch])
        except StoreFullError:
            self._under_way = ()
            self.look()
            raise
        self._logs = [log + batch for log in self._logs]
        self._under_way = ()
        self.look()

    async def compact(self, *snapshot: str, meanwhile: Sequence[Names] = ()) -> None:
        """Compact; the batches `meanwhile` come while the snapshot is read."""
        loop = asyncio.get_running_loop()

        def read() -> Iterator[Record]:
            yield from map(started, snapshot)
            for batch in meanwhile:
                asyncio.run_coroutine_threadsafe(self.append(*batch), loop).result()

        self._logs.append(snapshot)
        try:
            await self.store.compact(read())
        except StoreFullError:
            self._logs.pop()
            self.look()
            raise
        self._logs = self._logs[-1:]
        self.look()

    def allowed(self) -> set[Names]:
        """The logs that keep every promise made so far."""
        return {*self._logs, *(log + self._under_way for log in self._logs)}

    def look(self) -> None:
        """Go through the states that a power cut could leave now."""
        allowed = self.allowed()
        for state in self.disk.states(every=self._every):
            key = hash((tuple(sorted(state.items())), frozenset(allowed)))
            if key not in self._done:
                self._done.add(key)
                self.checked += 1
                self._check(state, allowed)

    def _check(self, state: State, allowed: set[Names]) -> None:
        try:
            found, disk = load(state)
        except StoreError as error:
            self.violations.append(str(error))
            return
        if found not in allowed:
            self.violations.append(f"{[name[:20] for name in found]} is not what was promised")
        elif load(disk.seen())[0] != found or any(load(left)[0] != found for left in disk.states(every=1000)):
            self.violations.append("what was loaded once is not there the second time")


Workload = Callable[[Witness], None]


def big(name: str) -> str:
    """A record of a third of a page, so that batches take several pages."""
    return name + "-" * 1300


def life(witness: Witness) -> None:
    """Appends of all sizes, a compaction with batches in between, a restart."""

    async def first() -> None:
        await witness.append("a1")
        await witness.append("b1", "b2", "b3")
        await witness.append(*(big(f"c{number}") for number in range(8)))
        await witness.compact("s1", "s2", big("s3"), meanwhile=[("m1",), ("m2", big("m3"))])
        await witness.append("d1", "d2")

    async def second() -> None:
        await witness.append("e1", big("e2"), "e3")
        await witness.compact()
        await witness.append("f1")

    witness.start()
    asyncio.run(first())
    witness.restart()
    asyncio.run(second())
    witness.store.close()
