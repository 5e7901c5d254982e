"""Keeping the garbage collector from what it would look at again and again, and find nothing. No I/O."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_NEVER = 2**31 - 1


@contextmanager
def only_newest_collected() -> Iterator[None]:
    """Let garbage be looked for among the newest objects only in the block, which makes many and no cycles of them.

    So each is looked at once, while it is in the processor's cache: after the block, together, that takes longer.
    The thresholds are those of the whole process, and a child that is forked inherits them. So they are touched
    only where no other thread could notice; and a collector that is off stays off.
    """
    if threading.active_count() > 1:
        yield
        return
    newest, *older = gc.get_threshold()
    gc.set_threshold(newest, _NEVER, _NEVER)
    try:
        yield
    finally:
        gc.set_threshold(newest, *older)
