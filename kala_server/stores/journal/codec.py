"""How a record is written: one line of JSON, framed so that a changed, missing, doubled or cut line is noticed.

    {"v":1,"seq":12,"batch":3,"left":0,"crc":"89abcdef","type":"run_started","data":{…}}

`seq` counts the records of a file from 1, `batch` its batches; `left` is how many records of the same batch follow,
so that a batch that is not whole is known. `crc` is the CRC-32 of the line without its newline, with `"crc":"…",`
taken out. The order of the keys is fixed and there are no spaces: a machine reads the head by one pattern, a person
reads it all.

Fields that have their default value are left out. So a new kind of record, a new field and a changed default each
need a new `VERSION`; a field that this version does not know is an error, never skipped. Nothing here does I/O or
knows what comes before or after a line.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, cast, get_args
from zlib import crc32

from pydantic import ConfigDict, TypeAdapter

from kala_server.core.model.records import Record, kind

VERSION = 1

Payload = tuple[bytes, bytes]
"""A record before it has a place in a file: its kind and its JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotEnded:
    """The line after a file's snapshot; only the store knows of it. A new journal's snapshot is empty."""

    records: int


class Line(NamedTuple):
    """One line that was read whole: its place, and a record that is not decoded yet."""

    seq: int
    batch: int
    left: int
    kind: str
    data: bytes


class Head(NamedTuple):
    """What the start of a line claims, whatever became of the rest."""

    batch: int
    left: int


_START = rb'\{"v":(\d{1,18}),"seq":(\d{1,18}),"batch":(\d{1,18}),"left":(\d{1,18}),'
_HEAD = re.compile(_START)
_LINE = re.compile(_START + rb'"crc":"([0-9a-f]{8})",("type":"([a-z_]{1,64})","data":)')
_VERSION = re.compile(rb'\{"v":(\d{1,18}),')

_CLASSES = {kind(each): each for each in (*get_args(Record), SnapshotEnded)}

# `extra`: what a newer server wrote must not get lost by passing through an older one.
# `ser_json_inf_nan`: an infinity would be written as null, and then the journal could not be read.
# `hide_input`: a job's environment may hold secrets, and errors are logged.
_CONFIG = ConfigDict(extra="forbid", ser_json_inf_nan="strings", hide_input_in_errors=True)


@cache
def _adapter(record_class: type) -> TypeAdapter[Any]:
    # The config of a dataclass is its own affair, that of a union is given from outside and reaches into it.
    return TypeAdapter(cast("Any", record_class | None), config=_CONFIG)


@cache
def _writer(record_class: type) -> tuple[bytes, Callable[..., bytes]]:
    return kind(record_class).encode(), _adapter(record_class).serializer.to_json


def encode(record: Record | SnapshotEnded) -> Payload:
    """Write a record as JSON. Raises ValueError for what JSON cannot hold (half a surrogate pair)."""
    record_class: type = type(record)
    name, dump = _writer(record_class)
    return name, dump(record, exclude_defaults=True)


def decode(name: str, data: bytes) -> Record | SnapshotEnded:
    """Read a record that was written whole. Raises ValueError, which says why it is none that this version knows."""
    record_class = _CLASSES.get(name)
    if record_class is None:
        raise ValueError(f"there is no kind of record named {name}")
    record: Record | SnapshotEnded | None = _adapter(record_class).validate_json(data)
    if record is None:
        raise ValueError(f"a {name} cannot be null")
    return record


def frame(payloads: Sequence[Payload], *, seq: int, batch: int) -> bytes:
    """Write a batch as lines; `seq` is that of its first record."""
    lines = []
    left = len(payloads)
    for name, data in payloads:
        left -= 1
        start = b'{"v":%d,"seq":%d,"batch":%d,"left":%d,' % (VERSION, seq, batch, left)
        rest = b'"type":"%b","data":%b}' % (name, data)
        lines.append(b'%b"crc":"%08x",%b\n' % (start, crc32(rest, crc32(start)), rest))
        seq += 1
    return b"".join(lines)


def parse(raw: bytes) -> Line | None:
    """Read a line with its newline; None if it is not what was once written."""
    match = _LINE.match(raw)
    if match is None or raw[-2:] != b"}\n":
        return None
    version, seq, batch, left, crc, _, name = match.groups()
    if (
        int(crc, 16) != crc32(raw[match.start(6) : -1], crc32(raw[: match.end(4) + 1]))
        or int(version) != VERSION
    ):
        return None
    return Line(int(seq), int(batch), int(left), name.decode(), raw[match.end() : -2])


def claimed_version(raw: bytes) -> int | None:
    """Tell which version of the journal the line says it is, as a newer one may be written in another way."""
    match = _VERSION.match(raw)
    return int(match[1]) if match else None


def heads(raw: bytes) -> list[Head]:
    """Find every head in bytes that may be damaged; the text of a job cannot look like one, its quotes are escaped."""
    return [Head(int(m[3]), int(m[4])) for m in _HEAD.finditer(raw)]
