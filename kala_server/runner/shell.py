"""Runs commands: each in a session and process group of its own, its output bounded, the loop never blocked.

The exit is noticed by a pidfd on the event loop (Linux ≥ 5.3): no thread for each child and no SIGCHLD handler. A
command's own background processes do not hold its run: when the command has ended by itself, its pipe is closed and
they live on. When it was ended on purpose, they are ended with it. It decides neither when nor whether to end one.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from kala_server.runner.environment import inherited
from kala_server.runner.processes import signal_group, start_time
from kala_server.runner.protocol import Attempt, Outcome
from kala_server.runner.spawn import CannotStartError, spawn

KILL_GRACE = 5.0

_CHUNK = 64 * 1024
_MOST_AT_THE_END = 64
"""How many chunks are still read from a pipe after its command has ended: a pipe holds one by default, and a
background process that goes on writing must not hold the run."""
_A_MOMENT = 0.05
"""Seconds after which a process is told of. What is over sooner needs no record of its pid, and /proc is slow to read
while a program is being loaded: telling of every `true` cost a quarter of the throughput."""


@dataclass(slots=True, eq=False)
class _Child:
    """A command that runs, or whose group is being ended."""

    process: subprocess.Popen[bytes]
    pipe: IO[bytes]
    pidfd: int
    attempt: Attempt
    on_ended: Callable[[Outcome], None]
    telling: asyncio.TimerHandle | None = None
    killing: asyncio.TimerHandle | None = None
    """TERM was sent; this sends KILL."""
    ending: bool = False
    exited: bool = False
    silent: bool = False
    """Nobody holds the other end of the pipe any more."""


class ShellRunner:
    """Runs the commands of jobs of type 0."""

    def __init__(self, *, kill_grace: float = KILL_GRACE) -> None:
        self._kill_grace = kill_grace
        self._base = inherited()
        self._children: dict[str, _Child] = {}
        self._something_ended = asyncio.Event()

    def start(
        self,
        attempt: Attempt,
        *,
        on_spawned: Callable[[int, int], None],
        on_ended: Callable[[Outcome], None],
    ) -> None:
        """Spawn the command. What goes wrong is an outcome, in words for people."""
        loop = asyncio.get_running_loop()
        try:
            child = self._watched(spawn(attempt, self._base), attempt, on_ended)
        except CannotStartError as error:
            loop.call_soon(on_ended, Outcome(succeeded=False, reason=str(error)))
            return
        child.telling = loop.call_later(_A_MOMENT, _tell, child, on_spawned)
        self._children[attempt.run_id] = child

    def end(self, run_id: str) -> None:
        """Send TERM to the command's group, and KILL after the grace."""
        child = self._children.get(run_id)
        if child is None or child.ending:
            return
        child.ending = True
        child.killing = asyncio.get_running_loop().call_later(self._kill_grace, self._kill, child)
        signal_group(child.process.pid, signal.SIGTERM)

    def kill_all(self) -> None:
        """Send KILL to every command's group."""
        for child in list(self._children.values()):
            self._kill(child)

    async def close(self) -> None:
        """Wait until the commands that were killed are gone; one that the kernel cannot end is left to it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._kill_grace):
                while self._children:
                    self._something_ended.clear()
                    await self._something_ended.wait()

    def _watched(
        self, process: subprocess.Popen[bytes], attempt: Attempt, on_ended: Callable[[Outcome], None]
    ) -> _Child:
        """Watch a new process on the loop. Where that fails, for want of descriptors, nothing is left of it."""
        assert process.stdout is not None
        loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as undo:
            undo.callback(_be_rid_of, process)
            try:
                pidfd = os.pidfd_open(process.pid)
                undo.callback(os.close, pidfd)
                child = _Child(process, process.stdout, pidfd, attempt, on_ended)
                loop.add_reader(pidfd, self._exited, child)
                undo.callback(loop.remove_reader, pidfd)
                loop.add_reader(child.pipe, self._readable, child)
            except OSError as error:
                raise CannotStartError(f"the command could not be watched: {error.strerror}") from error
            undo.pop_all()
        return child

    def _readable(self, child: _Child) -> None:
        child.silent = _read_chunk(child) == b""
        if child.silent:
            asyncio.get_running_loop().remove_reader(child.pipe)
            if child.exited:
                self._over(child)

    def _exited(self, child: _Child) -> None:
        """The command's first process is gone; after TERM, others of its group may still be at their last words.

        Until it is reaped its pid, and so the group's, belongs to nobody else.
        """
        child.exited = True
        asyncio.get_running_loop().remove_reader(child.pidfd)
        if child.killing is None or child.silent:
            self._over(child)

    def _kill(self, child: _Child) -> None:
        child.ending = True
        if child.killing is not None:
            child.killing.cancel()
            child.killing = None
        signal_group(child.process.pid, signal.SIGKILL)
        if child.exited:
            self._over(child)

    def _over(self, child: _Child) -> None:
        """Take what is left in the pipe, let go of everything, and tell how it went."""
        asyncio.get_running_loop().remove_reader(child.pipe)
        if child.ending:
            signal_group(child.process.pid, signal.SIGKILL)
        for timer in (child.telling, child.killing):
            if timer is not None:
                timer.cancel()
        for _ in range(_MOST_AT_THE_END):
            if not _read_chunk(child):
                break
        child.pipe.close()
        os.close(child.pidfd)
        del self._children[child.attempt.run_id]
        self._something_ended.set()
        child.on_ended(_reap(child.process))


def _tell(child: _Child, on_spawned: Callable[[int, int], None]) -> None:
    started = start_time(child.process.pid)
    if started is not None:
        on_spawned(child.process.pid, started)


def _read_chunk(child: _Child) -> bytes | None:
    """Move what is in the pipe to the output, and return it; None where it is empty for now, b"" at its end."""
    try:
        chunk = os.read(child.pipe.fileno(), _CHUNK)
    except BlockingIOError:
        return None
    if chunk:
        child.attempt.output.write(chunk)
    return chunk


def _be_rid_of(process: subprocess.Popen[bytes]) -> None:
    signal_group(process.pid, signal.SIGKILL)
    with process:  # closes its pipe and waits for it, which after KILL takes no time
        pass


def _reap(process: subprocess.Popen[bytes]) -> Outcome:
    """Collect the exit code of a process that has ended.

    `Popen.wait` is not used: where somebody else has collected the code, it says 0, which would be a success.
    """
    try:
        _, status = os.waitpid(process.pid, 0)
    except ChildProcessError:
        process.returncode = -1
        return Outcome(
            succeeded=False, reason="how it went is not known: its exit code went to somebody else"
        )
    process.returncode = os.waitstatus_to_exitcode(status)
    return _outcome(process.returncode)


def _outcome(code: int) -> Outcome:
    if code >= 0:
        return Outcome(succeeded=code == 0, exit_code=code, reason="" if code == 0 else f"exit code {code}")
    name = str(-code)
    with contextlib.suppress(ValueError):
        name = signal.Signals(-code).name
    return Outcome(succeeded=False, signal=-code, reason=f"ended by {name}")
