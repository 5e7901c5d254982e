"""What is said of one method of one route, and short ways to say it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus

from kala_server.web.openapi.schemas import TEXT, Schema, record
from kala_server.wire.passed_over import BETWEEN, LONGEST, MOST

JSON = "application/json"

_PLAIN = r"^[\x20-\x7e]+$"
WARNING_HEADER = {
    "description": "What the request says in vain: fields that there are not, and which ones may be meant. "
    f"It is there only where there are such. `{BETWEEN}` is between two warnings.",
    "schema": {"type": "string", "pattern": _PLAIN, "maxLength": (MOST + 1) * (LONGEST + len(BETWEEN))},
}
_WARNINGS = {
    "type": "array",
    "description": f"The same, each in a sentence; the last one counts those beyond {MOST}. "
    "It is not there where the server answers as a real Kala (`--answers`).",
    "items": {"type": "string", "pattern": _PLAIN, "maxLength": LONGEST},
    "minItems": 1,
    "maxItems": MOST + 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer when all is well; without a schema it has no body."""

    means: str
    schema: Schema | None = None
    kind: str = JSON
    headers: Mapping[str, Schema] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one route. `problems` are those beyond what any request, or any with an id or a body, can meet."""

    id: str
    tag: str
    summary: str
    answers: Mapping[HTTPStatus, Answer]
    parameters: tuple[Schema, ...] = ()
    body: Schema | None = None
    body_required: bool = True
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


def done(means: str, headers: Mapping[str, Schema] | None = None) -> dict[HTTPStatus, Answer]:
    """Answer that it is so."""
    return {HTTPStatus.NO_CONTENT: Answer(means=means, headers=headers or {})}


def always(means: str) -> Schema:
    """Describe a header that is always there."""
    return {"description": means, "required": True, "schema": TEXT}


def warned(answers: Mapping[HTTPStatus, Answer]) -> dict[HTTPStatus, Answer]:
    """Let the answers, which are objects, tell of fields that were passed over."""
    return {status: _warned(answer) for status, answer in answers.items()}


def record_with_warnings(**members: Schema) -> Schema:
    """Describe an object that may tell of fields that were passed over."""
    return _with_warnings(record(**members))


def _with_warnings(schema: Schema) -> Schema:
    return schema | {"properties": schema["properties"] | {"warnings": _WARNINGS}}


def _warned(answer: Answer) -> Answer:
    assert answer.schema is not None
    return replace(
        answer,
        schema=_with_warnings(answer.schema),
        headers={**answer.headers, "Kala-Warning": WARNING_HEADER},
    )
