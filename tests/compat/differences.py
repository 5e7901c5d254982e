"""How an answer of ours differs from a recorded one.

`null` where the other has an empty list or object is no difference, as clients of both Kalas read either. A field more
is one where a server answers as one of the Kalas alone (`exactly`).
"""

import re
from collections.abc import Iterator, Sized
from typing import Any

_ID = re.compile(r"[0-9a-f-]{36}")
NEVER = "0001-01-01T00:00:00Z"
MEASURED = {"ran_at", "last_success", "last_error", "last_attempted_run", "created", "execution_duration"}
"""Fields whose values depend on the moment of the recording: only their type counts, and whether it has come."""


def differences(theirs: Any, ours: Any, where: str = "", *, exactly: bool = False) -> Iterator[str]:
    """Yield what is missing in our document, or is another type or value there; `exactly`: or what is more there."""
    theirs, ours = _without_nulls(theirs), _without_nulls(ours)
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for name in theirs:
            yield from _of_field(name, theirs, ours, f"{where}.{name}".lstrip("."), exactly)
        if exactly:
            yield from (
                f"{where}: {'one' if _ID.fullmatch(name) else name} more"
                for name in ours.keys() - theirs.keys()
            )
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for number, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from differences(one, other, f"{where}[{number}]", exactly=exactly)
    elif theirs != ours or type(theirs) is not type(ours):
        yield f"{where}: {_shown(theirs)} → {_shown(ours)}"


def _of_field(
    name: str, theirs: dict[str, Any], ours: dict[str, Any], where: str, exactly: bool
) -> Iterator[str]:
    if name not in ours:
        yield f"{where}: missing"
        return
    one, other = theirs[name], ours[name]
    if name in MEASURED:
        one, other = _come(one), _come(other)
    elif name == "next_run_at":  # Kala adds what is left to the time of the request: its nanoseconds vary
        one, other = one[:19], other[:19]
    yield from differences(one, other, where, exactly=exactly)


def _come(value: Any) -> str:
    return "never" if value == NEVER else f"some {type(value).__name__}"


def _without_nulls(value: Any) -> Any:
    """Take what is empty for `null`; the Kala of 2015 even puts `null` into the list of a job's runs."""
    if isinstance(value, list):
        value = [item for item in value if item is not None]
    return None if value in ([], {}) else value


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return f"{len(value)} items" if isinstance(value, Sized) and not isinstance(value, str) else str(value)
