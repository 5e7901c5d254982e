"""What commands have printed, on the disk: outside the journal, not synced, gone with the run.

A run has one file with what it printed. Where that is more than its beginning, two more hold the end by turns: each is
appended to, and when it is full the other one is begun anew. So what is written as it comes stays bounded, and what was
written is there whenever the server is killed. Folders that are gone are made anew, and no link is followed.

It does not know when it is time to write: that is `live.py`.
"""

import contextlib
import io
import os
import stat
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kala_server.outputs import utf8
from kala_server.outputs.bounded import Piece, text_of

_LINE = b"from byte %019d\n"
"""The first line of a file with the end of an output."""
_LINE_SIZE = len(_LINE % 0)
_ENDS = (".1", ".2")
"""What such a file has after its run's id in its name."""
_BEING_WRITTEN = ".new"
"""The same of one that is to take the place of another once it is whole."""
_NOT_THERE = (FileNotFoundError, NotADirectoryError)
"""A folder that is gone, or has become something else: then nothing is kept in it."""


class Outputs(Protocol):
    """Keeps what runs print. Calls may block, so they belong into a thread: into one, where they are about one run."""

    def save(self, run_id: str, pieces: Sequence[Piece]) -> None:
        """Keep these, the beginning of an output and its end, in place of what was kept for the run."""
        ...

    def add(self, run_id: str, position: int, pieces: Sequence[Piece], limits: tuple[int, int]) -> bool:
        """Keep what came after a position, and not much more in all than the limits of beginning and end.

        False where what is kept does not end at that position: then nothing has changed, and everything is to be added
        anew, from 0.
        """
        ...

    def load(self, run_id: str) -> list[Piece]:
        """Return what is kept of the run's output, in its order."""
        ...

    def read(self, run_id: str) -> bytes:
        """Return what is kept of the run's output for people, with a line where something is missing."""
        ...

    def drop(self, run_id: str) -> None:
        """Keep the run's output no longer."""
        ...

    def sweep(self, known: Container[str]) -> None:
        """Drop the output of runs that are not known: a crash may have left some."""
        ...


class OutputFolder:
    """A folder with the files of each run that printed something. Run ids are UUIDs, so they are safe names."""

    def __init__(self, folder: Path) -> None:
        """Use the folder, which is made when it is first swept or written to. Raises OSError where it is a link."""
        self._folder = folder
        with contextlib.suppress(FileNotFoundError), self._opened():
            pass

    def save(self, run_id: str, pieces: Sequence[Piece]) -> None:
        """Write the run's files anew, and what takes the place of something before that goes."""
        if not pieces[-1].end:
            return
        beginning, *end = pieces
        with self._folder_of(run_id, make=True) as folder:
            kept = {run_id}
            for piece in end:
                kept.add(_begin_end(folder, run_id, piece))
            write_in(folder, run_id, beginning.text)
            for name in _names(run_id):
                if name not in kept:
                    unlink_in(folder, name)

    def add(self, run_id: str, position: int, pieces: Sequence[Piece], limits: tuple[int, int]) -> bool:
        """Append to the newest file, or begin one."""
        with self._folder_of(run_id, make=True) as folder:
            if position == 0:
                for name in _names(run_id):
                    unlink_in(folder, name)
            elif position != max((part.end for part in _parts(folder, run_id)), default=0):
                return False
            for piece in pieces:
                _append(folder, run_id, piece, limits)
        return True

    def load(self, run_id: str) -> list[Piece]:
        """Read the run's files; what is in two of them, after a crash, comes once."""
        pieces = []
        position = 0
        with contextlib.suppress(*_NOT_THERE), self._folder_of(run_id) as folder:
            for part in _parts(folder, run_id):
                if part.end > position:
                    start = max(position, part.start)
                    with open_in(folder, part.name, "rb") as file:
                        file.seek(part.line + start - part.start)
                        pieces.append(Piece(start, file.read()))
                    position = pieces[-1].end
        return pieces

    def read(self, run_id: str) -> bytes:
        """Read the run's files, as they follow on each other."""
        return text_of(self.load(run_id))

    def drop(self, run_id: str) -> None:
        """Remove the run's files."""
        with contextlib.suppress(*_NOT_THERE), self._folder_of(run_id) as folder:
            for name in _names(run_id):
                unlink_in(folder, name)

    def sweep(self, known: Container[str]) -> None:
        """Make the folder where there is none, and remove the files of runs that are not known."""
        with self._opened(make=True) as folder:
            _keep_others_out(folder)
            for name in os.listdir(folder):  # noqa: PTH208 - of an open folder
                with (
                    contextlib.suppress(*_NOT_THERE),
                    _folder(name, folder) as inner,
                ):
                    for file in os.listdir(inner):  # noqa: PTH208
                        if file.partition(".")[0] not in known:
                            unlink_in(inner, file)

    def _opened(self, *, make: bool = False) -> contextlib.AbstractContextManager[int]:
        return _folder(str(self._folder), make=make)

    @contextlib.contextmanager
    def _folder_of(self, run_id: str, *, make: bool = False) -> Iterator[int]:
        # Two hundred and fifty-six folders: a single one with a million files is slow on many file systems.
        with self._opened(make=make) as whole, _folder(run_id[:2], whole, make=make) as folder:
            yield folder


