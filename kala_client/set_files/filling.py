"""`@{x}` in the texts of a file: what is filled in when it is read. No conditions, no arithmetic: a module has these.

`$X` and `${X}` are the run's, and `{{…}}` is Kala's template: all of them are left alone.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from math import isfinite
from typing import Any

from kala_client.set_files.faults import Path, WrongError

_MARK = re.compile(r"@@\{|@\{([^{}\n]*)(\}?)")
_OF_THE_ENVIRONMENT = "env."


class Filling:
    """What the names in the texts of one file stand for."""

    def __init__(self, names: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._names = names
        self._environment = environment
        self.used = set[str]()

    def having(self, **more: str) -> "Filling":
        """Return one that knows these names, too; it is noted here what is used there."""
        inner = Filling({**self._names, **more}, self._environment)
        inner.used = self.used
        return inner

    def fill(self, value: Any, path: Path) -> Any:
        """Return the value with its texts filled in, as JSON could have it. Raises WrongError."""
        if isinstance(value, str):
            return _MARK.sub(lambda mark: self._stands_for(mark, path), value)
        if isinstance(value, list):
            return [self.fill(one, (*path, number)) for number, one in enumerate(value)]
        if isinstance(value, dict):
            return {name: self.fill(one, (*path, name)) for name, one in value.items()}
        if isinstance(value, date | datetime | time):
            raise WrongError(path, f'a text belongs here: "{value.isoformat()}", with its quotes')
        if isinstance(value, float) and not isfinite(value):
            raise WrongError(path, "a number belongs here")
        return value

    def _stands_for(self, mark: re.Match[str], path: Path) -> str:
        name, end = mark[1], mark[2]
        if name is None:
            return "@{"
        if not end:
            raise WrongError(path, "a @{ has no }; a plain one is written @@{")
        known = self._names
        if name.startswith(_OF_THE_ENVIRONMENT):
            known, key = self._environment, name.removeprefix(_OF_THE_ENVIRONMENT)
        else:
            key = name
            self.used.add(name)
        if key not in known:
            raise WrongError(path, f"@{{{name}}} is not set; {_how(name)}. A plain @{{ is written @@{{")
        return known[key]


def plain(text: str) -> str:
    """Return a text as it is written so that nothing is filled in."""
    return text.replace("@{", "@@{")


def _how(name: str) -> str:
    if name == "each":
        return 'it is for a job with each = ["…"]'
    if name.startswith(_OF_THE_ENVIRONMENT):
        return "the environment has no such variable"
    return f'vars = {{ {name} = "…" }} says it, or --var {name}=…'
