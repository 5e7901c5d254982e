"""Errors as problems (RFC 9457): the status of each, and what is told, with Kala's own `error` member beside it."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType

from kala_server.core.errors import (
    ConflictError,
    FieldProblem,
    InvalidRequestError,
    KeyReusedError,
    NotFoundError,
)
from kala_server.ports.store import StoreAwayError, StoreBrokenError, StoreFullError
from kala_server.service.standing import NotLeadingError
from kala_server.wire.answers import to_bytes
from kala_server.wire.strict_json import BadJsonError

PROBLEM = "application/problem+json"

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_NO_MORE: Mapping[str, object] = MappingProxyType({})
_AGAIN_SOON = MappingProxyType({"Retry-After": "5"})
_AGAIN_IN_A_MOMENT = MappingProxyType({"Retry-After": "1"})

STATUS: dict[type[Exception], HTTPStatus] = {
    InvalidRequestError: HTTPStatus.BAD_REQUEST,
    BadJsonError: HTTPStatus.BAD_REQUEST,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    KeyReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    StoreFullError: HTTPStatus.INSUFFICIENT_STORAGE,
    StoreBrokenError: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreAwayError: HTTPStatus.SERVICE_UNAVAILABLE,
    NotLeadingError: HTTPStatus.SERVICE_UNAVAILABLE,
}


class ProblemError(Exception):
    """A status, why in words, and headers that belong to it."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        headers: Mapping[str, str] = _NO_HEADERS,
        problems: Sequence[FieldProblem] = (),
        more: Mapping[str, object] = _NO_MORE,
    ) -> None:
        """`more` members are those that errors of this kind alone have."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.problems = problems
        self.more = more

    def body(self) -> bytes:
        """Return the problem as JSON."""
        return to_bytes(
            {
                "type": "about:blank",
                "title": self.status.phrase,
                "status": self.status,
                "detail": self.detail,
                "errors": [
                    {"field": each.field, "message": each.message, "example": each.example}
                    for each in self.problems
                ],
                "error": self.detail,
                **self.more,
            }
        )


def problem_of(error: Exception) -> ProblemError:
    """Return what an error is told as; of one that is not known, a fault of ours, nothing more than that it is one."""
    if isinstance(error, ProblemError):
        return error
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), None)
    if status is None:
        unknown = HTTPStatus.INTERNAL_SERVER_ERROR
        return ProblemError(unknown, unknown.description)
    # Where the store is away, the same status may be that of a change that is carried out yet: a client goes by this.
    more = {"leader": error.leader or None} if isinstance(error, NotLeadingError) else _NO_MORE
    return ProblemError(status, str(error), _headers_of(error), _problems_of(error), more)


def _headers_of(error: Exception) -> Mapping[str, str]:
    """Say when to ask again, or whom."""
    if isinstance(error, NotLeadingError) and error.leader:
        return {"Kala-Leader": error.leader}
    if isinstance(error, StoreAwayError | NotLeadingError):
        return _AGAIN_IN_A_MOMENT
    return _AGAIN_SOON if isinstance(error, StoreFullError) else _NO_HEADERS


def _problems_of(error: Exception) -> Sequence[FieldProblem]:
    if isinstance(error, BadJsonError) and error.field:
        return [FieldProblem(error.field, str(error).removeprefix(f"{error.field}: "))]
    return error.problems if isinstance(error, InvalidRequestError) else ()
