"""`kala job enable` and `kala job disable`: of some jobs, of those with a tag, or of all."""

import click

from kala_server.cli.job_names import JOB
from kala_server.cli.plain import printable
from kala_server.cli.remote import Session, say_json, talks_to_kala


@click.command(short_help="Let disabled jobs run on schedule again.")
@click.argument("job_ids", nargs=-1, metavar="[ID]...", type=JOB)
@click.option("--all", "everything", is_flag=True, help="Every job.")
@click.option("--tag", help="The jobs with this tag.")
@talks_to_kala
def enable(session: Session, *, job_ids: tuple[str, ...], everything: bool, tag: str | None) -> None:
    """Let disabled jobs run on schedule again."""
    if _are_named(job_ids, everything, tag):
        ids = session.job_ids(job_ids)
        for one in ids:
            session.client.enable_job(one)
        _report(session, "enabled", dict.fromkeys(ids, ""))
        return
    found = session.client.bulk("enable", tag=tag, state="disabled", dry_run=True)
    done = session.client.bulk("enable", tag=tag, state="disabled", expect=len(found))
    _report(session, "enabled", {job.id: job.name for job in done})


@click.command(short_help="Keep jobs, but do not run them.")
@click.argument("job_ids", nargs=-1, metavar="[ID]...", type=JOB)
@click.option("--all", "everything", is_flag=True, help="Every job.")
@click.option("--tag", help="The jobs with this tag.")
@talks_to_kala
def disable(session: Session, *, job_ids: tuple[str, ...], everything: bool, tag: str | None) -> None:
    """Keep jobs, but do not run them."""
    if _are_named(job_ids, everything, tag):
        ids = session.job_ids(job_ids)
        for one in ids:
            session.client.disable_job(one)
        _report(session, "disabled", dict.fromkeys(ids, ""))
        return
    found = session.client.bulk("disable", tag=tag, dry_run=True)
    done = session.client.bulk("disable", tag=tag, expect=len(found))
    _report(session, "disabled", {job.id: job.name for job in done})


def _are_named(job_ids: tuple[str, ...], everything: bool, tag: str | None) -> bool:  # noqa: FBT001 - as options are
    if bool(job_ids) + everything + (tag is not None) != 1:
        raise click.UsageError("say which jobs by their ids, or --tag, or --all")
    return bool(job_ids)


def _report(session: Session, what: str, jobs: dict[str, str]) -> None:
    if session.as_json:
        say_json({what: list(jobs)})
        return
    for job_id, name in jobs.items():
        click.echo(f"{what} {job_id} {printable(name)}".rstrip())
    if not jobs:
        click.echo("no such jobs")
