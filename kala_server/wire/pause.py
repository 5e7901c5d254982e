"""A pause of the whole server: why, as it is asked for, and what is told of it."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kala_server.core.errors import FieldProblem, InvalidRequestError
from kala_server.core.state.state import State

LONGEST_REASON = 200
"""Characters: it is repeated in the ledger of each job."""

_EXAMPLE = {"reason": "the database moves until 18:00, ask Ana"}


class PauseRequest(BaseModel):
    """What may be said of a pause."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: Annotated[str, Field(max_length=LONGEST_REASON)] = ""


def read_reason(document: object) -> str:
    """Return the reason that a request names, empty where it names none. Raises InvalidRequestError."""
    try:
        reason = PauseRequest.model_validate(document).reason.strip()
    except ValidationError as error:
        raise InvalidRequestError(
            [_problem(found["loc"], found["msg"]) for found in error.errors()]
        ) from None
    if not reason.isprintable():
        raise InvalidRequestError([_problem(("reason",), "it is one line of text that can be printed")])
    return reason


def _problem(where: tuple[int | str, ...], message: str) -> FieldProblem:
    field = str(where[0]) if where else ""
    return FieldProblem(field, message, _EXAMPLE.get(field, _EXAMPLE))


def pause(state: State) -> dict[str, Any]:
    """Return whether the server is paused, since when and why."""
    there = state.pause
    return {
        "paused": there is not None,
        "since": there.at if there else None,
        "reason": there.reason if there else "",
    }
