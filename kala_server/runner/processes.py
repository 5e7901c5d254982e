"""Processes of the machine, by pid and start time: whether one is still there, and how a group is ended.

Used for commands that outlived a crashed server; they are not children of this one. Linux, by way of /proc.
"""

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """One process: a pid alone may be another process tomorrow."""

    pid: int
    started: int
    """In clock ticks since boot (proc(5), field 22 of stat)."""


def start_time(pid: int) -> int | None:
    """Return when the process was started, in clock ticks since boot; None where there is none, or a zombie."""
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    # The second field is the name in parentheses, which may itself hold parentheses and spaces.
    state, *rest = stat[stat.rindex(b")") + 2 :].split()
    return None if state == b"Z" else int(rest[18])


def alive(process: Process) -> bool:
    """Whether this very process still runs."""
    return start_time(process.pid) == process.started


def find_by_run_id(run_id: str) -> list[Process]:
    """Return the processes that carry the run's id in their environment: those that a crash left without a record."""
    mark = f"KALA_RUN_ID={run_id}".encode()
    found = []
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                started = start_time(int(folder.name))
                if started is not None:
                    found.append(Process(int(folder.name), started))
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
    """End the process and its group: TERM, and KILL after a grace."""
    if not alive(process):
        return
    signal_group(process.pid, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace):
            await gone(process)
    signal_group(process.pid, signal.SIGKILL)


def signal_group(leader: int, number: signal.Signals) -> None:
    """Send a signal to the process group that the leader leads; nobody there is as good."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
