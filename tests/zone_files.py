"""A database of time zones that a test makes itself, and changes as governments do: zones with one offset each."""

import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import pack

from kala_server.core.time.occurrences import forget_zones


def write_zone(folder: Path, name: str, hours: int) -> None:
    """Write a zone whose clock is always so many hours ahead of UTC (TZif, RFC 9636), in place of what it was."""
    abbreviation = f"{hours:+03d}"
    block = pack(">lBB", hours * 3600, 0, 0) + abbreviation.encode() + b"\0"
    header = b"TZif2" + bytes(15) + pack(">6l", 0, 0, 0, 0, 1, len(abbreviation) + 1)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.write_bytes((header + block) * 2 + f"\n<{abbreviation}>{-hours}\n".encode())
    new.replace(path)


@contextmanager
def zones_in(folder: Path) -> Iterator[None]:
    """Look for zones in this folder alone, and in the package tzdata, as `PYTHONTZPATH` has it."""
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=[str(folder)])
    forget_zones()
    try:
        yield
    finally:
        zoneinfo.reset_tzpath(to=before)
        forget_zones()
