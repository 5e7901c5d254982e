"""What clients say in the query of a URL: read strictly, each mistake named. Unknown parameters are passed over."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from kala_server.core.errors import FieldProblem, InvalidRequestError

E = TypeVar("E", bound=StrEnum)

Cursor = tuple[datetime, str]
"""Where a page begins: when what comes before it was made, and its id."""

_LENIENT_OFFSET = re.compile(r"[+-]\d\d:?[6-9]\d$", re.ASCII)
"""Python takes +02:60 for +03:00."""
_UNESCAPED = re.compile(
    r"(:\d\d(?:[.,]\d+)?|T\d{2,6}(?:[.,]\d+)?) (?=\d\d(?::?\d\d)?(?:/|$))", re.ASCII | re.IGNORECASE
)
_A_TIME = "2035-06-04T09:00:00+02:00"
_EDGE = timedelta(days=2)
"""The calendar ends with the year 9999: beside its ends no zone and no minute could be added any more."""
_BEGINNING, _END = datetime.min.replace(tzinfo=UTC) + _EDGE, datetime.max.replace(tzinfo=UTC) - _EDGE


class Query:
    """The parameters of one request; of one that is there twice, the last counts, but where several may be said."""

    def __init__(self, arguments: Mapping[str, list[bytes]]) -> None:
        self._arguments = arguments

    def text(self, name: str) -> str:
        """Return the parameter as it is; empty where it is missing. Raises InvalidRequestError."""
        try:
            return self._arguments.get(name, [b""])[-1].decode()
        except UnicodeDecodeError:
            raise _wrong(name, "it is not UTF-8", "") from None

    def whole_number(self, name: str, *, otherwise: int, most: int, least: int = 1) -> int:
        """Return a number from `least` to `most`. Raises InvalidRequestError."""
        text = self.text(name)
        if not text:
            return otherwise
        if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
            raise _wrong(
                name, f"a whole number from {least} to {most} belongs here, not {text[:40]!r}", otherwise
            )
        return int(text)

    def texts(self, name: str) -> list[str]:
        """Return all that is said by this name, nothing where the last one is empty. Raises InvalidRequestError."""
        said = self._arguments.get(name, []) if self.text(name) else []
        return [Query({name: [one]}).text(name) for one in said if one]

    def yes(self, name: str) -> bool:
        """Return whether the parameter says true. Raises InvalidRequestError."""
        text = self.text(name).lower()
        if text not in {"", "true", "false", "1", "0"}:
            raise _wrong(name, f"true or false belongs here, not {text[:40]!r}", "true")
        return text in {"true", "1"}

    def choice(self, name: str, kind: type[E]) -> E | None:
        """Return one of the values, None where it is missing. Raises InvalidRequestError."""
        text = self.text(name)
        if not text:
            return None
        try:
            return kind(text)
        except ValueError:
            named = ", ".join(kind)
            raise _wrong(name, f"one of {named} belongs here, not {text[:40]!r}", next(iter(kind))) from None

    def choices(self, name: str, kind: type[E]) -> list[E]:
        """Return values with commas between them. Raises InvalidRequestError."""
        said = [one.strip() for one in self.text(name).split(",")]
        return [found for one in said if (found := Query({name: [one.encode()]}).choice(name, kind))]

    def instant(self, name: str) -> datetime | None:
        """Return an aware time, None where it is missing. Raises InvalidRequestError."""
        text = with_its_plus(self.text(name).strip())
        if not text:
            return None
        try:
            found = datetime.fromisoformat("" if _LENIENT_OFFSET.search(text) else text)
        except ValueError:
            raise _wrong(name, f"an RFC 3339 time belongs here, not {text[:40]!r}", _A_TIME) from None
        if found.utcoffset() is None:
            raise _wrong(name, f"{text[:40]!r} has no offset from UTC: add Z, or one such as +02:00", _A_TIME)
        if not _BEGINNING <= found <= _END:
            raise _wrong(name, "no job is ever due that far away", _A_TIME)
        return found.astimezone(UTC)

    def cursor(self, name: str) -> Cursor | None:
        """Return a cursor that an earlier answer gave as `next`. Raises InvalidRequestError."""
        text = self.text(name)
        if not text:
            return None
        microseconds, _, an_id = text.partition(".")
        try:
            return instant_of(microseconds), an_id
        except ValueError:
            raise no_cursor(name) from None


def instant_of(microseconds: str) -> datetime:
    """Return the instant that a cursor names. Raises ValueError."""
    try:
        return datetime.fromtimestamp(int(microseconds[:20]) / 1_000_000, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(str(error)) from None


def with_its_plus(time: str) -> str:
    """Return a time, or a schedule, with the plus of its offset.

    A plus in a query is a space by the rules of forms: whoever pastes +02:00 means the plus. No other space does.
    """
    return _UNESCAPED.sub(r"\1+", time)


def cursor(at: datetime, an_id: str) -> str:
    """Write a cursor."""
    return f"{round(at.timestamp() * 1_000_000)}.{an_id}"


def no_cursor(name: str) -> InvalidRequestError:
    """Return what is wrong with a cursor that was none."""
    return _wrong(name, "it must be the `next` of an earlier answer", None)


def _wrong(name: str, message: str, example: object) -> InvalidRequestError:
    return InvalidRequestError([FieldProblem(name, message, example)])
