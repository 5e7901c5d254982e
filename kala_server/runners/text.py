"""Text as the system has it: bytes, in UTF-8 whatever the locale says.

`os.fsencode` goes by the locale, and under LC_ALL=C knows no "é". What is no UTF-8 comes through unchanged.
"""

from collections.abc import Iterable, Mapping

_HOW = ("utf-8", "surrogateescape")


def to_system(text: str) -> bytes:
    """Return what the system gets of a text."""
    return text.encode(*_HOW)


def from_system(raw: bytes) -> str:
    """Return the text of what the system has; `to_system` takes it back."""
    return raw.decode(*_HOW)


def all_to_system(variables: Mapping[str, str]) -> dict[bytes, bytes]:
    """Return an environment as the system gets it."""
    return {to_system(name): to_system(value) for name, value in variables.items()}


def all_from_system(variables: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the text of an environment."""
    return {from_system(name): from_system(value) for name, value in variables}
