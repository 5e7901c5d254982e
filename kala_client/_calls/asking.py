"""Calls that ask for something, and change nothing: what they have in common. No I/O."""

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel

from kala_client._calls import envelopes
from kala_client._calls.answers import Answer
from kala_client._calls.call import Call, Params, Repeatable

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


def get(
    path: str, read: Callable[[Answer], T], *, params: Params | None = None, added: bool = False
) -> Call[T]:
    """Ask for something; to ask again is safe."""
    return Call("GET", path, read, params=params or {}, repeatable=Repeatable.ALWAYS, added=added)


def ask(path: str, model: type[M], params: Params) -> Call[M]:
    """Ask a route that kala_server has added, whose answer is of this model."""
    return get(path, lambda answer: envelopes.read(answer, model), params=params, added=True)
