"""Writing a new journal file that begins with a snapshot.

The file gets another name first (`journal.jsonl.new`), and the journal's name only when it is whole and synced. This
module writes that file and throws it away; when it takes the journal's place is for `journal.py` to say.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from kala_server.core.model.records import Record
from kala_server.ports.store import StoreError
from kala_server.stores.journal.codec import Payload, SnapshotEnded, encode
from kala_server.stores.journal.filesystem import FileSystem
from kala_server.stores.journal.log import Log

BATCH = 200
"""Records of a snapshot that stand or fall together: of a damaged one, a repair keeps the batches before the damage."""
SLICE = 2 << 20
"""Bytes that are encoded and written at a time: some thousands of records, which take ten milliseconds. A thread that
writes more often than others ask for the interpreter, which they do after 1 ms in a server and 5 ms elsewhere, puts
them off each time: the loop then waited for up to 0.2 s (docs/performance.md)."""


def new_name(path: Path) -> Path:
    """Name the file that is to take the place of `path`."""
    return path.with_name(path.name + ".new")


def write_snapshot(
    filesystem: FileSystem,
    path: Path,
    snapshot: Iterable[Record],
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> Log:
    """Write a file that holds the snapshot and the mark of its end, and leave it open; not synced.

    Raises OSError, StoreError if `stopped` becomes true, or what iterating raises; then there is no such file.
    """
    log = create_new(filesystem, path)
    try:
        for payloads in slices(snapshot):
            if stopped():
                raise StoreError("the store was closed while it was being compacted")  # noqa: TRY301 - discards below
            log.write(*(payloads[begin : begin + BATCH] for begin in range(0, len(payloads), BATCH)))
        log.write([encode(SnapshotEnded(records=log.next_seq - 1))])
    except BaseException:
        discard(filesystem, log)
        raise
    return log


def discard(filesystem: FileSystem, log: Log) -> None:
    """Throw a new file away. One that stays is removed before the next is made, or at the next start."""
    log.close()
    with contextlib.suppress(OSError):
        filesystem.unlink(log.path)


def create_new(filesystem: FileSystem, path: Path) -> Log:
    """Make the empty file that is to take the place of `path`, instead of one that a crash may have left."""
    new = new_name(path)
    with contextlib.suppress(FileNotFoundError):
        filesystem.unlink(new)
    return Log(filesystem, new, filesystem.create(new))


def slices(snapshot: Iterable[Record]) -> Iterator[list[Payload]]:
    """Encode a snapshot, so many records at a time as are to be written at once."""
    payloads, size = [], 0
    for record in snapshot:
        payload = encode(record)
        payloads.append(payload)
        size += len(payload[1])
        if size > SLICE:
            yield payloads
            payloads, size = [], 0
    if payloads:
        yield payloads
