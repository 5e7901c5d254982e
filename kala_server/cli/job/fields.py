"""The options that say what a job is, of which `job create`, `edit` and `copy` are made. No I/O.

Each field has its row in `kala_client/fields.py`; here is how a value of each kind is typed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kala_client.fields import FIELDS, OF_A_CALL, Field, Kind
from kala_server.cli.job.job_names import JOB
from kala_server.cli.job.timetable import PARTS, clock_of_the_job, timetable, with_its_zone
from kala_server.cli.text.times import period, zone_name
from kala_server.cli.text.typed_text import Number, Whole

if TYPE_CHECKING:
    from kala_server.cli.remote import Session

F = TypeVar("F", bound=Callable[..., Any])
CALL = "remote_properties"
_MOST_TIMES = 10**15
"""What a schedule can say."""


@dataclass(frozen=True)
class FieldOption:
    """An option and the field that it says, such as `retries` or `remote_properties.url`.

    `goes_with` is what the job says then too, unless it says otherwise.
    """

    path: str
    name: str
    attributes: Mapping[str, Any]
    kind: Kind = Kind.TEXT
    goes_with: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameter(self) -> str:
        """Its name among the arguments of a command."""
        return self.path.replace(".", "__")

    def __call__(self, command: F) -> F:
        """Give the command this option."""
        return click.option(self.name, self.parameter, **{"default": None, **self.attributes})(command)


def _or_nothing(read: Callable[[str], str]) -> Callable[[str], str]:
    """Take an empty text too: it is how a job says that it has none."""

    def read_it(text: str) -> str:
        return read(text) if text.strip() else ""

    return read_it


def _pair(sign: str, example: str) -> Callable[[str], tuple[str, str] | None]:
    def read(text: str) -> tuple[str, str] | None:
        name, found, value = text.partition(sign)
        if not text:
            return None
        if not found or not name.strip():
            raise click.BadParameter(f"{example} belongs here, not {text[:60]!r}")
        return name.strip(), value

    return read


_LENGTH = _or_nothing(period)

_ATTRIBUTES: Mapping[Kind, Mapping[str, Any]] = {
    Kind.TEXTS: {"multiple": True},
    Kind.VARIABLES: {"multiple": True, "type": _pair("=", "NAME=VALUE"), "metavar": "NAME=VALUE"},
    Kind.DURATION: {"type": _LENGTH, "metavar": "PERIOD"},
    Kind.ZONE: {"type": _or_nothing(zone_name), "metavar": "ZONE"},
    Kind.JOB: {"type": JOB, "metavar": "JOB"},
    Kind.JOBS: {"multiple": True, "type": JOB, "metavar": "JOB"},
    Kind.HEADERS: {"multiple": True, "type": _pair(":", "'Name: value'"), "metavar": "'NAME: VALUE'"},
    Kind.STATUSES: {"multiple": True, "type": _or_nothing(lambda text: text), "metavar": "STATUS"},
}
"""How a value is typed, by its kind."""
_GOES_WITH: Mapping[str, Mapping[str, Any]] = {
    "command": {"type": 0, "argv": []},
    f"{CALL}.url": {"type": 1},
}


def _option(row: Field, within: str = "") -> FieldOption:
    """Make the option of a field, or of a member of the field that it is within."""
    path = within + row.name
    dashed = row.name.replace("_", "-")
    attributes = {"help": row.help, **_ATTRIBUTES.get(row.kind, {})}
    if row.metavar:
        attributes["metavar"] = row.metavar
    if row.kind is Kind.FLAG:
        dashed = f"{dashed}/--no-{dashed}"
    elif row.kind is Kind.CHOICE:
        attributes["type"] = click.Choice(row.choices)
    elif row.kind is Kind.WHOLE:
        attributes["type"] = Whole(min=row.bounds.get("minimum"))
    elif row.kind is Kind.NUMBER:
        attributes["type"] = Number(min=row.bounds.get("minimum"))
    return FieldOption(path, row.option or f"--{dashed}", attributes, row.kind, _GOES_WITH.get(path, {}))


def _in_parts(row: Field) -> Iterator[FieldOption]:
    """Yield the options for what has more than one: a schedule, and a call."""
    if row.help:
        yield _option(row)
    if row.kind is Kind.CALL:
        yield from (_option(member, f"{row.name}.") for member in OF_A_CALL)
    elif row.kind is Kind.SCHEDULE:
        yield from _WAYS_TO_SAY_WHEN


_WAYS_TO_SAY_WHEN = (
    FieldOption(
        "cron",
        "--cron",
        {"metavar": "LINE", "help": 'Five fields of cron, such as "0 9 * * MON-FRI", or @daily.'},
    ),
    FieldOption(
        "every",
        "--every",
        {
            "type": lambda text: text if text.startswith("@") else period(text),
            "metavar": "PERIOD",
            "help": "Again and again: 5m, 1h30m, 1mo, PT5M; first one period from now, or --at. Or @daily.",
        },
    ),
    FieldOption(
        "at",
        "--at",
        {
            "metavar": "TIME",
            "help": "Once, or first: 9am, 09:00 (the next one), tomorrow 02:00, or 2035-06-04T09:00:00+02:00.",
        },
    ),
    FieldOption(
        "times",
        "--times",
        {"type": Whole(1, _MOST_TIMES), "metavar": "N", "help": "With --every: N times in all."},
    ),
)
OPTIONS = tuple(option for row in FIELDS for option in _in_parts(row))


def says_a_job(*but: str) -> Callable[[F], F]:
    """Give a command the options of a job, but these."""

    def give(command: F) -> F:
        for option in reversed(OPTIONS):
            if option.path not in but:
                command = option(command)
        return command

    return give


def said(session: "Session", given: Mapping[str, Any], *, timezone: str | None = None) -> dict[str, Any]:
    """Return the fields of a job that the options say; an option that was not given says nothing.

    `timezone` is the job's own until now. What an empty text says is that there is none.
    """
    if given.get("command") and given.get(f"{CALL}__url"):
        raise click.UsageError("say either a COMMAND, or --http URL in its place")
    fields: dict[str, Any] = {}
    goes_with: dict[str, Any] = {}
    for option in OPTIONS:
        value = given.get(option.parameter)
        if option.path in PARTS or value is None or value == ():
            continue
        top, _, member = option.path.partition(".")
        if read := _READ.get(option.kind):
            value = read(value, session)
        if member:
            fields.setdefault(top, {})[member] = value
        else:
            fields[top] = value
        goes_with |= option.goes_with
    return goes_with | fields | _when(session, given, fields.get("timezone") or timezone)


def _when(session: "Session", given: Mapping[str, Any], timezone: str | None) -> dict[str, Any]:
    from kala_client.clock import utc_now

    reader = session.clock
    found = timetable(given, clock_of_the_job(timezone, reader), utc_now())
    return with_its_zone(found, timezone, reader, session.notes)


def _words(values: Iterable[str], _session: "Session") -> list[str]:
    """Return the list; a single empty text is an empty list."""
    found = list(values)
    return [] if found == [""] else found


def _headers(pairs: Iterable[tuple[str, str] | None], _session: "Session") -> dict[str, list[str]] | None:
    found: dict[str, list[str]] = {}
    for name, value in filter(None, pairs):
        found.setdefault(name, []).append(value.strip())
    return found or None


def _statuses(values: Iterable[str], _session: "Session") -> list[int]:
    try:
        return [int(value) for value in values if value]
    except ValueError:
        raise click.UsageError("--expect takes a status such as 202") from None


_READ: Mapping[Kind, Callable[[Any, "Session"], Any]] = {
    Kind.TEXTS: _words,
    Kind.VARIABLES: lambda pairs, _: dict(filter(None, pairs)) or None,
    Kind.JOBS: lambda names, session: session.job_ids(_words(names, session)),
    Kind.JOB: lambda name, session: session.job_id(name) if name else "",
    Kind.HEADERS: _headers,
    Kind.STATUSES: _statuses,
}
"""How what click gives becomes the value of a field, where that is not the same."""
