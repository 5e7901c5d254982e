"""`kala store copy`: all that a server keeps, in another store. No server runs on either meanwhile."""

import asyncio
from urllib.parse import urlsplit

import click

from kala_server.cli.text.plain import printable

_SEEN_BY_ALL = (
    "warning: while this runs everybody on this machine can see the password in its arguments (ps): "
    "it is better in PGPASSFILE, or in KALA_JOBDB_PASSWORD for a Redis"
)


@click.command(short_help="Copy all jobs and runs to another store, such as a database.")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def copy(source: str, target: str) -> None:
    """Copy all that is kept in FROM to TO, with its ids, and look whether it is there.

    \b
    kala store copy kala-data redis://127.0.0.1:6379
    kala store copy kala-data postgresql://kala@db.example.com/kala

    Each is a folder or the address of a database. No server may use either meanwhile. TO is empty or not there; FROM
    stays as it is. Servers on both would start the same jobs, so have none on FROM any more.
    """  # noqa: D301 - click's mark for a paragraph that is not to be wrapped
    from kala_server.cli.server.places import place_of, source_of
    from kala_server.config import ConfigError
    from kala_server.ports.store import StoreError
    from kala_server.stores.copying import copy as copied

    if any(map(_has_password, (source, target))):
        click.echo(_SEEN_BY_ALL, err=True)
    try:
        done = asyncio.run(copied(source_of(source), place_of(target)))
    except (ConfigError, StoreError) as error:
        raise click.ClickException(printable(str(error))) from error
    what = f"{done.jobs:,} jobs, {done.runs:,} runs, {done.output:,} bytes of output"
    click.echo(printable(f"{done.target} has all of {done.source}, read again and compared: {what}"))


def _has_password(text: str) -> bool:
    try:
        return bool(urlsplit(text).password)
    except ValueError:
        return False
