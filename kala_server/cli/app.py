"""The root of the commands. It must not hold any itself."""

import click

from kala_server.cli.across import all_runs, upcoming
from kala_server.cli.completion import completion
from kala_server.cli.groups import KalaGroup, help_without_command
from kala_server.cli.job.group import job
from kala_server.cli.manual import manual
from kala_server.cli.overview import events, preview, stats
from kala_server.cli.pause import pause, resume
from kala_server.cli.server.demo import demo
from kala_server.cli.server.serve import run, serve
from kala_server.cli.server.store import store
from kala_server.cli.server.token import token
from kala_server.cli.server.worker import worker, workers
from kala_server.cli.sets.apply import apply_files
from kala_server.cli.sets.check import check
from kala_server.cli.sets.export import export
from kala_server.cli.sets.plan import plan


def _show_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's
    if wanted and not ctx.resilient_parsing:
        from kala_client import __version__

        click.echo(f"kala {__version__}")
        ctx.exit()


@click.group(
    cls=KalaGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Try it: kala demo",
)
@click.option(
    "--url",
    envvar="KALA_URL",
    show_envvar=True,
    help="The Kala that the commands talk to, http://127.0.0.1:8000 unless given; of several servers of one all, "
    "with commas in between. Its token: KALA_TOKEN.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.pass_context
def kala(ctx: click.Context, url: str | None) -> None:  # noqa: ARG001 - remote.py reads it
    """Run commands on schedule, over JSON and HTTP."""
    help_without_command(ctx)


for _command in (
    serve,
    run,
    demo,
    job,
    check,
    plan,
    apply_files,
    export,
    upcoming,
    stats,
    pause,
    resume,
    preview,
    events,
    token,
    store,
    worker,
    workers,
    completion,
    manual,
):
    kala.add_command(_command)
kala.add_command(all_runs, "runs")
