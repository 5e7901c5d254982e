"""Faults that are planted in a server's process: the mutants that the tests of this folder must notice.

Each function is called in the new process before there is a server. Nothing of it is in the product.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import kala_server.clock
import kala_server.keeping
import kala_server.runners.local.processes
import kala_server.runners.local.worker_process
import kala_server.server
import kala_server.service.service
import kala_server.stores.journal.owner_signature
from kala_server.config import Settings
from kala_server.core.decide.engine import Decision, deciding
from kala_server.core.model.records import Record, RunFinished, RunStarted
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.core.time.occurrences import timetable_of
from kala_server.ports.store import Fence, StoreFullError
from kala_server.runners.local.processes import Process
from kala_server.runners.local.worker_process import WorkerProcess
from kala_server.stores.journal.filesystem import RealFileSystem
from kala_server.stores.journal.journal import JournalStore
from kala_server.stores.journal.owner_signature import Signature
from kala_server.web.base import Handler
from tests.faults.planting import plant
from tests.faults.server_child import nothing
from tests.left_behind import left_of

__all__ = ["nothing"]

LATE = 0.02
"""Seconds by which the store that answers first is late."""


def _store(kind: Callable[..., JournalStore], **options: Any) -> None:
    plant(kala_server.keeping, "JournalStore", partial(kind, **options))


def small_journal() -> None:
    """No fault: a journal that is begun anew so often that cuts fall into it, too."""
    _store(JournalStore, compact_from=16 << 10, compact_factor=1)


class EagerStore(JournalStore):
    """Says that a batch is durable, and writes it a moment later."""

    _before: asyncio.Task[None] | None = None

    async def append(self, fence: Fence, batch: Sequence[Record]) -> None:
        self._before = asyncio.get_running_loop().create_task(self._write(self._before, fence, batch))

    async def _write(self, before: asyncio.Task[None] | None, fence: Fence, batch: Sequence[Record]) -> None:
        if before is not None:
            await before
        await asyncio.sleep(LATE)
        await super().append(fence, batch)


def answers_before_it_writes() -> None:
    """Planted bug: an answer, and a spawn, before the record is written."""
    _store(EagerStore)


class OptimisticStore(JournalStore):
    """Says that a batch is durable for which there was no room."""

    async def append(self, fence: Fence, batch: Sequence[Record]) -> None:
        with suppress(StoreFullError):
            await super().append(fence, batch)


def says_yes_when_it_is_full() -> None:
    """Planted bug: a full disk is nobody's business."""
    _store(OptimisticStore)


class NoSync(RealFileSystem):
    """Leaves the bytes to the kernel."""

    def sync(self, fd: int) -> None:
        pass

    def sync_directory(self, path: Path) -> None:
        pass


def never_syncs() -> None:
    """Planted bug: everything is written, nothing is synced."""
    _store(JournalStore, filesystem=NoSync())


