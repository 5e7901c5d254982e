"""What a repair can keep from behind the damage, and that it is told before anything is changed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kala_server.core.model.job import JobSpec, RunState, Trigger
from kala_server.core.model.records import (
    JobCreated,
    JobDeleted,
    JobKept,
    Record,
    RunFinished,
    RunKept,
    RunQueued,
    RunStarted,
    ServerKept,
)
from kala_server.stores.journal import codec
from kala_server.stores.journal.inspection import Condition, inspect
from kala_server.stores.journal.repair import prospect, repair
from tests.contract.test_store_repair import FOLDER, loaded, on_disk

AT = datetime(2024, 5, 1, tzinfo=UTC)
NOW = AT + timedelta(days=1)


def a_run(number: int) -> list[list[Record]]:
    """Everything about a job that has run once."""
    job, run = f"job-{number}", f"run-{number}"
    return [
        [JobCreated(id=job, at=AT, spec=JobSpec(name=f"number {number}"), next_at=AT)],
        [
            RunQueued(run_id=run, job_id=job, at=AT, scheduled_at=AT, trigger=Trigger.SCHEDULE),
            RunStarted(run_id=run, at=AT),
        ],
        [RunFinished(run_id=run, at=AT, state=RunState.SUCCEEDED)],
    ]


def journal(jobs: int) -> bytes:
    batches: Sequence[Sequence[Record | codec.SnapshotEnded]] = [
        [codec.SnapshotEnded(records=0)],
        [ServerKept(created_at=AT)],
        *(batch for number in range(jobs) for batch in a_run(number)),
        [JobDeleted(id="job-3", at=AT)],
    ]
    seq, text = 1, b""
    for number, batch in enumerate(batches, 1):
        text += codec.frame([codec.encode(record) for record in batch], seq=seq, batch=number)
        seq += len(batch)
    return text


JOURNAL = journal(141)
LINES = JOURNAL.splitlines(keepends=True)


def without(line: int) -> bytes:
    changed = [*LINES]
    changed[line] = LINES[line].replace(b'"crc":"', b'"crc":"0', 1)
    return b"".join(changed)


@pytest.mark.parametrize("line", [1, 3, 4, 5, 20, 560])
def test_a_changed_line_keeps_nearly_all_of_566_records(line: int) -> None:
    assert len(LINES) == 567
    damaged = without(line)
    disk = on_disk(damaged)
    told = prospect(FOLDER, inspect(FOLDER, filesystem=disk), NOW, filesystem=disk)
    assert disk.seen() == {"journal.jsonl": damaged}
    assert told.records + told.kept >= 560
    assert told.unreadable == 1
    assert told.jobs >= 139
    repaired = repair(FOLDER, salvage_at=NOW, filesystem=disk)
    assert repaired.salvaged == told
    assert repaired.copy is not None
    assert disk.seen()[repaired.copy.name] == damaged
    assert inspect(FOLDER, filesystem=disk).condition is Condition.WHOLE
    kept = loaded(disk)
    assert sum(isinstance(record, JobKept) for record in kept) == told.jobs
    assert all(record.run.state.final or record.run.ending for record in kept if isinstance(record, RunKept))


def test_what_could_not_be_kept_is_told_by_job() -> None:
    disk = on_disk(without(2))  # the creation of the first job
    words = str(repair(FOLDER, salvage_at=NOW, filesystem=disk))
    assert "keeps 562 records, 561 of them from behind the damage, and 139 jobs" in words
    assert "Left out: 1 lines that cannot be read, and 3 records, of:" in words
    assert "  job-0  number 0: 3" in words or "  job-0  (name not readable): 3" in words
    assert "journal.damaged-3" in words


def test_a_line_that_comes_twice_or_late_is_not_believed() -> None:
    late = [*LINES[:4], LINES[9], *LINES[4:9], *LINES[10:], LINES[-1]]
    told = prospect(
        FOLDER, inspect(FOLDER, filesystem=on_disk(b"".join(late))), NOW, filesystem=on_disk(b"".join(late))
    )
    assert told.unreadable == 6


def test_a_power_cut_during_a_salvage_leaves_the_damaged_journal_or_the_salvaged_one() -> None:
    few = JOURNAL[: JOURNAL.index(b'"seq":12,')].rpartition(b"\n")[0] + b"\n"
    damaged = few.replace(b"number 0", b"number O")
    disk = on_disk(damaged)

    def look() -> None:
        for state in disk.states(every=400):
            assert state["journal.jsonl"] == damaged or damaged in state.values()

    disk.watch = look
    repair(FOLDER, salvage_at=NOW, filesystem=disk)
    expected = loaded(disk)
    for state in disk.states():
        assert state["journal.jsonl"] != damaged
    assert expected


def test_a_whole_journal_is_not_salvaged(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_bytes(JOURNAL)
    repaired = repair(tmp_path, salvage_at=NOW)
    assert repaired.copy is None
    assert repaired.salvaged is None
    assert (tmp_path / "journal.jsonl").read_bytes() == JOURNAL
