"""Notes of which process carries out which attempt: for the server after one that was killed. A file for each.

Nothing is synced: what a power cut takes from the disk, it takes from the machine too. What is not there is no harm
either, as most commands are also found by what they carry in their environment; the notes find the others.
"""

import contextlib
import json
import os
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
            how = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
            descriptor = os.open(self._folder / handle, how, 0o600)
            try:
                os.write(descriptor, json.dumps(asdict(note)).encode())
            finally:
                os.close(descriptor)

    def drop(self, handle: str) -> None:
        """Have no note of the attempt."""
        if self._folder is not None:
            with contextlib.suppress(OSError):
                (self._folder / handle).unlink()

    def take_all(self) -> dict[str, Note]:
        """Return what was noted, by handle, and begin anew."""
        notes = {}
        with contextlib.suppress(OSError):
            for path in [] if self._folder is None else list(self._folder.iterdir()):
                if note := _read(path):
                    notes[path.name] = note
                self.drop(path.name)
        return notes


def _read(path: Path) -> Note | None:
    """Return what a note says; None where that is none."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            note = Note(**json.loads(os.read(descriptor, _LONGEST)))
        finally:
            os.close(descriptor)
    except (OSError, ValueError, TypeError):
        return None
    whole = all(isinstance(getattr(note, name), kind) for name, kind in Note.__annotations__.items())
    return note if whole else None
