"""When there was no server: kept beside the journal. To lose it loses no promise, so it is no record.

The last sign of life of a server is when its journal was last written to, or when it ended in peace.
"""

import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

MOST_KEPT = 100
FILE = "outages"

Outage = tuple[datetime, datetime]
"""From the last sign of life of a server to the start of the next."""


class Presence:
    """What is known of the times without a server; nothing where nothing is kept on a disk."""

    def __init__(self, journal: Path | None) -> None:
        self.outages: list[Outage] = []
        """The latest of them, the oldest first."""
        self._journal = journal
        self._last_sign: datetime | None = None

    def look(self) -> None:
        """Look when the server before was last there; before the journal is opened."""
        if self._journal is not None:
            try:
                self._last_sign = datetime.fromtimestamp(self._journal.stat().st_mtime, UTC)
            except OSError:
                self._last_sign = None  # there was none

    def begin(self, now: datetime) -> None:
        """Take note that there is a server again, as the folder is ours."""
        if self._journal is None or self._last_sign is None:
            return
        file = self._journal.with_name(FILE)
        self.outages = [*_read(file), *([(self._last_sign, now)] if self._last_sign < now else [])][
            -MOST_KEPT:
        ]
        _write(file, self.outages)

    def end(self, now: datetime) -> None:
        """Leave a sign of life, as the server ends."""
        if self._journal is not None:
            try:
                os.utime(self._journal, (now.timestamp(), now.timestamp()), follow_symlinks=False)
            except OSError:
                return  # then the last record is the sign

    def between(self, since: datetime, until: datetime) -> list[Outage]:
        """Return those that touch a time."""
        return [outage for outage in self.outages if outage[0] < until and outage[1] > since]


def _read(file: Path) -> Iterator[Outage]:
    try:
        with os.fdopen(
            os.open(file, os.O_RDONLY | os.O_NOFOLLOW), encoding="ascii", errors="replace"
        ) as text:
            lines = text.read().splitlines()
    except OSError:
        return
    for line in lines[-MOST_KEPT:]:
        try:
            since, until = map(datetime.fromisoformat, line.split())
        except ValueError:
            continue  # it was torn, or somebody else's
        if since.tzinfo is not None and until.tzinfo is not None:
            yield since.astimezone(UTC), until.astimezone(UTC)


def _write(file: Path, outages: Iterable[Outage]) -> None:
    """Write it anew: what has not come to the disk by a crash is missing later, and no more."""
    new = file.with_name(f"{file.name}.new")
    text = "".join(f"{since.isoformat()} {until.isoformat()}\n" for since, until in outages)
    try:
        new.unlink(missing_ok=True)
        with os.fdopen(
            os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
        ) as out:
            out.write(text)
        new.rename(file)
    except OSError:
        return  # a full disk is no reason not to start
