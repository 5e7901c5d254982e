"""Making a damaged journal one that a server starts on, with nothing thrown away.

The rule: **every whole, verified batch before the damage is kept, and everything after it is left out**, even
batches that are good. What the server was before the damage is a state that it really was in. A later record was
decided on a state that included the lost ones: without the record that a run started, the one that it finished
means nothing; without the one that took a slot, the slot would run twice unseen. A prefix has no such holes, and
the report says which jobs it sets back.

What that means: jobs made later are gone, later changes are undone, and slots that ran since may be taken for
missed ones and run again. If the damage is in the snapshot, the jobs behind it are gone, too; a backup is then the
better way.

What is readable behind the damage can be kept as well where somebody asks for that: `core/decide/salvage.py` has the
rule, under which no slot starts twice. The new file is then a snapshot of all that was kept.

The damaged file stays in the folder as `journal.damaged-<number of the first record left out>`. Nothing here judges
records by what they say, or mends a journal that a newer version wrote.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kala_server.core.decide.salvage import Salvage
from kala_server.core.model.records import Record
from kala_server.ports.store import StoreDamagedError, StoreNewerError
from kala_server.stores.journal.codec import SnapshotEnded, decode, parse
from kala_server.stores.journal.compaction import create_new, discard, write_snapshot
from kala_server.stores.journal.filesystem import FileSystem, RealFileSystem
from kala_server.stores.journal.inspection import Condition, Report, inspect
from kala_server.stores.journal.journal import LOCK
from kala_server.stores.journal.log import Log
from kala_server.stores.journal.ownership import own
from kala_server.stores.journal.scan import Scan, read_lines
from kala_server.stores.journal.torn_tail import copy_aside


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair found and did. `str()` of it is for people."""

    report: Report
    copy: Path | None
    """The damaged file as it was; None where nothing had to be done."""
    salvaged: "Salvaged | None" = None
    """What was kept from behind the damage, where that was asked for."""

    def __str__(self) -> str:
        if self.copy is not None and self.salvaged is not None:
            return f"{self.salvaged}\nThe file as it was is kept in {self.copy}."
        if self.copy is None:
            return f"{self.report}\nNothing was changed: there is no damage to repair."
        return (
            f"{self.report}\n{self.report.path} now holds the {self.report.records} good records. What was behind them "
            f"is left out: slots that ran since may run again. The file as it was is kept in {self.copy}."
        )


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What can be kept of a damaged journal. `str()` of it is for people."""

    records: int
    """How many records are good, up to the damage."""
    kept: int
    """How many behind it can be kept, …"""
    refused: Mapping[str, int]
    """… and how many cannot, by job: what they are about was lost."""
    unreadable: int
    jobs: int
    names: Mapping[str, str]

    def __str__(self) -> str:
        kept = (
            f"A salvage keeps {self.records + self.kept} records, {self.kept} of them from behind the damage, and "
            f"{self.jobs} jobs. No slot starts twice: runs whose end is not known are over, and slots up to now that "
            "are not in the ledger are skipped, not caught up with."
        )
        lines = [kept]
        left_out = sum(self.refused.values())
        if left_out or self.unreadable:
            lines.append(
                f"Left out: {self.unreadable} lines that cannot be read, and {left_out} records, of:"
            )
        for job, number in sorted(self.refused.items()):
            name = self.names.get(job) or "(name not readable)"
            lines.append(
                f"  {job}  {name}: {number}" if job else f"  the whole server, or an unknown job: {number}"
            )
        return "\n".join(lines)


def prospect(
    directory: Path, report: Report, now: datetime, *, filesystem: FileSystem | None = None
) -> Salvaged:
    """Say what a salvage would keep of a damaged journal; changes nothing. Raises OSError where it cannot be read."""
    files = filesystem or RealFileSystem()
    fd = files.open_to_read(directory / report.path.name)
    try:
        return _salvage(files, fd, report, now)[1]
    finally:
        files.close(fd)


def repair(
    directory: Path, *, salvage_at: datetime | None = None, filesystem: FileSystem | None = None
) -> Repaired:
    """Repair the store in the folder, which no server may use; a torn tail is left to the next start.

    `salvage_at`, the time now, asks for what is readable behind the damage, too.

    Raises StoreLockedError, StoreNewerError, and OSError where the disk refuses: the journal is then as it was, or
    repaired.
    """
    files = filesystem or RealFileSystem()
    lock = own(files, directory / LOCK).lock
    try:
        report = inspect(directory, filesystem=files)
        if report.condition is Condition.NEWER:
            raise StoreNewerError(report.problem)
        if report.condition is not Condition.DAMAGED:
            return Repaired(report, None)
        return _repair(files, report, salvage_at)
    finally:
        files.close(lock)


def _repair(filesystem: FileSystem, report: Report, salvage_at: datetime | None) -> Repaired:
    fd = filesystem.open_to_read(report.path)
    try:
        aside = report.path.with_name(f"{report.path.stem}.damaged-{report.next_seq}")
        copy = copy_aside(filesystem, fd, aside)
        if salvage_at is None:
            salvaged, new = None, _good_part(filesystem, fd, report)
        else:
            found, salvaged = _salvage(filesystem, fd, report, salvage_at)
            new = write_snapshot(filesystem, report.path, found.records())
    finally:
        filesystem.close(fd)
    try:
        new.sync()
        filesystem.rename(new.path, report.path)
    except OSError:
        discard(filesystem, new)
        raise
    new.close()
    filesystem.sync_directory(report.path.parent)
    return Repaired(report, copy, salvaged)


def _salvage(filesystem: FileSystem, fd: int, report: Report, now: datetime) -> tuple[Salvage, Salvaged]:
    found, unreadable = Salvage(), 0
    for good in _records(filesystem, fd, report):
        found.believe(good)
    for record in _later(filesystem, fd, report):
        if record is None:
            unreadable += 1
        elif not isinstance(record, SnapshotEnded):
            found.offer(record)
    found.close(now)
    return found, Salvaged(
        records=report.records,
        kept=found.kept,
        refused=found.refused,
        unreadable=unreadable,
        jobs=len(found.state.jobs),
        names=report.jobs,
    )


def _later(filesystem: FileSystem, fd: int, report: Report) -> Iterator[Record | SnapshotEnded | None]:
    """Give what each line behind the good part says; None for one that cannot be read, or is not in its place."""
    last = report.next_seq - 1
    for _, raw in read_lines(filesystem, fd, start=report.good_until):
        line = parse(raw)
        if line is None or line.seq <= last:
            yield None
            continue
        last = line.seq
        try:
            yield decode(line.kind, line.data)
        except ValueError:
            yield None


def _good_part(filesystem: FileSystem, fd: int, report: Report) -> Log:
    """Write the good batches as a new file; of a snapshot that is cut short, a shorter one is made."""
    if report.in_snapshot:
        return write_snapshot(filesystem, report.path, _records(filesystem, fd, report))
    new = create_new(filesystem, report.path)
    try:
        new.copy_from(fd, report.good_until)
    except OSError:
        discard(filesystem, new)
        raise
    return new


def _records(filesystem: FileSystem, fd: int, report: Report) -> Iterator[Record]:
    with contextlib.suppress(StoreDamagedError):
        for batch in Scan(report.path, read_lines(filesystem, fd)).batches():
            yield from batch
