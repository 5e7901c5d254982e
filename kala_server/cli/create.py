"""`kala job create`: from options and JSON to the fields of a job. What they mean is checked by the server."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TextIO

import click

from kala_server.cli.remote import Session, say_json, talks_to_kala
from kala_server.cli.times import instant, period, zone_name

_AS_OPTION = {"parent": "parent_jobs", "tag": "tags", "on_failure": "on_failure_job"}


@click.command(short_help="Create a job.")
@click.argument("name", required=False)
@click.argument("command", required=False)
@click.option("--schedule", metavar="S", help="R[n]/START/PERIOD, or five fields of cron.")
@click.option("--every", type=period, help="Again and again: PT5M or 5m; first one period from now, or --at.")
@click.option(
    "--at", metavar="TIME", help="Once, or first: 09:00 (the next one) or 2035-06-04T09:00:00+02:00."
)
@click.option("--parent", multiple=True, metavar="ID", help="Run after this job succeeded; may be repeated.")
@click.option("--wait-for", type=click.Choice(["any", "all"]), help="Run after any of the parents, or all.")
@click.option("--on-failure", metavar="ID", help="The job to run where this one fails.")
@click.option("--owner", metavar="EMAIL", help="Whose job it is.")
@click.option("--retries", type=click.IntRange(min=0), metavar="N", help="How many more attempts it gets.")
@click.option("--epsilon", type=period, help="How long after its due time a failed run may be retried.")
@click.option(
    "--timezone",
    type=zone_name,
    metavar="ZONE",
    help="Whose clock START, cron and --at mean, such as Europe/Berlin.",
)
@click.option("--timeout", type=period, help="End the command where it takes longer.")
@click.option(
    "--overlap",
    type=click.Choice(["queue", "skip", "allow", "replace"]),
    help="What to do where the run before still runs.",
)
@click.option(
    "--catch-up", type=click.Choice(["one", "none", "all"]), help="What to do about runs that were missed."
)
@click.option("--shell", is_flag=True, default=None, help="Run COMMAND by /bin/sh, so that | and > work.")
@click.option("--tag", multiple=True, help="For filters; may be repeated.")
@click.option("--description", help="For people.")
@click.option("--keep-runs", type=click.IntRange(min=1), metavar="N", help="How many finished runs are kept.")
@click.option("--disabled", is_flag=True, default=None, help="Do not run it until it is enabled.")
@click.option(
    "--from-json",
    type=click.File(encoding="utf-8"),
    metavar="FILE|-",
    help="Take every field from this JSON object, but those that are given here.",
)
@talks_to_kala
def create(session: Session, *, from_json: TextIO | None, **given: Any) -> None:
    """Create a job and print its id. Without a schedule and parents it runs at once.

    \b
    kala job create hello "echo hello" --every 1h
    kala job create report "make report" --at 06:00 --every 1d --timezone Europe/Berlin
    kala job create mail "send-report" --parent report
    kala job get report --json | kala job create --from-json - --disabled
    """  # noqa: D301 - click's mark for a paragraph that is not to be wrapped
    fields = _read(from_json) if from_json else {}
    fields |= _said(session, given)
    if not fields.get("name"):
        raise click.UsageError("a job needs a NAME and a COMMAND, or --from-json")
    job_id = session.client.create_job(**fields)
    if session.as_json:
        say_json({"id": job_id})
    else:
        click.echo(job_id)


def _said(session: Session, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that the options say."""
    schedule = _schedule(given)
    rest = {name: value for name, value in given.items() if name not in {"schedule", "every", "at"}}
    for name in ("parent", "on_failure"):
        if rest[name]:
            rest[name] = session.job_ids(rest[name]) if name == "parent" else session.job_id(rest[name])
    said = {
        _AS_OPTION.get(name, name): value for name, value in rest.items() if value is not None and value != ()
    }
    return said | ({"schedule": schedule} if schedule else {})


def _schedule(given: Mapping[str, Any]) -> str | None:
    from kala_client import Period, Schedule
    from kala_client.clock import utc_now
    from kala_server.core.zones import zone_of

    schedule, every, at = given["schedule"], given["every"], given["at"]
    if schedule and (every or at):
        raise click.UsageError("say either --schedule, or --every and --at")
    try:
        start: datetime | None = None
        if at:
            start = instant(at, zone_of(given["timezone"] or ""), utc_now(), coming=True)
        if every:
            return str(Schedule.every(Period.parse(every), start=start))
        return str(Schedule.once(start)) if start else schedule
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _read(file: TextIO) -> dict[str, Any]:
    try:
        document = json.load(file)
    except (ValueError, RecursionError) as error:
        raise click.ClickException(f"{file.name} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise click.ClickException(f'{file.name} must hold one job: {{"name": "hello", "command": "date"}}')
    return document
