"""Files of one set as the jobs that they say: all of them, or none."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kala_client.set_files import document, python
from kala_client.set_files.faults import SetFileError, WrongError
from kala_client.set_files.said import Said
from kala_client.set_files.tables import Tables


@dataclass(frozen=True, slots=True)
class ReadSet:
    """A set as its files say it."""

    name: str
    said: Sequence[Said]
    place: str
    """Where it says its name."""

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """The jobs as `plan_set` and `apply_set` take them."""
        return [{"key": job.key, **job.fields} for job in self.said]

    def placed(self, field: str, message: str) -> str:
        """Return what a server says of a field of the set, such as `jobs.dump.schedule`, with its place in a file."""
        job = self._meant(field)
        if job is None:
            return f"{self.place}: {field}: {message}"
        return job.fault(field.removeprefix(f"jobs.{job.key}").removeprefix("."), message)

    def _meant(self, field: str) -> Said | None:
        if field.startswith("jobs[") and (number := field[5:].partition("]")[0]).isdecimal():
            return self.said[int(number)]
        meant = [
            job for job in self.said if field == f"jobs.{job.key}" or field.startswith(f"jobs.{job.key}.")
        ]
        return max(meant, key=lambda job: len(job.key), default=None)


def read(
    files: Sequence[str],
    given: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> ReadSet:
    """Read the files of one set, TOML, JSON or `module:attribute`. Raises SetFileError, which names every fault.

    `given` are values for what `vars` of a file declares.
    """
    reader = _Reader(given or {}, os.environ if environment is None else environment)
    for name in files:
        try:
            reader.read(name)
        except SetFileError as error:
            reader.faults.extend(error.faults)
    return reader.whole()


class _Reader:
    def __init__(self, given: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self.faults: list[str] = []
        self._given, self._environment = given, environment
        self._known = set[str]()
        self._names: list[tuple[str, str]] = []
        self._said: list[Said] = []

    def read(self, name: str) -> None:
        """Take in what one file says. Raises SetFileError."""
        if python.is_address(name):
            jobs = python.load(name)
            self._names.append((jobs.name, f"{name}:1:1"))
            self._said += jobs.said
            return
        read = document.load(name)
        try:
            tables = Tables(read, self._given, self._environment)
        except WrongError as wrong:
            raise SetFileError([read.fault(wrong)]) from None
        self._names.append((tables.name, read.place(("set",))))
        self._said += tables.jobs(self.faults)
        self._known |= tables.declared.keys() | tables.filling.used

    def whole(self) -> ReadSet:
        """Return all of it. Raises SetFileError."""
        self.faults += [*self._of_other_sets(), *self._twice(), *self._given_in_vain()]
        if self.faults:
            raise SetFileError(self.faults)
        name, place = self._names[0]
        return ReadSet(name, tuple(self._said), place)

    def _of_other_sets(self) -> Iterator[str]:
        for name, place in self._names[1:]:
            first, there = self._names[0]
            if name != first:
                yield f"{place}: set: these files are of two sets: {name} here, {first} at {there}"

    def _twice(self) -> Iterator[str]:
        first = dict[str, Said]()
        for job in self._said:
            if (known := first.setdefault(job.key, job)) is not job:
                yield job.fault("", f"the key is there already, at {known.where('')}")

    def _given_in_vain(self) -> Iterator[str]:
        if not self.faults:
            for name in sorted(self._given.keys() - self._known):
                yield f"--var {name}: no file has @{{{name}}}, or {name} among its vars"
