"""What is left of the call that a thread is in the middle of. No I/O; it must not know whose sockets ask.

httpx offers a timeout for each wait for bytes, and no way to pass more down to a socket than that number. So the
rest of the call travels beside it: a context variable is each thread's own, and `held` always puts it back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_remaining: ContextVar[Callable[[], float] | None] = ContextVar("kala_client.remaining", default=None)


@contextmanager
def held(remaining: Callable[[], float]) -> Iterator[None]:
    """Hold what this thread does in the block to a deadline; `remaining` tells the seconds that are left."""
    before = _remaining.set(remaining)
    try:
        yield
    finally:
        _remaining.reset(before)


def bound(timeout: float | None) -> float | None:
    """Return how many seconds one wait may take: `timeout`, but no longer than the call; None without either."""
    remaining = _remaining.get()
    if remaining is None:
        return timeout
    return remaining() if timeout is None else min(timeout, remaining())
