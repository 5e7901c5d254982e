"""`kala demo`: a server, three jobs and their runs, to be seen in ten seconds. Nothing of it is left behind."""

import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from kala_client import KalaClient

_NEXT = """\
Next:  {kala} serve      your own server; its jobs stay in ./kala-data. Then, elsewhere:
       {kala} job create hi "echo hi" --every 1m
       {python} -c 'from kala_client import KalaClient; print(KalaClient().get_all_jobs())'"""


@click.command(short_help="See it work, in ten seconds.")
@click.option("--keep", is_flag=True, help="Keep the server and its page up until Ctrl-C.")
def demo(*, keep: bool) -> None:
    """See it work: a server on a free port, three jobs, and their runs as they happen."""
    from kala_client import KalaClient
    from kala_server.cli.server.live_table import LiveTable
    from kala_server.testing import running_server

    # What asks it to end does so as Ctrl-C does: the server stops, and nothing is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with running_server() as server, KalaClient(server.url) as client:
        click.echo(f"A server for this demo listens on {server.url}, with its page at {server.url}/webui/\n")
        LiveTable(client, _create_jobs(client)).play()
        if keep:
            click.echo("\nIt stays up until Ctrl-C.")
            with suppress(KeyboardInterrupt):
                Event().wait()
    kala, python = as_typed(Path(sys.argv[0]))
    click.echo("\n" + _NEXT.format(kala=kala, python=python))


def as_typed(program: Path) -> tuple[str, str]:
    """Return how `kala` and its Python are typed here: with their folder, where the shell does not look into that."""
    found = shutil.which("kala")
    if program.name != "kala" or (found and program.samefile(found)):
        return "kala", "python"
    return str(program), str(program.with_name("python"))


def _create_jobs(client: "KalaClient") -> list[str]:
    """Create a repeating job, a parent that is due once, and its child; return their ids."""
    from datetime import timedelta

    from kala_client import Schedule
    from kala_client.clock import utc_now

    now = utc_now()
    tick = Schedule.every(seconds=2, start=now + timedelta(seconds=1), repeat=3)
    fetch = client.create_job(
        name="fetch", command="sleep 1.5", schedule=Schedule.once(now + timedelta(seconds=2))
    )
    return [
        client.create_job(name="tick", command="date +%T", schedule=tick),
        fetch,
        client.create_job(name="report", command="echo 'fetch is done'", parent_jobs=[fetch]),
    ]
