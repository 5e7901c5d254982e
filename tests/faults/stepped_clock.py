"""A wall clock of its own for one process, which can be stepped while the process runs: libfaketime.

Only the wall clock: monotonic timers go on as they do where an administrator or a time service steps a real clock.
"""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

_LIBRARY = "faketime/libfaketimeMT.so.1"


class SteppedClock:
    """The time of the machine and an offset."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.offset = timedelta(0)
        self.step(timedelta(0))

    @property
    def environment(self) -> dict[str, str]:
        """What lets a process live by this clock."""
        return {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_NO_CACHE": "1",
        }

    def now(self) -> datetime:
        """Return what the process reads."""
        return datetime.now(UTC) + self.offset

    def step(self, by: timedelta) -> None:
        """Move the clock."""
        self.offset += by
        # In place of the old file at once: a file that is being written is an empty one to who reads it now.
        new = self._file.with_suffix(".new")
        new.write_text(f"{self.offset.total_seconds():+.0f}\n")
        new.replace(self._file)


@cache
def library() -> Path | None:
    """Return libfaketime, where the machine has it."""
    found = [*Path("/usr/lib").glob(f"*/{_LIBRARY}"), *Path("/usr/lib").glob(_LIBRARY)]
    return found[0] if found else None
