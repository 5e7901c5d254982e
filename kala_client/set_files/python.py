"""Sets that a Python module says: `jobs = JobSet("billing"); jobs.add("dump", …)`. Nothing is filled into these."""

import importlib
import json
import re
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from kala_client.schedules.cron_line import CronSchedule
from kala_client.schedules.period import Period
from kala_client.schedules.schedule import Schedule
from kala_client.set_files.faults import SetFileError, WrongError
from kala_client.set_files.said import Said, on_the_wire

_ADDRESS = re.compile(r"[\w.]+:[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class JobOfSet:
    """A job that was added to a set, to be named as a parent or for a failure, there and in other sets."""

    set: str
    key: str


class JobSet:
    """Jobs that are said together, in Python. `said` are these jobs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.said: list[Said] = []

    def add(self, key: str, /, **fields: Any) -> JobOfSet:
        """Add a job: the fields of a job in a file, and values as `create_job` takes them. Raises SetFileError."""
        frame = traceback.extract_stack(limit=2)[0]
        place = f"{_near(frame.filename)}:{frame.lineno}:1"
        try:
            said = on_the_wire({name: self._plain(value, name) for name, value in fields.items()}, ())
        except WrongError as wrong:
            raise SetFileError([f"{place}: job.{key}.{wrong.named}: {wrong.message}"]) from None
        self.said.append(Said(key, said, lambda _field: place))
        return JobOfSet(self.name, key)

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """The jobs as `plan_set` and `apply_set` take them."""
        return [{"key": job.key, **job.fields} for job in self.said]

    def _plain(self, value: object, name: str) -> Any:
        """Return a value as JSON has it."""
        if isinstance(value, JobOfSet):
            return value.key if value.set == self.name else f"{value.set}/{value.key}"
        if isinstance(value, Schedule | CronSchedule | Period | ZoneInfo):
            return str(value)
        if isinstance(value, timedelta):
            return str(Period.from_timedelta(value))
        if isinstance(value, list | tuple):
            return [self._plain(one, name) for one in value]
        if isinstance(value, Mapping):
            return {str(key): self._plain(one, name) for key, one in value.items()}
        try:
            return json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError):
            raise WrongError((name,), f"no value for a job: {repr(value)[:80]}") from None


def is_address(text: str) -> bool:
    """Whether `module:attribute` is meant and not a file."""
    return bool(_ADDRESS.fullmatch(text)) and not Path(text).exists()


def load(address: str) -> JobSet:
    """Run a module, which is looked for in the working directory as well, and return its set. Raises SetFileError."""
    module, _, attribute = address.partition(":")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module), attribute, None)
    except SetFileError:
        raise
    except Exception as error:
        place = _where(error) or address
        raise SetFileError([f"{place}: {type(error).__name__}: {error}"]) from error
    if not isinstance(found, JobSet):
        raise SetFileError([f"{address}: no JobSet of kala_client is there"])
    return found


def _where(error: Exception) -> str:
    """Return the line of the module at which it ended; nothing where it did not come to run."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_near(error.filename)}:{error.lineno}:{error.offset}"
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")
    ]
    last = frames[-1]
    return (
        "" if last.filename in {__file__, importlib.__file__} else f"{_near(last.filename)}:{last.lineno}:1"
    )


def _near(file: str) -> str:
    """Return the path of a file as one would type it here."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
