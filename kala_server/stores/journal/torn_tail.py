"""Cutting a torn tail off a journal, after it was copied aside.

This changes a journal; `scan.py` decides whether that is right. The copy is durable before the cut begins: a crash in
between leaves the tail, and perhaps a copy of it, and the next start mends it then.
"""

from dataclasses import dataclass
from pathlib import Path

from kala_server.stores.journal.filesystem import FileSystem, write_all

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Mended:
    """What was cut off, for the log and for whoever asks."""

    path: Path
    offset: int
    size: int
    copy: Path

    def __str__(self) -> str:
        return (
            f"{self.path} ended in a batch that is not whole: its last {self.size} bytes, from byte {self.offset} on, "
            f"were cut off and are kept in {self.copy}. A server that is killed while it writes leaves such an end "
            f"and has told nobody that this batch was kept. If that is not what happened, look at the copy."
        )


def cut_tail(filesystem: FileSystem, fd: int, path: Path, *, offset: int, seq: int) -> Mended:
    """Copy what follows `offset` to a file of its own, named after the record `seq`, and cut it off; not synced."""
    size = filesystem.status(fd)[0] - offset
    copy = copy_aside(filesystem, fd, path.with_name(f"{path.stem}.torn-{seq}"), offset=offset)
    filesystem.truncate(fd, offset)
    return Mended(path, offset, size, copy)


def copy_aside(filesystem: FileSystem, fd: int, target: Path, *, offset: int = 0) -> Path:
    """Copy a file from `offset` on to a new one and return its path: `target`, or with a number if that is taken."""
    folder = target.parent
    taken = set(filesystem.list_directory(folder))
    number = 1
    copy = target
    while copy.name in taken:
        number += 1
        copy = target.with_name(f"{target.name}-{number}")
    copy_fd = filesystem.create(copy)
    try:
        copy_bytes(filesystem, fd, copy_fd, offset, filesystem.status(fd)[0])
        filesystem.sync(copy_fd)
    except OSError:
        filesystem.unlink(copy)
        raise
    finally:
        filesystem.close(copy_fd)
    filesystem.sync_directory(folder)
    return copy


def copy_bytes(filesystem: FileSystem, source: int, target: int, start: int, end: int) -> None:
    """Copy a part of one file to the beginning of another."""
    position = start
    while chunk := filesystem.read(source, min(CHUNK, end - position), position):
        write_all(filesystem, target, chunk, position - start)
        position += len(chunk)
