"""Groups of commands: their order, their help, and what Ctrl-C means to all of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from kala_client.nearest import is_near

_INTERRUPTED = 130
"""What a shell reports for a command that Ctrl-C has ended."""


class KalaGroup(click.Group):
    """A group that names its commands as people meet them, and ends without a word at Ctrl-C."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order in which people meet them, not in that of the alphabet."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            with _true_advice():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(_INTERRUPTED) from None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the group's own options."""
        with _true_advice():
            return super().parse_args(ctx, args)


@contextmanager
def _true_advice() -> Iterator[None]:
    """Let click's "did you mean" name only what is the same word: of what shares letters some does the contrary."""
    try:
        yield
    except click.UsageError as error:
        typed = str(getattr(error, "option_name", None) or getattr(error, "command_name", ""))
        if advice := getattr(error, "possibilities", None):  # click has no other way to say which
            vars(error)["possibilities"] = [one for one in advice if is_near(typed, one)]
        if error.message.startswith("Got unexpected extra argument") and _takes_a_command(error.ctx):
            vars(error)["message"] = f'{error.message}; a COMMAND of several words is quoted: "echo hello"'
        raise


def _takes_a_command(ctx: click.Context | None) -> bool:
    return ctx is not None and any(parameter.name == "command" for parameter in ctx.command.params)


def help_without_command(ctx: click.Context) -> None:
    """Show the help of a group that was named alone."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
