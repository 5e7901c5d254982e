"""What commands have printed: one file for each run, outside the journal, gone with the run.

Output is kept for people and not promised as records are: it is not synced.
"""

import contextlib
import os
from collections.abc import Container
from pathlib import Path
from typing import Protocol


class Outputs(Protocol):
    """Keeps the output of finished attempts. Calls may block: they belong into a thread."""

    def save(self, run_id: str, text: bytes) -> None:
        """Keep the run's output, in place of what was kept for it."""
        ...

    def read(self, run_id: str) -> bytes:
        """Return the run's output; nothing where it printed nothing."""
        ...

    def drop(self, run_id: str) -> None:
        """Keep the run's output no longer."""
        ...

    def sweep(self, known: Container[str]) -> None:
        """Drop the output of runs that are not known: a crash may have left some."""
        ...


class OutputFolder:
    """A folder with a file for each run that printed something. Run ids are UUIDs, so they are safe names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def save(self, run_id: str, text: bytes) -> None:
        """Write the run's file, readable by its owner alone."""
        if not text:
            return
        path = self._path(run_id)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, for its mode
            file.write(text)

    def read(self, run_id: str) -> bytes:
        """Read the run's file."""
        try:
            return self._path(run_id).read_bytes()
        except FileNotFoundError:
            return b""

    def drop(self, run_id: str) -> None:
        """Remove the run's file."""
        self._path(run_id).unlink(missing_ok=True)

    def sweep(self, known: Container[str]) -> None:
        """Remove the files of runs that are not known."""
        for path in self._folder.glob("*/*"):
            if path.name not in known:
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()

    def _path(self, run_id: str) -> Path:
        # Two hundred and fifty-six folders: a single one with a million files is slow on many file systems.
        return self._folder / run_id[:2] / run_id
