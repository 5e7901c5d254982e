"""What was acknowledged survives a power cut at any moment, and the check that says so notices planted bugs."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from kala_server.core.model.records import Record
from kala_server.ports.store import StoreBrokenError
from kala_server.stores.journal import codec, journal
from kala_server.stores.journal.scan import Scan
from tests.faults.conftest import Tell
from tests.faults.figures import CUT_EVERY, CUT_EVERY_IN_A_TAIL, STATES_AT_LEAST
from tests.faults.simulated_disk import File, SimulatedDisk
from tests.faults.witness import Witness, big, life, load


def test_acknowledged_survives_a_power_cut_at_any_moment(tell: Tell) -> None:
    witness = Witness(SimulatedDisk(), every=CUT_EVERY)
    life(witness)
    assert witness.violations == []
    assert witness.checked >= STATES_AT_LEAST
    tell(f"{witness.checked:,} states, 0 violations")


def torn() -> Iterator[tuple[dict[str, bytes], tuple[str, ...]]]:
    """What power cuts leave that has to be mended, and what is to come of it."""
    witness = Witness(SimulatedDisk())

    async def scenario() -> None:
        await witness.append("a1")
        witness.disk.watch = lambda: torn_states.extend(witness.disk.states(every=CUT_EVERY_IN_A_TAIL))
        await witness.store.append([])
        await witness.append("b1", *(big(f"b{number}") for number in range(8)))

    torn_states: list[dict[str, bytes]] = []
    witness.start()
    asyncio.run(scenario())
    witness.store.close()
    for state in torn_states:
        yield state, load(state)[0]


def test_a_power_cut_while_a_torn_tail_is_mended_takes_nothing_away() -> None:
    checked = 0
    for state, expected in torn():
        witness = Witness(SimulatedDisk(state), every=1500)
        witness.start(*expected)
        asyncio.run(witness.append("next"))
        witness.store.close()
        assert witness.violations == []
        checked += witness.checked
    assert checked >= STATES_AT_LEAST


def after_a_kill(*, failed_sync: bool) -> Witness:
    """A server is killed between a write and its sync, or by a sync that fails; the next one reads what it wrote."""
    disk = KilledDisk(failed_sync=failed_sync)
    witness = Witness(disk, every=CUT_EVERY)
    witness.start()
    asyncio.run(witness.append("a1"))
    disk.armed = True
    with pytest.raises(StoreBrokenError):
        asyncio.run(witness.append("b1", "b2"))
    disk.armed = False
    witness.store.close()
    witness.start("a1", unanswered=("b1", "b2"))
    assert witness.allowed() == {("a1", "b1", "b2")}
    asyncio.run(witness.append("c1"))
    witness.store.close()
    return witness


class KilledDisk(SimulatedDisk):
    """Its sync fails once armed: nothing reached the disk, and perhaps the kernel has given up on it."""

    def __init__(self, *, failed_sync: bool) -> None:
        super().__init__()
        self.armed = False
        self._failed_sync = failed_sync

    def sync(self, fd: int) -> None:
        if not self.armed:
            super().sync(fd)
            return
        if self._failed_sync:
            self.open_files[fd].lose()
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("failed_sync", [False, True], ids=["killed", "sync failed"])
def test_what_a_start_has_read_survives_a_power_cut_though_it_was_never_synced(failed_sync: bool) -> None:
    assert after_a_kill(failed_sync=failed_sync).violations == []


def test_a_start_that_only_syncs_what_it_has_read_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "write_all", lambda *_: None)
    assert after_a_kill(failed_sync=True).violations


class NoSync(SimulatedDisk):
    """Planted bug: files are never synced."""

    def sync(self, fd: int) -> None:  # noqa: ARG002 - the bug
        self.watch()


class NoDirectorySync(SimulatedDisk):
    """Planted bug: names are never synced."""

    def sync_directory(self, path: Path) -> None:  # noqa: ARG002 - the bug
        self.watch()


class LateSync(SimulatedDisk):
    """Planted bug: the answer comes before the sync, which is done when the next write is."""

    late: File | None = None

    def sync(self, fd: int) -> None:
        self.late = self.open_files[fd]

    def write(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        if self.late:
            self.late.sync()
        return super().write(fd, data, offset)


class EarlyRename(SimulatedDisk):
    """Planted bug: a new file gets the journal's name before it is synced."""

    def sync(self, fd: int) -> None:
        if self.open_files[fd] is not self.files.get("journal.jsonl.new"):
            super().sync(fd)

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        self.files[new.name].sync()
        self.watch()


@pytest.mark.parametrize("mutant", [NoSync, NoDirectorySync, LateSync, EarlyRename])
def test_a_store_that_does_not_sync_as_it_must_is_noticed(mutant: type[SimulatedDisk]) -> None:
    witness = Witness(mutant(), every=997)
    life(witness)
    assert witness.violations


def test_a_store_without_checksums_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "crc32", lambda *_: 0)
    witness = Witness(SimulatedDisk(), every=997)
    life(witness)
    assert witness.violations


class DroppingScan(Scan):
    """Planted bug: the last batch is always taken for torn."""

    def batches(self) -> Iterator[list[Record]]:
        held: list[Record] | None = None
        for batch in super().batches():
            if held:
                yield held
            held = batch
        if held:
            self.whole_end = self.last_start
            self.next_seq -= len(held)
            self.next_batch -= 1


def test_a_store_that_always_drops_the_tail_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "Scan", DroppingScan)
    witness = Witness(SimulatedDisk(), every=997)
    life(witness)
    assert witness.violations


class ForgetfulScan(Scan):
    """Planted bug: the whole records of a batch that is torn are given out."""

    def batches(self) -> Iterator[list[Record]]:
        yield from super().batches()
        yield [
            record for record in map(self._decode, self._held) if not isinstance(record, codec.SnapshotEnded)
        ]


def test_a_store_that_gives_out_half_a_batch_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "Scan", ForgetfulScan)
    witness = Witness(SimulatedDisk(), every=97)
    life(witness)
    assert witness.violations
