"""What all handlers share: the guard, the reading of bodies, and how errors are told (RFC 9457)."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NoReturn, TypeVar

from tornado.web import HTTPError, RequestHandler, stream_request_body

from kala_client import __version__
from kala_server import strict_json
from kala_server.core.errors import (
    ConflictError,
    FieldProblem,
    InvalidRequestError,
    KeyReusedError,
    NotFoundError,
)
from kala_server.core.state import State
from kala_server.store.protocol import StoreBrokenError, StoreFullError
from kala_server.tokens import Scope
from kala_server.web.context import Context
from kala_server.web.query import Query
from kala_server.wire.answers import to_bytes

T = TypeVar("T")

JSON = "application/json;charset=UTF-8"
PROBLEM = "application/problem+json"

_HEADERS = {
    "Server": f"kala-python/{__version__}",
    "Kala-Server": f"kala-python/{__version__}",
    "Content-Type": JSON,
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_READ_TO_THE_END = 32 << 20
"""A body of more bytes than this is not even read; its sender may then not get to see the answer."""
_MOST_DIGITS = 15
_LOOKING = {"GET", "HEAD", "OPTIONS"}

_STATUS: dict[type[Exception], HTTPStatus] = {
    InvalidRequestError: HTTPStatus.BAD_REQUEST,
    strict_json.BadJsonError: HTTPStatus.BAD_REQUEST,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    KeyReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    StoreFullError: HTTPStatus.INSUFFICIENT_STORAGE,
    StoreBrokenError: HTTPStatus.SERVICE_UNAVAILABLE,
}


class _ProblemError(HTTPError):
    """A status, why in words, and headers that belong to it."""

    def __init__(self, status: HTTPStatus, detail: str, headers: Mapping[str, str]) -> None:
        super().__init__(status, reason=status.phrase)
        self.detail = detail
        self.headers = headers


@stream_request_body
class Handler(RequestHandler):
    """The base of every handler, the one for unknown routes included: none is reachable without the guard."""

    body_limit = 1 << 20
    for_everybody = False
    """Whether no token is needed: for what tells and does nothing. The guard holds all the same."""

    def initialize(self, context: Context) -> None:
        """Take what the application offers."""
        self.context = context
        self._body = bytearray()
        self._too_large = False
        self._welcome = False

    def set_default_headers(self) -> None:
        """Say who answers, so that a client knows what it may rely on; and let no browser make more of it."""
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    def compute_etag(self) -> None:
        """Return none: nobody is to store an answer."""

    def prepare(self) -> None:
        """Refuse who may not speak to the server, before anything is read."""
        refusal = self.context.guard.refusal(self.request.headers, self.request.protocol)
        if refusal is not None:
            self.refuse(HTTPStatus.FORBIDDEN, refusal)
        self._check_token()
        if self._announced() > max(self.body_limit, _READ_TO_THE_END):
            self._refuse_the_size()
        self._welcome = True

    def _check_token(self) -> None:
        if self.for_everybody:
            return
        scope = self.context.tokens.scope(self.request.headers.get("Authorization", ""))
        if scope is None:
            self.refuse(
                HTTPStatus.UNAUTHORIZED,
                "this server wants a token, as a bearer token or as the password",
                {"WWW-Authenticate": 'Bearer realm="kala", Basic realm="kala", charset="UTF-8"'},
            )
        if scope is not Scope.FULL and self.request.method not in _LOOKING:
            self.refuse(HTTPStatus.FORBIDDEN, "this token only allows to look")

    def _announced(self) -> int:
        length = self.request.headers.get("Content-Length", "")
        return int(length[:_MOST_DIGITS]) if length.isascii() and length.isdigit() else 0

    def _refuse_the_size(self) -> NoReturn:
        self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {self.body_limit:,} bytes")

    def data_received(self, chunk: bytes) -> None:
        """Gather the body. What is too large is still read, so that the client gets to see the answer."""
        self._too_large = self._too_large or len(self._body) + len(chunk) > self.body_limit
        if self._too_large:
            self._body.clear()
        else:
            self._body += chunk

    def raw_body(self) -> bytes:
        """Return the request's body."""
        if self._too_large:
            self._refuse_the_size()
        return bytes(self._body)

    def body(self) -> Any:
        """Return the request's JSON document. Its content type is not looked at, as Kala does not."""
        return strict_json.loads(self.raw_body())

    @property
    def query(self) -> Query:
        """What the URL says after its question mark."""
        return Query(self.request.query_arguments)

    async def ask(self, question: Callable[[State], T]) -> T:
        """Return the answer to a question about what is durable."""
        return await self.context.service.read(question)

    def answer(self, document: object, status: HTTPStatus = HTTPStatus.OK) -> None:
        """Finish with a document, written as JSON."""
        self.set_status(status)
        self.finish(to_bytes(document))

    def done(self) -> None:
        """Finish with 204: it is so, and there is nothing to say."""
        self.clear_header("Content-Type")
        self.set_status(HTTPStatus.NO_CONTENT)
        self.finish()

    def refuse(self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> NoReturn:
        """Finish with a problem that says what was wrong."""
        raise _ProblemError(status, detail, headers or {})

    # -- errors

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        """Log what is a fault of ours; what clients do wrong is theirs to hear of."""
        if self._status_of(value) >= HTTPStatus.INTERNAL_SERVER_ERROR and type(value) not in _STATUS:
            super().log_exception(typ, value, tb)

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Find the status that an error of ours stands for."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        super().send_error(int(self._status_of(error, status_code)), **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write every error as a problem (RFC 9457), with Kala's own `error` member beside it."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        status = HTTPStatus(status_code)
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.set_header("Allow", ", ".join(self._methods()))
        if status is HTTPStatus.INSUFFICIENT_STORAGE:
            self.set_header("Retry-After", "5")
        if not self._welcome:
            # Tornado closes a connection whose request it has not read: say so, or a client would use it again.
            self.set_header("Connection", "close")
        if isinstance(error, _ProblemError):
            for name, value in error.headers.items():
                self.set_header(name, value)
        problems = error.problems if isinstance(error, InvalidRequestError) else ()
        detail = self._detail(error, status)
        self.set_header("Content-Type", PROBLEM)
        self.finish(
            to_bytes(
                {
                    "type": "about:blank",
                    "title": status.phrase,
                    "status": status_code,
                    "detail": detail,
                    "errors": [_field_problem(problem) for problem in problems],
                    "error": detail,
                }
            )
        )

    def _detail(self, error: BaseException | None, status: HTTPStatus) -> str:
        if isinstance(error, _ProblemError):
            return error.detail
        if isinstance(error, tuple(_STATUS)):
            return str(error)
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            return f"{self.request.method} is not for this route; it takes {' and '.join(self._methods())}"
        return status.description or status.phrase

    def _methods(self) -> list[str]:
        return [
            name
            for name in self.SUPPORTED_METHODS
            if getattr(type(self), name.lower(), None) is not getattr(RequestHandler, name.lower())
        ]

    @staticmethod
    def _status_of(error: BaseException | None, otherwise: int = 500) -> int:
        if isinstance(error, HTTPError):
            return error.status_code
        known = (status for kind, status in _STATUS.items() if isinstance(error, kind))
        return next(known, otherwise)


def _field_problem(problem: FieldProblem) -> dict[str, Any]:
    return {"field": problem.field, "message": problem.message, "example": problem.example}


class NoSuchRoute(Handler):
    """Everything that is not a route."""

    def _refuse_whatever_is_asked(self) -> None:
        self.refuse(
            HTTPStatus.NOT_FOUND,
            f"there is no route {self.request.path}; /api/v1/openapi.json tells which there are",
        )

    get = head = post = put = patch = delete = options = _refuse_whatever_is_asked
