"""What all handlers share: the guard, the reading of bodies, the answer.

A handler is one request, from its head to its answer, as Tornado's HTTP server tells of it. Tornado's `RequestHandler`
does that too, with templates, cookies and forms beside it, which took a sixth of all that a small request costs.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any, NoReturn, TypeVar

from tornado.http1connection import HTTP1Connection
from tornado.httputil import (
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerRequest,
    ResponseStartLine,
    format_timestamp,
)

from kala_client import __version__
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.tokens import Scope
from kala_server.web.context import Context
from kala_server.web.problems import PROBLEM, ProblemError, problem_of
from kala_server.web.query import Query
from kala_server.wire import strict_json
from kala_server.wire.answers import to_bytes

T = TypeVar("T")

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
JSON = "application/json;charset=UTF-8"

HEADERS = {
    "Server": f"kala-python/{__version__}",
    "Kala-Server": f"kala-python/{__version__}",
    "Content-Type": JSON,
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Who answers, so that a client knows what it may rely on; and that no browser is to make more of it, or keep it."""

_READ_TO_THE_END = 32 << 20
"""A body of more bytes than this is not even read; its sender may then not get to see the answer."""
_SMALL = 4 << 10
"""Bytes of a body that are counted at once; for more of them requests take turns."""
_A_MOMENT = 0.0005
"""Seconds that a request may compute at once: what most of them take in all."""
_MOST_DIGITS = 15
_LOOKING = {"GET", "HEAD", "OPTIONS"}

_log = logging.getLogger("kala.web")


