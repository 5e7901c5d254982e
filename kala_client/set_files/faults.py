"""What is wrong with a file of a set, and where. It knows no format."""

from collections.abc import Sequence

Path = tuple[str | int, ...]
"""Where something stands in a document: names of members, and numbers of elements."""


class SetFileError(ValueError):
    """What was read is no set; `faults` are lines that each begin with `file:line:column:`."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class WrongError(Exception):
    """What is wrong with what stands at a path; whoever knows the document makes a fault of it."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message

    @property
    def named(self) -> str:
        """The path as people write it."""
        return ".".join(map(str, self.path))


def kind_of(value: object) -> str:
    """Say what a value is, in a word of a document."""
    for kind, word in _WORDS:
        if isinstance(value, kind):
            return word
    return "nothing" if value is None else type(value).__name__


_WORDS: tuple[tuple[type, str], ...] = (
    (str, "a text"),
    (bool, "true or false"),
    (int, "a number"),
    (float, "a number"),
    (list, "a list"),
    (dict, "a table"),
)
