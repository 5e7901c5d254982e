"""Turns a job into a process of its own session and group: what is executed, where, as whom; or says why not.

It does not watch the process: that is `shell.py`. There is never a `preexec_fn`, which may deadlock (`subprocess`).
What a child cannot be told to do, this process does around its start: go to its directory with the rights of its user,
and have the limit on descriptors that it is to get. So it is for processes in which nothing else happens meanwhile.
"""

import contextlib
import errno
import os
import resource
import signal
import subprocess
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from time import monotonic

from kala_server.core import reasons
from kala_server.core.commands import shell_words
from kala_server.core.model.job import JobSpec
from kala_server.ports.runner import Attempt
from kala_server.runners.local.environment import ADVICE, Surroundings, variables_of
from kala_server.runners.local.rights import CannotStartError, Identity, NoRoomError, identity_of, rights_of
from kala_server.runners.room import want_in
from kala_server.runners.text import all_to_system, to_system

_STDIN, _STDOUT, _STDERR = range(3)
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""Commands expect them to be as they are for everybody: `yes | head` ends by the first."""
_FEW = 4
"""As many descriptors as `Popen` takes for a moment."""


def hold_back_descriptors() -> None:
    """Let no command get what whoever started this process handed to it; Python keeps back what it opens itself."""
    for number in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        if number > _STDERR:
            with contextlib.suppress(OSError):  # the folder itself, which is closed by now
                os.set_inheritable(number, False)


class Spawner:
    """Starts commands that find the same around them."""

    def __init__(self, surroundings: Surroundings) -> None:
        hold_back_descriptors()
        self._variables = surroundings.variables
        self._encoded = all_to_system(surroundings.variables)
        self._open_files = surroundings.open_files
        self._mark = surroundings.mark
        self._home = _directory()
        self._spare = _spare()
        """Held so that there are numbers below the limit of commands when they are needed."""

    def close(self) -> None:
        """Let go of what is held; twice is as good."""
        held, self._home, self._spare = [self._home, *self._spare], -1, []
        for descriptor in held:
            if descriptor >= 0:
                os.close(descriptor)

    def spawn(self, attempt: Attempt) -> tuple[int, int]:
        """Start the attempt's command; return its pid, and the pipe by which stdout and stderr come; it does not block.

        Returns once the program has been loaded. Raises CannotStartError.
        """
        spec = attempt.spec
        argv: list[str] = []
        try:
            identity = identity_of(spec.user)
            own = {**identity.variables, **variables_of(attempt, self._mark)}
            argv = _argv(spec, {**self._variables, **own})
            with self._in_its_directory(spec, identity):
                return self._piped(argv, own, spec.cwd, identity)
        except MemoryError as error:
            raise NoRoomError(want_in(error)) from error
        except OSError as error:
            if want := want_in(error):
                raise NoRoomError(want) from error
            raise CannotStartError(_why_not(error, spec, argv)) from error
        except (ValueError, subprocess.SubprocessError) as error:
            raise CannotStartError(f"the command could not be started: {error}") from error

    @contextlib.contextmanager
    def _in_its_directory(self, spec: JobSpec, identity: Identity) -> Iterator[None]:
        """Be in the directory of the job, which is entered with the rights of its user."""
        if not spec.cwd:
            yield
            return
        try:
            with rights_of(identity):
                _enter(spec)
            yield
        finally:
            os.fchdir(self._home)

    def _piped(self, argv: list[str], own: dict[str, str], cwd: str, identity: Identity) -> tuple[int, int]:
        reading, writing = os.pipe()
        try:
            pid = self._start(argv, own, cwd, identity, writing)
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        os.set_blocking(reading, False)
        return pid, reading

    def _start(self, argv: list[str], own: dict[str, str], cwd: str, identity: Identity, output: int) -> int:
        """Start the program with its own variables beside those of all, and return its pid.

        `posix_spawn` takes less than `Popen`, but cannot change rights; what it cannot start is left to `Popen` too,
        which says why.
        """
        arguments, variables = [to_system(word) for word in argv], {**self._encoded, **all_to_system(own)}
        if identity.user is None:
            path = own.get("PATH", self._variables.get("PATH", os.defpath))
            try:
                program = _found(argv[0], path, cwd, int(monotonic()))
                with self._limit_of_commands():
                    return _posix_spawn(program, arguments, variables, output)
            except (OSError, ValueError) as error:
                if want_in(error):
                    raise
        with self._spare_descriptors(), self._limit_of_commands():
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=variables,
                user=identity.user,
                group=identity.group,
                extra_groups=identity.groups,
                # All are closed when the program is loaded, and not before: whoever waits for a killed worker by what
                # it held (a lock, a socket) then finds what it was about to start.
                close_fds=False,
            )
        process.returncode = 0  # so that it never collects the exit code, which is ours
        return process.pid

    @contextlib.contextmanager
    def _limit_of_commands(self) -> Iterator[None]:
        """Have the limit on descriptors that a command is to get: what is open above it stays open.

        That takes some 20 of the 600 µs of a start, and is exact: a program may look at its limit as soon as it is
        loaded.
        """
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft <= self._open_files:
            yield
            return
        resource.setrlimit(resource.RLIMIT_NOFILE, (self._open_files, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    @contextlib.contextmanager
    def _spare_descriptors(self) -> Iterator[None]:
        while self._spare:
            os.close(self._spare.pop())
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # there is no room for them
                self._spare = _spare()


def _posix_spawn(program: str, arguments: list[bytes], variables: dict[bytes, bytes], output: int) -> int:
    return os.posix_spawn(
        to_system(program),
        arguments,
        variables,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, output, _STDOUT),
            (os.POSIX_SPAWN_DUP2, output, _STDERR),
            (os.POSIX_SPAWN_OPEN, _STDIN, os.devnull, os.O_RDONLY, 0),
        ],
        setsid=True,
        setsigdef=_IGNORED_BY_PYTHON,
    )


def _spare() -> list[int]:
    return [os.open(os.devnull, os.O_RDONLY) for _ in range(_FEW)]


def _directory() -> int:
    """Return where this process is; the root where it may not even be entered, as after a `sudo` in a home."""
    try:
        return os.open(".", os.O_PATH)
    except OSError:
        return os.open("/", os.O_PATH)


def _enter(spec: JobSpec) -> None:
    try:
        os.chdir(to_system(spec.cwd))
    except OSError as error:
        if want_in(error):
            raise
        whose = f" as {spec.user}" if spec.user else ""
        raise CannotStartError(
            f"cannot go to the directory {reasons.shown(spec.cwd)!r}{whose}: {error.strerror}"
        ) from error


@lru_cache
def _found(program: str, path: str, _here: str, _now: int) -> str:
    """Return where the program is, by the command's own PATH; it is believed to be there for a second.

    To look for it each time took 38 of 590 µs for each `true` of a burst.
    """
    if "/" in program:
        return program
    for folder in path.split(os.pathsep):
        found = f"{folder or '.'}/{program}"
        if os.access(to_system(found), os.X_OK):
            return found
    raise FileNotFoundError


def _argv(spec: JobSpec, environment: Mapping[str, str]) -> list[str]:
    if spec.argv:
        return list(spec.argv)
    if spec.shell:
        return ["/bin/sh", "-c", spec.command]
    argv = shell_words.argv_of(spec.command, environment)
    if not argv[0]:
        raise CannotStartError("the first word of the command is empty, so there is no program to run")
    return argv


def _shown(spec: JobSpec) -> str:
    """Return the program as a reason may call it."""
    if spec.shell and not spec.argv:
        return "/bin/sh"
    if spec.argv:
        return reasons.shown(spec.argv[0])
    return reasons.shown(shell_words.as_written(shell_words.split(spec.command)[0]))


def _why_not(error: OSError, spec: JobSpec, argv: list[str]) -> str:
    if spec.user and error.errno == errno.EPERM:
        return f"the server may not run commands as {reasons.shown(spec.user)!r}"
    if not argv or error.filename is None:
        return f"the command could not be started: {error.strerror}"
    if isinstance(error, FileNotFoundError):
        if "/" in argv[0] and Path(spec.cwd, argv[0]).exists():
            return f"{_shown(spec)!r} is there, but not the interpreter that its first line names"
        return f"no such command: {_shown(spec)}; {ADVICE}"
    return f"the command could not be started: {error.strerror}: {_shown(spec)!r}"
