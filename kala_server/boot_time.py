"""A clock that nobody can set, to tell how long a right lasts. It knows nothing of the wall's."""

import time


def boot_time() -> float:
    """Return the seconds since this machine was started, with those in which it slept."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
