"""`kala runs` and `kala upcoming`: what jobs did and are to do, across all of them."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kala_server.cli.job.job_names import JOB
from kala_server.cli.pause import with_pause
from kala_server.cli.remote import Session, plain, talks_to_kala
from kala_server.cli.text.typed_text import NAMED, Whole

if TYPE_CHECKING:
    from kala_client.models import RunState

F = TypeVar("F", bound=Callable[..., Any])
_MOST = 100_000
"""Lines of one answer: what repeats for ever has no last one."""


def _narrowed(*, since: str, until: str) -> Callable[[F], F]:
    """Give a command the options that say of which jobs and times it tells, and how much."""
    options = (
        click.option("--since", metavar="TIME", help=since),
        click.option("--until", metavar="TIME", help=until),
        click.option("--job", type=JOB, metavar="JOB", help="Of this job."),
        click.option("--tag", type=NAMED, help="Of jobs with this tag."),
        click.option("--limit", type=Whole(1, _MOST), default=20, show_default=True, help="How many."),
    )

    def give(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return give


@click.command(short_help="List the runs of all jobs, newest first.")
@click.option("--state", type=NAMED, help="Those in this state, such as failed or skipped.")
@_narrowed(
    since="Those that were not over before then, such as 18:00.", until="Those that were due before then."
)
@talks_to_kala
def all_runs(
    session: Session, *, state: "RunState | None", since: str | None, until: str | None, **which: Any
) -> None:
    """List the runs of all jobs, newest first, and the times that one was skipped.

    TIME is RFC 3339, or a time of day, which is the last one of that: from 18:00 until 06:00 is the last whole night.

    \b
    kala runs --state failed --since 18:00
    kala runs --tag night --until 06:00
    """  # noqa: D301 - click's mark for a paragraph that is not to be wrapped
    from kala_client.clock import utc_now
    from kala_server.cli.text.describe import all_run_table

    now = utc_now()
    end = _time(session, until, now, before=now)
    begin = _time(session, since, now, before=min(end or now, now))
    found = list(session.client.runs(since=begin, until=end, state=state, **_of(session, which)))
    session.answer([plain(run) for run in found], lambda: all_run_table(found, session.clock))


@click.command(short_help="List what is due next, of all jobs.")
@_narrowed(since="From then on; else from now on.", until="Until then, such as 06:00.")
@talks_to_kala
def upcoming(session: Session, *, since: str | None, until: str | None, **which: Any) -> None:
    """List when jobs are due next, the earliest first.

    TIME is RFC 3339, or a time of day, which is the next one of that: from 18:00 until 06:00 is the next whole night.
    """
    from kala_client.clock import utc_now
    from kala_server.cli.text.describe import upcoming_table

    now = utc_now()
    begin = _time(session, since, now, after=now)
    end = _time(session, until, now, after=max(begin or now, now))
    found = list(session.client.upcoming(since=begin, until=end, **_of(session, which)))
    session.answer(
        [plain(slot) for slot in found], lambda: with_pause(session, upcoming_table(found, session.clock))
    )


def _time(session: Session, text: str | None, now: datetime, **near: datetime) -> datetime | None:
    return None if text is None else session.time(text, now, **near)


def _of(session: Session, which: dict[str, Any]) -> dict[str, Any]:
    """Return the filters as the client takes them."""
    job = which.pop("job")
    return {"job_id": None if job is None else session.job_id(job), **which}
