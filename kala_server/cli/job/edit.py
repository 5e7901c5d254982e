"""`kala job edit|rename|copy`: another description of a job, from options or from an editor."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import click

from kala_server.cli.job.create import create_where_it_can_be, over, tell_of_new
from kala_server.cli.job.dry_run import tell_of_trial, tries_it_out
from kala_server.cli.job.fields import said, says_a_job
from kala_server.cli.job.job_names import JOB
from kala_server.cli.remote import Session, plain, talks_to_kala
from kala_server.cli.text.plain import printable

if TYPE_CHECKING:
    from kala_client import Job

T = TypeVar("T")


@click.command(short_help="Change a job in your editor or by options.")
@click.argument("job_id", metavar="JOB", type=JOB)
@says_a_job()
@tries_it_out
@talks_to_kala
def edit(session: Session, *, job_id: str, dry_run: bool, **given: Any) -> None:
    """Change what is said of a job. It keeps its id and its history; what it runs already goes on.

    Options say what is to be changed: an empty text says that there is none, a list takes the place of the one before,
    variables and headers are added. Without any, the job is opened in $VISUAL or $EDITOR as JSON; where somebody else
    has changed it by the time that it is saved, that is told first.

    \b
    kala job edit report --retries 3 --timeout 1h30m
    kala job edit report --at 7am --every 1d
    kala job edit report --cron "0 7 * * MON-FRI" --dry-run
    kala job edit report --description ""
    """  # noqa: D301 - click's mark for a paragraph that is not to be wrapped
    job = session.client.get_job(session.job_id(job_id))
    fields = said(session, given, timezone=job.timezone)
    client = session.client
    if dry_run:
        _change(session, job, fields, _Way(client.try_update, client.try_replace, tell_of_trial))
    else:
        _change(session, job, fields, _Way(client.update_job, client.replace_job, _tell_of_changed))


@click.command(short_help="Give a job another name.")
@click.argument("job_id", metavar="JOB", type=JOB)
@click.argument("name", metavar="NEW_NAME")
@talks_to_kala
def rename(session: Session, *, job_id: str, name: str) -> None:
    """Give a job another name. It keeps its id and its history."""
    _tell_of_changed(session, session.client.update_job(session.job_id(job_id), name=name))


@click.command(short_help="Create a job like another one.")
@click.argument("job_id", metavar="JOB", type=JOB)
@click.argument("name", metavar="NEW_NAME")
@says_a_job("name")
@talks_to_kala
def copy(session: Session, *, job_id: str, name: str, **given: Any) -> None:
    """Create a job that says what another one says, but for its name and the options; print its id.

    What repeats goes on from its next time. A job without a schedule runs at once, as the first one did.

    \b
    kala job copy report report-of-berlin --timezone Europe/Berlin --disabled
    """  # noqa: D301 - click's mark for a paragraph that is not to be wrapped
    job = session.client.get_job(session.job_id(job_id))
    now = said(session, given, timezone=job.timezone)
    before = _description(job)
    if "schedule" not in now:
        before["schedule"] = _from_its_next_time(job)
    fields, timezone = {**over(before, now), "name": name}, given["timezone"] or job.timezone
    tell_of_new(session, create_where_it_can_be(session, fields, timezone))


def _description(job: "Job") -> dict[str, Any]:
    """Return what the job's owner can say, as JSON."""
    said_of_it = job.creation_body()
    return {name: value for name, value in said_of_it.items() if value is not None}


def _from_its_next_time(job: "Job") -> str:
    """Return the job's schedule with a START that has not passed, where that leads to the same times."""
    from kala_client import Schedule
    from kala_client.clock import utc_now
    from kala_server.core.time.zones import stored_zone

    try:
        schedule = Schedule.parse(job.schedule)
        zone = stored_zone(job.timezone or "")
        index = schedule.index_after(utc_now(), tz=zone)
        due = None if index is None else schedule.slot(index, tz=zone)
    except ValueError:
        return job.schedule
    # From the 31st on, months are counted from the day that they begin with.
    if not index or due is None or (schedule.period.total_months and schedule.start.day > 28):
        return job.schedule
    repeat = None if schedule.repeat is None else schedule.repeat - index
    return str(Schedule(due.astimezone(zone or schedule.start.tzinfo), schedule.period, repeat))


@dataclass(frozen=True, slots=True)
class _Way(Generic[T]):
    """How a job is changed, and what came of it told."""

    update: Callable[..., T]
    replace: Callable[..., T]
    tell: Callable[[Session, T], None]


def _change(session: Session, job: "Job", fields: dict[str, Any], way: _Way[T]) -> None:
    """Change the job by its fields, or in an editor where none are said."""
    done = way.update(job.id, **fields) if fields else _in_an_editor(session, job, way.replace)
    if done is None:
        click.echo("nothing is changed", err=True)
    else:
        way.tell(session, done)


def _in_an_editor(session: Session, job: "Job", replace: Callable[..., T]) -> T | None:
    """Put what was left in the editor in the job's place; None where nothing was changed."""
    from kala_client import ConflictError
    from kala_server.cli.text.failures import told
    from kala_server.wire.strict_json import BadJsonError, loads

    before = _description(job)
    text: str | None = json.dumps(before, indent=2, ensure_ascii=False) + "\n"
    while True:
        text = _edited(text)
        if text is None:
            return None
        try:
            after = loads(text.encode())
            return None if after == before else _put(replace, job, after)
        except click.ClickException as error:
            wrong = error.message
        except BadJsonError as error:
            wrong = printable(str(error))
        except ConflictError as error:
            # Who goes on from here was told.
            wrong, job = told(error), session.client.get_job(job.id)
        click.echo(f"Error: {wrong}", err=True)
        click.confirm("Edit it again?", default=True, abort=True, err=True)


def _edited(text: str | None) -> str | None:
    """Return what the editor leaves of the text; None where it was not saved. Raises ClickException."""
    if not (sys.stdin.isatty() or os.environ.get("VISUAL") or os.environ.get("EDITOR")):
        raise click.UsageError(
            "say by options what is to be changed, such as --retries 3: an editor needs a terminal"
        )
    try:
        return click.edit(text, extension=".json")
    except click.ClickException as error:
        raise click.ClickException(
            f"nothing is changed: {printable(error.message)} ($VISUAL or $EDITOR names the editor)"
        ) from None
    except UnicodeDecodeError:
        raise click.ClickException("nothing is changed: what the editor has left is not UTF-8") from None


def _put(replace: Callable[..., T], job: "Job", document: object) -> T:
    """Put the document in the place of the job as it was seen. Raises ClickException where it is none."""
    from pydantic import ValidationError

    from kala_client import InvalidRequestError, Job
    from kala_server.cli.text.failures import told

    if not isinstance(document, dict):
        raise click.ClickException('a job is an object: {"name": "hello", "command": "date"}')
    try:
        return replace(job.id, Job(**document), if_match=job.etag or None)
    except ValidationError as error:
        found = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise click.ClickException(printable("; ".join(found))) from error
    except InvalidRequestError as error:
        raise click.ClickException(told(error)) from error


def _tell_of_changed(session: Session, job: "Job") -> None:
    session.answer(plain(job), lambda: f"changed {job.id}  {printable(job.name)}")
