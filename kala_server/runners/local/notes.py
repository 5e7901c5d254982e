"""Notes of which process carries out which attempt: for the server after one that was killed. A file for each.

Nothing is synced: what a power cut takes from the disk, it takes from the machine too. What is not there is no harm
either, as most commands are also found by what they carry in their environment; the notes find the others.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from kala_server.runners.local.processes import Process

_LONGEST = 1024


@dataclass(frozen=True, slots=True)
class Note:
    """The process of an attempt, and the mark of the store whose server started it."""

    pid: int
    started: int
    """In clock ticks since boot."""
    mark: str

    @property
    def process(self) -> Process:
        """The process, which may be gone."""
        return Process(self.pid, self.started)


class Notes:
    """The notes in a folder; None = nothing is noted, as there is nobody to come after us."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def put(self, handle: str, note: Note) -> None:
        """Note it; where the disk refuses, nothing is."""
        if self._folder is None:
            return
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            how = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            with _opened(self._folder, os.O_DIRECTORY) as folder, _opened(handle, how, folder) as file:
                os.write(file, json.dumps(asdict(note)).encode())

    def drop(self, handle: str) -> None:
        """Have no note of the attempt."""
        if self._folder is None:
            return
        with contextlib.suppress(OSError), _opened(self._folder, os.O_DIRECTORY) as folder:
            os.unlink(handle, dir_fd=folder)

    def take_all(self) -> dict[str, Note]:
        """Return what was noted, by handle, and begin anew."""
        notes: dict[str, Note] = {}
        if self._folder is None:
            return notes
        with contextlib.suppress(OSError), _opened(self._folder, os.O_DIRECTORY) as folder:
            for handle in os.listdir(folder):  # noqa: PTH208 - by its descriptor
                if note := _read(handle, folder):
                    notes[handle] = note
                self.drop(handle)
        return notes


@contextlib.contextmanager
def _opened(path: Path | str, how: int, folder: int | None = None) -> Iterator[int]:
    """Open what is there itself, and not what it may be a link to."""
    descriptor = os.open(path, how | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read(handle: str, folder: int) -> Note | None:
    """Return what a note says; None where that is none."""
    try:
        with _opened(handle, os.O_RDONLY, folder) as file:
            note = Note(**json.loads(os.read(file, _LONGEST)))
    except (OSError, ValueError, TypeError):
        return None
    whole = all(isinstance(getattr(note, name), kind) for name, kind in Note.__annotations__.items())
    return note if whole else None
