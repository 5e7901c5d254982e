"""What one job of a set says, by the names that its fields have in JSON, and where it says so."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kala_client._model.nearest import nearest
from kala_client.fields import FIELDS, OF_A_CALL
from kala_client.set_files.faults import Path, WrongError

IN_FILES = {"parents": "parent_jobs", "on_failure": "on_failure_job"}
"""What is shorter in a file."""
OF_A_SET = ("was", "adopt")
"""What only a job of a set says, beside its key."""
_MEANS = {
    **{name: name for name in OF_A_SET},
    **{row.name: row.wire for row in FIELDS},
    **{row.wire: row.wire for row in FIELDS},
    **IN_FILES,
}

_OF_A_CALL = [row.wire for row in OF_A_CALL]


@dataclass(frozen=True, slots=True)
class Said:
    """A job of a set. `where` gives the place of a field, `file:line:column`."""

    key: str
    fields: Mapping[str, Any]
    where: Callable[[str], str]

    def fault(self, field: str, message: str) -> str:
        """Return a line that says what is wrong with a field, where."""
        top = field.partition(".")[0].partition("[")[0]
        return f"{self.where(top)}: {'.'.join(filter(None, ('job', self.key, field)))}: {message}"


def on_the_wire(said: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return what is said by the names in JSON. Raises WrongError for what no job says."""
    fields = dict[str, Any]()
    for name, value in said.items():
        if name not in _MEANS:
            raise WrongError((*path, name), _no_field(name, (*_MEANS, "each")))
        if _MEANS[name] in fields:
            raise WrongError((*path, name), "it is said twice, by two of its names")
        fields[_MEANS[name]] = value
    _check_call(fields.get("remote_properties"), (*path, "remote_properties"))
    return fields


def _check_call(call: object, path: Path) -> None:
    """Raise WrongError for what no call says."""
    for name in call if isinstance(call, dict) else ():
        if name.lower() not in _OF_A_CALL:
            raise WrongError((*path, name), _no_field(name, _OF_A_CALL))


def names_of(field: str) -> list[str]:
    """Return the names by which a file may say a field."""
    return [name for name, meant in _MEANS.items() if meant == field] or [field]


def _no_field(name: str, known: Iterable[str]) -> str:
    if name == "key":
        return "the key of a job is in its heading: [job.KEY]"
    meant = nearest(name, known)
    return "there is no such field" + (f"; did you mean {meant}?" if meant else "")
