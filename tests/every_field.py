"""A value of every field of a job that is right and not its default, made of the table: a new field is tried, too."""

from typing import Any

from kala_client.fields import FIELDS, Field, Kind


def other(row: Field) -> Any:
    """Return such a value, as JSON has it."""
    match row.kind:
        case Kind.FLAG:
            return True
        case Kind.TYPE:
            return 1
        case Kind.CHOICE:
            return row.choices[-1]
        case Kind.WHOLE:
            return row.bounds["minimum"] + 4
        case _:
            return row.example


EVERY: dict[str, Any] = {row.name: other(row) for row in FIELDS}
_OF_OTHERS = {Kind.JOB, Kind.JOBS, Kind.TYPE, Kind.CALL}
OF_A_COMMAND: dict[str, Any] = {
    row.name: EVERY[row.name]
    for row in FIELDS
    if row.kind not in _OF_OTHERS and row.name not in {"argv", "queue"}
} | {"command": "true", "cwd": "/"}
"""What one job may say of its command all at once, with no other job there, and no other machine."""


def on_the_wire(said: dict[str, Any]) -> dict[str, Any]:
    """Return what is said by the names that it has in JSON."""
    return {row.wire: said[row.name] for row in FIELDS if row.name in said}
