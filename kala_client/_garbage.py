"""Leaving out the garbage collector where it would look at much and could find nothing. No I/O."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Let no garbage be looked for in the block, which makes many objects and no cycles of them.

    The switch is one for the whole process, and a child that is forked inherits it. So it is touched only where no
    other thread could notice; and a collector that is off stays off.
    """
    if not gc.isenabled() or threading.active_count() > 1:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
