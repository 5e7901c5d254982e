"""What a call of the API is: what to send, whether again, and how to read the answer. No I/O, no models.

`_calls` builds them.
"""

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

from kala_client import errors
from kala_client._calls import answers
from kala_client._calls.answers import Answer

T_co = TypeVar("T_co", covariant=True)

API = "/api/v1"

Params = Mapping[str, str | Sequence[str]]
"""What is said in the query of the URL; of what may be said several times, all of it."""


class Repeatable(Enum):
    """Whether a call may be sent again after a failure that leaves its outcome unknown."""

    ALWAYS = "always"
    WITH_KEY = "with an idempotency key, where the server honours it"
    NEVER_SENT = "only if it was never sent"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """One call: what to send, whether it may be repeated, and how to read a good answer.

    `added` is true where real Kala lacks the route; else `needs` names what it would pass over; `missing` is what a 404
    means; `sends_job` that a 400 is about the job; `gone_is_done` that a 404 after an unknown outcome is a success;
    `patience` after how many seconds without a byte an endless stream counts as dead (None: never); `kind` is the
    media type of a good answer where it is no JSON, which tells of itself what it is.
    """

    method: str
    path: str
    read: Callable[[Answer], T_co]
    params: Params = field(default_factory=dict)
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: Repeatable = Repeatable.NEVER_SENT
    missing: type[errors.NotFoundError] = errors.JobNotFoundError
    added: bool = False
    needs: tuple[str, ...] = ()
    sends_job: bool = False
    patience: float | None = None
    kind: str | None = None
    gone_is_done: Callable[[], T_co] | None = None

    def decode(self, answer: Answer, *, after_unknown: bool = False) -> T_co:
        """Return what a good answer says, or raise what a bad one means.

        `after_unknown` tells that an earlier attempt of this call may have been carried out.
        """
        if 200 <= answer.status < 300:
            if told := answer.headers.get("kala-warning"):
                warn(told)
            if strange := self.strange_kind(answer.headers):
                raise answer.error(errors.UnexpectedResponseError, strange)
            return self.read(answer)
        if answer.status == 404 and after_unknown and self.gone_is_done:
            return self.gone_is_done()
        if self.added and answer.status in {404, 405, 501} and not answer.from_kala_server:
            raise not_supported(answer)
        keyed = "Idempotency-Key" in self.headers
        raise answers.refusal(answer, missing=self.missing, job=self.sends_job, keyed=keyed)

    def strange_kind(self, headers: Mapping[str, str]) -> str | None:
        """Say that a good answer is something else, such as a web page; None where it may be what was asked for."""
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if self.kind is None or kind in {"", self.kind}:
            return None
        return f"this is not an answer of a Kala: {kind[:80]} and not {self.kind}"


def warn(told: str) -> None:
    """Pass on what the server warns of, as a warning at the line that called the package."""
    frame, level = sys._getframe(1), 2  # noqa: SLF001 - Python 3.11 has no other way to pass over a package
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("kala_client."):
        frame, level = frame.f_back, level + 1
    warnings.warn(told, errors.KalaWarning, stacklevel=level)


WHICH_KALA: Call[None] = Call("GET", "/stats/", answers.check_empty, repeatable=Repeatable.ALWAYS)
"""The cheapest question that every Kala answers; ours says so in a header."""


def not_supported(answer: Answer) -> errors.KalaError:
    """Build the one sentence for a call that a real Kala lacks."""
    return answer.error(errors.NotSupportedError, "this Kala does not know the call: it needs kala_server")


def not_understood(needs: tuple[str, ...]) -> errors.KalaError:
    """Build the one sentence for what a real Kala would pass over."""
    error = errors.NotSupportedError(
        f"only kala_server understands {', '.join(needs)}; this Kala would drop that in silence, so nothing was sent"
    )
    error.needs = needs
    return error
