"""Has commands carried out by a worker, a process of its own (`worker.py`); to the server it is a runner like others.

A worker that is gone, killed by somebody or by the kernel for its memory, costs what it ran: those commands are ended,
and their runs are interrupted. The next command gets a new worker. What a server that was killed has left is adopted:
found by its processes' environments, and by notes of their pids (`notes.py`).
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from kala_server.ports.runner import Attempt, Listener, Outcome
from kala_server.runners.local import processes
from kala_server.runners.local.environment import Surroundings, surroundings
from kala_server.runners.local.messages import Message, Topic, start_of
from kala_server.runners.local.notes import Note, Notes
from kala_server.runners.local.processes import Process
from kala_server.runners.local.shell import KILL_GRACE, outcome_of
from kala_server.runners.local.worker import END, LEAVE
from kala_server.runners.local.worker_process import WorkerProcess
from kala_server.runners.room import want_in

_log = logging.getLogger("kala.runner")

_NO_WORKER = "the command could not be started, as its worker process could not"
_WORKER_GONE = "the worker process was ended, and the command with it; whether it did its work is not known"
_SURVIVED = "the command outlived its server; it has ended, and how it went is not known"

_WANT_OF_ROOM = {os.EX_TEMPFAIL, -signal.SIGKILL}
"""How a worker ends at once that has no room, or that the kernel takes for the one to give its memory back."""
TRY_AGAIN = 1.0
"""Seconds between two looks for what a worker has left, where the machine has no room for one."""


class WorkerRunner:
    """Runs the commands of jobs of type 0."""

    def __init__(
        self,
        *,
        kill_grace: float = KILL_GRACE,
        found: Callable[[], Surroundings] = surroundings,
        held: Callable[[], Sequence[int]] = tuple,
        notes: Notes | None = None,
        leaves_commands: bool = True,
    ) -> None:
        """Use a worker that is there once it is needed; its commands find what `found` says then.

        `held` are descriptors that the worker holds for as long as it may start something: whoever waits for what they
        stand for, such as the lock on a store, waits for the worker of a killed server too. `notes` are for the runner
        after this one; None = there is none. `leaves_commands` says whether they go on when this process is killed.
        """
        self._kill_grace = kill_grace
        self._found = found
        self._held = held
        self._notes = notes or Notes(None)
        self._left = LEAVE if leaves_commands else END
        self._listener: Listener
        self._mark = ""
        self._worker: WorkerProcess | None = None
        self._worker_is_ready = False
        self._started: dict[str, Process | None] = {}
        """The attempts that a worker was told to start, and their processes once these have lived for a moment."""
        self._adopted: dict[str, list[Process]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Task[None]] = set()
        """Those of the tasks that wait for what was adopted, however long it takes."""
        self._something_ended = asyncio.Event()

    def attach(self, listener: Listener, mark: str = "") -> None:
        """Say whom to tell, and the mark that commands are to carry."""
        self._listener, self._mark = listener, mark

    def get_ready(self) -> None:
        """Have a worker, so that the first command need not wait for one; where there can be none, that one tells."""
        with contextlib.suppress(OSError):
            self._ready()

    @property
    def worker_pid(self) -> int | None:
        """Which process starts the commands; None where there is none."""
        return None if self._worker is None else self._worker.pid

    def _ready(self) -> WorkerProcess:
        if self._worker is None:
            self._worker_is_ready = False
            self._worker = WorkerProcess(
                kill_grace=self._kill_grace,
                found=replace(self._found(), mark=self._mark),
                held=self._held(),
                left=self._left,
                on_message=self._hear,
                on_gone=self._on_worker_gone,
            )
        return self._worker

    def start(self, attempt: Attempt) -> str:
        """Let the worker start the command. What goes wrong is an outcome, in words for people."""
        handle = attempt.handle
        if handle in self._started or handle in self._adopted:
            return handle
        try:
            worker = self._ready()
        except OSError as error:
            want = want_in(error)
            reason = want or f"{_NO_WORKER}: {error.strerror}"
            outcome = Outcome(succeeded=False, reason=reason, put_off=bool(want))
            asyncio.get_running_loop().call_soon(self._listener.ended, handle, outcome)
            return handle
        self._started[handle] = None
        worker.tell(start_of(attempt))
        return handle

    def end(self, handle: str) -> None:
        """Have TERM sent to the command's group, and KILL after the grace; one that waits is not started."""
        if handle in self._adopted:
            self._in_background(self._end_adopted(handle))
        elif self._worker is not None and handle in self._started:
            self._worker.tell((Topic.END, handle))

    def kill_all(self) -> None:
        """Have KILL sent to every command's group; those that wait for their turn are not started."""
        if self._worker is not None and self._started:
            self._worker.tell((Topic.KILL_ALL,))

    def independent(self) -> frozenset[str]:
        """Return nothing: commands are ended where their server ends in order."""
        return frozenset()

    def leave(self) -> None:
        """Let go of nothing."""

    async def close(self) -> None:
        """Wait until the commands that were killed are gone; one that the kernel cannot end is left to it."""
        for task in self._waiting:
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._kill_grace):
                while self._started:
                    self._something_ended.clear()
                    await self._something_ended.wait()
        if self._started:
            self._on_worker_gone()  # as good as: it was stopped, or what it waits for cannot be ended
        if self._worker is not None:
            worker, self._worker = self._worker, None
            await worker.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2 * self._kill_grace + TRY_AGAIN)

    # -- what a server that was killed has left

    async def adopt(self, handles: Collection[str]) -> frozenset[str]:
        """Find what still carries out these attempts; only what carries our mark, or of which a note says that."""
        self._adopted = await asyncio.to_thread(self._survivors, frozenset(handles))
        for handle, those in self._adopted.items():
            self._note(handle, those[0])
            task = self._in_background(self._tell_when_gone(handle, those))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)
        return frozenset(self._adopted)

    def _survivors(self, handles: frozenset[str]) -> dict[str, list[Process]]:
        notes = {handle: note for handle, note in self._notes.take_all().items() if handle in handles}
        ours = {handle: note.process for handle, note in notes.items() if note.mark == self._mark != ""}
        _tell_of_strangers([note.process for handle, note in notes.items() if handle not in ours])
        found = {handle: [process] for handle, process in ours.items() if processes.alive(process)}
        return found | processes.find_by_handles(handles - ours.keys(), self._mark)

    async def _tell_when_gone(self, handle: str, those: Sequence[Process]) -> None:
        for process in those:
            await processes.gone(process)
        del self._adopted[handle]
        self._notes.drop(handle)
        self._listener.ended(handle, Outcome(succeeded=False, reason=_SURVIVED, interrupted=True))

    async def _end_adopted(self, handle: str) -> None:
        try:
            await processes.end_groups(self._adopted[handle], self._kill_grace)
        except OSError as error:
            _log.error("could not end the command of %s, which outlived its server: %s", handle, error)

    def _note(self, handle: str, process: Process) -> None:
        self._notes.put(handle, Note(process.pid, process.started, self._mark))

    # -- what the worker tells

    def _hear(self, message: Message) -> None:
        match message:
            case (Topic.READY,):
                self._worker_is_ready = True
            case (Topic.SPAWNED, handle, pid, started):
                self._started[handle] = process = Process(pid, started)
                self._note(handle, process)
            case (Topic.PRINTED, handle, chunk):
                self._listener.printed(handle, chunk)
            case (Topic.PUT_OFF, handle, reason):
                self._ended(handle, Outcome(succeeded=False, reason=reason, put_off=True))
            case (Topic.ENDED, handle, succeeded, exit_code, number, reason):
                outcome = Outcome(succeeded=succeeded, exit_code=exit_code, signal=number, reason=reason)
                self._ended(handle, outcome)

    def _ended(self, handle: str, outcome: Outcome) -> None:
        self._something_ended.set()
        if self._started.pop(handle) is not None:
            self._notes.drop(handle)
        self._listener.ended(handle, outcome)

    # -- a worker that is gone

    def _on_worker_gone(self) -> None:
        worker, self._worker = self._worker, None
        lost, self._started = self._started, {}
        self._something_ended.set()
        if worker is not None:
            self._in_background(
                self._clean_up(worker, lost) if self._worker_is_ready else self._give_up(worker, lost)
            )

    async def _give_up(self, worker: WorkerProcess, handles: Collection[str]) -> None:
        """Tell of commands that no worker ever heard of."""
        code = await worker.close()
        how = outcome_of(code).reason
        _log.error("the worker process was gone at once (%s)", how)
        outcome = Outcome(succeeded=False, reason=f"{_NO_WORKER}: {how}", put_off=code in _WANT_OF_ROOM)
        for handle in handles:
            self._listener.ended(handle, outcome)

    async def _clean_up(self, worker: WorkerProcess, lost: dict[str, Process | None]) -> None:
        """End what a worker has left, and only then tell of it: it may be started again."""
        how = outcome_of(await worker.close()).reason
        _log.error("the worker process is gone (%s); its commands are ended now: %d", how, len(lost))
        while True:
            try:
                await self._end_what_is_left(lost)
                break
            except (OSError, RuntimeError) as error:  # there is no descriptor, or no thread
                _log.error("cannot look for what the worker process has left, trying again: %s", error)
                await asyncio.sleep(TRY_AGAIN)
        for handle, process in lost.items():
            if process is not None:
                self._notes.drop(handle)
            self._listener.ended(handle, Outcome(succeeded=False, reason=_WORKER_GONE, interrupted=True))

    async def _end_what_is_left(self, lost: dict[str, Process | None]) -> None:
        """End the commands: those whose process was told, and what carries their handles."""
        marked = await asyncio.to_thread(processes.find_by_handles, lost.keys(), self._mark)
        left = [process for those in marked.values() for process in those]
        left += [process for process in lost.values() if process is not None]
        await processes.end_groups(left, self._kill_grace)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _tell_of_strangers(noted: Sequence[Process]) -> None:
    """Say which processes are left alone: they may be those of a server of which this folder is a copy."""
    if alive := [str(process.pid) for process in noted if processes.alive(process)]:
        _log.warning(
            "left alone: process %s. Notes in this folder name them as commands of its runs, which are interrupted "
            "now, but nothing shows that a server of this very folder has started them: it is a copy, a backup, or was "
            "moved",
            ", ".join(alive),
        )
