"""What a request says that nobody here understands: it is passed over, as in Kala, but not in silence. Pure.

Members that either Kala or we own are never named, as Go's client sends back all that it got.
"""

import json
from collections.abc import Iterable

from kala_client._model.nearest import nearest
from kala_client.fields import COUNTERS, FIELDS, OF_A_CALL, OF_THE_SERVER

MOST = 20
"""Fields that one answer names; those that are left are counted in one warning more."""
LONGEST = 190
"""Characters of a warning: a header is to stay below the 4 KiB that proxies allow."""
BETWEEN = " | "
"""What is between two warnings in a header."""
_TOLD = 40
"""Characters of a name in a warning."""

_TAKEN = [row.wire for row in FIELDS]
_PLAIN = frozenset(_TAKEN) - {"remote_properties"}
"""What there is nothing to tell of, as it is spelled by most."""
_MEMBERS = [row.wire for row in OF_A_CALL]
_KNOWN = frozenset(row.wire.lower() for row in (*FIELDS, *COUNTERS, *OF_THE_SERVER))


class PassedOver:
    """Gathers what the jobs of one request say in vain."""

    def __init__(self) -> None:
        self._warnings: list[str] = []
        self._more = 0

    def look(self, document: object, place: str = "") -> None:
        """Look at a job, or at the change of one; `place` is where in the request it stands."""
        if not isinstance(document, dict):
            return
        if document.keys() <= _PLAIN:
            return
        before = f"{place}." if place else ""
        for name, value in document.items():
            lower = name.lower()
            if lower not in _KNOWN:
                self.note(name, _TAKEN, before)
            elif lower == "remote_properties" and isinstance(value, dict):
                for inner in value:
                    if inner.lower() not in _MEMBERS:
                        self.note(inner, _MEMBERS, f"{before}{lower}.")

    def note(self, name: str, taken: Iterable[str], place: str = "") -> None:
        """Take note of a member that is passed over, where others are taken; `place` is our own text.

        Which of these is meant is looked for only where it is told: it takes 0.2 ms.
        """
        if len(self._warnings) == MOST:
            self._more += 1
            return
        meant = nearest(name, taken)
        hint = f"; did you mean {meant}?" if meant else ""
        self._warnings.append(
            f"{place}{_printable(name)}: there is no such field, so it was passed over{hint}"
        )

    def say(self, warning: str) -> None:
        """Tell of something else that the request may not have meant; it is our own text."""
        if warning not in self._warnings and len(self._warnings) < MOST:
            self._warnings.append(warning)

    @property
    def warnings(self) -> list[str]:
        """What there is to tell, each in a sentence."""
        return [*self._warnings, *([f"{self._more} more fields were passed over"] if self._more else [])]

    @property
    def header(self) -> str:
        """All of it as the value of a header."""
        return BETWEEN.join(self.warnings)


def with_warnings(parts: list[bytes], warnings: Iterable[str]) -> list[bytes]:
    """Return the parts of an answer that is an object, with the warnings as its last member."""
    *begin, end = parts
    assert end.endswith(b"}\n")
    return [*begin, b'%b,"warnings":%b}\n' % (end[:-2], json.dumps(list(warnings)).encode())]


def _printable(name: str) -> str:
    """Return a name, or the beginning of it, as a header may hold it: ASCII without control characters."""
    shown = ""
    for character in name:
        shown += json.dumps(character)[1:-1].replace("\x7f", "\\u007f")
        if len(shown) > _TOLD:
            return f"{shown}..."
    return shown
