"""`kala check`: whether files say a set, before any server is asked."""

import click

from kala_server.cli.sets.files import read_set, says_a_set
from kala_server.cli.text.plain import printable
from kala_server.cli.text.typed_text import check_text


@click.command(short_help="Check the files of a set of jobs; no server is asked.")
@says_a_set
@click.pass_context
def check(ctx: click.Context, *, files: tuple[str, ...], given: dict[str, str]) -> None:
    """Check files that say a set of jobs, by the rules of the server and without one.

    FILE is TOML, JSON, or MODULE:ATTRIBUTE for a JobSet in Python. Several are one set. What is wrong is named with
    file, line and column, and the exit code is 1.

    \b
    kala check jobs.toml
    kala check jobs/*.toml --var db=crm
    """  # noqa: D301 - click's mark for a paragraph that is not to be wrapped
    check_text(ctx)
    found = read_set(files, given)
    count = len(found.said)
    click.echo(f"{printable(found.name)}: {count} {'job' if count == 1 else 'jobs'}, nothing is wrong")
