"""Spares the garbage collector what is here to stay: the state is large, and nothing in it refers to itself."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_USUAL = gc.get_threshold()
_NEWEST = 5_000
"""Objects that are looked through in a millisecond at the most."""
_NEVER = 1_000_000


@contextmanager
def only_the_newest_looked_at() -> Iterator[None]:
    """Look for garbage among the newest objects only, at each once, while much is made.

    To look through all of it again and again takes a tenth of the time, and to do so once at the end holds the loop.
    It is for the whole process. Of two such blocks at once, the first to end lets the collector go on as usual.
    """
    gc.set_threshold(_NEWEST, _NEVER, _NEVER)
    try:
        yield
    finally:
        gc.set_threshold(*_USUAL)


def keep_what_is_here(*, clean: bool = False) -> None:
    """Never look again through what is here now: a full pass over 100,000 jobs holds the loop for a tenth of a second.

    What is garbage by now would stay with it, such as an error that refers to itself by way of its traceback. So the
    newest is looked through once more before, unless it is known to be `clean`.
    """
    if not clean:
        gc.collect(0)
    gc.freeze()
