"""Ids of new jobs, and of runs that are asked for: random UUIDs (RFC 9562, version 4). It knows neither."""

from collections.abc import Callable
from os import urandom

_BYTES = 16
_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""The first digit of the fourth group says which kind of UUID it is."""


class Ids:
    """Where they come from."""

    def __init__(self, random: Callable[[int], bytes] = urandom) -> None:
        """Draw them from what gives so many random bytes."""
        self._random = random

    def new(self) -> str:
        """Return an id."""
        return self.several(1)[0]

    def several(self, count: int) -> list[str]:
        """Return so many; `uuid4` asks the kernel for each and makes an object of it: five times as long."""
        random = self._random(count * _BYTES).hex()
        digits = (random[at : at + 2 * _BYTES] for at in range(0, len(random), 2 * _BYTES))
        return [f"{d[:8]}-{d[8:12]}-4{d[13:16]}-{_VARIANT[d[16]]}{d[17:20]}-{d[20:]}" for d in digits]
