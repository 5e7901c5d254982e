"""`kala runs` and `kala upcoming`: what jobs did and are to do, across all of them."""

from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

import click

from kala_server.cli.job_names import JOB
from kala_server.cli.pause import with_pause
from kala_server.cli.plain import printable
from kala_server.cli.remote import Session, plain, talks_to_kala
from kala_server.cli.times import instant

if TYPE_CHECKING:
    from kala_client.models import RunState

_A_DAY = timedelta(days=1)


@click.command(short_help="List the runs of all jobs, newest first.")
@click.option("--state", help="Those in this state, such as failed or skipped.")
@click.option("--since", metavar="TIME", help="Those that were not over before then, such as 18:00.")
@click.option("--until", metavar="TIME", help="Those that were due before then.")
@click.option("--job", type=JOB, metavar="JOB", help="Those of this job.")
@click.option("--tag", help="Those of jobs with this tag.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many.")
@talks_to_kala
def all_runs(
    session: Session,
    *,
    state: "RunState | None",
    since: str | None,
    until: str | None,
    job: str | None,
    tag: str | None,
    limit: int,
) -> None:
    """List the runs of all jobs, newest first, and the times that one was skipped.

    TIME is RFC 3339, or a time of day, which is the last one of that.

    \b
    kala runs --state failed --since 18:00
    kala runs --tag night --until 06:00
    """  # noqa: D301 - click's mark for a paragraph that is not to be wrapped
    from kala_server.cli.describe import all_run_table

    found = list(
        session.client.runs(
            session.job_id(job) if job else None,
            state=state,
            since=_last(since, session.clock.zone),
            until=_last(until, session.clock.zone),
            tag=tag,
            limit=limit,
        )
    )
    session.answer([plain(run) for run in found], lambda: all_run_table(found, session.clock))


@click.command(short_help="List what is due next, of all jobs.")
@click.option("--since", metavar="TIME", help="From then on; else from now on.")
@click.option("--until", metavar="TIME", help="Until then, such as 06:00.")
@click.option("--job", type=JOB, metavar="JOB", help="Of this job.")
@click.option("--tag", help="Of jobs with this tag.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many.")
@talks_to_kala
def upcoming(
    session: Session,
    *,
    since: str | None,
    until: str | None,
    job: str | None,
    tag: str | None,
    limit: int,
) -> None:
    """List when jobs are due next, the earliest first.

    TIME is RFC 3339, or a time of day, which is the next one of that.
    """
    from kala_server.cli.describe import upcoming_table

    found = list(
        session.client.upcoming(
            session.job_id(job) if job else None,
            since=_next(since, session.clock.zone),
            until=_next(until, session.clock.zone),
            tag=tag,
            limit=limit,
        )
    )
    session.answer(
        [plain(slot) for slot in found], lambda: with_pause(session, upcoming_table(found, session.clock))
    )


def _last(text: str | None, zone: tzinfo) -> datetime | None:
    """Read a time; of a time of day the last one is meant: at 7 in the morning, 18:00 is yesterday's."""
    if text is None:
        return None
    found, now = _read(text, zone, coming=False)
    return found if found <= now else _read(text, zone, coming=False, before=_A_DAY)[0]


def _next(text: str | None, zone: tzinfo) -> datetime | None:
    return None if text is None else _read(text, zone, coming=True)[0]


def _read(
    text: str, zone: tzinfo, *, coming: bool, before: timedelta = timedelta()
) -> tuple[datetime, datetime]:
    from kala_client.clock import utc_now

    now = utc_now()
    try:
        return instant(text, zone, now - before, coming=coming), now
    except ValueError as error:
        raise click.UsageError(printable(str(error))) from None
