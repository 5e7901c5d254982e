"""The garbage collector: a process that is ours alone spares it what is here to stay, any other is left as it is.

The state is large, and nothing in it refers to itself. But the collector is the whole process's: in a program that runs
a server beside its own work, objects of its own would be kept for good, and its thresholds changed.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_USUAL = gc.get_threshold()
_NEWEST = 5_000
"""Objects that are looked through in a millisecond at the most."""
_NEVER = 1_000_000


class Garbage:
    """That of somebody else's process: nothing is done about it."""

    @contextmanager
    def only_the_newest_looked_at(self) -> Iterator[None]:
        """Let the block make much."""
        yield

    def keep_what_is_here(self, *, clean: bool = False) -> None:
        """Take note that what is here is to stay."""


class OurGarbage(Garbage):
    """That of a process which does nothing but serve."""

    def __init__(self) -> None:
        self._blocks = 0
        """How many last in which only the newest is looked at."""

    @contextmanager
    def only_the_newest_looked_at(self) -> Iterator[None]:
        """Look for garbage among the newest objects only, at each once, while much is made.

        To look through all of it again and again takes a tenth of the time, and to do so once at the end holds the
        loop. Of several such blocks at once, the last to end lets the collector go on as usual.
        """
        self._blocks += 1
        gc.set_threshold(_NEWEST, _NEVER, _NEVER)
        try:
            yield
        finally:
            self._blocks -= 1
            if not self._blocks:
                gc.set_threshold(*_USUAL)

    def keep_what_is_here(self, *, clean: bool = False) -> None:
        """Never look again through what is here now: a full pass over 100,000 jobs holds the loop for 0.1 s.

        What is garbage by now would stay with it, such as an error that refers to itself by way of its traceback. So
        the newest is looked through once more before, unless it is known to be `clean`.
        """
        if not clean:
            gc.collect(0)
        gc.freeze()
