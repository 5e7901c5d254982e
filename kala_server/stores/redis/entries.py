"""A batch as an entry of a list: the lines of the journal, numbered from 1 in each, so that a person can read them.

Nothing here does I/O or knows where an entry stands.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from kala_server.core.model.records import Record
from kala_server.ports.store import StoreDamagedError, StoreNewerError
from kala_server.stores.journal.codec import (
    VERSION,
    Payload,
    SnapshotEnded,
    claimed_version,
    decode,
    encode,
    frame,
    parse,
)

PART = 2 << 20
"""Bytes of a snapshot that make an entry: a thread that sends more often puts the loop off each time."""


class Entry(NamedTuple):
    """What is written, and how many records that is."""

    text: bytes
    records: int


def entry_of(payloads: Sequence[Payload], number: int) -> Entry:
    """Write a batch."""
    return Entry(frame(payloads, seq=1, batch=number), len(payloads))


def parts_of(snapshot: Iterable[Record]) -> Iterator[Entry]:
    """Write a snapshot, in parts that are numbered from 1."""
    number, payloads, size = 1, [], 0
    for record in snapshot:
        payload = encode(record)
        payloads.append(payload)
        size += len(payload[1])
        if size > PART:
            yield entry_of(payloads, number)
            number, payloads, size = number + 1, [], 0
    if payloads:
        yield entry_of(payloads, number)


def records_of(text: bytes, number: int, where: str) -> list[Record]:
    """Read an entry. Raises StoreDamagedError or StoreNewerError, which say where it stands."""
    lines = text.split(b"\n")
    if lines.pop():
        raise StoreDamagedError(f"{where} ends in the middle of a line")
    return [_record(line + b"\n", place, len(lines), number, where) for place, line in enumerate(lines, 1)]


def _record(raw: bytes, place: int, lines: int, number: int, where: str) -> Record:
    line = parse(raw)
    if line is None:
        version = claimed_version(raw)
        if version is not None and version > VERSION:
            raise StoreNewerError(f"{where} was written by a newer version of Kala for Python")
        raise StoreDamagedError(f"line {place} of {where} is not what was written")
    if (line.seq, line.batch, line.left) != (place, number, lines - place):
        raise StoreDamagedError(f"line {place} of {where} belongs elsewhere")
    try:
        record = decode(line.kind, line.data)
    except ValueError as error:
        raise StoreDamagedError(f"line {place} of {where} cannot be read: {error}") from error
    if isinstance(record, SnapshotEnded):
        raise StoreDamagedError(f"line {place} of {where} belongs into a file")
    return record
