"""Why an owner's wish is refused: nothing has changed when one of these is raised."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field of a job, and what would be right."""

    field: str
    message: str
    example: object = None


class RefusedError(Exception):
    """The root of every refusal."""


class InvalidJobError(RefusedError):
    """A job cannot be accepted as it is; names every field at fault."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.message}" for problem in problems))
        self.problems = tuple(problems)


class NotFoundError(RefusedError):
    """There is no such job or run."""


class ConflictError(RefusedError):
    """The job or run is not in a state that allows this; says which state would."""


class KeyReusedError(RefusedError):
    """The idempotency key came with another body before."""
