"""What is long and is done step by step, so that whoever makes the steps may let others go on between them.

Who makes them is no business of the core (`kala_server/service/slices.py`).
"""

from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

Steps = Generator[None, None, T]
"""Something long: yields between steps of a millisecond at the most, and returns what it comes to."""

A_STEP = 256
"""Entries of a table that are gone through between two yields."""


def to_the_end(steps: Steps[T]) -> T:
    """Do all of it now, where nobody waits."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
