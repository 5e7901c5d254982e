"""`kala worker`: runs commands of queues on this machine, for the servers of a database; and who drains one."""

from datetime import timedelta
from re import fullmatch
from typing import Any

import click

from kala_server.cli.groups import KalaGroup
from kala_server.cli.remote import Session, plain, talks_to_kala
from kala_server.cli.server.database import a_queue
from kala_server.cli.server.option import option
from kala_server.cli.text.plain import printable
from kala_server.cli.text.typed_text import Number, Whole


def _queues(_ctx: click.Context, _option: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of queues, each once. Raises BadParameter."""
    return tuple(dict.fromkeys(a_queue(_ctx, _option, name) for name in names))


def _a_name(_ctx: click.Context, _option: click.Parameter, name: str) -> str:
    """Return the name of a worker; this machine's where none is said. Raises BadParameter."""
    from socket import gethostname

    name = name or gethostname()
    if not fullmatch(r"[A-Za-z0-9._-]{1,64}", name):
        raise click.BadParameter(f"a name has up to 64 of A-Z, a-z, 0-9 and . _ -, not {name!r}; say one")
    return name


@click.group(cls=KalaGroup, invoke_without_command=True, short_help="Run commands of queues on this machine.")
@option(
    "--jobDBAddress",
    "--jobdb-address",
    "address",
    metavar="ADDRESS",
    envvar=["KALA_JOBDB_ADDRESS", "KALA_JOBDBADDRESS"],
    help="Where PostgreSQL is, as for kala serve; a password is better in PGPASSFILE.",
)
@option(
    "--queue",
    "queues",
    metavar="QUEUE",
    multiple=True,
    callback=_queues,
    help="Whose jobs it runs; may be repeated.",
)
@option("--name", metavar="NAME", default="", callback=_a_name, help="Its own; the machine's unless said.")
@option(
    "--concurrency",
    type=Whole(min=1, max=1000),
    default=16,
    show_default=True,
    help="How many it runs at the same time.",
)
@option(
    "--grace",
    type=Number(min=0),
    metavar="SECONDS",
    default=10,
    show_default=True,
    help="For how long commands may go on when it is asked to stop.",
)
@option(
    "--pass-env",
    metavar="PATTERN",
    multiple=True,
    help="Pass these variables of its own on to commands, such as 'APP_*'; may be repeated.",
)
@option("--http-allow", metavar="HOST", multiple=True, help="HTTP jobs may call it, and no other host.")
@option("--http-deny", metavar="HOST", multiple=True, help="HTTP jobs may not call it; may be repeated.")
@option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="A line of text for each message on stderr, or a JSON object.",
)
@option("-v", "--verbose", is_flag=True, help="Log everything that happens.")
@click.pass_context
def worker(ctx: click.Context, /, **options: Any) -> None:
    """Run commands on this machine, for the servers of a database: those of jobs that name one of its queues.

    It takes what is due there, runs it as a server would (users, folders, limits and what is inherited of the
    environment are this machine's), and tells what becomes of it. Where the database is away, what runs goes on.
    """
    if ctx.invoked_subcommand is None:
        for name, said in (("--jobDBAddress", options["address"]), ("--queue", options["queues"])):
            if not said:
                raise click.UsageError(f"Missing option '{name}'.")
        _work(options)


@worker.command(short_help="Let a worker take nothing more.")
@click.argument("name")
@talks_to_kala
def drain(session: Session, *, name: str) -> None:
    """Let the worker NAME take nothing more until it is started anew; what it runs goes on."""
    session.client.drain_worker(name)
    session.answer({"name": name}, lambda: f"{name} takes nothing more")


@click.command(short_help="List the workers on other machines.")
@talks_to_kala
def workers(session: Session) -> None:
    """List the workers on other machines: from which queues each takes, what it runs, and when it was heard of."""
    from kala_server.cli.text.workers import table_of

    found = session.client.workers()
    session.answer([plain(one) for one in found], lambda: table_of(found, session.clock))


def _work(options: dict[str, Any]) -> None:
    import asyncio
    import os

    try:
        from kala_server.worker import WorkerSettings, work
    except ModuleNotFoundError as error:
        raise click.ClickException(
            'a worker needs the cluster extra: pip install "kala-client[cluster]"'
        ) from error
    from kala_server.cli.server.logs import log_to_stderr
    from kala_server.ports.store import StoreError
    from kala_server.runners.http.reach import Reach
    from kala_server.runners.local.environment import hide_secrets
    from kala_server.runners.local.inherited import raise_open_files, reset_signals

    try:
        reach = Reach.read(options["http_allow"], options["http_deny"])
    except ValueError as error:
        raise click.UsageError(f"--http-allow and --http-deny: {error}") from None
    log_to_stderr(verbose=options["verbose"], as_json=options["log_format"] == "json")
    settings = WorkerSettings(
        address=options["address"],
        name=options["name"],
        queues=options["queues"],
        concurrency=options["concurrency"],
        grace=timedelta(seconds=options["grace"]),
        pass_env=tuple(options["pass_env"]),
        reach=reach,
        open_files=raise_open_files(),
        url=os.environ.get("KALA_URL", ""),
    )
    reset_signals(but=())
    hide_secrets()
    try:
        asyncio.run(work(settings, click.echo))
    except* StoreError as errors:
        raise click.ClickException(printable(str(errors.exceptions[0]))) from errors
