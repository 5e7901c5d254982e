"""`kala token new`: a secret that lets somebody use a server. It is shown once, and kept where it is told to be."""

import os
from pathlib import Path

import click

from kala_server.cli.groups import KalaGroup, help_without_command
from kala_server.cli.text.plain import printable


@click.group(cls=KalaGroup, invoke_without_command=True, short_help="Make tokens, which let clients in.")
@click.pass_context
def token(ctx: click.Context) -> None:
    """Make tokens, which let clients in."""
    help_without_command(ctx)


@token.command(short_help="Make a token.")
@click.option("--read-only", is_flag=True, help="It allows to look, and nothing else.")
@click.option(
    "--file",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Add it to this file, which is made where it is missing, readable by you alone.",
)
@click.option("--name", default="", help="Whose it is, as a comment in the file.")
def new(*, read_only: bool, path: Path | None, name: str) -> None:
    """Make a token and print it.

    \b
    kala token new --file tokens --name ann      # its line is added to the file
    kala serve --token-file tokens               # now the server wants one of them
    KALA_TOKEN=kala_… kala job list              # and so a client shows it
    """  # noqa: D301 - click's mark for a paragraph that is not to be wrapped
    from kala_server.tokens import Scope, new_token

    line = new_token(Scope.READ if read_only else Scope.FULL)
    comment = printable(name).replace("#", "")
    if path is not None:
        _append(path, f"{line}  # {comment}\n" if comment else f"{line}\n")
    click.echo(line.partition(" ")[2])


def _append(path: Path, line: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, for its mode
            file.write(line)
    except OSError as error:
        raise click.ClickException(printable(f"{path} cannot be written: {error.strerror}")) from error
