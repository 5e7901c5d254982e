"""From the table of operations and the schemas to one OpenAPI document. Pure."""

from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from kala_client import __version__
from kala_server.web.openapi.operation import JSON, Answer, Operation, always
from kala_server.web.openapi.operations import OPERATIONS
from kala_server.web.openapi.schemas import Schema, ref, schemas
from kala_server.web.problems import PROBLEM
from kala_server.wire.answers import to_bytes

_ABOUT = """\
A job scheduler: it runs commands on ISO 8601 repeating intervals and cron expressions, with retries, dependent jobs \
and statistics. Every path also answers with its last slash left out or added. Times are RFC 3339; field names of \
requests match in any letter case. Unknown parameters are passed over, and an empty one is as good as none. Every \
answer has the header `Kala-Server: kala-python/VERSION`.\
"""

_PROBLEMS = {
    HTTPStatus.BAD_REQUEST: "The request makes no sense as it is; every field at fault is named.",
    HTTPStatus.UNAUTHORIZED: "The server wants a token.",
    HTTPStatus.FORBIDDEN: "The token only allows to look, or the request comes from a foreign web page or Host.",
    HTTPStatus.NOT_FOUND: "There is no such job, run or set.",
    HTTPStatus.CONFLICT: "The job or run is not in a state that allows this.",
    HTTPStatus.PRECONDITION_FAILED: "It says something else by now than what If-Match names; nothing has changed.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: "The output has no bytes in this range.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The idempotency key came with another body before.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The server cannot do its work.",
    HTTPStatus.INSUFFICIENT_STORAGE: "There is no room in the store; nothing has changed.",
}
_HEADERS = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": always("How to send a token.")},
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE: {"Content-Range": always("How many bytes there are.")},
    HTTPStatus.SERVICE_UNAVAILABLE: {
        "Kala-Leader": {**always("Of a server that follows: who leads."), "required": False},
        "Retry-After": {**always("After how many seconds to try again."), "required": False},
    },
    HTTPStatus.INSUFFICIENT_STORAGE: {"Retry-After": always("After how many seconds to try again.")},
}
_TAGS = {
    "jobs": "What to run, and when",
    "runs": "What became of it",
    "server": "The server as a whole",
}
_NAME = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "The name of a set, or of a worker.",
    "schema": {"type": "string", "pattern": "^[^/]+$"},
}
_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "The id of a job or a run.",
    "schema": {"type": "string", "pattern": "^[^/]+$"},
}


@cache
def document_bytes() -> bytes:
    """Return the document as it is served."""
    return to_bytes(document())


def document() -> dict[str, Any]:
    """Return the OpenAPI document of all operations."""
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method.lower()] = _operation(path, operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Kala", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": means} for name, means in _TAGS.items()],
        # The last is for servers without tokens.
        "security": [{"bearer": []}, {"basic": []}, {}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "responses": {_name(status): _problem(status) for status in _PROBLEMS},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A token of the server."},
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "Any name, and a token as the password. Without tokens the server asks for none.",
                },
            },
        },
    }


def _operation(path: str, operation: Operation) -> dict[str, Any]:
    place = _ID if "{id}" in path else _NAME if "{name}" in path else None
    by_id = place is not None
    said: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [*([place] if place else []), *operation.parameters],
        "responses": {
            **{str(int(status)): _answer(answer) for status, answer in operation.answers.items()},
            **{str(int(status)): _reference(status) for status in _problems(operation, by_id=by_id)},
        },
    }
    if operation.body is not None:
        said["requestBody"] = {
            "required": operation.body_required,
            "content": {JSON: {"schema": operation.body}},
        }
    if operation.for_everybody:
        said["security"] = []
    return said


def _problems(operation: Operation, *, by_id: bool) -> list[HTTPStatus]:
    """Return the status of every error that the operation can answer with, in their order."""
    found = {HTTPStatus.FORBIDDEN, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, *operation.problems}
    if not operation.for_everybody:
        found.add(HTTPStatus.UNAUTHORIZED)
    if by_id or operation.body is not None:
        found.add(HTTPStatus.BAD_REQUEST)
    if by_id:
        found.add(HTTPStatus.NOT_FOUND)
    return sorted(found)


def _answer(answer: Answer) -> dict[str, Any]:
    content = {} if answer.schema is None else {"content": {answer.kind: {"schema": answer.schema}}}
    return {"description": answer.means, **_headers(answer.headers), **content}


def _problem(status: HTTPStatus) -> dict[str, Any]:
    content = {PROBLEM: {"schema": ref("Problem")}}
    return {"description": _PROBLEMS[status], **_headers(_HEADERS.get(status, {})), "content": content}


def _headers(headers: Mapping[str, Schema]) -> dict[str, Schema]:
    return {"headers": dict(headers)} if headers else {}


def _reference(status: HTTPStatus) -> dict[str, str]:
    return {"$ref": f"#/components/responses/{_name(status)}"}


def _name(status: HTTPStatus) -> str:
    return status.phrase.title().replace(" ", "").replace("-", "")
