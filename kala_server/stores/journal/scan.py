"""Reading a journal from its first byte to its last, and telling a torn tail from damage.

A server that is killed, or whose machine loses power, leaves at most one batch that is not whole, and it is the
last: a batch is written only when the one before is synced. That is a **torn tail**; nobody was told that it was
kept, so it may be cut. A journal gets its name only when its snapshot is whole and synced, so a snapshot is never
torn.

Anything else is **damage**, which is for a person to judge. The pass reads on behind the first bad line, as pages
reach a disk in any order: a later line that belongs to another batch shows that the bad one was not the last thing
written.

Nothing here changes a file.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

from kala_server.core.model.records import Record
from kala_server.ports.store import StoreDamagedError, StoreNewerError
from kala_server.stores.journal.codec import (
    VERSION,
    Line,
    SnapshotEnded,
    claimed_version,
    decode,
    heads,
    parse,
)
from kala_server.stores.journal.filesystem import FileSystem

CHUNK = 1 << 20  # a read of 1 MiB costs little more than one of 4 KiB, and 100,000 jobs are some 30 of them


class Located(NamedTuple):
    """A whole line and the byte that it begins at."""

    offset: int
    line: Line


def read_lines(filesystem: FileSystem, fd: int, *, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Give each line with its newline and the byte it begins at; the last one may have no newline."""
    position = start
    held: list[bytes] = []  # a line longer than a chunk is joined once
    while chunk := filesystem.read(fd, CHUNK, position):
        position += len(chunk)
        first, newline, rest = chunk.partition(b"\n")
        held.append(first + newline)
        if not newline:
            continue
        *lines, tail = rest.split(b"\n")
        whole = b"".join(held)
        yield start, whole
        start += len(whole)
        for text in lines:
            yield start, text + b"\n"
            start += len(text) + 1
        held = [tail] if tail else []
    if held:
        yield start, b"".join(held)


class Scan:
    """One pass over one file. After `batches()` has ended without an error, the other fields say what was found."""

    def __init__(self, path: Path, lines: Iterator[tuple[int, bytes]]) -> None:
        self._path = path
        self._lines = lines
        self.next_seq = 1
        self.next_batch = 1
        self.last_start = 0
        """Where the last whole batch begins, and …"""
        self.whole_end = 0
        """… where it ends: what follows is a torn tail."""
        self.snapshot_end: int | None = None
        self._held: list[Located] = []

    def batches(self) -> Iterator[list[Record]]:
        """Give the records of each whole batch, in order; the snapshot comes as batches too.

        Raises StoreDamagedError or StoreNewerError, perhaps after many batches.
        """
        for offset, raw in self._lines:
            line = parse(raw)
            if line is None:
                self._judge(offset, raw)
                return
            self._fit(offset, line)
            self._held.append(Located(offset, line))
            if line.left == 0:
                batch = self._close(offset + len(raw))
                if batch:
                    yield batch
        if self.snapshot_end is None:
            end = self._held[-1].offset if self._held else self.whole_end
            self._damaged(end, "the file ends before its snapshot does")

    def _fit(self, offset: int, line: Line) -> None:
        """Check that the line is the one that must come here. It is whole, so if not, no crash has done this."""
        if line.seq != self.next_seq + len(self._held):
            self._damaged(offset, f"record {line.seq} is where {self.next_seq + len(self._held)} must be")
        if line.batch != self.next_batch:
            self._damaged(offset, f"a record of batch {line.batch} is where one of {self.next_batch} must be")
        if self._held and line.left != self._held[-1].line.left - 1:
            self._damaged(offset, f"the records of batch {line.batch} are counted wrongly")

    def _close(self, end: int) -> list[Record]:
        """Take the batch as whole; what ends a snapshot is not handed out."""
        records = [self._decode(located) for located in self._held]
        if records == [SnapshotEnded(records=self.next_seq - 1)] and self.snapshot_end is None:
            records, self.snapshot_end = [], end
        found = [record for record in records if not isinstance(record, SnapshotEnded)]
        if len(found) < len(records):
            self._damaged(self._held[0].offset, "the snapshot does not end as it says")
        self.next_seq += len(self._held)
        self.next_batch += 1
        self.last_start, self.whole_end = self.whole_end, end
        self._held = []
        return found

    def _judge(self, offset: int, raw: bytes) -> None:
        """Look at a bad line and all that follows it. Return if they can be one torn batch, raise if they cannot."""
        self._refuse_newer(offset, raw)
        if self.snapshot_end is None:
            self._damaged(offset, "this line of the snapshot is not what was written")
        ended = self._judge_line(offset, offset, raw)
        for later, text in self._lines:
            if ended:
                self._damaged(
                    offset, f"this line is not what was written, and byte {later} follows its batch"
                )
            ended = self._judge_line(offset, later, text)

    def _judge_line(self, bad: int, offset: int, raw: bytes) -> bool:
        """Raise if anything in the line is of another batch; tell whether it claims to end this one."""
        self._refuse_newer(offset, raw)
        found = heads(raw)
        for head in found:
            if head.batch != self.next_batch:
                self._damaged(
                    bad,
                    f"this line, of batch {self.next_batch}, is not what was written, "
                    f"and the line at byte {offset} is of batch {head.batch}",
                )
        return bool(found) and found[-1].left == 0

    def _decode(self, located: Located) -> Record | SnapshotEnded:
        """Decode a whole line; its checksum says that it is as it was written, so no crash has made it unreadable."""
        try:
            return decode(located.line.kind, located.line.data)
        except ValueError as error:
            self._damaged(located.offset, f"record {located.line.seq} cannot be understood: {error}")

    def _damaged(self, offset: int, what: str) -> NoReturn:
        raise StoreDamagedError(f"{self._path} is damaged at byte {offset}: {what}. Nothing was changed.")

    def _refuse_newer(self, offset: int, raw: bytes) -> None:
        version = claimed_version(raw)
        if version is not None and version > VERSION:
            raise StoreNewerError(
                f"{self._path} was written by a newer Kala: byte {offset} says journal version {version}, "
                f"this one reads version {VERSION}. Start the newer one. Nothing was changed."
            )
