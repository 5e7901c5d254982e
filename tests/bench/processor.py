"""Processor time, which a busy machine changes little: that of a process and its threads, not of what it started.

The kernel tells it in hundredths of a second, so that what is measured is to be many times as long.
"""

import os
from collections.abc import Callable
from pathlib import Path
from time import process_time

_USER, _SYSTEM = 11, 12
"""Where stat (proc(5)) says so, counted from the state, its third field."""
_TICK = os.sysconf("SC_CLK_TCK")


def used(pid: int) -> float:
    """Return how many seconds the process has computed, and the kernel for it."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    fields = stat[stat.rindex(")") + 2 :].split()
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICK


def used_by_all(pid: int) -> float:
    """Return the same of a server and its worker, without the commands, which are the worker's children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return used(pid) + sum(map(used, map(int, children)))


def used_here(work: Callable[[], object]) -> float:
    """Do the work, and return how many seconds of it this process has computed, and the kernel for it."""
    before = process_time()
    work()
    return process_time() - before
