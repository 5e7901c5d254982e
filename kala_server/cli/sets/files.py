"""What commands share that take the files of a set: reading them, and a line for each thing that is wrong."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from kala_server.cli.text.plain import printable

if TYPE_CHECKING:
    from kala_client.set_files import ReadSet

F = TypeVar("F", bound=Callable[..., Any])


def says_a_set(command: F) -> F:
    """Give the command files, and values for what stands in them."""
    files = click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
    given = click.option(
        "--var",
        "given",
        multiple=True,
        callback=_pairs,
        metavar="NAME=VALUE",
        help="What @{NAME} stands for in the files; may be repeated.",
    )
    return files(given(command))


def read_set(files: tuple[str, ...], given: dict[str, str]) -> "ReadSet":
    """Read the files of a set, and check what can be checked without a server. Ends the command where it is wrong."""
    from kala_client.set_files import SetFileError, read
    from kala_server.cli.sets.offline import faults_of

    try:
        found = read(files, given)
    except SetFileError as error:
        refuse(error.faults)
    if faults := faults_of(found):
        refuse(faults)
    return found


def refuse(faults: Iterable[str]) -> NoReturn:
    """Name each fault on a line of its own, as editors read it, and end with exit code 1."""
    for fault in faults:
        for line in fault.splitlines():
            click.echo(printable(line), err=True)
    raise click.exceptions.Exit(1)


def _pairs(_ctx: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = dict[str, str]()
    for text in given:
        name, sign, value = text.partition("=")
        if not (name and sign):
            raise click.BadParameter(f"{text!r} is not NAME=VALUE")
        pairs[name] = value
    return pairs
