"""`kala job delete`: what is deleted, and what goes with it, is named before and after."""

import sys
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import click

from kala_server.cli.job.job_names import JOB
from kala_server.cli.remote import Session, say_json, talks_to_kala
from kala_server.cli.text.plain import printable

if TYPE_CHECKING:
    from kala_client import Job


@click.command(short_help="Delete jobs.")
@click.argument("job_ids", nargs=-1, metavar="[JOB]...", type=JOB)
@click.option("--all", "everything", is_flag=True, help="Delete every job.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@talks_to_kala
def delete(session: Session, *, job_ids: tuple[str, ...], everything: bool, yes: bool) -> None:
    """Delete jobs, each with the children that have no other parent.

    On a terminal, and with --all anywhere, it names them and asks first. Every job that is gone then is named.
    """
    if everything == bool(job_ids):
        raise click.UsageError("say which jobs by their ids, or --all")
    wanted = [] if everything else session.job_ids(job_ids)
    before = session.client.get_all_jobs()
    gone = list(before) if everything else _with_what_follows(wanted, before)
    if not yes and (everything or sys.stdin.isatty()):
        _ask(gone, wanted, before)
    if everything:
        session.client.delete_all_jobs()
    for place, one in enumerate(wanted):
        if not place or one in session.client.get_all_jobs():  # it may just have gone with its parent
            session.client.delete_job(one)
    left = session.client.get_all_jobs() if len(gone) > len(wanted) and wanted else {}
    deleted = [one for one in gone if one not in left]
    if session.as_json:
        say_json({"deleted": deleted})
    for one in () if session.as_json else deleted:
        click.echo(f"deleted {_told(one, before)}")


def _with_what_follows(wanted: Collection[str], jobs: Mapping[str, "Job"]) -> list[str]:
    """Return the jobs, and those that lose their last parent with them, each once."""
    gone = dict.fromkeys(wanted)
    queue = list(wanted)
    while queue:
        parent = jobs.get(queue.pop(0))
        for child in parent.dependent_jobs if parent else ():
            if child in jobs and child not in gone and gone.keys() >= set(jobs[child].parent_jobs):
                gone[child] = None
                queue.append(child)
    return list(gone)


def _ask(gone: Collection[str], wanted: Collection[str], jobs: Mapping[str, "Job"]) -> None:
    if not wanted:
        click.confirm(f"Delete every job ({len(gone)})?", abort=True, err=True)
        return
    for one in gone:
        click.echo(_told(one, jobs) + ("" if one in wanted else "  (goes with its parent)"), err=True)
    click.confirm(f"Delete {'it' if len(gone) == 1 else f'these {len(gone)} jobs'}?", abort=True, err=True)


def _told(job_id: str, jobs: Mapping[str, "Job"]) -> str:
    return f"{job_id}  {printable(jobs[job_id].name)}" if job_id in jobs else job_id
