"""What a process was handed by whoever started it, and must not take as it comes: streams, signals, limits, secrets.

It is for processes that are ours alone: a server's, its worker's, that of `kala run COMMAND`. Whoever has a server in a
thread keeps his process as it is. What commands find in their environment is for `environment.py` to say.
"""

import contextlib
import os
import resource
import signal
import sys
from collections.abc import Collection
from pathlib import Path

_LAST_STREAM = 2
_PYTHONS_OWN = {signal.SIGPIPE, signal.SIGXFSZ}
"""Ignored by every Python; `spawn.py` has them as usual for commands."""
_ENV_START = 47
"""Where stat (proc(5)) says at which address the environment begins, counted from the state, its third field."""


def fill_standard_streams() -> None:
    """Open what was closed of stdin, stdout and stderr: else the next file that is opened would be taken for one."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _LAST_STREAM:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    sys.stdin = sys.stdin or open(0, closefd=False)  # noqa: SIM115 - it lasts as long as the process
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115


def reset_signals(*, but: Collection[signal.Signals]) -> None:
    """Let no signal be blocked or ignored, but for those that may be.

    With SIGCHLD ignored no exit code could be had, and with SIGTERM blocked neither this process nor its commands could
    be asked to end.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals() - _PYTHONS_OWN - set(but):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def raise_open_files() -> int:
    """Raise the soft limit on descriptors to the hard one, and return what it was.

    It is as low as it mostly is for programs that use select(2), and so commands get it as it was.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # then it stays
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return soft


def at_exec() -> bytes:
    """Return the environment as this process was given it: variables with a NUL after each.

    What the process has changed since, or Python has on its own (PEP 538), is not in it. Empty where there is no /proc.
    """
    with contextlib.suppress(OSError):
        return Path("/proc/self/environ").read_bytes()
    return b""


def forget(name: str) -> None:
    """Remove a variable from the environment, and from what others who may look (/proc, ps) see of it."""
    if os.environ.pop(name, None) is None:
        return
    import ctypes

    given = at_exec()
    stat = Path("/proc/self/stat").read_bytes() if given else b""
    marked, mark = b"\0" + given, b"\0" + os.fsencode(name) + b"="
    at = marked.find(mark)
    while at >= 0:
        begin = int(stat[stat.rindex(b")") + 2 :].split()[_ENV_START])
        ctypes.memset(begin + at, 0, given.find(b"\0", at) - at)
        at = marked.find(mark, at + 1)
