"""Many jobs in one document, `{"jobs": [job, …]}`: read one by one from its bytes.

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

_TOLD = 80
"""Characters of a name in an error."""
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_SPACE = re.compile(rb"[ \t\n\r]*+")
_NAME = re.compile(_STRING, re.DOTALL)
_SCALAR = re.compile(_STRING + rb"?|[^\[\]{},:\"\s]++", re.DOTALL)
_TO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING + rb")*+[\[\]{}]", re.DOTALL)


def read_batch(
    body: bytearray, passed_over: PassedOver, *, default_owner: str = ""
) -> Steps[list[tuple[JobSpec, bool]]]:
    """Return what a request says about many jobs, step by step; what it says in vain is noted.

    Raises InvalidJobError, which names the place of the first fault, and BadJsonError.
    """
    read: list[tuple[JobSpec, bool]] | None = None
    document = _Document(body)
    yield from document.margin()
    for name in document.members():
        if name != "jobs":
            passed_over.note(name, ["jobs"])
            document.value(name[:_TOLD])
        elif read is not None:
            raise BadJsonError("'jobs' is there twice in one object; which one counts is not said")
        elif not document.goes_on_with(b"["):
            document.value(name)
            raise _no_batch()
        else:
            read = []
            for job in document.elements(name):
                place = f"{name}[{len(read)}]"
                passed_over.look(job, place)
                try:
                    read.append(read_job(job, default_owner=default_owner))
                except InvalidJobError as error:
                    raise error.within(place) from None
                yield
        yield
    yield from document.margin()
    document.ends()
    if read is None:
        raise _no_batch()
    return read


def _no_batch() -> InvalidJobError:
    example = {"jobs": [{"name": "hello", "command": "date"}]}
    return InvalidJobError([FieldProblem("jobs", "an object with an array of jobs belongs here", example)])


class _Document:
    """The bytes of a document, and how far they are read."""

    def __init__(self, body: bytearray) -> None:
        self._body = body
        self._at = 0

    def members(self) -> Iterator[str]:
        """Yield the name of each member of the document, which must be an object; who gets it reads the value."""
        if not self.goes_on_with(b"{"):
            self.value("")
            raise _no_batch()
        self._at += 1
        closed = self._closes(b"}")
        while not closed:
            yield self._name()
            closed = self._closes(b"}")
            if not closed:
                self._expect(b",")

    def _name(self) -> str:
        self._skip()
        begin = self._at
        found = _NAME.match(self._body, begin, begin + MOST_BYTES)
        if found is None:
            raise self._wrong("the name of a member in quotes")
        self._at = found.end()
        name: str = strict_json.decode(self._body[begin : self._at])
        self._expect(b":")
        return name

    def elements(self, name: str) -> Iterator[Any]:
        """Yield the elements of an array, decoded some at a time."""
        self._skip()
        self._at += 1
        if self._closes(b"]"):
            return
        number = 0
        while True:
            some = self._some() or [self.value(f"{name}[{number}]")]
            yield from some
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
        at, depth, end = self._at, 0, self._at
        most = at + strict_json.PIECE
        while bracket := _TO_BRACKET.match(self._body, at, most):
            at = bracket.end()
            if self._body[at - 1] in b"[{":
                depth += 1
            elif not depth:
                return at - 1
            else:
                depth -= 1
                if not depth:
                    end = at
        return end

    def value(self, place: str) -> Any:
        """Read a value as it would be read in a request of its own."""
        self._skip()
        begin = self._at
        self._at = self._end_of_value(begin)
        if self._at - begin > MOST_BYTES:
            what = place or "what is no batch"
            raise BadJsonError(f"{what} is larger than {MOST_BYTES:,} bytes")
        try:
            return strict_json.loads(bytes(self._body[begin : self._at]))
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

    def _end_of_value(self, begin: int) -> int:
        """Return where a value ends, or any place beyond what it may have."""
        most = begin + MOST_BYTES + 1
        if not self._body.startswith((b"{", b"["), begin):
            scalar = _SCALAR.match(self._body, begin, most)
            return scalar.end() if scalar else begin + 1
        at, depth = begin, 0
        while bracket := _TO_BRACKET.match(self._body, at, most):
            at = bracket.end()
            depth += 1 if self._body[at - 1] in b"[{" else -1
            if not depth:
                return at
        return min(most, len(self._body))

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
