"""Groups of commands: their order, their help, and what Ctrl-C means to all of them."""

from typing import Any

import click

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
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(_INTERRUPTED) from None


def help_without_command(ctx: click.Context) -> None:
    """Show the help of a group that was named alone."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
