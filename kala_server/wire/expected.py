"""What belongs into each field of a request, in words and by its example, for whoever sent something else. Pure.

What was sent instead is told by its kind only: it may be a secret.
"""

from pydantic_core import ErrorDetails

from kala_client.fields import FIELD, Kind
from kala_server.core.errors import FieldProblem, InvalidJobError

_KINDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number of 64 bits",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "an array",
    "tuple_type": "an array",
    "dict_type": "an object",
    "mapping_type": "an object",
    "dataclass_type": "an object",
}
_WORDS = {
    Kind.TYPE: "0 (a command) or 1 (an HTTP call)",
    Kind.SCHEDULE: "R[n]/START/PERIOD, a cron line or never, as a text,",
    **dict.fromkeys((Kind.TEXTS, Kind.JOBS), "an array of texts"),
}
"""Where the type alone does not tell what is meant."""
_LONGEST = 999_999_999
"""Seconds of which an example is made."""


def problem(detail: ErrorDetails) -> FieldProblem:
    """Say what belongs where something else is."""
    path = [str(part) for part in detail["loc"]]
    said, row = detail["input"], FIELD[path[0]]
    example = row.example
    what = _KINDS.get(detail["type"])
    if detail["type"] == "enum":
        message = f"{detail.get('ctx', {})['expected']} belongs here, not {_kind_or_text(said)}"
    elif what is None:
        message = detail["msg"].removeprefix("Input ").replace("should be", "must be").removeprefix("should ")
    elif len(path) > 1:
        message = f"{what} belongs here, not {kind_of(said)}"
    elif row.kind is Kind.DURATION:
        example = _duration(said) or example
        message = f"a duration such as {example} belongs here, not {kind_of(said)}"
    else:
        message = f"{_WORDS.get(row.kind, what)} belongs here, not {kind_of(said)}"
    inside = "" if len(path) < 2 else f" (at {'.'.join(path)})"
    return FieldProblem(row.wire, f"{message}{inside}", example)


def no_object(document: object) -> InvalidJobError:
    """Say that a document is none of a job."""
    message = f"a JSON object belongs here, not {kind_of(document)}"
    return InvalidJobError([FieldProblem("", message, {"name": "hello", "command": "date"})])


def kind_of(value: object) -> str:
    """Say what kind of JSON value it is."""
    if isinstance(value, float) and not value.is_integer():
        return "a fraction"
    named = {list: "an array", tuple: "an array", dict: "an object", str: "a text", bool: "a boolean"}
    return "null" if value is None else named.get(type(value), "a number")


def _kind_or_text(value: object) -> str:
    """Choices are no secrets, but who knows what a long text is."""
    return repr(value) if isinstance(value, str) and len(value) <= 20 else kind_of(value)


def _duration(said: object) -> str | None:
    """Return the duration that a number is meant to be: seconds."""
    if isinstance(said, bool) or not isinstance(said, int) or not 0 < said < _LONGEST:
        return None
    return f"PT{said}S"
