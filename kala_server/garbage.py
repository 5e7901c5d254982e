"""Spares the garbage collector what is here to stay: the state is large, and nothing in it refers to itself."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def garbage_left_alone() -> Iterator[None]:
    """Keep the garbage collector from looking through what is made here, now and later: it is here to stay.

    A full pass over 100,000 jobs holds the loop for a tenth of a second, and to look through the jobs of a large batch
    again and again while they are made takes a tenth of the time of their creation.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
