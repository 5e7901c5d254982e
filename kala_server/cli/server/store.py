"""`kala store`: what state a data folder is in and mending a damaged one; the tables of a PostgreSQL. No server."""

import sys
from pathlib import Path

import click
from click.core import ParameterSource

from kala_server.cli.groups import KalaGroup, help_without_command
from kala_server.cli.server.store_copy import copy
from kala_server.cli.text.plain import printable

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_SEEN_BY_ALL = (
    "warning: while this runs everybody on this machine can see the password in its arguments (ps): "
    "it is better in PGPASSFILE, or the address in KALA_JOBDB_ADDRESS"
)
_GOOD = {"whole", "torn", "missing"}
"""A torn tail is what a crash leaves; the next start cuts it off by itself."""


@click.group(
    cls=KalaGroup,
    invoke_without_command=True,
    short_help="Check or repair the folder of a server; prepare a database; copy one to the other.",
)
@click.pass_context
def store(ctx: click.Context) -> None:
    """Check or repair the folder in which a server keeps its jobs, prepare a database for them, or copy them."""
    help_without_command(ctx)


store.add_command(copy)


@store.command(short_help="Say what state the journal is in; changes nothing.")
@click.argument("folder", type=_FOLDER, default="kala-data")
def check(folder: Path) -> None:
    """Say what state the journal in FOLDER is in, and which jobs that concerns. It changes nothing.

    The exit code is 0 where a server would start on it, else 1.
    """
    from kala_server.stores.journal.inspection import inspect

    try:
        report = inspect(folder)
    except OSError as error:
        raise click.ClickException(printable(f"{folder} cannot be read: {error.strerror}")) from error
    _say(str(report))
    if report.condition not in _GOOD:
        raise click.exceptions.Exit(1)


@store.command(short_help="Mend a damaged journal, and keep it as it was beside.")
@click.argument("folder", type=_FOLDER, default="kala-data")
@click.option("--salvage", is_flag=True, help="Keep what can be read behind the damage, too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def repair(folder: Path, *, salvage: bool, yes: bool) -> None:
    """Make a damaged journal one that a server starts on: everything before the damage is kept.

    With --salvage what can be read behind it is kept, too, where it fits: no slot starts twice, but slots up to now
    that are not in the ledger are skipped. On a terminal it first shows what would be lost, and asks. The file as it
    was stays in FOLDER. A server that uses the folder must be stopped first.
    """
    from kala_client.clock import utc_now
    from kala_server.ports.store import StoreError
    from kala_server.stores.journal.repair import repair as mend

    try:
        if not yes and sys.stdin.isatty():
            _ask(folder, salvage=salvage)
        _say(str(mend(folder, salvage_at=utc_now() if salvage else None)))
    except StoreError as error:
        raise click.ClickException(printable(str(error))) from error
    except OSError as error:
        raise click.ClickException(printable(f"{folder} cannot be repaired: {error.strerror}")) from error


@store.command(short_help="Make the tables of a store in PostgreSQL.")
@click.option(
    "--jobDBAddress",
    "--jobdb-address",
    "address",
    metavar="ADDRESS",
    envvar="KALA_JOBDB_ADDRESS",
    required=True,
    help="Such as postgresql://USER@HOST:5432/DATABASE; a password is better in PGPASSFILE.",
)
@click.pass_context
def prepare(ctx: click.Context, address: str) -> None:
    """Make the tables of a store in PostgreSQL, or bring them up to date, and say whether a server would use it.

    A server does so itself where it may. Where it may not, the database's owner does, and lets the users of servers and
    workers SELECT, INSERT, UPDATE and DELETE in them, and use their sequences. To do it twice is as good as once.
    """
    try:
        from kala_server.runners.procrastinate.schema import prepare as prepare_queues
        from kala_server.stores.postgres.address import has_password, shown
        from kala_server.stores.postgres.connection import Database
    except ModuleNotFoundError as error:
        raise click.ClickException(
            'a store in PostgreSQL needs the cluster extra: pip install "kala-client[cluster]"'
        ) from error
    from kala_client.clock import utc_now
    from kala_server.ports.store import StoreError

    try:
        if has_password(address) and ctx.get_parameter_source("address") is ParameterSource.COMMANDLINE:
            click.echo(_SEEN_BY_ALL, err=True)
        database = Database(address, patience=10, now=utc_now)
        made = database.prepare()
        with database.connect("prepare", statement=60) as connection:
            made |= prepare_queues(connection)
    except StoreError as error:
        raise click.ClickException(printable(str(error))) from error
    _say(f"{shown(address)}: {'the tables are made' if made else 'the tables are there'}, and all is well.")


def _ask(folder: Path, *, salvage: bool) -> None:
    """Show what would be lost and what could be kept, and ask; return where there is nothing to ask."""
    from kala_client.clock import utc_now
    from kala_server.stores.journal.inspection import Condition, inspect
    from kala_server.stores.journal.repair import prospect

    report = inspect(folder)
    if report.condition is not Condition.DAMAGED:
        return
    _say(f"{report}\n{prospect(folder, report, utc_now())}")
    what = (
        "Salvage what can be kept"
        if salvage
        else "Keep only what is before the damage (--salvage keeps more)"
    )
    click.confirm(f"{what}?", abort=True, err=True)


def _say(report: str) -> None:
    for line in report.splitlines():
        click.echo(printable(line))
