"""Runs commands: each in a session and process group of its own, its output bounded, the loop never blocked.

The exit is noticed by a pidfd on the event loop: no thread for each child and no SIGCHLD handler.
"""

import asyncio
import contextlib
import errno
import os
import pwd
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from kala_server.core import words
from kala_server.core.job import JobSpec
from kala_server.runner.environment import environment_of, inherited
from kala_server.runner.processes import signal_group, start_time
from kala_server.runner.protocol import Attempt, Outcome

_CHUNK = 64 * 1024
_MOST_AT_THE_END = 64
"""How many chunks are still read from a pipe after its command has ended: a pipe holds one by default, and a
grandchild that goes on writing must not hold the run."""

KILL_GRACE = 5.0


@dataclass(slots=True)
class _Child:
    """A command that runs."""

    process: subprocess.Popen[bytes]
    pipe: IO[bytes]
    pidfd: int
    attempt: Attempt
    on_ended: Callable[[Outcome], None]
    ending: asyncio.TimerHandle | None = None
    ended_on_purpose: bool = False


class ShellRunner:
    """Runs the commands of jobs of type 0."""

    def __init__(self, *, kill_grace: float = KILL_GRACE) -> None:
        self._kill_grace = kill_grace
        self._base = inherited()
        self._children: dict[str, _Child] = {}

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
            process = self._spawn(attempt)
        except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
            loop.call_soon(on_ended, Outcome(succeeded=False, reason=_why_not(error, attempt.spec)))
            return
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        child = _Child(process, process.stdout, os.pidfd_open(process.pid), attempt, on_ended)
        self._children[attempt.run_id] = child
        loop.add_reader(child.pipe, self._readable, child)
        loop.add_reader(child.pidfd, self._exited, child)
        started = start_time(process.pid)
        if started is not None:
            on_spawned(process.pid, started)

    def end(self, run_id: str) -> None:
        """Send TERM to the command's group, and KILL after the grace."""
        child = self._children.get(run_id)
        if child is None or child.ended_on_purpose:
            return
        child.ended_on_purpose = True
        signal_group(child.process.pid, signal.SIGTERM)
        child.ending = asyncio.get_running_loop().call_later(
            self._kill_grace, signal_group, child.process.pid, signal.SIGKILL
        )

    def kill_all(self) -> None:
        """Send KILL to every command's group."""
        for child in self._children.values():
            child.ended_on_purpose = True
            signal_group(child.process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Nothing is held beyond the commands themselves."""

    def _spawn(self, attempt: Attempt) -> subprocess.Popen[bytes]:
        spec = attempt.spec
        environment = environment_of(attempt, self._base)
        return subprocess.Popen(
            _argv(spec, environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
            cwd=spec.cwd or None,
            env=environment,
            **_identity(spec.user),
        )

    def _readable(self, child: _Child) -> None:
        if not _read_chunk(child):
            asyncio.get_running_loop().remove_reader(child.pipe)

    def _exited(self, child: _Child) -> None:
        """The command's first process is gone: take what it left in the pipe, and tell how it went."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(child.pidfd)
        loop.remove_reader(child.pipe)
        os.close(child.pidfd)
        if child.ending is not None:
            child.ending.cancel()
        if child.ended_on_purpose:
            # Whoever of the group is left has ignored TERM, or was started after it.
            signal_group(child.process.pid, signal.SIGKILL)
        for _ in range(_MOST_AT_THE_END):
            if not _read_chunk(child):
                break
        child.pipe.close()
        del self._children[child.attempt.run_id]
        child.on_ended(_outcome(child.process.wait()))


def _read_chunk(child: _Child) -> bool:
    """Move what is in the pipe to the output; False at its end, or where it is empty for now."""
    try:
        chunk = os.read(child.pipe.fileno(), _CHUNK)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno == errno.EIO:
            return False
        raise
    if chunk:
        child.attempt.output.write(chunk)
    return bool(chunk)


def _argv(spec: JobSpec, environment: dict[str, str]) -> list[str]:
    if spec.argv:
        return list(spec.argv)
    if spec.shell:
        return ["/bin/sh", "-c", spec.command]
    return words.argv_for(words.split(spec.command), environment)


def _identity(user: str) -> dict[str, Any]:
    """Return whose rights the command gets: the server's, or those of the job's user and its groups alone."""
    if not user:
        return {}
    entry = pwd.getpwnam(user)
    if entry.pw_uid == os.geteuid():
        return {}
    groups = os.getgrouplist(user, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}


def _outcome(code: int) -> Outcome:
    if code >= 0:
        return Outcome(succeeded=code == 0, exit_code=code, reason="" if code == 0 else f"exit code {code}")
    name = str(-code)
    with contextlib.suppress(ValueError):
        name = signal.Signals(-code).name
    return Outcome(succeeded=False, signal=-code, reason=f"ended by {name}")


def _why_not(error: Exception, spec: JobSpec) -> str:
    """Say why a command could not be started."""
    if isinstance(error, KeyError):
        return f"there is no user {spec.user!r} on this machine"
    if spec.cwd and isinstance(error, OSError) and error.filename == spec.cwd:
        return f"cannot go to the directory {spec.cwd!r}: {error.strerror}"
    if isinstance(error, FileNotFoundError):
        return f"no such command: {error.filename}"
    if isinstance(error, PermissionError) and spec.user:
        return f"the server may not run commands as {spec.user!r}"
    return f"the command could not be started: {error}"