class Handler(HTTPMessageDelegate):
    """The base of every handler, the one for unknown routes included: none is reachable without the guard.

    A subclass has a coroutine for each method that its route takes, named as `get`, which takes what the path says.
    """

    body_limit = 1 << 20
    most_values = strict_json.MOST_VALUES
    """Of the document in the body."""
    for_everybody = False
    """Whether no token is needed: for what tells and does nothing. The guard holds all the same."""
    whatever_host = False
    """Whether Host is not looked at: machines ask by any name, and what is told is not worth a rebound one."""
    by_links = False
    """Whether a link on a page of another site may lead here: to what holds no data and does nothing."""

    def __init__(self, context: Context, request: HTTPServerRequest, *arguments: str) -> None:
        assert isinstance(request.connection, HTTP1Connection)
        self.context = context
        self.request = request
        self.headers = dict(HEADERS)
        """Those of the answer."""
        self.connection = request.connection
        self._arguments = arguments
        self._body = bytearray()
        self._census = strict_json.Census(self.most_values)
        self._unfit: Exception | None = None
        """What is wrong with the body, as soon as that is certain; nothing of it is kept then."""
        self.begun = False
        """Whether the head of the answer is sent."""
        self._responding: asyncio.Task[None] | None = None
        """Kept, as the loop itself does not keep its tasks."""

    @classmethod
    def methods(cls) -> list[str]:
        """Return the methods that the route takes."""
        return [name for name in METHODS if hasattr(cls, name.lower())]

    # -- from the connection

    def headers_received(self, start_line: object, headers: object) -> None:  # noqa: ARG002 - as they are called
        """Refuse who may not speak to the server, before anything is read."""
        try:
            self._check_sender()
            self._check_size()
        except Exception as error:  # noqa: BLE001 - it is told
            # Tornado closes a connection whose request it has not read: say so, or a client would use it again.
            self._tell(error, {"Connection": "close"})

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Gather the body. What is refused is still read, so that the client gets to see the answer."""
        if len(chunk) > _SMALL:
            return self._take_in_turn(chunk)
        self._take(chunk)
        return None

    async def _take_in_turn(self, chunk: bytes) -> None:
        for begin in range(0, len(chunk), strict_json.PIECE):
            if self._unfit is None:
                await self.context.turns.take()
                self._take(chunk[begin : begin + strict_json.PIECE])

    def _take(self, chunk: bytes) -> None:
        if self._unfit is not None:
            return
        try:
            if len(self._body) + len(chunk) > self.body_limit:
                raise self._beyond_the_size()
            self._census.count(chunk)
            self._body += chunk
        except (ProblemError, strict_json.BadJsonError) as error:
            self._unfit = error
            self._body = bytearray()

    def finish(self) -> None:
        """Carry the request out, as all of it is here."""
        self._responding = asyncio.get_running_loop().create_task(self._respond())

    async def _respond(self) -> None:
        try:
            await self.action()(*self._arguments)
        except asyncio.CancelledError:
            self.connection.close()  # there will be no answer, or no more of it
            raise
        except Exception as error:  # noqa: BLE001 - it is told
            self._tell(error)

    def action(self) -> Callable[..., Awaitable[None]]:
        """Return what is to be done."""
        method = self.request.method
        found: Callable[..., Awaitable[None]] | None = (
            getattr(self, method.lower(), None) if method in METHODS else None
        )
        if found is None:
            taken = self.methods()
            message = f"{method} is not for this route; it takes {' and '.join(taken)}"
            self.refuse(HTTPStatus.METHOD_NOT_ALLOWED, message, {"Allow": ", ".join(taken)})
        return found

    # -- the request

    def _check_sender(self) -> None:
        refusal = self.context.guard.refusal(
            self.request.headers,
            self.request.protocol,
            whatever_host=self.whatever_host,
            by_links=self.by_links and self.request.method in {"GET", "HEAD"},
        )
        if refusal is not None:
            self.refuse(HTTPStatus.FORBIDDEN, refusal)
        if self.for_everybody:
            return
        scope = self.context.tokens.scope(self.request.headers.get("Authorization", ""))
        if scope is None:
            self.refuse(
                HTTPStatus.UNAUTHORIZED,
                "this server wants a token, as a bearer token or as the password",
                {"WWW-Authenticate": self._challenge()},
            )
        if scope is not Scope.FULL and self.request.method not in _LOOKING:
            self.refuse(HTTPStatus.FORBIDDEN, "this token only allows to look")

    def _challenge(self) -> str:
        """Say how to show a token; to a page's script not by Basic, for which a browser would open a dialog.

        Basic comes first, as Chromium looks at the first of one line only.
        """
        by_script = self.request.headers.get("Sec-Fetch-Dest") == "empty"
        return ("" if by_script else 'Basic realm="kala", charset="UTF-8", ') + 'Bearer realm="kala"'

    def _announced(self) -> int:
        length = self.request.headers.get("Content-Length", "")
        return int(length[:_MOST_DIGITS]) if length.isascii() and length.isdigit() else 0

    def _check_size(self) -> None:
        if self._announced() > max(self.body_limit, _READ_TO_THE_END):
            raise self._beyond_the_size()

    def _beyond_the_size(self) -> ProblemError:
        message = f"the body is larger than {self.body_limit:,} bytes"
        return ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message)

    def raw_body(self) -> bytearray:
        """Return the request's body, which holds no more than a document may."""
        if self._unfit is not None:
            raise self._unfit
        return self._body

    async def body(self) -> Any:
        """Return the request's JSON document. Its content type is not looked at, as Kala does not.

        What is large is decoded in a turn of its own: a mebibyte of escapes takes 8 ms, and as long to be made a job.
        """
        raw = self.raw_body()
        if len(raw) <= _SMALL:
            return strict_json.decode(raw)
        await self.context.turns.take()
        document = strict_json.decode(raw)
        await self.context.turns.take()
        return document

    @property
    def query(self) -> Query:
        """What the URL says after its question mark."""
        return Query(self.request.query_arguments)

    async def ask(self, question: Callable[[State], T]) -> T:
        """Return the answer to a question about what is durable."""
        return await self.context.service.read(question)

    async def ask_long(self, question: Callable[[State], Steps[T]]) -> T:
        """Return the answer to a question that may take long: each slice of it is about what is durable then.

        It need not wait for a turn where it does not.
        """
        turns = self.context.turns
        steps = await self.ask(question)
        done = await self.ask(lambda _: turns.slice_of(steps, _A_MOMENT))
        while not done:
            await turns.take()
            done = await self.ask(lambda _: turns.slice_of(steps))
        return done[0]

    # -- the answer

    def answer(self, document: object, status: HTTPStatus = HTTPStatus.OK) -> None:
        """Answer with JSON."""
        self.send(to_bytes(document), status)

    def send(self, body: bytes, status: HTTPStatus = HTTPStatus.OK) -> None:
        """Answer with a body as it is."""
        self.headers["Content-Length"] = str(len(body))
        self.begin(status, b"" if self.request.method == "HEAD" else body)
        self.connection.finish()

    def done(self) -> None:
        """Answer with 204: it is so, and there is nothing to say."""
        del self.headers["Content-Type"]
        self.begin(HTTPStatus.NO_CONTENT)
        self.connection.finish()

    def unchanged(self) -> None:
        """Answer with 304: what the client has is as it is here."""
        self.begin(HTTPStatus.NOT_MODIFIED)
        self.connection.finish()

    def begin(self, status: HTTPStatus = HTTPStatus.OK, chunk: bytes = b"") -> Awaitable[None]:
        """Send the head, and a first part of the body; what is returned is done when that is on its way."""
        self.begun = True
        headers = {"Date": _date(self.context.service.clock.now().replace(microsecond=0)), **self.headers}
        if self.context.service.follows:
            headers["Kala-Lag"] = f"{self.context.role().lag:.3f}"
        return self.connection.write_headers(
            ResponseStartLine("HTTP/1.1", status, status.phrase), HTTPHeaders(headers), chunk
        )

    def refuse(self, status: HTTPStatus, detail: str, headers: dict[str, str] | None = None) -> NoReturn:
        """Answer with a problem that says what was wrong."""
        raise ProblemError(status, detail, headers or {})

    def _tell(self, error: Exception, headers: dict[str, str] | None = None) -> None:
        problem = problem_of(error)
        if problem.status is HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("%s could not be answered", type(self).__name__, exc_info=error)
        if self.begun:
            # Nobody is to take what there is of the answer for the whole of it.
            self.connection.close()
            return
        self.headers = {**HEADERS, "Content-Type": PROBLEM, **problem.headers, **(headers or {})}
        self.send(problem.body(), problem.status)


@lru_cache(maxsize=1)
def _date(second: datetime) -> str:
    return format_timestamp(second)


class NoSuchRoute(Handler):
    """Everything that is not a route; with a hint at what would be one."""

    def __init__(self, context: Context, request: HTTPServerRequest, hint: str) -> None:
        super().__init__(context, request)
        self._hint = hint

    def action(self) -> NoReturn:
        """Refuse whatever is asked."""
        self.refuse(
            HTTPStatus.NOT_FOUND,
            f"there is no route {self.request.path}; {self._hint}",
        )
