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
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import TypeVar

from kala_server.core import reasons
from kala_server.core.commands import shell_words
from kala_server.core.frozen import value
from kala_server.core.model.job import JobSpec
from kala_server.ports.runner import Attempt
from kala_server.runners.local.environment import ADVICE, Surroundings, variables_of
from kala_server.runners.local.rights import CannotStartError, Identity, NoRoomError, identity_of, rights_of
from kala_server.runners.room import want_in
from kala_server.runners.text import all_to_system, to_system

T = TypeVar("T")

_STDIN, _STDOUT, _STDERR = range(3)
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""Commands expect them to be as they are for everybody: `yes | head` ends by the first."""
_FEW = 4
"""As many descriptors as `Popen` takes for a moment."""
_TROUBLE = (MemoryError, OSError, ValueError, subprocess.SubprocessError)
"""What keeps a command from being started."""


@value(frozen=True, slots=True, kw_only=True)
class Command:
    """What is to be started, as whom, and with what around it."""

    spec: JobSpec
    identity: Identity
    argv: list[str]
    arguments: list[bytes]
    """`argv`, as the system gets it."""
    variables: dict[bytes, bytes]
    path: str
    """Where its program is looked for."""


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

    def prepare(self, attempt: Attempt) -> Command:
        """Return what is to be started for an attempt, as things are now. Raises CannotStartError."""
        spec = attempt.spec
        try:
            identity = identity_of(spec.user)
            own = {**identity.variables, **variables_of(attempt, self._mark)}
            found = {**self._variables, **own}
            argv = _argv(spec, found)
            return Command(
                spec=spec,
                identity=identity,
                argv=argv,
                arguments=[to_system(word) for word in argv],
                variables={**self._encoded, **all_to_system(own)},
                path=found.get("PATH", os.defpath),
            )
        except _TROUBLE as error:
            raise _refusal(error, spec) from error

    def spawn(self, command: Command) -> tuple[int, int]:
        """Start the command; return its pid, and the pipe by which stdout and stderr come; it does not block.

        Returns once the program has been loaded. Raises CannotStartError.
        """
        try:
            if not command.spec.cwd:
                return self._piped(command)
            with self._in_its_directory(command):
                return self._piped(command)
        except _TROUBLE as error:
            raise _refusal(error, command.spec, command.argv) from error

    @contextlib.contextmanager
    def _in_its_directory(self, command: Command) -> Iterator[None]:
        """Be in the directory of the job, which is entered with the rights of its user."""
        try:
            with rights_of(command.identity):
                _enter(command.spec)
            yield
        finally:
            os.fchdir(self._home)

    def _piped(self, command: Command) -> tuple[int, int]:
        reading, writing = os.pipe()
        try:
            pid = self._start(command, writing)
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        os.set_blocking(reading, False)
        return pid, reading

    def _start(self, command: Command, output: int) -> int:
        """Start the program, and return its pid.

        `posix_spawn` takes less than `Popen`, but cannot change rights; what it cannot start is left to `Popen` too,
        which says why.
        """
        if command.identity.user is None:
            try:
                program = _found(command.argv[0], command.path, command.spec.cwd, int(monotonic()))
                return self._within_limit(lambda: _posix_spawn(program, command, output))
            except (OSError, ValueError) as error:
                if want_in(error):
                    raise
        with self._spare_descriptors():
            process = self._within_limit(lambda: _popen(command, output))
        process.returncode = 0  # so that it never collects the exit code, which is ours
        return process.pid

    def _within_limit(self, start: Callable[[], T]) -> T:
        """Start with the limit on descriptors that a command is to get: what is open above it stays open.

        That is exact: a program may look at its limit as soon as it is loaded.
        """
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft <= self._open_files:
            return start()
        resource.setrlimit(resource.RLIMIT_NOFILE, (self._open_files, hard))
        try:
            return start()
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


def _posix_spawn(program: str, command: Command, output: int) -> int:
    return os.posix_spawn(
        to_system(program),
        command.arguments,
        command.variables,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, output, _STDOUT),
            (os.POSIX_SPAWN_DUP2, output, _STDERR),
            (os.POSIX_SPAWN_OPEN, _STDIN, os.devnull, os.O_RDONLY, 0),
        ],
        setsid=True,
        setsigdef=_IGNORED_BY_PYTHON,
    )


def _popen(command: Command, output: int) -> "subprocess.Popen[bytes]":
    identity = command.identity
    return subprocess.Popen(
        command.arguments,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        env=command.variables,
        user=identity.user,
        group=identity.group,
        extra_groups=identity.groups,
        # All are closed when the program is loaded, and not before: whoever waits for a killed worker by what it held
        # (a lock, a socket) then finds what it was about to start.
        close_fds=False,
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


def _refusal(error: BaseException, spec: JobSpec, argv: Sequence[str] = ()) -> CannotStartError:
    """Return the same in words for people."""
    if want := want_in(error):
        return NoRoomError(want)
    if isinstance(error, OSError):
        return CannotStartError(_why_not(error, spec, argv))
    return CannotStartError(f"the command could not be started: {error}")


def _why_not(error: OSError, spec: JobSpec, argv: Sequence[str]) -> str:
    if spec.user and error.errno == errno.EPERM:
        return f"the server may not run commands as {reasons.shown(spec.user)!r}"
    if not argv or error.filename is None:
        return f"the command could not be started: {error.strerror}"
    if isinstance(error, FileNotFoundError):
        if "/" in argv[0] and Path(spec.cwd, argv[0]).exists():
            return f"{_shown(spec)!r} is there, but not the interpreter that its first line names"
        return f"no such command: {_shown(spec)}; {ADVICE}"
    return f"the command could not be started: {error.strerror}: {_shown(spec)!r}"