class NoLock(RealFileSystem):
    """Owns nothing."""

    def lock(self, path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def locks_nothing() -> None:
    """Planted bug: a folder may have any number of owners."""
    _store(JournalStore, filesystem=NoLock())


class Point(StrEnum):
    """A moment in the life of a run at which the process is killed."""

    BEFORE_THE_RECORD = "before the start is on record"
    IN_THE_RECORD = "when half of the record is written"
    AFTER_THE_RECORD = "when the start is durable"
    AFTER_THE_ORDER = "when its worker was told"
    AFTER_THE_SPAWN = "when the command is there"
    WITH_ITS_WORKER = "when the command is there, and its worker too"
    BEFORE_THE_END = "before the end is on record"


class Countdown:
    """Kills the process at the n-th time."""

    def __init__(self, number: int) -> None:
        self._left = number

    def __call__(self) -> bool:
        self._left -= 1
        return self._left <= 0

    def kill(self) -> None:
        if self():
            os.kill(os.getpid(), signal.SIGKILL)


class MortalStore(JournalStore):
    """Is killed around the n-th batch that starts or ends a run."""

    def __init__(self, folder: Path, *, point: Point, countdown: Countdown) -> None:
        self._disk = MortalFileSystem()
        super().__init__(folder, filesystem=self._disk)
        self._point = point
        self._countdown = countdown

    async def append(self, fence: Fence, batch: Sequence[Record]) -> None:
        starts = any(isinstance(record, RunStarted) for record in batch)
        ends = any(isinstance(record, RunFinished) for record in batch)
        if (starts and self._point is Point.BEFORE_THE_RECORD) or (
            ends and self._point is Point.BEFORE_THE_END
        ):
            self._countdown.kill()
        self._disk.mortal = starts and self._point is Point.IN_THE_RECORD and self._countdown()
        await super().append(fence, batch)
        if starts and self._point is Point.AFTER_THE_RECORD:
            self._countdown.kill()


class MortalFileSystem(RealFileSystem):
    """Is killed in the middle of a write."""

    mortal = False

    def write(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        if self.mortal:
            super().write(fd, data[: len(data) // 2], offset)
            os.kill(os.getpid(), signal.SIGKILL)
        return super().write(fd, data, offset)


class EagerMortalStore(MortalStore, EagerStore):
    """Is killed around a batch that it has said to be durable."""


def killed_at(point: Point, number: int, *, eager: bool = False) -> None:
    """Kill the process at the n-th time that it comes to a point; `eager` is the bug of `answers_before_it_writes`."""
    countdown = Countdown(number)
    _store(EagerMortalStore if eager else MortalStore, point=point, countdown=countdown)
    if point is Point.AFTER_THE_ORDER:
        send = WorkerProcess._send

        def sent(worker: WorkerProcess) -> None:
            send(worker)
            countdown.kill()

        plant(WorkerProcess, "_send", sent)
    if point is Point.AFTER_THE_SPAWN:
        mortal_worker(number, "server")
    if point is Point.WITH_ITS_WORKER:
        mortal_worker(number, "server", "worker")


def mortal_worker(number: int, *victims: str) -> None:
    """Have workers who kill their server, or themselves, when they have spawned so many commands."""
    worker = kala_server.runners.local.worker_process
    program = worker.PROGRAM.replace("kala_server.runners.local.worker", "tests.faults.mortal_worker")
    plant(worker, "PROGRAM", program.replace("main()", f"main({number}, {str(victims)[1:-1]})"))


def holds_no_lock() -> None:
    """Planted bug: the worker of a server that was killed does not keep the next one waiting."""
    plant(JournalStore, "locks", ())


def believes_a_copied_lock() -> None:
    """Planted bug: a mark is believed, whatever file it was written to."""
    plant(RealFileSystem, "identity", lambda *_: "a lock")
    read = kala_server.stores.journal.owner_signature.read

    def believed(text: bytes) -> Signature | None:
        signed = read(text)
        return signed and replace(signed, file="a lock")

    plant(kala_server.stores.journal.owner_signature, "read", believed)


def looks_for_runs_alone() -> None:
    """Planted bug: whoever carries a run's id is a process of it, whatever its mark."""

    def found(handles: Collection[str], _mark: str) -> dict[str, list[Process]]:
        return {handle: left_of(handle.rpartition(".")[0]) for handle in handles}

    plant(kala_server.runners.local.processes, "find_by_handles", found)


def sleeps_until_it_is_due() -> None:
    """Planted bug: one long timer for a slot, without a look at the wall clock meanwhile."""
    plant(kala_server.clock, "LONGEST_SLEEP", timedelta(days=1))


def plans_anew_after_a_step_back() -> None:
    """Planted bug: when the clock has gone back, every job's next slot is counted from what it says now."""
    seen = [datetime.now(UTC)]
    now_of = kala_server.clock.LoopClock.now
    states: list[State] = []

    def state_of(*arguments: Any) -> Steps[Decision]:
        states[:] = arguments[:1]
        return deciding(*arguments)

    def now(clock: kala_server.clock.LoopClock) -> datetime:
        read = now_of(clock)
        if read < seen[0] - timedelta(minutes=1) and states:
            for job in list(states[0].jobs.values()):
                if job.spec.schedule.startswith("R/"):
                    following = timetable_of(job.spec, job.created_at).next_after(read)
                    states[0].move_slot(job.id, following, taken=read, offset=None)
        seen[0] = read
        return read

    plant(kala_server.clock.LoopClock, "now", now)
    plant(kala_server.service.service, "deciding", state_of)


def waits_for_ever() -> None:
    """Planted bug: no limit to how long a client may hold back."""
    init = kala_server.server.Server.__init__

    def patient(server: kala_server.server.Server, settings: Settings) -> None:
        never = timedelta(days=1)
        init(server, replace(settings, header_timeout=never, body_timeout=never, unread_timeout=never))

    plant(kala_server.server.Server, "__init__", patient)


def logs_what_it_is_asked() -> None:
    """Planted bug: requests are in the log, with their headers and bodies."""
    begin = Handler.begin

    def talkative(handler: Handler, *arguments: Any, **options: Any) -> Awaitable[None]:
        logging.getLogger("kala.web").info("%s: %s", dict(handler.request.headers), bytes(handler.raw_body()))
        return begin(handler, *arguments, **options)

    plant(Handler, "begin", talkative)
