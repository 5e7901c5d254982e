"""Waiting for what another process or thread will do. Tests of our own code inject a clock instead."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 90.0
"""Seconds after which what does not happen is said never to: no time is judged by it, so it is far more than a busy
machine takes, and less than pytest's own limit for a test."""


def eventually(question: Callable[[], T | None], *, within: float = PATIENCE, every: float = 0.02) -> T:
    """Ask until the answer is a true one, and return it; fails with the last answer after `within` seconds."""
    deadline = time.monotonic() + within
    while not (answer := question()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still {answer!r} after {within:g} s")
        time.sleep(every)
    return answer
