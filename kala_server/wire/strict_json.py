"""JSON as the door lets it in: what is unclear or hurts elsewhere is an error, with words for people.

Python's own reader takes NaN, lone surrogates, doubled names and any depth; a job with these could not be stored, or
not be sent to another client. And it takes 60 bytes for each `[],` of three, so that what is in a document is counted
before it is decoded, and may be while it comes in. Knows nothing of jobs.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from kala_server.core.steps import Steps, to_the_end

MOST_DEPTH = 64
MOST_DIGITS = 100
MOST_MEMBERS = 1_000
"""Of one object."""
MOST_ELEMENTS = 10_000
"""Of one array."""
MOST_VALUES = 10_000
"""Of one document: a job has some fifty."""
PIECE = 1 << 14
"""Bytes that are counted in a few milliseconds, whatever they are."""

_TOLD = 40
"""Characters of a name in an error."""
_TOO_LARGE = 1 << 63
_OPEN_ARRAY, _OPEN_OBJECT, _COMMA = b"[{,"
_MARKS = b"[]{},"
_NO_MARKS = bytes(set(range(256)) - set(_MARKS))
_SURROGATE = re.compile("[\ud800-\udfff]")


class BadJsonError(ValueError):
    """The body is not JSON that can be taken; the message says where and why."""

    field = ""
    """The member at fault, where it is one."""

    def within(self, place: str) -> "BadJsonError":
        """Return the same, of a value that stands at that place of the document."""
        if not place:
            return self
        found = BadJsonError(f"{place}.{self}" if self.field and self.field[0] != "[" else f"{place}: {self}")
        found.field = f"{place}.{self.field}" if self.field else ""
        return found


class _BadValueError(BadJsonError):
    """A value that cannot be taken; where it stands is found out then."""


class Census:
    """Counts what is in a document as its bytes come in. Whether it is JSON at all is for who decodes it."""

    def __init__(self, most_values: int = MOST_VALUES) -> None:
        self._most_values = most_values
        self.values = 0
        """How many there are so far: one less at the most, and up to twice as many."""
        self._strings = 0
        self._open = b""
        """What a string that goes on in the next chunk begins with there."""
        self._commas = [0]
        """In each array or object that is open, the outermost first; before it, those that are in none."""
        self._most = [0]
        """How many there may be."""

    def count(self, chunk: bytes) -> None:
        """Count what comes next. Raises BadJsonError once it is certain that there is too much of something."""
        bare = self._without_strings(self._open + chunk)
        marks = bare.translate(None, _NO_MARKS)
        self._strings += bare.count(b'"')
        # An array or an object has one value more than it has commas, or it is empty.
        self.values += len(marks) - marks.count(b"]") - marks.count(b"}")
        for mark in marks:
            if mark == _COMMA:
                self._commas[-1] += 1
                if self._commas[-1] >= self._most[-1]:
                    self._refuse()
            elif mark in {_OPEN_ARRAY, _OPEN_OBJECT}:
                if len(self._most) > MOST_DEPTH:
                    raise BadJsonError(f"nested deeper than {MOST_DEPTH}")
                self._commas.append(0)
                self._most.append(MOST_MEMBERS if mark == _OPEN_OBJECT else MOST_ELEMENTS)
            elif len(self._most) > 1:
                del self._commas[-1], self._most[-1]
        if max(self.values, self._strings // 2) > self._most_values:
            raise BadJsonError(f"more than {self._most_values:,} values in one document")

    def _without_strings(self, chunk: bytes) -> bytes:
        """Return what stands outside of strings, with a quote for each of them that ends."""
        chunk = without_escapes(chunk)
        escaped = b"\\" if chunk.endswith(b"\\") else b""  # what it escapes is still to come
        parts = chunk.removesuffix(escaped).split(b'"')
        self._open = (b"" if len(parts) % 2 else b'"') + escaped
        return b'"'.join(parts[::2])

    def _refuse(self) -> NoReturn:
        most = self._most[-1]
        if not most:
            raise BadJsonError("not JSON: a comma beside the document")
        what = "members in one object" if most == MOST_MEMBERS else "elements in one array"
        raise BadJsonError(f"more than {most:,} {what}")


def without_escapes(part: bytes) -> bytes:
    """Return as many bytes in which no quote is escaped, so that each begins a string or ends it; the last may be cut.

    Other escapes are left. It is a tenth of what it takes to pass over each of them.
    """
    return part.replace(rb"\\", b"..").replace(rb"\"", b"..") if b"\\" in part else part


def loads(body: bytes) -> Any:
    """Read a JSON document. Raises BadJsonError."""
    return to_the_end(loading(body))


def loading(body: bytes) -> Steps[Any]:
    """Do the same step by step."""
    census = Census()
    for begin in range(0, len(body), PIECE):
        census.count(body[begin : begin + PIECE])
    yield
    return decode(body)


def decode(body: bytes | bytearray) -> Any:
    """Read a document of which is known that it holds no more than it may. Raises BadJsonError."""
    if not body or body.isspace():
        raise BadJsonError("the body is empty; a JSON object belongs there")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadJsonError(f"the body is not UTF-8 (byte {error.start})") from None
    try:
        document = _DECODER.decode(text)
    except _BadValueError as error:
        raise _with_its_place(text, error) from None
    except json.JSONDecodeError as error:
        raise BadJsonError(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    if "\\u" in text:  # half a pair cannot come as UTF-8
        _check_texts(document)
    return document


def _with_its_place(text: str, error: BadJsonError) -> BadJsonError:
    """Say which member holds what cannot be taken; it costs another reading, and only where something is wrong."""
    marked = _Marked()
    reader = json.JSONDecoder(
        object_pairs_hook=_object,
        parse_int=marked.reading(_whole_number),
        parse_float=marked.reading(_real_number),
        parse_constant=marked.reading(_no_number),
    )
    try:
        document = reader.decode(text)
    except ValueError:
        return BadJsonError(str(error))  # there is more that is wrong, and it comes later
    place = next(_places(document), "")
    found = BadJsonError(f"{place}: {error}" if place else str(error))
    found.field = place
    return found


class _Bad:
    """Stands where a value is that cannot be taken."""


class _Marked:
    """Reads numbers with a mark in place of the first that cannot be taken; after it none is looked at."""

    def __init__(self) -> None:
        self.found = False

    def reading(self, read: Callable[[str], Any]) -> Callable[[str], Any]:
        def mark(text: str) -> Any:
            if self.found:
                return None
            try:
                return read(text)
            except BadJsonError:
                self.found = True
                return _Bad()

        return mark


def _places(value: Any, place: str = "") -> Iterator[str]:
    """Yield where something stands that cannot be taken."""
    if isinstance(value, _Bad):
        yield place
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from _places(member, f"{place}.{_printable(name[:_TOLD])}".removeprefix("."))
    elif isinstance(value, list):
        for number, element in enumerate(value):
            yield from _places(element, f"{place}[{number}]")


def _printable(name: str) -> str:
    """Return a name as an answer can hold it: it may have half a surrogate pair, which is looked for later."""
    return name.encode(errors="backslashreplace").decode()


def _check_texts(value: Any) -> None:
    if isinstance(value, str):
        if _SURROGATE.search(value):
            raise BadJsonError("half of a surrogate pair in a text: it is no character")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_texts(key)
            _check_texts(item)
    elif isinstance(value, list):
        for item in value:
            _check_texts(item)


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(members)
    if len(document) < len(members):
        [(twice, _)] = Counter(name for name, _ in members).most_common(1)
        raise BadJsonError(f"{twice[:80]!r} is there twice in one object; which one counts is not said")
    return document


def _whole_number(digits: str) -> int:
    number = int(digits) if len(digits) <= MOST_DIGITS else _TOO_LARGE
    if not -_TOO_LARGE < number < _TOO_LARGE:
        raise _BadValueError(f"a number beyond 64 bits, which other clients cannot read: {digits[:20]}")
    return number


def _real_number(digits: str) -> float:
    number = float(digits) if len(digits) <= MOST_DIGITS else math.inf
    if not math.isfinite(number):
        raise _BadValueError(f"a number out of range: {digits[:20]}")
    return number


def _no_number(name: str) -> NoReturn:
    raise _BadValueError(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_whole_number,
    parse_float=_real_number,
    parse_constant=_no_number,
)
