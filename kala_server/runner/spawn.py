"""Turns a job into a process of its own session and group: what is executed, where, as whom; or says why not.

It does not watch the process: that is `shell.py`. There is never a `preexec_fn`, which may deadlock (`subprocess`).
"""

import contextlib
import errno
import os
import pwd
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from time import monotonic

from kala_server.core import words
from kala_server.core.job import JobSpec
from kala_server.runner.environment import environment_of
from kala_server.runner.protocol import Attempt

_STDIN, _STDOUT, _STDERR = range(3)
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""Commands expect them to be as they are for everybody: `yes | head` ends by the first."""


class CannotStartError(Exception):
    """There is no process; says why, in words for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Identity:
    """Whose rights a command gets; None and empty = the server's."""

    user: int | None = None
    group: int | None = None
    groups: Sequence[int] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


def hold_back_descriptors() -> None:
    """Let no command get what whoever started this process handed to it; Python keeps back what it opens itself."""
    for number in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if number > _STDERR:
            with contextlib.suppress(OSError):  # the folder itself, which is closed by now
                os.set_inheritable(number, False)


def spawn(attempt: Attempt, base: Mapping[str, str]) -> tuple[int, int]:
    """Start the attempt's command; return its pid, and the pipe by which stdout and stderr come; it does not block.

    Returns once the program has been loaded. Raises CannotStartError.
    """
    spec = attempt.spec
    try:
        identity = _identity(spec.user)
        environment = environment_of(attempt, {**base, **identity.variables})
        argv = _argv(spec, environment)
        return _piped(argv, environment, spec.cwd, identity)
    except OSError as error:
        raise CannotStartError(_why_not(error, spec)) from error
    except (ValueError, subprocess.SubprocessError) as error:
        raise CannotStartError(f"the command could not be started: {error}") from error


def _piped(argv: list[str], environment: dict[str, str], cwd: str, identity: _Identity) -> tuple[int, int]:
    reading, writing = os.pipe()
    try:
        pid = _start(argv, environment, cwd, identity, writing)
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    os.set_blocking(reading, False)
    return pid, reading


def _start(argv: list[str], environment: dict[str, str], cwd: str, identity: _Identity, output: int) -> int:
    """Start the program, and return its pid.

    `posix_spawn` takes less than `Popen`, but can change neither directory nor rights; what it cannot start is left to
    `Popen` too, which says why.
    """
    if not cwd and identity.user is None:
        with contextlib.suppress(OSError, ValueError):
            return os.posix_spawn(
                _found(argv[0], environment.get("PATH", os.defpath), int(monotonic())),
                argv,
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, output, _STDOUT),
                    (os.POSIX_SPAWN_DUP2, output, _STDERR),
                    (os.POSIX_SPAWN_OPEN, _STDIN, os.devnull, os.O_RDONLY, 0),
                ],
                setsid=True,
                setsigdef=_IGNORED_BY_PYTHON,
            )
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        cwd=cwd or None,
        env=environment,
        user=identity.user,
        group=identity.group,
        extra_groups=identity.groups,
        # All are closed when the program is loaded, and not before: whoever waits for a killed worker by what it held
        # (a lock, a socket) then finds what it was about to start.
        close_fds=False,
    )
    process.returncode = 0  # so that it never collects the exit code, which is ours
    return process.pid


@lru_cache
def _found(program: str, path: str, _now: int) -> str:
    """Return where the program is, by the command's own PATH; it is believed to be there for a second.

    To look for it each time took 38 of 590 µs for each `true` of a burst.
    """
    if "/" in program:
        return program
    for folder in path.split(os.pathsep):
        found = str(Path(folder, program))
        if os.access(found, os.X_OK):
            return found
    raise FileNotFoundError


def _argv(spec: JobSpec, environment: Mapping[str, str]) -> list[str]:
    if spec.argv:
        return list(spec.argv)
    if spec.shell:
        return ["/bin/sh", "-c", spec.command]
    argv = words.argv_for(words.split(spec.command), environment)
    if not argv[0]:
        raise CannotStartError("the first word of the command is empty, so there is no program to run")
    return argv


def _identity(user: str) -> _Identity:
    """Return the rights of the job's user and its groups alone, with the variables that a login would set."""
    if not user:
        return _Identity()
    try:
        entry = pwd.getpwnam(user)
    except (KeyError, ValueError) as error:
        raise CannotStartError(f"there is no user {user!r} on this machine") from error
    if entry.pw_uid == os.geteuid():
        return _Identity()
    return _Identity(
        user=entry.pw_uid,
        group=entry.pw_gid,
        groups=os.getgrouplist(user, entry.pw_gid),
        variables={"HOME": entry.pw_dir, "USER": user, "LOGNAME": user, "SHELL": entry.pw_shell},
    )


def _why_not(error: OSError, spec: JobSpec) -> str:
    if spec.user and error.errno == errno.EPERM:
        return f"the server may not run commands as {spec.user!r}"
    if spec.cwd and error.filename == spec.cwd:
        return f"cannot go to the directory {spec.cwd!r}: {error.strerror}"
    program = error.filename
    if program is None:
        return f"the command could not be started: {error.strerror}"
    if isinstance(error, FileNotFoundError):
        if "/" in program and Path(spec.cwd, program).exists():
            return f"{program!r} is there, but not the interpreter that its first line names"
        return f"no such command: {program}"
    return f"the command could not be started: {error.strerror}: {program!r}"
