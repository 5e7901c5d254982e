"""Making a damaged journal one that a server starts on, with nothing thrown away.

The rule: **every whole, verified batch before the damage is kept, and everything after it is left out**, even
batches that are good. What the server was before the damage is a state that it really was in. A later record was
decided on a state that included the lost ones: without the record that a run started, the one that it finished
means nothing; without the one that took a slot, the slot would run twice unseen. A prefix has no such holes, and
the report says which jobs it sets back.

What that means: jobs made later are gone, later changes are undone, and slots that ran since may be taken for
missed ones and run again. If the damage is in the snapshot, the jobs behind it are gone, too; a backup is then the
better way.

The damaged file stays in the folder as `journal.damaged-<number of the first record left out>`. Nothing here judges
records by what they say, or mends a journal that a newer version wrote.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kala_server.core.records import Record
from kala_server.store.check import Condition, Report, check
from kala_server.store.compaction import create_new, discard, write_snapshot
from kala_server.store.filesystem import FileSystem, RealFileSystem
from kala_server.store.journal import LOCK
from kala_server.store.log import Log
from kala_server.store.mend import copy_aside
from kala_server.store.owning import own
from kala_server.store.protocol import StoreDamagedError, StoreNewerError
from kala_server.store.scan import Scan, read_lines


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair found and did. `str()` of it is for people."""

    report: Report
    copy: Path | None
    """The damaged file as it was; None where nothing had to be done."""

    def __str__(self) -> str:
        if self.copy is None:
            return f"{self.report}\nNothing was changed: there is no damage to repair."
        return (
            f"{self.report}\n{self.report.path} now holds the {self.report.records} good records. What was behind them "
            f"is left out: slots that ran since may run again. The file as it was is kept in {self.copy}."
        )


def repair(directory: Path, *, filesystem: FileSystem | None = None) -> Repaired:
    """Repair the store in the folder, which no server may use; a torn tail is left to the next start.

    Raises StoreLockedError, StoreNewerError, and OSError where the disk refuses: the journal is then as it was, or
    repaired.
    """
    files = filesystem or RealFileSystem()
    lock = own(files, directory / LOCK).lock
    try:
        report = check(directory, filesystem=files)
        if report.condition is Condition.NEWER:
            raise StoreNewerError(report.problem)
        if report.condition is not Condition.DAMAGED:
            return Repaired(report, None)
        return Repaired(report, _repair(files, report))
    finally:
        files.close(lock)


def _repair(filesystem: FileSystem, report: Report) -> Path:
    fd = filesystem.open_to_read(report.path)
    try:
        aside = report.path.with_name(f"{report.path.stem}.damaged-{report.next_seq}")
        copy = copy_aside(filesystem, fd, aside)
        new = _good_part(filesystem, fd, report)
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
    return copy


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
