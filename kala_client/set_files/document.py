"""One file of a set, TOML or JSON: what it holds, and where each part of it stands. It knows nothing of jobs."""

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

from kala_client.set_files import places
from kala_client.set_files.faults import Path, SetFileError, WrongError

_LINE_END = "\n"
_TOO_DEEP = "it is nested too deeply"
_PLACED = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


@dataclass(frozen=True)
class Document:
    """What was read of a file."""

    name: str
    text: str
    content: dict[str, Any]
    find: Callable[[str], places.Places]

    def place(self, *ways: Path) -> str:
        """Return `file:line:column` of the first of these that is there, or else of what is nearest to the last."""
        for path in ways:
            if path in self._first:
                return _at(self.name, self.text, self._first[path])
        nearest = ways[-1]
        while nearest and nearest not in self._first:
            nearest = nearest[:-1]
        return _at(self.name, self.text, self._first.get(nearest, 0))

    def fault(self, wrong: WrongError) -> str:
        """Return what is wrong with its place."""
        return f"{self.place(wrong.path)}: " + (f"{wrong.named}: " if wrong.path else "") + wrong.message

    @cached_property
    def _first(self) -> dict[Path, int]:
        try:
            return dict(reversed(self.find(self.text)))
        except RecursionError:
            return {}  # what is nested that deeply has no place, but it is still told what is wrong


def load(name: str) -> Document:
    """Read a file. Raises SetFileError."""
    try:
        text = FilePath(name).read_bytes().decode().removeprefix("\ufeff").replace("\r\n", "\n")
    except OSError as error:
        raise SetFileError([f"{name}: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise SetFileError([f"{name}: it is not UTF-8"]) from None
    return (_json if name.endswith(".json") else _toml)(name, text)


def _toml(name: str, text: str) -> Document:
    try:
        return Document(name, text, tomllib.loads(text), places.of_toml)
    except tomllib.TOMLDecodeError as error:
        raise SetFileError([_twice(name, text, places.of_toml) or _syntax(name, text, str(error))]) from None
    except RecursionError:
        raise SetFileError([f"{name}:1:1: {_TOO_DEEP}"]) from None


def _json(name: str, text: str) -> Document:
    try:
        content = json.loads(text, object_pairs_hook=_each_once)
    except json.JSONDecodeError as error:
        raise SetFileError([f"{name}:{error.lineno}:{error.colno}: {error.msg}"]) from None
    except _TwiceError as error:
        raise SetFileError([_twice(name, text, places.of_json) or f"{name}:1:1: {error}"]) from None
    except RecursionError:
        raise SetFileError([f"{name}:1:1: {_TOO_DEEP}"]) from None
    if not isinstance(content, dict):
        raise SetFileError([f"{name}:1:1: an object with the members kala, set and job belongs here"])
    return Document(name, text, content, places.of_json)


class _TwiceError(Exception):
    """A member of an object is there twice."""


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _TwiceError("a name is there twice")
    return made


def _twice(name: str, text: str, find: Callable[[str], places.Places]) -> str | None:
    """Say of what is there twice where; None where it is something else that is wrong."""
    try:
        path, first, second = next(places.twice(find(text)))
    except (ValueError, StopIteration, RecursionError):
        return None
    named = ".".join(map(str, path))
    return f"{_at(name, text, second)}: {named}: it is there already, at {_at(name, text, first)}"


def _syntax(name: str, text: str, message: str) -> str:
    placed = _PLACED.fullmatch(message)
    if placed is None:
        return f"{name}:1:1: {message}"
    if placed[2] is None:
        return f"{_at(name, text, len(text))}: {placed[1]}"
    return f"{name}:{placed[2]}:{placed[3]}: {placed[1]}"


def _at(name: str, text: str, offset: int) -> str:
    line = text.count(_LINE_END, 0, offset) + 1
    return f"{name}:{line}:{offset - text.rfind(_LINE_END, 0, offset)}"
