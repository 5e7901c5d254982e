"""Why an owner's wish is refused: nothing has changed when one of these is raised."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

MOST_TOLD = 100
"""Problems that are told of one request: of ten thousand in one list nobody reads more, and to word them takes time."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field of a job, and what would be right."""

    field: str
    message: str
    example: object = None


class RefusedError(Exception):
    """The root of every refusal."""

    def without_frames(self) -> Self:
        """Let go of where it was raised: those frames hold it too, and then only the garbage collector frees them."""
        self.__traceback__ = self.__context__ = None
        return self


class InvalidRequestError(RefusedError):
    """What was asked for makes no sense as it is; names every field or parameter at fault."""

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__(
            "; ".join(f"{problem.field}: {problem.message}".removeprefix(": ") for problem in problems)
        )
        self.problems = tuple(problems)


class InvalidJobError(InvalidRequestError):
    """A job cannot be accepted as it is."""

    def within(self, place: str) -> "InvalidJobError":
        """Return the same problems, of the job that stands at that place of the request."""
        if not place:
            return self
        return InvalidJobError(
            [replace(problem, field=f"{place}.{problem.field}".rstrip(".")) for problem in self.problems]
        )


class NotFoundError(RefusedError):
    """There is no such job or run."""


class ConflictError(RefusedError):
    """The job or run is not in a state that allows this; says which state would."""


class ChangedMeanwhileError(ConflictError):
    """The job no longer says what the change was made from; make it again from what it says now."""


class KeyReusedError(RefusedError):
    """The idempotency key came with another body before."""
