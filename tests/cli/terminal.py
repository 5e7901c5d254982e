"""A pseudo terminal, and what is to be read on its screen."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.cli.command_line import KALA, environment

_ROWS, _COLUMNS = 40, 100
_ERASED_LINE = "\x1b[2K"
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A command on a terminal of its own. `shown` is every byte that it has written there, as text."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self.shown = ""
        self._master = master

    def read_until(self, text: str) -> None:
        """Read until the text was written."""
        while text not in self.shown:
            assert self._read(), f"the command has ended without {text!r}: {self.shown!r}"

    def type(self, text: str) -> None:
        """Type something."""
        os.write(self._master, text.encode())

    def read_to_the_end(self) -> int:
        """Read until the command has ended, and return its exit code."""
        while self._read():
            pass
        return self.process.wait(timeout=30)

    @property
    def pictures(self) -> list[str]:
        """What was drawn, one picture over the other: the text between erasures, without colours."""
        drawn = [_ESCAPE.sub("", part).replace("\r", "") for part in self.shown.split(_ERASED_LINE)]
        return [picture for picture in drawn if picture.strip()]

    def _read(self) -> bool:
        try:
            data = os.read(self._master, 65_536)
        except OSError:  # how Linux says that nobody holds the other end any more
            return False
        self.shown += data.decode()
        return bool(data)


@contextmanager
def on_a_terminal(*words: str, program: Sequence[str] = KALA, **env: str) -> Iterator[Terminal]:
    """Run a command on a terminal; what is left of it at the end is killed."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
    process = subprocess.Popen(
        [*program, *words], stdin=slave, stdout=slave, stderr=slave, env=environment(TERM="xterm", **env)
    )
    os.close(slave)
    with process:
        try:
            yield Terminal(process, master)
        finally:
            if process.poll() is None:
                process.kill()
            os.close(master)
