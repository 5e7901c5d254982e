"""`kala stats`, `kala preview` and `kala events`: what concerns no single job."""

import json
from datetime import datetime, tzinfo
from typing import Any

import click

from kala_server.cli.job.timetable import means_a_wall
from kala_server.cli.pause import with_pause
from kala_server.cli.remote import Session, plain, say_json, talks_to_kala
from kala_server.cli.text.plain import printable
from kala_server.cli.text.reader import named_clock
from kala_server.cli.text.times import zone_name
from kala_server.cli.text.typed_text import Whole


@click.command(short_help="Show what the whole server did.")
@talks_to_kala
def stats(session: Session) -> None:
    """Show what the whole server did."""
    from kala_server.cli.text.describe import server_facts

    found = session.client.get_kala_stats()
    session.answer(plain(found), lambda: with_pause(session, server_facts(found, session.clock)))


@click.command(short_help="Say when a schedule would be due.")
@click.argument("schedule")
@click.option(
    "--timezone", type=zone_name, metavar="ZONE", help="Whose clock SCHEDULE means: yours unless said."
)
@click.option("-n", "--count", type=Whole(min=1), default=5, show_default=True, help="How many.")
@talks_to_kala
def preview(session: Session, *, schedule: str, timezone: str | None, count: int) -> None:
    """Say when SCHEDULE would be due, without creating anything.

    Times are shown on the clock of --zone, else of --timezone, else on yours.

    \b
    kala preview "0 9 * * 1-5" --timezone Europe/Berlin
    kala preview R/2035-01-31T10:00:00Z/P1M -n 12
    """  # noqa: D301 - click's mark for a paragraph that is not to be wrapped
    clock = session.clock
    if not timezone and means_a_wall(schedule) and not clock.is_utc:
        timezone = clock.name
    due = session.client.preview(schedule, timezone=timezone, count=count)
    if session.as_json:
        say_json([instant.isoformat().replace("+00:00", "Z") for instant in due])
        return
    shown = clock if clock.chosen or not timezone else named_clock(timezone)
    for instant in due:
        click.echo(_on_the_clock(instant, shown.zone))
    if not due:
        click.echo("never")


@click.command(short_help="Show what happens on the server, as it happens.")
@click.option("--after", metavar="EVENT_ID", help="Take up again after this event.")
@talks_to_kala
def events(session: Session, *, after: str | None) -> None:
    """Show what happens on the server, as it happens, until Ctrl-C. With --json, an object a line."""
    for event in session.client.events(last_event_id=after):
        if session.as_json:
            click.echo(json.dumps(plain(event), ensure_ascii=False))
        else:
            click.echo(f"{event.event}  {_in_short(event.data)}".rstrip())


def _on_the_clock(instant: datetime, zone: tzinfo) -> str:
    local = instant.astimezone(zone)
    return f"{local:%a} {local.isoformat(sep=' ', timespec='seconds')}"


def _in_short(data: Any) -> str:
    if not isinstance(data, dict):
        return printable(str(data))
    said = {
        name: value for name, value in data.items() if isinstance(value, str | int | float) and value != ""
    }
    return "  ".join(f"{name}={printable(str(value))}" for name, value in said.items())
