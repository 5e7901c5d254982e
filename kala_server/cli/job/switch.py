"""`kala job enable` and `kala job disable`: of some jobs, of those with a tag, or of all."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click

from kala_server.cli.job.job_names import JOB
from kala_server.cli.remote import Session, say_json, talks_to_kala
from kala_server.cli.text.plain import printable
from kala_server.cli.text.typed_text import NAMED

F = TypeVar("F", bound=Callable[..., Any])


def _says_which(command: F) -> F:
    """Give a command the ways to say which jobs it is about."""
    for way in (
        click.option("--tag", type=NAMED, help="The jobs with this tag."),
        click.option("--all", "everything", is_flag=True, help="Every job."),
        click.argument("job_ids", nargs=-1, metavar="[ID]...", type=JOB),
    ):
        command = way(command)
    return command


@click.command(short_help="Let disabled jobs run on schedule again.")
@_says_which
@talks_to_kala
def enable(session: Session, **which: Any) -> None:
    """Let disabled jobs run on schedule again."""
    _switch(session, "enable", **which)


@click.command(short_help="Keep jobs, but do not run them.")
@_says_which
@talks_to_kala
def disable(session: Session, **which: Any) -> None:
    """Keep jobs, but do not run them."""
    _switch(session, "disable", **which)


def _switch(
    session: Session,
    what: Literal["enable", "disable"],
    *,
    job_ids: tuple[str, ...],
    everything: bool,
    tag: str | None,
) -> None:
    if bool(job_ids) + everything + (tag is not None) != 1:
        raise click.UsageError("say which jobs by their ids, or --tag, or --all")
    if job_ids:
        switched = _each(session, what, job_ids)
    else:
        # What is enabled already is no news; a job may be disabled again, for what waits.
        state: Literal["disabled"] | None = "disabled" if what == "enable" else None
        found = session.client.bulk(what, tag=tag, state=state, dry_run=True)
        done = session.client.bulk(what, tag=tag, state=state, expect=len(found))
        switched = {job.id: job.name for job in done}
    _report(session, f"{what}d", switched)


def _each(session: Session, what: str, job_ids: tuple[str, ...]) -> dict[str, str]:
    switch = session.client.enable_job if what == "enable" else session.client.disable_job
    ids = session.job_ids(job_ids)
    for one in ids:
        switch(one)
    return dict.fromkeys(ids, "")


def _report(session: Session, what: str, jobs: dict[str, str]) -> None:
    if session.as_json:
        say_json({what: list(jobs)})
        return
    for job_id, name in jobs.items():
        click.echo(f"{what} {job_id} {printable(name)}".rstrip())
    if not jobs:
        click.echo("no such jobs")
