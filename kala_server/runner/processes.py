"""Processes of the machine, by pid and start time: whether one is still there, and how a group is ended.

Used for commands that outlived a crashed server; they are not children of this one, so nothing is learnt here of how
they went. Linux, by way of /proc and pidfds.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_GROUP, _STARTED = 2, 19
"""Where stat (proc(5)) says so, counted from the state, its third field."""


@dataclass(frozen=True, slots=True)
class Process:
    """One process: a pid alone may be another process tomorrow."""

    pid: int
    started: int
    """In clock ticks since boot."""


def start_time(pid: int) -> int | None:
    """Return when the process was started, in clock ticks since boot; None where there is none, or a zombie."""
    stat = _stat(pid)
    return None if stat is None else int(stat[_STARTED])


def alive(process: Process) -> bool:
    """Whether this very process still runs."""
    return start_time(process.pid) == process.started


def find_by_run_id(run_id: str) -> list[Process]:
    """Return the processes that carry the run's id in their environment: those that a crash left without a record."""
    mark = f"KALA_RUN_ID={run_id}".encode()
    found = []
    for pid in _pids():
        with contextlib.suppress(OSError):
            if mark in (_PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                started = start_time(pid)
                if started is not None:
                    found.append(Process(pid, started))
    return found


async def gone(process: Process) -> None:
    """Return once the process has ended."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        if alive(process):
            loop = asyncio.get_running_loop()
            ended = asyncio.Event()
            loop.add_reader(descriptor, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(descriptor)
    finally:
        os.close(descriptor)


async def end_group(process: Process, grace: float = 5.0) -> None:
    """End the process with its whole group: TERM, and KILL for whoever is left after a grace."""
    stat = _stat(process.pid)
    if stat is None or int(stat[_STARTED]) != process.started:
        return
    group = int(stat[_GROUP])
    if group == os.getpgrp():
        return  # it came to us by some accident; we do not end ourselves
    members = await asyncio.to_thread(_members, group)
    signal_group(group, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace):
            await asyncio.gather(*map(gone, members))
    signal_group(group, signal.SIGKILL)


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group; nobody there is as good."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _members(group: int) -> list[Process]:
    """Return who belongs to a process group."""
    stats = ((pid, _stat(pid)) for pid in _pids())
    return [
        Process(pid, int(stat[_STARTED]))
        for pid, stat in stats
        if stat is not None and int(stat[_GROUP]) == group
    ]


def _pids() -> Iterator[int]:
    return (int(folder.name) for folder in _PROC.iterdir() if folder.name.isdigit())


def _stat(pid: int) -> list[bytes] | None:
    """Return what /proc says of a process, from its state on; None where there is none, or a zombie."""
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The second field is the name in parentheses, which may itself hold parentheses and spaces.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] == b"Z" else fields
