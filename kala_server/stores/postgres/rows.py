"""Rows of records: read line by line, each held against its place, and decoded in slices. It knows no database."""

import asyncio
from dataclasses import dataclass
from typing import NoReturn

from kala_server.core.model.records import Record
from kala_server.ports.store import Batch, StoreDamagedError, StoreNewerError
from kala_server.stores.journal.codec import VERSION, Line, SnapshotEnded, claimed_version, decode, parse

_AT_A_TIME = 200
"""Lines that are decoded while nobody else has the loop: some milliseconds."""


@dataclass(frozen=True, slots=True)
class Row:
    """A batch of the log, or a part of a snapshot, as it was kept."""

    table: str
    number: int
    seq: int
    """Of its first record."""
    lines: bytes


class Turns:
    """Lets others have the loop now and then, however many lines there are in a row, and rows."""

    def __init__(self) -> None:
        self._left = _AT_A_TIME

    async def after(self, lines: int) -> None:
        """Take note of so many lines."""
        self._left -= lines
        if self._left <= 0:
            self._left = _AT_A_TIME
            await asyncio.sleep(0)


async def decoded(row: Row, turns: Turns) -> list[Record | SnapshotEnded]:
    """Return the records of a row. Raises StoreDamagedError or StoreNewerError."""
    raw = row.lines.splitlines(keepends=True)
    records: list[Record | SnapshotEnded] = []
    for begin in range(0, len(raw), _AT_A_TIME):
        for place, text in enumerate(raw[begin : begin + _AT_A_TIME], start=begin):
            line = _parsed(row, text)
            if (line.seq, line.batch, line.left) != (row.seq + place, row.number, len(raw) - 1 - place):
                damaged(row.table, row.number, f"record {line.seq} is where {row.seq + place} must be")
            records.append(_decoded(row, line))
        await turns.after(min(_AT_A_TIME, len(raw) - begin))
    return records


def _parsed(row: Row, text: bytes) -> Line:
    if (line := parse(text)) is None:
        _refuse_newer(row, text)
        damaged(row.table, row.number, "a line is not what was written")
    return line


def _refuse_newer(row: Row, text: bytes) -> None:
    version = claimed_version(text)
    if version is not None and version > VERSION:
        raise StoreNewerError(
            f"row {row.number} of {row.table} was written by a newer Kala: it says version {version}, this one reads "
            f"version {VERSION}. Start the newer one. Nothing was changed."
        )


def _decoded(row: Row, line: Line) -> Record | SnapshotEnded:
    try:
        return decode(line.kind, line.data)
    except ValueError as error:
        damaged(row.table, row.number, f"record {line.seq} cannot be understood: {error}")


def damaged(table: str, number: int, what: str) -> NoReturn:
    """Raise StoreDamagedError, which says where."""
    raise StoreDamagedError(f"row {number} of {table} is damaged: {what}. Nothing was changed.")


def _of_jobs(found: list[Record | SnapshotEnded]) -> tuple[Record, ...]:
    return tuple(record for record in found if not isinstance(record, SnapshotEnded))


async def batch_of(row: Row, turns: Turns) -> Batch:
    """Return a batch of the log."""
    return Batch(row.number, _of_jobs(await decoded(row, turns)))


class Snapshot:
    """The parts of a snapshot, which have to be all there."""

    def __init__(self, number: int, parts: int, turns: Turns) -> None:
        """It stands for the batches up to a number, and has so many parts."""
        self._number = number
        self._parts = parts
        self._turns = turns
        self._seen = 0
        self._records = 0
        self._ended = False

    async def batch_of(self, part: int, lines: bytes) -> Batch:
        """Return what is in the next of its parts."""
        self._seen += 1
        if part != self._seen or self._ended:
            damaged("kala_snapshot", part, f"part {self._seen} must be here")
        found = await decoded(Row("kala_snapshot", part, self._records + 1, lines), self._turns)
        records = _of_jobs(found)
        self._ended = found == [SnapshotEnded(records=self._records)]
        if len(records) < len(found) and not self._ended:
            damaged("kala_snapshot", part, "the snapshot does not end as it says")
        self._records += len(records)
        # Below the number of what it stands for, which the part that ends it has.
        return Batch(self._number - self._parts + part, records)

    def check_end(self) -> None:
        """Raise StoreDamagedError where not all of it was there."""
        if not self._ended:
            damaged("kala_snapshot", self._seen, "the snapshot ends before it is whole")
