"""The options that say what a job is: one table, of which `job create`, `edit` and `copy` are made. No I/O.

A test holds that every field of a job, and of its HTTP call, has its line here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click

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
    names: tuple[str, ...]
    attributes: Mapping[str, Any]
    goes_with: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parameter(self) -> str:
        """Its name among the arguments of a command."""
        return self.path.replace(".", "__")

    def __call__(self, command: F) -> F:
        """Give the command this option."""
        return click.option(*self.names, self.parameter, **self.attributes)(command)


def _option(
    path: str, *names: str, goes_with: Mapping[str, Any] | None = None, **attributes: Any
) -> FieldOption:
    return FieldOption(path, names, {"default": None, **attributes}, goes_with or {})


def _many(path: str, *names: str, **attributes: Any) -> FieldOption:
    return FieldOption(path, names, {"multiple": True, **attributes})


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

OPTIONS = (
    _option("name", "--name", metavar="NAME", help="What people call it."),
    _option(
        "command", "--command", metavar="COMMAND", help="What it runs.", goes_with={"type": 0, "argv": []}
    ),
    # When
    _option("schedule", "--schedule", metavar="S", help="R[n]/START/PERIOD, five fields of cron, or never."),
    _option(
        "cron", "--cron", metavar="LINE", help='Five fields of cron, such as "0 9 * * MON-FRI", or @daily.'
    ),
    _option(
        "every",
        "--every",
        type=lambda text: text if text.startswith("@") else period(text),
        metavar="PERIOD",
        help="Again and again: 5m, 1h30m, 1mo, PT5M; first one period from now, or --at. Or @daily.",
    ),
    _option(
        "at",
        "--at",
        metavar="TIME",
        help="Once, or first: 9am, 09:00 (the next one), tomorrow 02:00, or 2035-06-04T09:00:00+02:00.",
    ),
    _option(
        "times",
        "--times",
        type=Whole(1, _MOST_TIMES),
        metavar="N",
        help="With --every: N times in all.",
    ),
    _option(
        "timezone",
        "--timezone",
        type=_or_nothing(zone_name),
        metavar="ZONE",
        help="Whose clock START, cron and --at mean, such as Europe/Berlin; yours unless said.",
    ),
    _option("disabled", "--disabled/--enabled", help="Do not run it until it is enabled."),
    # What runs
    _many(
        "argv",
        "--argv",
        metavar="WORD",
        help="In place of COMMAND, its words as they are: one for each --argv.",
    ),
    _option("shell", "--shell/--no-shell", help="Run COMMAND by /bin/sh, so that | and > work."),
    _option("cwd", "--cwd", metavar="FOLDER", help="The folder to run in."),
    _many(
        "env",
        "--env",
        type=_pair("=", "NAME=VALUE"),
        metavar="NAME=VALUE",
        help="A variable; may be repeated.",
    ),
    _option("user", "--user", metavar="USER", help="Whose rights the command gets."),
    _option(
        f"{CALL}.url",
        "--http",
        metavar="URL",
        help="Call this address, in place of a COMMAND.",
        goes_with={"type": 1},
    ),
    _option(f"{CALL}.method", "--method", metavar="METHOD", help="How to call it: GET unless said."),
    _many(
        f"{CALL}.headers",
        "--header",
        type=_pair(":", "'Name: value'"),
        metavar="'NAME: VALUE'",
        help="A header of the call; may be repeated.",
    ),
    _option(f"{CALL}.body", "--body", metavar="TEXT", help="What the call sends."),
    _option(
        f"{CALL}.timeout",
        "--http-timeout",
        type=Whole(min=0),
        metavar="SECONDS",
        help="How long the call may take; 0 is 30.",
    ),
    _many(
        f"{CALL}.expected_response_codes",
        "--expect",
        type=_or_nothing(lambda text: text),
        metavar="STATUS",
        help="A status that is a success, such as 202; any 2xx unless said; may be repeated.",
    ),
    # If it fails
    _option(
        "retries",
        "--retries",
        type=Whole(min=0),
        metavar="N",
        help="How many more attempts it gets.",
    ),
    _option(
        "epsilon",
        "--epsilon",
        type=_LENGTH,
        metavar="PERIOD",
        help="How long after its due time a failed run may be retried.",
    ),
    _option(
        "retry_delay",
        "--retry-delay",
        type=_LENGTH,
        metavar="PERIOD",
        help="How long to wait before a retry.",
    ),
    _option(
        "retry_backoff",
        "--retry-backoff",
        type=Number(min=1),
        metavar="FACTOR",
        help="By what that delay grows each time.",
    ),
    _option(
        "timeout", "--timeout", type=_LENGTH, metavar="PERIOD", help="End an attempt where it takes longer."
    ),
    _option(
        "on_failure_job", "--on-failure", type=JOB, metavar="JOB", help="The job to run where this one fails."
    ),
    _option(
        "rerun_interrupted",
        "--rerun-interrupted/--no-rerun-interrupted",
        help="Run again what the end of the server cut off.",
    ),
    # Overlap and catch-up
    _option(
        "overlap",
        "--overlap",
        type=click.Choice(["queue", "skip", "allow", "replace"]),
        help="What to do where the run before still runs.",
    ),
    _option(
        "catch_up",
        "--catch-up",
        type=click.Choice(["one", "none", "all"]),
        help="What to do about runs that were missed.",
    ),
    _option(
        "misfire_grace",
        "--misfire-grace",
        type=_LENGTH,
        metavar="PERIOD",
        help="How late it may still be run.",
    ),
    _option(
        "resume_at_next_scheduled_time",
        "--resume-at-next-scheduled-time/--no-resume-at-next-scheduled-time",
        help="Kala's name for --catch-up none.",
    ),
    # Who follows whom
    _many(
        "parent_jobs",
        "--parent",
        type=JOB,
        metavar="JOB",
        help="Run after this job succeeded; may be repeated.",
    ),
    _option(
        "wait_for",
        "--wait-for",
        type=click.Choice(["any", "all"]),
        help="Run after any of the parents, or all.",
    ),
    # For people, and how long
    _option("owner", "--owner", metavar="EMAIL", help="Whose job it is."),
    _many("tags", "--tag", metavar="TAG", help="For filters; may be repeated."),
    _option("description", "--description", metavar="TEXT", help="For people."),
    _option(
        "keep_runs",
        "--keep-runs",
        type=Whole(min=1),
        metavar="N",
        help="How many finished runs are kept.",
    ),
    _option(
        "template_delimiters",
        "--template-delimiters",
        metavar="TEXT",
        help="The signs around fields of the job in its command or call, such as '{{ }}'.",
    ),
)


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
        if read := _READ.get(option.path):
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


_READ: Mapping[str, Callable[[Any, "Session"], Any]] = {
    "argv": lambda words, _: list(words) if words != ("",) else [],
    "tags": _words,
    "env": lambda pairs, _: dict(filter(None, pairs)) or None,
    "parent_jobs": lambda names, session: session.job_ids(_words(names, session)),
    "on_failure_job": lambda name, session: session.job_id(name) if name else "",
    f"{CALL}.headers": _headers,
    f"{CALL}.expected_response_codes": _statuses,
}
"""How what click gives becomes the value of a field, where that is not the same."""
