"""Notices that the database of time zones has changed under a running server, and has what follows looked up anew.

It knows no rules of zones: only which file each name stands for, and whether that is still the same one. What was stuck
is tried again now and then, whatever was in its way.
"""

import asyncio
import zoneinfo
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from kala_server.core.model.inputs import LookAnew
from kala_server.core.state.state import State
from kala_server.core.time.occurrences import forget_zones
from kala_server.ports.store import StoreBrokenError, StoreFullError
from kala_server.service.service import Service

BETWEEN_LOOKS = 5.0
"""Seconds after which it is looked whether a zone's file is another one, …"""
_LOOKS_BETWEEN_TRIES = 12
"""… and after how many looks a stuck job is tried again."""
_AT_ONCE = 100
"""Jobs that are looked at in one go: some milliseconds."""

_File = tuple[int, int, int]


_NEVER_SEEN = (0, 0, 0)


class ZoneFiles:
    """Which files the zones in use were read from."""

    def __init__(self) -> None:
        self._known: dict[str, _File | None] = {}

    def changed(self, names: Iterable[str]) -> set[str]:
        """Return those of the names whose file is another one than at the last look; all are known from then on.

        A name that is new is one of them: its file may have changed since it was read, and before it was looked at.
        """
        before, self._known = self._known, {name: _file_of(name) for name in names}
        return {name for name, file in self._known.items() if before.get(name, _NEVER_SEEN) != file}


async def follow_changes(service: Service) -> None:
    """Have slots looked up anew as zones change; for as long as the store can be trusted."""
    files = ZoneFiles()
    files.changed(_in_use(service.state))
    waiting: set[str] = set()
    looks = 0
    with suppress(StoreBrokenError):  # the server is told of it otherwise
        while True:
            await asyncio.sleep(BETWEEN_LOOKS)
            looks += 1
            waiting |= _jobs_in(service.state, files.changed(_in_use(service.state)))
            if looks % _LOOKS_BETWEEN_TRIES == 0:
                waiting |= service.state.stuck.keys()
            with suppress(StoreFullError):  # they are still there at the next look
                await _look_anew(service, waiting)


def _in_use(state: State) -> set[str]:
    return {job.spec.timezone for job in state.jobs.values() if job.spec.timezone}


def _jobs_in(state: State, zones: set[str]) -> set[str]:
    """Return the jobs whose slots may be others, as their zone has changed; its rules are read anew from here on."""
    if not zones:
        return set()
    forget_zones()
    return {job.id for job in state.jobs.values() if job.spec.timezone in zones}


async def _look_anew(service: Service, waiting: set[str]) -> None:
    """Have the next slots of these jobs looked up, some at a time, and strike them off."""
    jobs = sorted(waiting)
    for begin in range(0, len(jobs), _AT_ONCE):
        some = jobs[begin : begin + _AT_ONCE]
        await service.submit(LookAnew(job_ids=tuple(some)))
        waiting.difference_update(some)


def _file_of(name: str) -> _File | None:
    """Return what tells the file of a zone from another one in its place; None where there is none."""
    for folder in _folders():
        with suppress(OSError, ValueError):
            status = Path(folder, name).stat()
            return status.st_ino, status.st_mtime_ns, status.st_size
    return None


def _folders() -> Sequence[str]:
    """Return where zones are looked for, as `zoneinfo` does: the system's folders, then the package tzdata."""
    package = find_spec("tzdata")
    inside = package.submodule_search_locations if package is not None else None
    return [*zoneinfo.TZPATH, *(str(Path(folder, "zoneinfo")) for folder in inside or ())]
