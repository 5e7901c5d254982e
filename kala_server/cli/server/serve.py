"""`kala serve` and `kala run`: a server as a process, with its signals, its logs and its exit code.

What a server consists of is the business of `kala_server/server.py`.
"""

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from kala_server.cli.server.kalas_flags import notes
from kala_server.cli.server.logs import log_to_stderr
from kala_server.cli.server.options import server_options, settings_of
from kala_server.cli.text.plain import printable

if TYPE_CHECKING:
    from kala_server.config import Settings
    from kala_server.server import Server

_log = logging.getLogger("kala.cli")

_MAY_BE_IGNORED = (signal.SIGHUP, signal.SIGQUIT)
"""Where they are ignored from the start, as by `nohup` and by `&` in a script, they ask for nothing."""

SWITCH_INTERVAL = 0.001
"""Seconds after which a thread that waits for the interpreter asks whoever computes to let it go on. With Python's own
5 ms the loop is held for longer by a compaction, and each batch of events waits longer for what writes the one before.
"""


@click.command(short_help="Run a server.")
@server_options
def serve(**options: Any) -> None:
    """Run a server until it is asked to stop (Ctrl-C, SIGTERM, SIGHUP or SIGQUIT).

    Once it can be used it says on stdout where it listens; it logs to stderr. When it is asked to stop, running
    commands may go on for --grace seconds; a second signal ends them at once.
    """
    _run_server(options)


@click.command(short_help="Run a server, or a COMMAND once as a job would.")
@click.argument("command", nargs=-1)
@server_options
def run(command: tuple[str, ...], **options: Any) -> None:
    """Run a server, as `kala serve` does, or COMMAND once.

    \b
    kala run               # a server at http://127.0.0.1:8000
    kala run "date -u"     # what a job with this command would do

    COMMAND is split into words and run just as a job's command is, without a shell; its output goes to stdout.
    The exit code is 0 where it succeeds, else 1.
    """  # noqa: D301 - click's mark for a paragraph that is not to be wrapped
    if len(command) > 1:
        raise click.UsageError('COMMAND is one word for the shell: quote it, such as kala run "echo hello"')
    if command:
        from kala_server.cli.once import run_once

        raise click.exceptions.Exit(run_once(command[0], options["pass_env"]))
    _run_server(options)


def _run_server(options: dict[str, Any]) -> None:
    from kala_server.config import ConfigError
    from kala_server.ports.store import StoreError

    settings = taken_over(settings_of(options))
    log_to_stderr(verbose=options["verbose"], as_json=options["log_format"] == "json")
    for note in notes(options):
        _log.warning("%s", note)
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        asyncio.run(serve_until_asked(settings))
    except (ConfigError, StoreError) as error:
        raise click.ClickException(printable(str(error))) from error
    except OSError as error:
        raise click.ClickException(printable(_why_not(error, settings))) from error


def taken_over(settings: "Settings") -> "Settings":
    """Make this process a server's: what it was handed is put right, and what commands get of it is a setting."""
    from kala_server.runners.local.environment import hide_secrets
    from kala_server.runners.local.inherited import raise_open_files, reset_signals

    reset_signals(but=_MAY_BE_IGNORED)
    hide_secrets()
    return replace(settings, command_open_files=raise_open_files())


async def serve_until_asked(settings: "Settings") -> None:
    """Serve until a signal comes or the store breaks. Raises StoreBrokenError then."""
    from kala_server.cli.server.verbose import narrate
    from kala_server.cli.server.welcome import say_what_the_environment_asks_for, say_where_jobs_are
    from kala_server.server import Server
    from kala_server.service.garbage import OurGarbage

    say_what_the_environment_asks_for(settings)
    server = Server(settings, garbage=OurGarbage())
    asked = _on_signals(server, settings)
    await server.start()
    say_where_jobs_are(settings, server.database, new=server.is_new)
    narration = asyncio.create_task(narrate(server.service.feed))
    if pause := server.service.state.pause:
        _log.warning(
            "paused since %s: no job starts by itself until kala resume", pause.at.isoformat(" ", "seconds")
        )
    if server.is_new:
        _tell_what_commands_get(settings)
    _say(f"listening on {server.url}")
    reasons_to_end: list[asyncio.Future[Any]] = [asked, server.ended]
    await asyncio.wait(reasons_to_end, return_when=asyncio.FIRST_COMPLETED)
    await server.stop()
    await narration
    if server.ended.done():
        raise server.ended.result()


def _say(line: str) -> None:
    """Write a line to stdout; where nobody takes it, now or when Python ends, that is no reason not to serve."""
    try:
        click.echo(line)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell_what_commands_get(settings: "Settings") -> None:
    """Tell whoever has just begun to use the server of what is unlike what a child of his shell gets."""
    from kala_server.runners.local.environment import PASSED_ON, not_passed_on

    if left_out := not_passed_on(settings.pass_env):
        _log.info(
            "commands get of this environment %s, and not %s: name what they need with --pass-env or in a job's env",
            " ".join((*PASSED_ON, *settings.pass_env)),
            " ".join(left_out),
        )


def _on_signals(server: "Server", settings: "Settings") -> asyncio.Future[None]:
    """Return what is done at the first signal; the second ends every command, and the third the process."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    numbers += [number for number in _MAY_BE_IGNORED if signal.getsignal(number) is not signal.SIG_IGN]
    loop = asyncio.get_running_loop()
    asked: asyncio.Future[None] = loop.create_future()

    def on_signal() -> None:
        if not asked.done():
            _log.info(
                "stopping; running commands have %g s, a second signal ends them",
                settings.grace.total_seconds(),
            )
            asked.set_result(None)
            return
        for number in numbers:
            loop.remove_signal_handler(number)
        server.end_everything()

    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    return asked


def _why_not(error: OSError, settings: "Settings") -> str:
    """Say why the server could not start, and what would help."""
    host, port = settings.host, settings.port
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use; choose another with -p (0 takes any free one)"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine; the default is 127.0.0.1"
    if error.errno == errno.EACCES and error.filename is None:
        return f"port {port} needs rights that this user lacks; choose one from 1024 on with -p"
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)
