"""Turns a job into a process of its own session and group: what is executed, where, as whom; or says why not.

It does not watch the process: that is `shell.py`. There is never a `preexec_fn`, which may deadlock (`subprocess`).
"""

import errno
import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kala_server.core import words
from kala_server.core.job import JobSpec
from kala_server.runner.environment import environment_of
from kala_server.runner.protocol import Attempt


class CannotStartError(Exception):
    """There is no process; says why, in words for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Identity:
    """Whose rights a command gets; None and empty = the server's."""

    user: int | None = None
    group: int | None = None
    groups: Sequence[int] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


def spawn(attempt: Attempt, base: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start the attempt's command; stdout and stderr come by one pipe that does not block.

    Returns once the program has been loaded. Raises CannotStartError.
    """
    spec = attempt.spec
    try:
        identity = _identity(spec.user)
        environment = environment_of(attempt, {**base, **identity.variables})
        process = subprocess.Popen(
            _argv(spec, environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
            cwd=spec.cwd or None,
            env=environment,
            user=identity.user,
            group=identity.group,
            extra_groups=identity.groups,
        )
    except OSError as error:
        raise CannotStartError(_why_not(error, spec)) from error
    except (ValueError, subprocess.SubprocessError) as error:
        raise CannotStartError(f"the command could not be started: {error}") from error
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    return process


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
