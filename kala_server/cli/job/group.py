"""`kala job …`: the commands about jobs themselves. Those about their runs are in `runs.py`."""

from typing import TYPE_CHECKING

import click

from kala_server.cli.groups import KalaGroup, help_without_command
from kala_server.cli.job.create import create
from kala_server.cli.job.delete import delete
from kala_server.cli.job.edit import copy, edit, rename
from kala_server.cli.job.job_names import JOB
from kala_server.cli.job.runs import cancel, explain, family, logs, runs, start
from kala_server.cli.job.switch import disable, enable
from kala_server.cli.pause import with_pause
from kala_server.cli.remote import Session, plain, talks_to_kala
from kala_server.cli.text.typed_text import NAMED

if TYPE_CHECKING:
    from kala_client._model.fields import JobState


@click.group(cls=KalaGroup, invoke_without_command=True, short_help="Create jobs, look at them, start them.")
@click.pass_context
def job(ctx: click.Context) -> None:
    """Create jobs, look at them, start them.

    A job is named by its id, by the first four or more characters of it, or by its name.
    """
    help_without_command(ctx)


@click.command("list", short_help="List jobs.")
@click.option("--name", type=NAMED, help="Those of this name.")
@click.option("--owner", type=NAMED, help="Those of this owner.")
@click.option("--tag", type=NAMED, help="Those with this tag.")
@click.option("--state", type=NAMED, help="Those that are so: active, disabled, done, running, failing.")
@talks_to_kala
def list_jobs(
    session: Session, *, name: str | None, owner: str | None, tag: str | None, state: "JobState | None"
) -> None:
    """List jobs: every one, or those to which everything that is said applies."""
    from kala_server.cli.text.describe import job_table

    if name or owner or tag or state:
        found = session.client.find_jobs(name=name, owner=owner, tag=tag, state=state)
        none = "no such jobs"
    else:
        found = session.client.get_all_jobs()
        none = 'no jobs; create one with: kala job create hello "echo hello"'
    jobs = sorted(found.values(), key=lambda one: (one.name, one.id))
    session.answer(
        [plain(one) for one in jobs],
        lambda: with_pause(session, job_table(jobs, session.clock) if jobs else none),
    )


@click.command(short_help="Show everything about a job.")
@click.argument("job_id", metavar="ID", type=JOB)
@talks_to_kala
def get(session: Session, *, job_id: str) -> None:
    """Show everything about a job."""
    from kala_server.cli.text.describe import job_facts

    found = session.client.get_job(session.job_id(job_id))
    session.answer(plain(found), lambda: job_facts(found, session.clock))


@click.command("stats", short_help="List the finished runs of a job as any Kala keeps them.")
@click.argument("job_id", metavar="ID", type=JOB)
@talks_to_kala
def job_stats(session: Session, *, job_id: str) -> None:
    """List the finished runs of a job as any Kala keeps them; `kala job runs` tells more."""
    from kala_server.cli.text.describe import stat_table

    found = session.client.get_job_stats(session.job_id(job_id))
    session.answer([plain(stat) for stat in found], lambda: stat_table(found, session.clock))


for _command in (
    create,
    list_jobs,
    get,
    edit,
    rename,
    copy,
    start,
    enable,
    disable,
    delete,
    runs,
    logs,
    explain,
    family,
    cancel,
    job_stats,
):
    job.add_command(_command)
job.add_command(start, "run")
