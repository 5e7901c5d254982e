"""What Linux takes when a program is started (execve(2)), in bytes: what is beyond that can never run. Figures only."""

from collections.abc import Sequence

LONGEST_WORD = 131_071
"""Of one word, or one `NAME=value`: MAX_ARG_STRLEN without the NUL at its end."""
MOST_IN_ALL = 2 << 20
"""Of all words and variables: a quarter of the stack, which is 8 MiB where nobody changed it."""
LONGEST_PATH = 4095
"""PATH_MAX without the NUL."""
LONGEST_NAME = 255
"""NAME_MAX: of each name in a path; LOGIN_NAME_MAX without the NUL, of a user, is as much."""
_OF_EACH = 1 + 8
"""The NUL at the end of a word, and the pointer to it."""


def size(text: str) -> int:
    """Return how many bytes a text is."""
    return len(text) if text.isascii() else len(text.encode(errors="surrogateescape"))


def is_a_path(text: str) -> bool:
    """Whether a path, and each name in it, is short enough for there to be such a file."""
    return size(text) <= LONGEST_PATH and all(size(name) <= LONGEST_NAME for name in text.split("/"))


def taken(sizes: Sequence[int]) -> int:
    """Return what words or variables of these sizes take of MOST_IN_ALL."""
    return sum(sizes) + _OF_EACH * len(sizes)
