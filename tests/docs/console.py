"""Plays the console sessions of a page with bash and curl against a server, and compares the answers.

What stands on the page must be what comes, letter by letter, but for what differs each time: an id stands for the id
that came in its place when it was first seen, a time of these years for any time, and `…` for anything. An answer may
be broken over lines, each of which then begins with a space. Times from 2035 on are computed and not read off a clock,
so they are compared.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.docs.blocks import Block

DOCUMENTED = "127.0.0.1:8000"

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NOW = r"20(?:2\d|3[0-4])-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"
_PIECE = re.compile(rf"(?P<id>{UUID})|(?P<now>{_NOW})|(?P<any>\s*…\s*)")
_BREAK = "\n "
LOOKS = re.compile(r"(?:curl|jq|ls) (?!.* (?:-X|-d|--data\S*) )", re.DOTALL)


class MismatchError(AssertionError):
    """The page says something else than what came."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A command as it stands on a page, and its answer."""

    command: str
    answer: str
    line: int


def exchanges(block: Block) -> list[Exchange]:
    """Take a session apart."""
    found: list[tuple[list[str], list[str], int]] = []
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        if line.startswith("$ "):
            found.append(([line[2:]], [], number))
        else:
            command, answer, _ = found[-1]
            (command if not answer and _goes_on("\n".join(command)) else answer).append(line)
    return [Exchange("\n".join(command), "\n".join(answer), number) for command, answer, number in found]


def _goes_on(command: str) -> bool:
    """Whether a shell would wait for more: a backslash at the end, or a quote that is still open."""
    return command.endswith("\\") or command.count("'") % 2 == 1


class Session:
    """One shell at one server; remembers which ids the page's ids stand for."""

    def __init__(self, url: str, folder: Path, *, patience: float = 10.0) -> None:
        self._address = url.partition("://")[2]
        self._environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "KALA_URL": url,
            "NO_PROXY": "127.0.0.1",
            "TZ": "UTC",
            "COLUMNS": "",  # which tox says for its own output: what is documented is what a pipe gets
        }
        self._folder = folder
        self._patience = patience
        self._ids: dict[str, str] = {}

    def play(self, block: Block) -> None:
        """Give every command and compare every answer. Raises MismatchError."""
        for exchange in exchanges(block):
            self._give(exchange)

    def _give(self, exchange: Exchange) -> None:
        """Give a command; one that only looks may have to be given again until a run is over."""
        deadline = time.monotonic() + (self._patience if LOOKS.match(exchange.command) else 0)
        while True:
            came = self.run(exchange.command)
            ids = match(exchange.answer, came, self._ids)
            if ids is not None:
                self._ids = ids
                return
            if time.monotonic() >= deadline:
                raise MismatchError(
                    f"line {exchange.line}: $ {exchange.command}\n{exchange.answer}\ncame:\n{came}"
                )
            time.sleep(0.05)

    def run(self, command: str) -> str:
        """Give a command, and return what it prints."""
        for documented, real in self._ids.items():
            command = command.replace(documented, real)
        done = subprocess.run(
            ["bash", "-c", command.replace(DOCUMENTED, self._address)],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            env=os.environ | self._environment,
            timeout=30,
        )
        # 28: --max-time has passed, as it must where an answer has no end.
        if done.returncode not in {0, 28}:
            raise MismatchError(f"$ {command}\nexit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.replace("\r\n", "\n").replace(self._address, DOCUMENTED)


def match(documented: str, came: str, ids: Mapping[str, str]) -> dict[str, str] | None:
    """Return which ids the documented ones stand for, the known and the new ones; None where the texts differ."""
    documented = documented.strip().replace(_BREAK, "")
    pattern, new, at = "", dict[str, str](), 0
    for piece in _PIECE.finditer(documented):
        pattern += re.escape(documented[at : piece.start()]) + _pattern_of(piece, ids, new)
        at = piece.end()
    found = re.fullmatch(pattern + re.escape(documented[at:]), came.strip(), re.DOTALL)
    return None if found is None else {**ids, **{one: found[name] for one, name in new.items()}}


def _pattern_of(piece: re.Match[str], ids: Mapping[str, str], new: dict[str, str]) -> str:
    if piece["any"]:
        return r".*"
    if piece["now"]:
        return _NOW
    documented = piece["id"]
    if documented in ids:
        return re.escape(ids[documented])
    if documented in new:
        return f"(?P={new[documented]})"
    new[documented] = f"id{len(new)}"
    return f"(?P<{new[documented]}>{UUID})"
