"""What is asked of many jobs at once: read strictly, as a filter that was not understood would mean every job."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kala_server.core.errors import MOST_TOLD, FieldProblem, InvalidRequestError
from kala_server.core.model import inputs


class Action(StrEnum):
    """What is to be done to each job."""

    ENABLE = "enable"
    DISABLE = "disable"
    START = "start"
    DELETE = "delete"


class Filter(BaseModel):
    """Which jobs are meant: those to which all of it applies; what is empty says nothing."""

    model_config = ConfigDict(extra="forbid", strict=True)

    q: str = ""
    name: str = ""
    owner: str = ""
    tag: str = ""
    state: str = ""


class Bulk(BaseModel):
    """What is asked of many jobs at once."""

    model_config = ConfigDict(extra="forbid", strict=True)

    action: Annotated[Action, Field(strict=False)]
    ids: list[str] | None = None
    filter: Filter | None = None
    expect: Annotated[int, Field(ge=0)] | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Meant:
    """A job that is meant, by its name as it was, and the run that it is to have where it is started."""

    id: str
    name: str
    run_id: str | None = None

    def wish(self, action: Action) -> inputs.Wish:
        """Return what its owner wants."""
        match action:
            case Action.ENABLE:
                return inputs.EnableJob(id=self.id)
            case Action.DISABLE:
                return inputs.DisableJob(id=self.id)
            case Action.DELETE:
                return inputs.DeleteJob(id=self.id)
            case Action.START:
                assert self.run_id is not None
                return inputs.StartJob(id=self.id, run_id=self.run_id)


_EXAMPLES: Mapping[str, Any] = {
    "action": "disable",
    "ids": ["93b65499-b211-49ce-57e0-19e735cc5abd"],
    "filter": {"tag": "night"},
    "expect": 12,
    "dry_run": True,
}


def read_bulk(document: object) -> Bulk:
    """Return what is asked. Raises InvalidRequestError."""
    try:
        asked = Bulk.model_validate(document)
    except ValidationError as error:
        raise InvalidRequestError(
            [_problem(found["loc"], found["msg"]) for found in error.errors()[:MOST_TOLD]]
        ) from None
    if (asked.ids is None) == (asked.filter is None):
        raise _wrong("ids", "say either ids, or a filter; {} is every job")
    if asked.filter is not None and asked.expect is None and not asked.dry_run:
        raise _wrong(
            "expect", "say how many jobs the filter finds, so that none is meant that you have not seen"
        )
    return asked


def _problem(where: tuple[int | str, ...], message: str) -> FieldProblem:
    field = str(where[0]) if where else ""
    inside = f" (at {'.'.join(map(str, where))})" if len(where) > 1 else ""
    return FieldProblem(field, f"{message}{inside}", _EXAMPLES.get(field, _EXAMPLES))


def _wrong(field: str, message: str) -> InvalidRequestError:
    return InvalidRequestError([FieldProblem(field, message, _EXAMPLES[field])])
