"""JSON as the door lets it in: what is unclear or hurts elsewhere is an error, with words for people.

Python's own reader takes NaN, lone surrogates, doubled names and any depth; a job with these could not be stored, or
not be sent to another client. Knows nothing of jobs.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, NoReturn

MOST_DEPTH = 64
MOST_DIGITS = 100

_TOO_LARGE = 1 << 63
_NESTING = {dict, list}
_SURROGATE = re.compile("[\ud800-\udfff]")


class BadJsonError(ValueError):
    """The body is not JSON that can be taken; the message says where and why."""


def loads(body: bytes) -> Any:
    """Read a JSON document. Raises BadJsonError."""
    if not body.strip():
        raise BadJsonError("the body is empty; a JSON object belongs there")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadJsonError(f"the body is not UTF-8 (byte {error.start})") from None
    try:
        document = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise BadJsonError(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise BadJsonError(f"nested deeper than {MOST_DEPTH}") from None
    _check_depth(document)
    if "\\u" in text:  # half a pair cannot come as UTF-8
        _check_texts(document)
    return document


def _check_depth(document: Any) -> None:
    """Go through the levels one by one: of a body with 10,000 jobs this takes a few milliseconds."""
    level = [document] if type(document) in _NESTING else []
    for _ in range(MOST_DEPTH):
        level = [item for each in level for item in _items(each) if type(item) in _NESTING]
        if not level:
            return
    raise BadJsonError(f"nested deeper than {MOST_DEPTH}")


def _items(value: Any) -> Iterable[Any]:
    return value.values() if type(value) is dict else value


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
        raise BadJsonError(f"a number beyond 64 bits, which other clients cannot read: {digits[:20]}")
    return number


def _real_number(digits: str) -> float:
    number = float(digits) if len(digits) <= MOST_DIGITS else math.inf
    if not math.isfinite(number):
        raise BadJsonError(f"a number out of range: {digits[:20]}")
    return number


def _no_number(name: str) -> NoReturn:
    raise BadJsonError(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_whole_number,
    parse_float=_real_number,
    parse_constant=_no_number,
)
