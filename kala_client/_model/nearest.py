"""Which known name is meant by one that is not known: only one that is plainly the same word, mistyped.

What does something else is worse than no advice: whoever is told `--no-persist` for `--no-tx-persist`, or `disabled`
for `enabled`, may take it. So names are compared word by word, not by how many letters they share. Pure.
"""

import re
from collections.abc import Iterable

_WORDS = re.compile(r"[a-z]+|[0-9]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_OPPOSITES = ("no", "non", "not", "un", "in", "dis", "de", "anti")
"""What makes of a word one that says the contrary."""
_SHORT = 6
"""Letters."""
_LONGEST = 64
"""Characters of a name that is looked at."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is meant, the closest one; None where it would be a guess."""
    if len(name) > _LONGEST:
        return None
    close = sorted((distance, one) for one in known if (distance := _apart(name, one)) is not None)
    return close[0][1] if close else None


def is_near(name: str, other: str) -> bool:
    """Whether the one is plainly the other, mistyped."""
    return nearest(name, [other]) is not None


def _apart(name: str, other: str) -> int | None:
    """Return how many letters are wrong; None where these are different names."""
    ours, theirs = _words(name), _words(other)
    if "".join(ours) == "".join(theirs):
        return 0
    if not ours or len(ours) != len(theirs):
        return None
    wrong = 0
    for one, two in zip(ours, theirs, strict=True):
        letters = 0 if _stem(one) == _stem(two) else _letters_apart(one, two)
        if letters > _allowed(one, two) or _contrary(one, two):
            return None
        wrong += letters
    return wrong


def _words(name: str) -> list[str]:
    return _WORDS.findall(_CAMEL.sub("_", name).lower())


def _stem(word: str) -> str:
    """Return the singular: `retry` and `retries` are one word."""
    if word.endswith("ies"):
        return word[:-3] + "y"
    return word.removesuffix("s") if len(word) > 3 and not word.endswith("ss") else word


def _allowed(one: str, two: str) -> int:
    """Return how many letters of a word may be wrong; in a short one another letter makes another word."""
    shorter = min(len(one), len(two))
    if one.isdigit() or two.isdigit() or (shorter < 4 and sorted(one) != sorted(two)):
        return 0
    return 1 if shorter < 7 else 2


def _contrary(one: str, two: str) -> bool:
    long, short = sorted((one, two), key=len, reverse=True)
    return len(long) > len(short) and long.endswith(short) and long.removesuffix(short) in _OPPOSITES


def _letters_apart(one: str, two: str) -> int:
    """Return how many letters are missing, added, changed or swapped with the next (optimal string alignment).

    A letter that is changed counts twice in a short word: `state` is not `stats`.
    """
    changed = 2 if min(len(one), len(two)) < _SHORT else 1
    before: list[int] = []
    last = list(range(len(two) + 1))
    for at, letter in enumerate(one, 1):
        row = [at]
        for there, other in enumerate(two, 1):
            best = min(last[there] + 1, row[-1] + 1, last[there - 1] + changed * (letter != other))
            if at > 1 and there > 1 and letter == two[there - 2] and one[at - 2] == other:
                best = min(best, before[there - 2] + 1)
            row.append(best)
        before, last = last, row
    return last[-1]
