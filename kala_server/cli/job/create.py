"""`kala job create`: from options and JSON to the fields of a job. What they mean is checked by the server."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any, BinaryIO

import click

from kala_server.cli.job.dry_run import tell_of_trial, tries_it_out
from kala_server.cli.job.fields import CALL, said, says_a_job
from kala_server.cli.remote import Session, say_json, talks_to_kala
from kala_server.cli.text.plain import printable


@click.command(short_help="Create a job.")
@click.argument("name", required=False)
@click.argument("command", required=False)
@says_a_job("name", "command")
@click.option(
    "--from-json",
    type=click.File("rb"),
    metavar="FILE|-",
    help="Take every field from this JSON object, but those that are given here.",
)
@tries_it_out
@talks_to_kala
def create(session: Session, *, from_json: BinaryIO | None, dry_run: bool, **given: Any) -> None:
    """Create a job and print its id. Without a schedule and parents it runs at once.

    \b
    kala job create hello "echo hello" --every 1h
    kala job create report "make report" --at 6am --every 1d --timezone Europe/Berlin
    kala job create standup remind-all --cron "0 9 * * MON-FRI"
    kala job create mail "send-report" --parent report
    kala job create ping --http https://example.com/hook --method POST --every 10m
    kala job create ping --http https://example.com/hook --cron "*/5 9-17 * * *" --dry-run
    kala job get report --json | kala job create "another report" --from-json - --disabled
    echo '{"name": "hi", "command": "date -u"}' | kala job create --from-json -
    """  # noqa: D301 - click's mark for a paragraph that is not to be wrapped
    fields = _read(from_json) if from_json else {}
    timezone = str(fields.get("timezone") or "")
    fields = over(fields, said(session, given, timezone=timezone))
    if not fields.get("name"):
        raise click.UsageError("a job needs a NAME and a COMMAND, or --from-json")
    if dry_run:
        tell_of_trial(session, session.client.try_job(**fields))
    else:
        tell_of_new(session, create_where_it_can_be(session, fields, given["timezone"] or timezone))


def over(fields: Mapping[str, Any], said_now: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with what is said now in their place; of an HTTP call, member by member."""
    both = {**fields, **said_now}
    call = fields.get(CALL)
    if isinstance(call, dict) and CALL in said_now:
        both[CALL] = {**call, **said_now[CALL]}
    return both


def create_where_it_can_be(session: Session, fields: dict[str, Any], timezone: str | None) -> str:
    """Create the job and return its id; `timezone` is what was said of it, any other is the reader's.

    A real Kala has no zones: a time that comes once is sent to it with its offset.
    """
    from kala_client import NotSupportedError

    try:
        return session.client.create_job(**fields)
    except NotSupportedError as error:
        if timezone or not fields.get("timezone"):
            raise
        if once := _with_its_offset(fields, session.clock.zone):
            return session.client.create_job(**once)
        if error.needs != ("timezone",):
            raise
        raise click.ClickException(
            f"{error.message}; a wall time that comes again needs a zone, so that it stays the same in summer: "
            "say --utc, or a time with an offset"
        ) from error


def _with_its_offset(fields: Mapping[str, Any], zone: tzinfo) -> dict[str, Any] | None:
    """Return what says the same of a job that is due once, without a zone; None for one that comes again."""
    from kala_client import Schedule

    try:
        schedule = Schedule.parse(fields["schedule"])
    except ValueError:
        return None  # a cron line
    due = schedule.slot(0, tz=zone)
    if schedule.repeat != 0 or due is None:
        return None
    said_of_it = {name: value for name, value in fields.items() if name != "timezone"}
    return {**said_of_it, "schedule": str(Schedule.once(due.astimezone(zone)))}


def tell_of_new(session: Session, job_id: str) -> None:
    """Print the id of a job that was created."""
    if session.as_json:
        say_json({"id": job_id})
    else:
        click.echo(job_id)


def _read(file: BinaryIO) -> dict[str, Any]:
    """Read a job as the server would: no name twice, no number that is none."""
    from kala_server.wire.strict_json import BadJsonError, loads

    name = printable(str(getattr(file, "name", "<stdin>")))
    try:
        document = loads(file.read())
    except BadJsonError as error:
        wrong = str(error).replace("the body", "it")
        raise click.ClickException(f"{name}: {printable(wrong)}") from None
    except OSError as error:
        raise click.ClickException(f"{name} cannot be read: {error.strerror}") from None
    if not isinstance(document, dict):
        raise click.ClickException(f'{name} must hold one job: {{"name": "hello", "command": "date"}}')
    return document
