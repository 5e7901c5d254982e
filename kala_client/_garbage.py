"""Leaving out the garbage collector where it would look at much and could find nothing. No I/O."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Let no garbage be looked for in the block, which makes many objects and no cycles of them.

    The switch is one for the whole process. Garbage of other threads waits until the end of the block; where two
    threads are in such blocks, the first one that leaves its own ends both. A collector that is off stays off.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
