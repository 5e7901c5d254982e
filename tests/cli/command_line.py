"""`kala` as a process of its own: commands that end by themselves, and servers that go on until they are asked to."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from click.testing import CliRunner

from kala_server.cli import kala as commands
from tests.eventually import PATIENCE

KALA = [sys.executable, "-m", "kala_server"]

_OURS = re.compile(r"KALA_|COLUMNS$|LINES$|NO_COLOR$|FORCE_COLOR$|TTY_")


def environment(**more: str) -> dict[str, str]:
    """Return the environment without what changes the command line's behaviour, and with what a test says."""
    plain = {name: value for name, value in os.environ.items() if not _OURS.match(name)}
    return {**plain, "TZ": "UTC", **more}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command went."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> list[list[str]]:
        """The table on stdout: its lines without their heading, as words."""
        return [line.split() for line in self.out.splitlines()[1:]]


def kala(*words: str, text: str = "", cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Ended:
    """Run a command with `text` on its stdin, and wait for its end."""
    ended = subprocess.run(
        [*KALA, *words],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=environment(**env or {}),
        timeout=PATIENCE,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def kala_here(*words: str, text: str = "", env: Mapping[str, str] | None = None, **more: Any) -> Ended:
    """Run a command in this process, which takes a tenth of the time; nothing of it is on a terminal."""
    others = {name: None for name in os.environ if _OURS.match(name)}
    ended = CliRunner().invoke(
        commands, words, input=text, env={**others, "TZ": "UTC", **(env or {})}, **more
    )
    return Ended(ended.exit_code, ended.stdout, ended.stderr)


@contextmanager
def started(
    *words: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    through: Sequence[str] = (),
) -> Iterator[subprocess.Popen[str]]:
    """Start a command that goes on for a while; what is left of it at the end is killed.

    It is started by the program `through`, which becomes it.
    """
    process = subprocess.Popen(
        [*through, *KALA, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environment(**env or {}),
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def line_of(stream: IO[str] | None) -> str:
    """Return the next line that a process writes."""
    assert stream is not None
    return stream.readline()


class Serving:
    """A server that has said that it is ready. `url` is where it answers."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.ready_line = line_of(process.stdout)
        ready = re.fullmatch(r"listening on (http://\S+:[1-9]\d*)\n", self.ready_line)
        if ready is None:
            process.kill()
            raise AssertionError(f"not ready: {self.ready_line!r}, {process.communicate()[1]}")
        self.url = ready[1]

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def next_log_line(self) -> str:
        """Wait for the next line on its stderr."""
        return line_of(self._process.stderr)

    def log_line_with(self, text: str) -> str:
        """Wait for the next line on its stderr that holds the text."""
        while text not in (line := self.next_log_line()):
            assert line, f"it ended without {text!r}"
        return line

    def wait(self) -> Ended:
        """Wait for its end."""
        out, err = self._process.communicate(timeout=PATIENCE)
        return Ended(self._process.returncode, self.ready_line + out, err)

    def stop(self) -> Ended:
        """Ask it to stop, and wait until it has."""
        self.tell(signal.SIGTERM)
        return self.wait()


@contextmanager
def serving(
    *words: str,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    through: Sequence[str] = (),
) -> Iterator[Serving]:
    """Run `kala serve` or another command that is a server; what is left of it at the end is killed."""
    with started(*words, cwd=cwd, env=env, through=through) as process:
        yield Serving(process)