@contextlib.contextmanager
def _folder(name: str, within: int | None = None, *, make: bool = False) -> Iterator[int]:
    """Open a folder, for its owner alone where it is made, and never by way of a link."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(name, flags, dir_fd=within)
    except NotADirectoryError as error:
        raise NotADirectoryError(
            error.errno, "it is no folder, and no link is followed here", name
        ) from error
    except FileNotFoundError:
        if not make:
            raise
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=within)
            os.chmod(name, 0o700, dir_fd=within)  # whatever the umask took of it, from its owner too
        descriptor = os.open(name, flags, dir_fd=within)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _keep_others_out(folder: int) -> None:
    """Let nobody else write to the folder; who may read it is its owner's choice."""
    mode = stat.S_IMODE(os.fstat(folder).st_mode)
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        os.fchmod(folder, mode & ~(stat.S_IWGRP | stat.S_IWOTH))


def open_in(folder: int, name: str, mode: str) -> io.FileIO:
    """Open a file; to write, it is made where there is none, readable by its owner alone."""

    def opener(path: str, flags: int) -> int:
        made = 0 if mode == "rb" else os.O_CREAT
        return os.open(path, flags | made | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600, dir_fd=folder)

    file = io.FileIO(name, mode, opener=opener)
    if mode != "rb":
        os.fchmod(file.fileno(), 0o600)
    return file


def write_in(folder: int, name: str, text: bytes, at: int = 0) -> None:
    """Write from some place on, and leave nothing behind it; where that fails, no more is there than before."""
    with open_in(folder, name, "r+b") as file:
        before = os.fstat(file.fileno()).st_size
        file.seek(at)
        rest = memoryview(text)
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            file.truncate(before)
            raise
        file.truncate()


def unlink_in(folder: int, name: str) -> None:
    """Remove a file, where there is one."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)


# -- the files of one run


@dataclass(frozen=True, slots=True)
class _Part:
    """A file, and from where to where it has the output."""

    name: str
    line: int
    """The size of its first line, which is none of the output."""
    start: int
    end: int

    def takes(self, piece: Piece, limit: int) -> bool:
        """Whether a piece follows on it, and there is room."""
        return self.end == piece.start and piece.end - self.start <= limit + utf8.LONGEST


def _names(run_id: str) -> list[str]:
    """Return a run's file names: of the beginning, of the end (two), and of an end that is being written."""
    return [run_id + end for end in ("", *_ENDS, _BEING_WRITTEN)]


def _parts(folder: int, run_id: str) -> list[_Part]:
    """Return the files that are there, by where they begin."""
    parts = []
    for name in _names(run_id)[:-1]:
        with contextlib.suppress(FileNotFoundError, ValueError), open_in(folder, name, "rb") as file:
            line = 0 if name == run_id else _LINE_SIZE
            start = int(file.read(line)[_LINE.index(b"%") :]) if line else 0
            parts.append(_Part(name, line, start, start + os.fstat(file.fileno()).st_size - line))
    return sorted(parts, key=lambda part: part.start)


def _append(folder: int, run_id: str, piece: Piece, limits: tuple[int, int]) -> None:
    parts = _parts(folder, run_id)
    newest = parts[-1] if parts else _Part(run_id, 0, 0, 0)
    beginning, end = limits
    if newest.takes(piece, end if newest.line else beginning):
        write_in(folder, newest.name, piece.text, newest.line + newest.end - newest.start)
    else:
        _begin_end(folder, run_id, piece)


def _begin_end(folder: int, run_id: str, piece: Piece) -> str:
    """Write a piece into the file that holds nothing, or the older of two, and return its name."""
    newest = max(_parts(folder, run_id), key=lambda part: part.start, default=None)
    _, first, second, new = _names(run_id)
    name = second if newest is not None and newest.name == first else first
    write_in(folder, new, _LINE % piece.start + piece.text)
    os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    return name
