"""Has commands carried out by a worker, a process of its own (`worker.py`); to the server it is a runner like others.

A worker that is gone, killed by somebody or by the kernel for its memory, costs what it ran: those commands are ended,
and their runs are interrupted. The next command gets a new worker.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kala_server.ports.runner import Attempt, Outcome, Output
from kala_server.runners.local import processes
from kala_server.runners.local.environment import Surroundings, surroundings
from kala_server.runners.local.messages import Message, Say, start_of
from kala_server.runners.local.shell import KILL_GRACE, outcome_of
from kala_server.runners.local.worker_process import WorkerProcess
from kala_server.runners.room import want_in

_log = logging.getLogger("kala.runner")

_NO_WORKER = "the command could not be started, as its worker process could not"
_WORKER_GONE = "the worker process was ended, and the command with it; whether it did its work is not known"

_WANT_OF_ROOM = {os.EX_TEMPFAIL, -signal.SIGKILL}
"""How a worker ends at once that has no room, or that the kernel takes for the one to give its memory back."""
_TRY_AGAIN = 1.0
"""Seconds between two looks for what a worker has left, where the machine has no room for one."""


@dataclass(slots=True)
class _Order:
    """A command that the worker was told to start."""

    output: Output
    mark: str
    on_spawned: Callable[[int, int], None]
    on_ended: Callable[[Outcome], None]
    process: processes.Process | None = None
    """Once it has lived for a moment."""


class WorkerRunner:
    """Runs the commands of jobs of type 0."""

    def __init__(
        self,
        *,
        kill_grace: float = KILL_GRACE,
        found: Callable[[], Surroundings] = surroundings,
        held: Callable[[], Sequence[int]] = tuple,
    ) -> None:
        """Use a worker that is there once it is needed; its commands find what `found` says then.

        `held` are descriptors that the worker holds for as long as it may start something: whoever waits for what they
        stand for, such as the lock on a store, waits for the worker of a killed server too.
        """
        self._kill_grace = kill_grace
        self._found = found
        self._held = held
        self._worker: WorkerProcess | None = None
        self._worker_is_ready = False
        self._orders: dict[str, _Order] = {}
        self._cleaning: set[asyncio.Task[None]] = set()
        self._something_ended = asyncio.Event()

    def get_ready(self) -> None:
        """Have a worker, so that the first command need not wait for one; where there can be none, that one tells."""
        with contextlib.suppress(OSError):
            self._ready()

    def _ready(self) -> WorkerProcess:
        if self._worker is None:
            self._worker_is_ready = False
            self._worker = WorkerProcess(
                kill_grace=self._kill_grace,
                found=self._found(),
                held=self._held(),
                on_message=self._hear,
                on_gone=self._on_worker_gone,
            )
        return self._worker

    def start(
        self,
        attempt: Attempt,
        *,
        on_spawned: Callable[[int, int], None],
        on_ended: Callable[[Outcome], None],
    ) -> None:
        """Let the worker start the command. What goes wrong is an outcome, in words for people."""
        try:
            worker = self._ready()
        except OSError as error:
            want = want_in(error)
            reason = want or f"{_NO_WORKER}: {error.strerror}"
            outcome = Outcome(succeeded=False, reason=reason, put_off=bool(want))
            asyncio.get_running_loop().call_soon(on_ended, outcome)
            return
        self._orders[attempt.run_id] = _Order(attempt.output, attempt.mark, on_spawned, on_ended)
        worker.tell(start_of(attempt))

    def end(self, run_id: str) -> None:
        """Have TERM sent to the command's group, and KILL after the grace; one that waits is not started."""
        if self._worker is not None and run_id in self._orders:
            self._worker.tell((Say.END, run_id))

    def kill_all(self) -> None:
        """Have KILL sent to every command's group; those that wait for their turn are not started."""
        if self._worker is not None and self._orders:
            self._worker.tell((Say.KILL_ALL,))

    async def close(self) -> None:
        """Wait until the commands that were killed are gone; one that the kernel cannot end is left to it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._kill_grace):
                while self._orders:
                    self._something_ended.clear()
                    await self._something_ended.wait()
        if self._orders:
            self._on_worker_gone()  # as good as: it was stopped, or what it waits for cannot be ended
        if self._worker is not None:
            worker, self._worker = self._worker, None
            await worker.close()
        if self._cleaning:
            await asyncio.wait(self._cleaning, timeout=2 * self._kill_grace + _TRY_AGAIN)

    def _hear(self, message: Message) -> None:
        match message:
            case (Say.READY,):
                self._worker_is_ready = True
            case (Say.SPAWNED, run_id, pid, started):
                self._orders[run_id].process = processes.Process(pid, started)
                self._orders[run_id].on_spawned(pid, started)
            case (Say.PRINTED, run_id, chunk):
                self._orders[run_id].output.write(chunk)
            case (Say.PUT_OFF, run_id, reason):
                self._something_ended.set()
                self._orders.pop(run_id).on_ended(Outcome(succeeded=False, reason=reason, put_off=True))
            case (Say.ENDED, run_id, succeeded, exit_code, number, reason):
                self._something_ended.set()
                self._orders.pop(run_id).on_ended(
                    Outcome(succeeded=succeeded, exit_code=exit_code, signal=number, reason=reason)
                )

    def _on_worker_gone(self) -> None:
        worker, self._worker = self._worker, None
        lost, self._orders = self._orders, {}
        self._something_ended.set()
        if worker is not None:
            work = self._clean_up(worker, lost) if self._worker_is_ready else self._give_up(worker, lost)
            task = asyncio.get_running_loop().create_task(work)
            self._cleaning.add(task)
            task.add_done_callback(self._cleaning.discard)

    async def _give_up(self, worker: WorkerProcess, orders: dict[str, _Order]) -> None:
        """Tell of commands that no worker ever heard of."""
        code = await worker.close()
        how = outcome_of(code).reason
        _log.error("the worker process was gone at once (%s)", how)
        outcome = Outcome(succeeded=False, reason=f"{_NO_WORKER}: {how}", put_off=code in _WANT_OF_ROOM)
        for order in orders.values():
            order.on_ended(outcome)

    async def _clean_up(self, worker: WorkerProcess, lost: dict[str, _Order]) -> None:
        """End what a worker has left, and only then tell of it: it may be started again."""
        how = outcome_of(await worker.close()).reason
        _log.error("the worker process is gone (%s); its commands are ended now: %d", how, len(lost))
        while True:
            try:
                await self._end(lost)
                break
            except (OSError, RuntimeError) as error:  # there is no descriptor, or no thread
                _log.error("cannot look for what the worker process has left, trying again: %s", error)
                await asyncio.sleep(_TRY_AGAIN)
        for order in lost.values():
            order.on_ended(Outcome(succeeded=False, reason=_WORKER_GONE, interrupted=True))

    async def _end(self, lost: dict[str, _Order]) -> None:
        """End the commands: those whose process was told, and what carries their runs' ids."""
        left = []
        for mark in {order.mark for order in lost.values()}:
            marked = await asyncio.to_thread(processes.find_by_run_ids, lost.keys(), mark)
            left += [process for those in marked.values() for process in those]
        left += [order.process for order in lost.values() if order.process is not None]
        await processes.end_groups(left, self._kill_grace)
