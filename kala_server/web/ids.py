"""Ids of new jobs: random UUIDs (RFC 9562, version 4), many at once, as a batch has ten thousand."""

from os import urandom

_BYTES = 16
_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""The first digit of the fourth group says which kind of UUID it is."""


def new_ids(count: int) -> list[str]:
    """Return so many ids; `uuid4` asks the kernel for each and makes an object of it: five times as long."""
    random = urandom(count * _BYTES).hex()
    digits = (random[at : at + 2 * _BYTES] for at in range(0, len(random), 2 * _BYTES))
    return [f"{d[:8]}-{d[8:12]}-4{d[13:16]}-{_VARIANT[d[16]]}{d[17:20]}-{d[20:]}" for d in digits]
