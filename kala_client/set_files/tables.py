"""The tables of a file as the jobs that they say: `vars`, `defaults`, `[job.KEY]`, `each`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kala_client.set_files.document import Document
from kala_client.set_files.faults import Path, WrongError, kind_of
from kala_client.set_files.filling import Filling
from kala_client.set_files.said import OF_A_SET, Said, names_of, on_the_wire

FORMAT = 1
_MEMBERS = ("kala", "set", "vars", "defaults", "job")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class Tables:
    """What one document says."""

    def __init__(self, document: Document, given: Mapping[str, str], environment: Mapping[str, str]) -> None:
        """Take the values of variables that are given. Raises WrongError for what is no set."""
        self._document = document
        content = document.content
        for name in content:
            if name not in _MEMBERS:
                raise WrongError((name,), f"there is no such part of a file; these are {', '.join(_MEMBERS)}")
        if content.get("kala") != FORMAT or content["kala"] is True:
            raise WrongError(("kala",), f"the file begins with the format that it has: kala = {FORMAT}")
        self.name = _text(content.get("set"), ("set",), "the name of the set belongs here, such as billing")
        self.declared = self._declared(environment)
        self.filling = Filling({**self.declared, **given}, environment)
        self._defaults = self._with_defaults()
        self._tables = self._table("job")

    def jobs(self, faults: list[str]) -> Iterator[Said]:
        """Yield each job; what is wrong with one is added to the faults."""
        for key, table in self._tables.items():
            try:
                yield from self._jobs_of(key, table)
            except WrongError as wrong:
                faults.append(self._document.fault(wrong))

    def _jobs_of(self, key: str, table: object) -> Iterator[Said]:
        path = ("job", key)
        if not isinstance(table, dict):
            raise WrongError(path, f"a table with the fields of a job belongs here, not {kind_of(table)}")
        own = dict(table)
        if "each" not in own:
            yield self._said(key, key, own, self.filling)
            return
        items = self.filling.fill(own.pop("each"), (*path, "each"))
        if not isinstance(items, list):
            raise WrongError((*path, "each"), f"a list of texts belongs here, not {kind_of(items)}")
        for number, item in enumerate(items):
            text = _text(item, (*path, "each", number), "a text belongs here, such as app")
            yield self._said(f"{key}.{text}", key, own, self.filling.having(each=text))

    def _said(self, key: str, heading: str, own: dict[str, Any], filling: Filling) -> Said:
        def where(field: str) -> str:
            tables = (("job", heading), ("defaults",))
            ways: list[Path] = [(*table, name) for table in tables for name in names_of(field)]
            return self._document.place(*ways, ("job", heading))

        fields = on_the_wire(filling.fill(own, ("job", heading)), ("job", heading))
        defaults = on_the_wire(filling.fill(self._defaults, ("defaults",)), ("defaults",))
        return Said(key, {**defaults, **fields}, where)

    def _declared(self, environment: Mapping[str, str]) -> dict[str, str]:
        outer = Filling({}, environment)
        declared = dict[str, str]()
        for name, value in self._table("vars").items():
            path = ("vars", name)
            if not _NAME.fullmatch(name) or name == "each":
                raise WrongError(
                    path, "a variable has a name of letters, digits, _ and -, and none is called each"
                )
            declared[name] = outer.fill(_text(value, path, "a text belongs here", empty=True), path)
        return declared

    def _with_defaults(self) -> dict[str, Any]:
        defaults = self._table("defaults")
        for name in (*OF_A_SET, "each"):
            if name in defaults:
                raise WrongError(("defaults", name), "this is for one job to say, and not for all of them")
        on_the_wire(defaults, ("defaults",))
        return defaults

    def _table(self, name: str) -> dict[str, Any]:
        table = self._document.content.get(name, {})
        if not isinstance(table, dict):
            raise WrongError((name,), f"a table belongs here, not {kind_of(table)}")
        return table


def _text(value: object, path: Path, message: str, *, empty: bool = False) -> str:
    if not isinstance(value, str) or not (value or empty):
        raise WrongError(path, message)
    return value
