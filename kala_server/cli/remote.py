"""What every command shares that talks to a Kala: the connection and its errors, JSON for programs, names of jobs."""

import functools
import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from kala_server.cli.text.plain import printable
from kala_server.cli.text.reader import Clock, readers_clock
from kala_server.cli.text.times import doubt, instant, zone_name
from kala_server.cli.text.typed_text import check_text

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.console import RenderableType

    from kala_client import Job, KalaClient

_WHOLE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SHORTEST_PREFIX = 4


@dataclass(frozen=True, slots=True)
class Session:
    """A command's connection to a Kala, how it answers, and the clock on which its times are."""

    client: "KalaClient"
    as_json: bool
    clock: Clock
    notes: list[str] = field(default_factory=list)
    """What is to be known of what was done; told on stderr when it is done."""

    def answer(self, data: object, words: Callable[[], "RenderableType"]) -> None:
        """Answer with the data as JSON, or with words for people, which are only made where they are wanted."""
        from kala_server.cli.text.show import screen

        if self.as_json:
            say_json(data)
        else:
            screen().print(words())

    def time(
        self, text: str, now: datetime, *, after: datetime | None = None, before: datetime | None = None
    ) -> datetime:
        """Read a time on the reader's clock, as `instant` does. Raises UsageError."""
        try:
            found = instant(text, self.clock.zone, now, after=after, before=before)
        except ValueError as error:
            raise click.UsageError(printable(str(error))) from None
        self.notes.extend(filter(None, [doubt(found)]))
        return found

    def job_id(self, given: str) -> str:
        """Return the id of the job that is meant: by its id, the beginning of it, or its name."""
        return self.job_ids([given])[0]

    def job_ids(self, given: Sequence[str]) -> list[str]:
        """Return the ids of the jobs that are meant, each once. Raises ClickException for one that is not there."""
        if len(given) == 1 and _WHOLE_ID.fullmatch(given[0]):
            return [given[0].lower()]
        jobs = self.client.get_all_jobs() if given else {}
        return list(dict.fromkeys(_resolve(one, jobs) for one in given))


def is_whole_id(text: str) -> bool:
    """Whether the text is an id and not the beginning of one or a name."""
    return bool(_WHOLE_ID.fullmatch(text))


def talks_to_kala(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command a session, and the options that say with whom and how it talks.

    The command may let every error of the client through: it becomes one line on stderr and exit code 1.
    """

    @click.option("--json", "as_json", is_flag=True, help="Answer with JSON, for programs.")
    @click.option(
        "--url",
        metavar="URL",
        help="The Kala to talk to, or its servers with commas; KALA_URL, or http://127.0.0.1:8000.",
    )
    @click.option("--utc", is_flag=True, help="Show and read times in UTC.")
    @click.option(
        "--zone", type=zone_name, metavar="ZONE", help="Show and read times there; TZ, or this machine's."
    )
    @click.pass_context
    @functools.wraps(command)
    def connected(
        ctx: click.Context, /, *, url: str | None, as_json: bool, utc: bool, zone: str | None, **options: Any
    ) -> None:
        from kala_client import KalaClient, KalaError
        from kala_server.cli.text.failures import told

        check_text(ctx)
        try:
            client = KalaClient(_address(url, ctx))
        except ValueError as error:
            raise click.UsageError(printable(str(error))) from None
        if utc and zone:
            raise click.UsageError("say either --utc or --zone")
        session = Session(client, as_json, readers_clock(utc=utc, zone=zone))
        with client, warnings_on_stderr():
            try:
                command(session, **options)
            except KalaError as error:
                raise click.ClickException(told(error)) from error
        for note in session.notes:
            click.echo(printable(note), err=True)

    return connected


def _address(given: str | None, ctx: click.Context) -> str | None:
    """Return the address that was given, here or before the command; an empty one may be a variable that is not set."""
    root = ctx.find_root()
    typed = given if given is not None else root.params.get("url")
    if typed == "" and (given == "" or root.get_parameter_source("url") is ParameterSource.COMMANDLINE):
        raise click.UsageError("--url: the address of a Kala belongs here, such as http://127.0.0.1:8000")
    return typed


@contextmanager
def warnings_on_stderr() -> Iterator[None]:
    """Let what the server warns of be a line for people."""
    from kala_client import KalaWarning

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", KalaWarning)
        try:
            yield
        finally:
            for each in told:
                click.echo(f"Warning: {printable(str(each.message))}", err=True)


def say_json(data: object) -> None:
    """Write one JSON document and nothing else."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def plain(model: "BaseModel") -> dict[str, Any]:
    """Return a model as JSON, by the names on the wire; what this version does not know is left out."""
    return model.model_dump(mode="json", by_alias=True, include=set(type(model).model_fields))


def _resolve(given: str, jobs: Mapping[str, "Job"]) -> str:
    if given in jobs:
        return given
    prefix = given.lower()
    meant = [
        job_id
        for job_id, job in jobs.items()
        if job.name == given or (len(prefix) >= _SHORTEST_PREFIX and job_id.lower().startswith(prefix))
    ]
    if len(meant) == 1:
        return meant[0]
    if not meant:
        raise click.ClickException(
            f"there is no job {given!r}; say its id, the first {_SHORTEST_PREFIX} or more characters "
            "of it, or its name (kala job list)"
        )
    named = ", ".join(f"{job_id} ({printable(jobs[job_id].name)})" for job_id in meant[:5])
    more = f" and {len(meant) - 5} more" if len(meant) > 5 else ""
    raise click.ClickException(f"{given!r} could be {named}{more}; say more of the id")
