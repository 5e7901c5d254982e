"""Where a field of a job has to stand, and where it does. Run as a program it says what was left out, of its packages.

docs/contributing.md walks through these places. It judges names only; what a value may be is compared in the tests.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

import kala_client
import kala_server
from kala_client import models
from kala_client._model.fields import JobFields
from kala_client.fields import COUNTERS, FIELD, OF_THE_SERVER
from kala_server.core.model.job import JobSpec

PACKAGES = [Path(package.__path__[0]) for package in (kala_client, kala_server)]
KEPT_BESIDE = {"disabled"}
"""Of the job and not of what it says, as it is switched by itself."""
FOR_PEOPLE = {"description"}
"""Nothing follows from it: it is told again, and that is all."""
OF_THE_SERVERS = {row.name for row in (*COUNTERS, *OF_THE_SERVER)}
PLACES = {
    "a row in kala_client/fields.py": FIELD.keys(),
    "its type in JobFields of kala_client/_model/fields.py": JobFields.__annotations__.keys(),
    "its line in Job of kala_client/models.py": models.Job.model_fields.keys() - OF_THE_SERVERS,
    "its line in JobSpec of kala_server/core/model/job.py": {field.name for field in fields(JobSpec)}
    | KEPT_BESIDE,
}


def left_out() -> Iterator[str]:
    """Yield in words what is missing of each field."""
    for name in sorted(set().union(*PLACES.values())):
        yield from (f"{name} lacks {place}" for place, there in PLACES.items() if name not in there)
        if name not in FOR_PEOPLE and not any(name in read for _, read in _said().values()):
            yield f"{name} lacks what it does: nothing reads it"


def files_with(name: str) -> set[str]:
    """Return the files of the packages in which a name stands, as a name or as a whole text."""
    wire = FIELD[name].wire
    return {path for path, (names, _) in _said().items() if {name, wire} & names}


@cache
def _said() -> dict[str, tuple[set[str], set[str]]]:
    """Return for each file all the names in it, and those that are read as attributes."""
    found = {}
    for package in PACKAGES:
        for path in package.rglob("*.py"):
            nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
            read = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
            found[str(path.relative_to(package.parent))] = read.union(*map(_names, nodes)), read
    return found


def _names(node: ast.AST) -> set[str]:
    match node:
        case ast.Constant(value=str(name)) | ast.keyword(arg=str(name)) | ast.Name(id=name):
            return {name}
        case _:
            return set()


if __name__ == "__main__":
    sys.stdout.writelines(f"{sentence}\n" for sentence in left_out())
