"""Groups of commands, and the one place where errors of a call become a line for people and an exit code."""

from typing import Any

import click

_INTERRUPTED = 130
"""What a shell reports for a command that Ctrl-C has ended."""


class KalaGroup(click.Group):
    """A group whose commands may let every error of the client's tree through."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order in which people meet them, not in that of the alphabet."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a KalaError ends it with one line on stderr and exit code 1."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(_INTERRUPTED) from None
        except Exception as error:
            from kala_client import KalaError
            from kala_server.cli.failures import told

            if not isinstance(error, KalaError):
                raise
            raise click.ClickException(told(error)) from error


def help_without_command(ctx: click.Context) -> None:
    """Show the help of a group that was named alone."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
