"""Many jobs in one document, `{"jobs": [job, …]}`: read one by one from its bytes. Keeps none of them.

A document of 64 MiB would take ten times that as a whole. What is in it is counted before (`strict_json.Census`).
"""

import re
from collections.abc import Iterator
from typing import Any

from kala_server.core.errors import FieldProblem, InvalidJobError
from kala_server.core.model.job import JobSpec
from kala_server.core.steps import Steps
from kala_server.wire import strict_json
from kala_server.wire.passed_over import PassedOver
from kala_server.wire.requests import read_job
from kala_server.wire.strict_json import BadJsonError

MOST_JOBS = strict_json.MOST_ELEMENTS
MOST_VALUES = 1_000_000
"""Of all jobs together."""
MOST_BYTES = 1 << 20
"""Of one job, as in a request of its own; and of whatever else is in the document."""

_WINDOWS = (strict_json.PIECE, MOST_BYTES + 1)
"""Bytes in which a value is looked for: most are short."""
_TOLD = 80
"""Characters of a name in an error."""
_SPACE = re.compile(rb"[ \t\n\r]*+")
# In what has no escapes any more.
_NAME = re.compile(rb'"[^"]*+"')
_SCALAR = re.compile(rb'"[^"]*+"?|[^\[\]{},:"\s]++')
_FLAT = re.compile(rb'(?:[\s,]*+\{(?:[^"\[\]{}]++|"[^"]*+")*+\})*+')
"""Objects with none within, as most jobs are: they are passed over at once."""
_TO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|"[^"]*+")*+[\[\]{}]')


def jobs_in(
    body: bytearray, passed_over: PassedOver, *, default_owner: str = ""
) -> Iterator[tuple[JobSpec, bool] | None]:
    """Yield what a request says about each of many jobs, and None for a step on the way; what it says in vain is noted.

    Raises InvalidJobError, which names the place of the first fault, and BadJsonError.
    """
    there = False
    document = _Document(body)
    yield from document.margin()
    if not document.goes_on_with(b"{"):
        yield from document.value("")
        raise _no_batch()
    for name in document.members():
        if name != "jobs":
            passed_over.note(name, ["jobs"])
            yield from document.value(name[:_TOLD])
        elif there:
            raise BadJsonError("'jobs' is there twice in one object; which one counts is not said")
        elif not document.goes_on_with(b"["):
            yield from document.value(name)
            raise _no_batch()
        else:
            there = True
            yield from _jobs(document.elements(name), name, passed_over, default_owner)
        yield None
    yield from document.margin()
    document.ends()
    if not there:
        raise _no_batch()


def _jobs(
    found: Iterator[list[Any] | None], name: str, passed_over: PassedOver, default_owner: str
) -> Iterator[tuple[JobSpec, bool] | None]:
    number = 0
    for some in found:
        yield None
        for job in some or ():
            place = f"{name}[{number}]"
            passed_over.look(job, place)
            try:
                yield read_job(job, default_owner=default_owner)
            except InvalidJobError as error:
                raise error.within(place) from None
            number += 1


def _no_batch() -> InvalidJobError:
    example = {"jobs": [{"name": "hello", "command": "date"}]}
    return InvalidJobError([FieldProblem("jobs", "an object with an array of jobs belongs here", example)])


