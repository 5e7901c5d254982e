"""What a check tells of a journal, and what a repair keeps of it."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kala_server.core.model.job import Job, JobSpec, Run, RunState, Trigger
from kala_server.core.model.records import (
    JobChanged,
    JobCreated,
    JobDeleted,
    JobKept,
    Record,
    RunFinished,
    RunKept,
    RunQueued,
    RunStarted,
)
from kala_server.ports.store import StoreLockedError, StoreNewerError
from kala_server.stores.journal import codec
from kala_server.stores.journal.inspection import Condition, inspect
from kala_server.stores.journal.journal import JournalStore
from kala_server.stores.journal.repair import repair
from tests.faults.simulated_disk import SimulatedDisk
from tests.owned_store import OwnedStore

AT = datetime(2024, 5, 1, tzinfo=UTC)
FOLDER = Path("/simulated")
SPEC = JobSpec(name="nightly backup")
OLD_RUN = Run(
    id="run-0", job_id="job-0", scheduled_at=AT, trigger=Trigger.MANUAL, state=RunState.RUNNING, queued_at=AT
)
SNAPSHOT: list[Record] = [
    JobKept(job=Job(id="job-0", spec=JobSpec(name="from before"), created_at=AT)),
    RunKept(run=OLD_RUN),
]
BATCHES: list[list[Record]] = [
    [JobCreated(id="job-1", at=AT, spec=SPEC)],
    [RunQueued(run_id="run-1", job_id="job-1", at=AT, scheduled_at=AT, trigger=Trigger.MANUAL)],
    [RunStarted(run_id="run-1", at=AT), RunFinished(run_id="run-0", at=AT, state=RunState.FAILED)],
    [JobChanged(id="job-1", at=AT, spec=JobSpec(name="renamed")), JobDeleted(id="job-2", at=AT)],
    [JobCreated(id="job-3", at=AT, spec=JobSpec(name="the last"))],
]


def loaded(disk: SimulatedDisk) -> list[Record]:
    store = OwnedStore(JournalStore(FOLDER, filesystem=disk))
    try:
        return store.load()
    finally:
        store.close()


def journal() -> bytes:
    async def write() -> None:
        await store.compact(SNAPSHOT)
        for batch in BATCHES:
            await store.append(batch)

    disk = SimulatedDisk()
    store = OwnedStore(JournalStore(FOLDER, filesystem=disk))
    store.load()
    asyncio.run(write())
    store.close()
    return disk.seen()["journal.jsonl"]


JOURNAL = journal()
LINES = JOURNAL.splitlines(keepends=True)


def on_disk(content: bytes) -> SimulatedDisk:
    return SimulatedDisk({"journal.jsonl": content})


def damaged(line: int) -> bytes:
    """Change the checksum of a line."""
    changed = list(LINES)
    changed[line] = LINES[line].replace(b'"crc":"', b'"crc":"0', 1)
    return b"".join(changed)


def prefix(batches: int) -> Sequence[Record]:
    return [*SNAPSHOT, *(record for batch in BATCHES[:batches] for record in batch)]


def test_a_whole_journal_is_said_to_be_whole_and_nothing_is_repaired() -> None:
    disk = on_disk(JOURNAL)
    report = inspect(FOLDER, filesystem=disk)
    assert report.condition is Condition.WHOLE
    assert str(report) == f"/simulated/journal.jsonl is whole: 9 records, {len(JOURNAL)} bytes."
    repaired = repair(FOLDER, filesystem=disk)
    assert repaired.copy is None
    assert "Nothing was changed" in str(repaired)
    assert disk.seen() == {"journal.jsonl": JOURNAL}


def test_a_folder_without_a_journal_is_said_to_have_none() -> None:
    report = inspect(FOLDER, filesystem=SimulatedDisk())
    assert report.condition is Condition.MISSING
    assert "there is no journal here" in str(report)


def test_a_torn_tail_is_told_with_what_is_in_it_and_left_to_the_next_start() -> None:
    disk = on_disk(JOURNAL[:-3])
    report = inspect(FOLDER, filesystem=disk)
    assert report.condition is Condition.TORN
    assert report.good_until == len(b"".join(LINES[:-1]))
    assert report.jobs == {"job-3": "the last"}
    assert "The next start cuts it off" in str(report)
    assert repair(FOLDER, filesystem=disk).copy is None
    assert disk.seen() == {"journal.jsonl": JOURNAL[:-3]}


def test_damage_is_told_with_its_place_and_the_jobs_that_it_concerns() -> None:
    report = inspect(FOLDER, filesystem=on_disk(damaged(5)))
    assert report.condition is Condition.DAMAGED
    assert not report.in_snapshot
    assert (report.records, report.later_good, report.later_bad) == (4, 4, 1)
    assert report.jobs == {"job-0": "from before", "job-1": "renamed", "job-2": "", "job-3": "the last"}
    words = str(report)
    assert f"damaged at byte {len(b''.join(LINES[:5]))}" in words
    assert "Good from the start: 4 records" in words
    assert "1 job_changed, 1 job_created, 1 job_deleted, 1 run_finished, 1 run_started" in words
    assert "job-2  (name not readable)" in words


def test_damage_in_the_snapshot_is_told_as_such() -> None:
    report = inspect(FOLDER, filesystem=on_disk(damaged(0)))
    assert report.in_snapshot
    assert report.good_until == 0
    assert "jobs that come after it are lost as a whole" in str(report)


def test_what_cannot_be_read_is_shown_without_control_characters() -> None:
    line = JOURNAL.replace(b'"name":"nightly', b'"name":"\x1b[2J\xff', 1)
    report = inspect(FOLDER, filesystem=on_disk(line))
    assert report.jobs["job-1"] == "renamed"
    shown = inspect(FOLDER, filesystem=on_disk(line.replace(b'"name":"renamed"', b'"nom":"renamed"')))
    assert shown.jobs["job-1"] == "�[2J� backup"


def test_what_was_put_aside_earlier_is_told() -> None:
    disk = SimulatedDisk(
        {"journal.jsonl": JOURNAL, "journal.torn-3": b"", "journal.damaged-4": b"", "other": b""}
    )
    assert inspect(FOLDER, filesystem=disk).copies == ["journal.damaged-4", "journal.torn-3"]


def test_a_newer_journal_is_neither_judged_nor_repaired(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "VERSION", 2)
    newer = JOURNAL + codec.frame([codec.encode(BATCHES[0][0])], seq=11, batch=8)
    monkeypatch.undo()
    disk = on_disk(newer)
    report = inspect(FOLDER, filesystem=disk)
    assert report.condition is Condition.NEWER
    assert str(report) == report.problem
    with pytest.raises(StoreNewerError, match="written by a newer Kala"):
        repair(FOLDER, filesystem=disk)
    assert disk.seen() == {"journal.jsonl": newer}


@pytest.mark.parametrize(("line", "batches"), [(3, 0), (4, 1), (5, 2), (6, 2), (7, 3), (8, 3)])
def test_a_repair_keeps_every_whole_batch_before_the_damage_and_the_file_as_it_was(
    line: int, batches: int
) -> None:
    disk = on_disk(damaged(line))
    repaired = repair(FOLDER, filesystem=disk)
    assert repaired.copy is not None
    assert disk.seen()[repaired.copy.name] == damaged(line)
    assert loaded(disk) == prefix(batches)
    assert inspect(FOLDER, filesystem=disk).condition is Condition.WHOLE
    assert "now holds the" in str(repaired)
    assert repaired.copy.name in str(repaired)


def test_a_record_that_this_version_cannot_read_is_repaired_like_damage() -> None:
    unknown = codec.frame([(b"run_dreamt", b"{}")], seq=4, batch=3)
    disk = on_disk(b"".join(LINES[:3]) + unknown)
    assert repair(FOLDER, filesystem=disk).copy is not None
    assert loaded(disk) == SNAPSHOT


def test_of_a_damaged_snapshot_the_part_before_the_damage_is_kept() -> None:
    async def compacted() -> None:
        await store.compact(JobDeleted(id=f"job-{number}", at=AT) for number in range(1000))

    disk = SimulatedDisk()
    store = OwnedStore(JournalStore(FOLDER, filesystem=disk))
    store.load()
    asyncio.run(compacted())
    store.close()
    content = disk.seen()["journal.jsonl"]
    disk = on_disk(content.replace(b"job-500", b"job-5O0"))
    repair(FOLDER, filesystem=disk)
    assert loaded(disk) == [JobDeleted(id=f"job-{number}", at=AT) for number in range(400)]


@pytest.mark.parametrize("line", [0, 5])
def test_a_power_cut_during_a_repair_leaves_the_damaged_journal_or_the_repaired_one(line: int) -> None:
    def look() -> None:
        for state in disk.states(every=400):
            if state["journal.jsonl"] != damaged(line):
                assert loaded(SimulatedDisk(state)) == kept
                assert damaged(line) in state.values()

    kept = prefix(2) if line else []
    disk = on_disk(damaged(line))
    disk.watch = look
    repair(FOLDER, filesystem=disk)
    for state in disk.states():
        assert loaded(SimulatedDisk(state)) == kept


@pytest.mark.parametrize("line", [0, 5])
@pytest.mark.parametrize("name", ["create", "write", "sync", "rename"])
def test_a_repair_that_the_disk_refuses_leaves_the_journal_as_it_was(name: str, line: int) -> None:
    number = 0
    refused = True
    while refused:
        number += 1
        disk = RefusingDisk(name, number, damaged(line))
        try:
            repair(FOLDER, filesystem=disk)
        except OSError:
            assert disk.seen()["journal.jsonl"] == damaged(line)
            assert "journal.jsonl.new" not in disk.seen()
        refused = disk.refused  # who owns the folder need not be on the disk
    assert number > 1


class RefusingDisk(SimulatedDisk):
    """Refuses the n-th call of a name."""

    def __init__(self, name: str, number: int, content: bytes) -> None:
        super().__init__({"journal.jsonl": content})
        self._name, self._left = name, number
        self.refused = False

    def called(self, name: str) -> None:
        self._left -= name == self._name
        if name == self._name and self._left == 0:
            self.refused = True
            raise OSError(5, "Input/output error")


def test_a_store_in_use_is_checked_but_not_repaired(tmp_path: Path) -> None:
    store = OwnedStore(JournalStore(tmp_path))
    store.load()
    assert inspect(tmp_path).condition is Condition.WHOLE
    with pytest.raises(StoreLockedError):
        repair(tmp_path)
    store.close()


def test_a_repair_works_on_a_real_disk(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_bytes(damaged(5))
    repaired = repair(tmp_path)
    assert repaired.copy == tmp_path / "journal.damaged-6"
    store = OwnedStore(JournalStore(tmp_path))
    assert store.load() == prefix(2)
    store.close()
