"""What is said of one method of one route, and short ways to say it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from kala_server.web.openapi.schemas import Schema, record

JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer when all is well; without a schema it has no body."""

    means: str
    schema: Schema | None = None
    kind: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    """What each header means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one route. `problems` are those beyond what any request, or any with an id or a body, can meet."""

    id: str
    tag: str
    summary: str
    answers: Mapping[HTTPStatus, Answer]
    parameters: tuple[Schema, ...] = ()
    body: Schema | None = None
    problems: tuple[HTTPStatus, ...] = ()
    for_everybody: bool = False


def header(name: str, means: str, schema: Schema) -> Schema:
    """Describe a header of a request."""
    return {"name": name, "in": "header", "description": means, "schema": schema}


def query(name: str, means: str, schema: Schema, *, required: bool = False) -> Schema:
    """Describe a parameter in the query of the URL."""
    told = {"name": name, "in": "query", "description": means, "required": required, "schema": schema}
    return told | ({} if required else {"allowEmptyValue": True})


def number(*, most: int, default: int) -> Schema:
    """Describe a whole number from 1 on."""
    return {"type": "integer", "minimum": 1, "maximum": most, "default": default}


def ok(means: str, **members: Schema) -> dict[HTTPStatus, Answer]:
    """Answer with an object."""
    return {HTTPStatus.OK: Answer(means=means, schema=record(**members))}


def created(means: str, **members: Schema) -> dict[HTTPStatus, Answer]:
    """Answer with an object that says what there is now."""
    return {HTTPStatus.CREATED: Answer(means=means, schema=record(**members))}


def done(means: str, headers: Mapping[str, str] | None = None) -> dict[HTTPStatus, Answer]:
    """Answer that it is so."""
    return {HTTPStatus.NO_CONTENT: Answer(means=means, headers=headers or {})}
