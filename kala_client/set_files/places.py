"""Where each value of a document stands: `tomllib` and `json` keep no places. It does not judge what stands there.

It takes longer than to read the document, so it is only asked where there is an error to place.
"""

import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator

from kala_client.set_files.faults import Path

Places = list[tuple[Path, int]]
"""Each path with the offset of its value, in the order of the document: what is there twice is here twice."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = re.compile(r'"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|[A-Za-z0-9_-]+')
_BETWEEN_KEYS = re.compile(r"[ \t]*\.[ \t]*")
_STRING = re.compile(
    r"""
    \"\"\"(?:\\.|[^\\])*?"{3,5}
    | '''.*?'{3,5}
    | "(?:\\.|[^"\\\n])*"
    | '[^'\n]*'
    """,
    re.DOTALL | re.VERBOSE,
)
_SCALAR = re.compile(r"[^,\]}#\n]+")


def of_toml(text: str) -> Places:
    """Return the places in a TOML document. Raises ValueError where it is none."""
    return _Scanner(text, _name_in_toml).document()


def of_json(text: str) -> Places:
    """Return the places in a JSON document. Raises ValueError where it is none."""
    scanner = _Scanner(text, json.loads)
    scanner.value(())
    return scanner.found


def twice(found: Places) -> Iterator[tuple[Path, int, int]]:
    """Yield what stands in two places, with both."""
    first = dict[Path, int]()
    for path, offset in found:
        if first.setdefault(path, offset) != offset:
            yield path, first[path], offset


class _Scanner:
    """Goes over the text once. What JSON has is, but for the sign after a name, a value of TOML."""

    def __init__(self, text: str, unquoted: Callable[[str], str]) -> None:
        self.found: Places = []
        self._text = text
        self._unquoted = unquoted
        self._at = 0

    def document(self) -> Places:
        table: Path = ()
        arrays = Counter[Path]()
        while self._next():
            if self._next() == "[":
                table = self._header(arrays)
            else:
                self._pair(table)
        return self.found

    def value(self, path: Path) -> None:
        sign = self._next()
        self.found.append((path, self._at))
        if sign == "[":
            self._elements(path)
        elif sign == "{":
            self._members(path)
        elif sign in {'"', "'"}:
            self._take(_STRING)
        else:
            self._take(_SCALAR)

    def _header(self, arrays: Counter[Path]) -> Path:
        signs = 2 if self._text.startswith("[[", self._at) else 1
        self._at += signs
        self._next()
        begin, path = self._at, self._keys()
        if signs == 2:
            arrays[path] += 1
            path = (*path, arrays[path] - 1)
        self.found.append((path, begin))
        for _ in range(signs):
            self._expect("]")
        return path

    def _pair(self, table: Path) -> None:
        path = table + self._keys()
        self._expect("=:")
        self.value(path)

    def _elements(self, path: Path) -> None:
        self._at += 1
        number = 0
        while self._next() != "]":
            self.value((*path, number))
            number += 1
            if self._next() == ",":
                self._at += 1
        self._at += 1

    def _members(self, path: Path) -> None:
        self._at += 1
        while self._next() != "}":
            self._pair(path)
            if self._next() == ",":
                self._at += 1
        self._at += 1

    def _keys(self) -> Path:
        keys = [self._key()]
        while between := _BETWEEN_KEYS.match(self._text, self._at):
            self._at = between.end()
            keys.append(self._key())
        return tuple(keys)

    def _key(self) -> str:
        written = self._take(_KEY)
        return self._unquoted(written) if written[0] in {'"', "'"} else written

    def _next(self) -> str:
        """Return the next sign that is not blank; nothing at the end."""
        self._take(_BLANK)
        return self._text[self._at : self._at + 1]

    def _take(self, pattern: re.Pattern[str]) -> str:
        taken = pattern.match(self._text, self._at)
        if taken is None:
            raise ValueError(f"unexpected at {self._at}")
        self._at = taken.end()
        return taken[0]

    def _expect(self, signs: str) -> None:
        sign = self._next()
        if not sign or sign not in signs:
            raise ValueError(f"unexpected at {self._at}")
        self._at += 1


def _name_in_toml(written: str) -> str:
    return str(tomllib.loads(f"name = {written}")["name"])
