"""What the one who owns a folder leaves in its lock: who it is, and the folder's mark.

The mark is how the commands of this folder's servers are told from those of any other. It is drawn at random, and is
believed only where it was written into this very file, in this life of the machine, by somebody who saw the same
processes: a copy of the file, or one that was moved to another disk or came from a backup, names another one. Where
nothing can be believed, a new mark is drawn, and no process of before carries it.

Nothing here waits, locks or decides what a mark is good for.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

_LONGEST = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who owns a folder, or did last."""

    pid: int
    started: int
    """When that process was started, in clock ticks since boot."""
    machine: str
    """The life of the machine, and the space in which its processes have their numbers."""
    file: str
    """The lock file that this was written to."""
    mark: str
    """Of the folder, in this life of the machine."""
    epoch: int
    """How often the folder was owned."""

    def lives(self) -> bool:
        """Whether the one who signed, on this machine, is still there; a pid alone may be another process by now."""
        return started(self.pid) == self.started

    def text(self) -> bytes:
        """Return the signature as it is written: one line, and the pid on another, for scripts that signal it."""
        return b"%b\n%d\n" % (json.dumps(asdict(self)).encode(), self.pid)


def read(text: bytes) -> Signature | None:
    """Return what a lock file says; None where that is no signature."""
    try:
        said = json.loads(text[:_LONGEST].partition(b"\n")[0])
        found = Signature(**said)
    except (ValueError, TypeError):
        return None
    whole = all(isinstance(getattr(found, name), kind) for name, kind in Signature.__annotations__.items())
    return found if whole else None


def signed_by_us(before: Signature | None, file: str) -> Signature:
    """Return what this process is to leave in the file; it keeps the mark of who was there before, if it may."""
    pid, machine = os.getpid(), this_machine()
    mark = _believed(before, machine, file) or uuid4().hex
    epoch = 1 if before is None else before.epoch + 1
    return Signature(pid=pid, started=started(pid) or 0, machine=machine, file=file, mark=mark, epoch=epoch)


def _believed(before: Signature | None, machine: str, file: str) -> str:
    """Return the mark that may be kept; nothing where it may be that of another folder, or of another life."""
    if before is None or not machine or (before.machine, before.file) != (machine, file):
        return ""
    return before.mark


def this_machine() -> str:
    """Name this life of the machine and our space of process numbers; nothing where that cannot be told for sure."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def started(pid: int) -> int | None:
    """Return when a process was started, in clock ticks since boot; None where there is none, or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The second field is the name in parentheses, which may itself hold parentheses and spaces (proc(5)).
    fields = stat.rpartition(b")")[2].split()
    return None if fields[0] == b"Z" else int(fields[19])
