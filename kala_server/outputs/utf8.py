"""Where text may be cut: between the characters of UTF-8 (RFC 3629). It knows bytes, and not where they come from.

What is not UTF-8 has no characters, so it may be cut anywhere.
"""

from codecs import utf_8_decode
from contextlib import suppress

LONGEST = 4
"""Bytes of a character, at the most: so three on either side of a place say whether it is within one."""


def unfinished(text: bytes) -> int:
    """Return how many bytes at the end are the beginning of a character, which more bytes may complete."""
    end = text[-(LONGEST - 1) :]
    return len(end) - utf_8_decode(end, "replace", False)[1]


def parted(before: bytes, after: bytes) -> tuple[int, int]:
    """Return how many bytes on either side belong to the character that lies on both; none where none does."""
    begun = unfinished(before)
    for more in range(1, LONGEST) if begun else ():
        with suppress(UnicodeDecodeError):
            if len((before[-begun:] + after[:more]).decode()) == 1:
                return begun, more
    return 0, 0