class _Document:
    """The bytes of a document, and how far they are read."""

    def __init__(self, body: bytearray) -> None:
        self._body = body
        self._at = 0

    def members(self) -> Iterator[str]:
        """Yield the name of each member of the document, which is an object; who gets it reads the value."""
        self._at += 1
        closed = self._closes(b"}")
        while not closed:
            yield self._name()
            closed = self._closes(b"}")
            if not closed:
                self._expect(b",")

    def _name(self) -> str:
        self._skip()
        found = next(filter(None, (_NAME.match(self._bare(most)) for most in _WINDOWS)), None)
        if found is None:
            raise self._wrong("the name of a member in quotes")
        begin = self._at
        self._at += found.end()
        name: str = strict_json.decode(self._body[begin : self._at])
        self._expect(b":")
        return name

    def _bare(self, most: int) -> bytes:
        """Return the next bytes, in which no quote is escaped."""
        return strict_json.without_escapes(bytes(self._body[self._at : self._at + most]))

    def elements(self, name: str) -> Iterator[list[Any] | None]:
        """Yield the elements of an array, decoded some at a time, and None for a step on the way."""
        self._skip()
        self._at += 1
        if self._closes(b"]"):
            return
        number = 0
        while True:
            some = self._some() or [(yield from self.value(f"{name}[{number}]"))]
            yield some
            number += len(some)
            if self._closes(b"]"):
                return
            self._expect(b",")

    def _some(self) -> list[Any]:
        """Return the next elements of an array; none where they cannot be read together, or something is wrong.

        What has so few bytes holds no more than one job may.
        """
        end = self._end_of_some()
        try:
            some: list[Any] = strict_json.decode(b"[%b]" % bytes(self._body[self._at : end]))
        except BadJsonError:
            return []
        self._at = end
        return some

    def _end_of_some(self) -> int:
        """Return where the last element ends that is within the next bytes, or their array does."""
        bare = self._bare(strict_json.PIECE)
        flat = _FLAT.match(bare)
        assert flat is not None
        at, depth, end = flat.end(), 0, flat.end()
        while bracket := _TO_BRACKET.match(bare, at):
            at = bracket.end()
            if bare[at - 1] in b"[{":
                depth += 1
            elif not depth:
                return self._at + at - 1
            else:
                depth -= 1
                if not depth:
                    end = at
        return self._at + end

    def value(self, place: str) -> Steps[Any]:
        """Read a value as it would be read in a request of its own, step by step."""
        self._skip()
        begin = self._at
        self._at += self._length_of_value()
        if self._at - begin > MOST_BYTES:
            what = place or "what is no batch"
            raise BadJsonError(f"{what} is larger than {MOST_BYTES:,} bytes")
        yield
        try:
            return (yield from strict_json.loading(bytes(self._body[begin : self._at])))
        except BadJsonError as error:
            raise error.within(place) from None

    def goes_on_with(self, mark: bytes) -> bool:
        """Whether a mark comes next, not counting space."""
        self._skip()
        return self._body.startswith(mark, self._at)

    def _closes(self, mark: bytes) -> bool:
        closes = self.goes_on_with(mark)
        self._at += closes
        return closes

    def _length_of_value(self) -> int:
        """Return how long a value is, or anything beyond what it may have."""
        for most in _WINDOWS:
            if (length := _length(self._bare(most))) < most:
                return length
        return MOST_BYTES + 1

    def margin(self) -> Iterator[None]:
        """Pass over the space around the document, however much it is, step by step."""
        before = -1
        while before < self._at:
            before = self._at
            self._skip()
            yield

    def _skip(self) -> None:
        space = _SPACE.match(self._body, self._at, self._at + MOST_BYTES)
        assert space is not None
        self._at = space.end()

    def _expect(self, mark: bytes) -> None:
        if not self.goes_on_with(mark):
            raise self._wrong(mark.decode())
        self._at += 1

    def ends(self) -> None:
        """Raise BadJsonError where something follows."""
        if self._at < len(self._body):
            raise self._wrong("the end of the document")

    def _wrong(self, expected: str) -> BadJsonError:
        line = self._body.count(b"\n", 0, self._at) + 1
        column = self._at - self._body.rfind(b"\n", 0, self._at)
        return BadJsonError(f"not JSON: {expected} belongs at line {line}, column {column}")


def _length(bare: bytes) -> int:
    """Return how long the value is with which this begins; all of it where it goes on."""
    if not bare.startswith((b"{", b"[")):
        scalar = _SCALAR.match(bare)
        return scalar.end() if scalar else 1
    at, depth = 0, 0
    while bracket := _TO_BRACKET.match(bare, at):
        at = bracket.end()
        depth += 1 if bare[at - 1] in b"[{" else -1
        if not depth:
            return at
    return len(bare)
