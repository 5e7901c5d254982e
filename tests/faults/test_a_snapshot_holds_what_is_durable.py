"""A snapshot holds what is durable, and nothing of the batch that is just being written.

That batch comes after the snapshot in the new journal: a job that the snapshot had already lost would then be deleted
a second time, and no server could start on it.
"""

import asyncio
from collections.abc import Iterable, Sequence

import pytest

from kala_server.core.model import inputs
from kala_server.core.model.records import JobKept, Record
from kala_server.ports.store import Fence, StoreFullError
from kala_server.service.service import Service
from tests.server.service_in_parts import JOB_ID, NOW, Disk, Parts, breathe, play

SOON = f"R/{NOW.replace(year=2036).isoformat()}/P1D"


async def a_moment(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


class CompactingDisk(Disk):
    """Is about to be compacted, takes a moment for each batch, and remembers which jobs a snapshot holds."""

    def __init__(self, *, second: StoreFullError | None) -> None:
        super().__init__()
        self._second = second
        self.slow = False
        """Whether the scene has begun: before it, this is a disk like any other."""
        self.snapshots: list[list[str]] = []

    async def append(self, fence: Fence, batch: Sequence[Record]) -> None:
        if not self.slow:
            await super().append(fence, batch)
            return
        await a_moment(20)
        await super().append(fence, batch)
        self.refuses = self._second
        self.compacts = not self.snapshots

    async def compact(self, fence: Fence, snapshot: Iterable[Record]) -> None:  # noqa: ARG002 - the port's signature
        self.snapshots.append([record.job.id for record in snapshot if isinstance(record, JobKept)])
        self.compacts = False


def snapshots_while_a_job_is_deleted(*, refused: bool = False) -> list[list[str]]:
    disk = CompactingDisk(second=StoreFullError("no space left on device") if refused else None)

    async def scene(parts: Parts) -> None:
        disk.slow = True
        disk.hold()
        created = parts.create(schedule=SOON)
        await breathe()
        deleted = parts.submit(inputs.DeleteJob(id=JOB_ID))
        await breathe()
        disk.let_go()
        await created
        if refused:
            with pytest.raises(StoreFullError):
                await deleted
        else:
            await deleted
        await breathe()

    play(scene, disk=disk)
    return disk.snapshots


@pytest.mark.parametrize("refused", [False, True], ids=["kept", "refused"])
def test_a_snapshot_holds_what_is_durable_and_nothing_of_the_batch_under_way(refused: bool) -> None:
    assert snapshots_while_a_job_is_deleted(refused=refused) == [[JOB_ID]]


def test_a_service_that_takes_the_snapshot_a_moment_later_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def compact_when_wanted(service: Service) -> None:
        async def compact() -> None:
            await a_moment(10)  # the next batch has gathered by then, and is being written
            await service._store.compact(service._commit.fence, service.state.snapshot())

        if service._store.wants_compaction(1) and service.compacting is None:
            service.compacting = asyncio.get_running_loop().create_task(compact())

    monkeypatch.setattr(Service, "_compact_when_wanted", compact_when_wanted)
    assert snapshots_while_a_job_is_deleted() == [[]]
