"""Processes of the machine, by pid and start time: whether one is still there, and how a group is ended.

Used for commands that outlived a crashed server; they are not children of this one, so nothing is learnt here of how
they went. Linux, by way of /proc and pidfds.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_GROUP, _STARTED = 2, 19
"""Where stat (proc(5)) says so, counted from the state, its third field."""
_RUN = b"KALA_RUN_ID="
_MARK = b"KALA_MARK="
_NOT_THERE = (FileNotFoundError, ProcessLookupError)
"""Anything else, such as a want of descriptors, does not say that a process is gone."""
_LOOK_AGAIN = 0.05


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


def find_by_handles(handles: Collection[str], mark: str) -> dict[str, list[Process]]:
    """Return the processes that carry an attempt's run, and the store's mark, in their environment; of each some.

    The ids alone say too little: a server on a copy of the store has runs with the same ones. One look at all
    processes, whatever the number of attempts. Raises OSError where one cannot be had.
    """
    of_run = {handle.rpartition(".")[0]: handle for handle in handles}
    found: dict[str, list[Process]] = {}
    for pid in _pids() if of_run else ():
        with contextlib.suppress(*_NOT_THERE, PermissionError):
            variables = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
            if _MARK + mark.encode() not in variables:
                continue
            ids = {
                each[len(_RUN) :].decode("ascii", "replace") for each in variables if each.startswith(_RUN)
            }
            if ids & of_run.keys() and (started := start_time(pid)) is not None:
                for run_id in ids & of_run.keys():
                    found.setdefault(of_run[run_id], []).append(Process(pid, started))
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


async def end_groups(processes: Collection[Process], grace: float = 5.0) -> None:
    """End the processes with their whole groups: TERM, and KILL where anybody is left after a grace.

    Raises OSError where there is no room even to begin.
    """
    groups = _groups(processes)
    for group in groups:
        signal_group(group, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace):
            # A pidfd for each of many would take all descriptors.
            while groups := await _left_of(groups):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_AGAIN)
    for group in groups:
        signal_group(group, signal.SIGKILL)


async def _left_of(groups: set[int]) -> set[int]:
    """Return which of the groups have members; all of them where there is no descriptor or thread to look with."""
    try:
        return await asyncio.to_thread(_with_members, groups)
    except (OSError, RuntimeError):
        return groups


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group; nobody there is as good."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _groups(processes: Collection[Process]) -> set[int]:
    """Return the groups of the processes that are still there, but for our own, to which one came by some accident."""
    stats = [(process, _stat(process.pid)) for process in processes]
    return {
        int(stat[_GROUP])
        for process, stat in stats
        if stat is not None and int(stat[_STARTED]) == process.started
    } - {os.getpgrp()}


def _with_members(groups: set[int]) -> set[int]:
    return groups and groups & {int(stat[_GROUP]) for stat in map(_stat, _pids()) if stat is not None}


def _pids() -> Iterator[int]:
    return (int(folder.name) for folder in _PROC.iterdir() if folder.name.isdigit())


def _stat(pid: int) -> list[bytes] | None:
    """Return what /proc says of a process, from its state on; None where there is none, or a zombie."""
    try:
        stat = (_PROC / str(pid) / "stat").read_bytes()
    except (*_NOT_THERE, PermissionError):  # a system may hide the processes of others
        return None
    # The second field is the name in parentheses, which may itself hold parentheses and spaces.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] == b"Z" else fields
