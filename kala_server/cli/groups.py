"""Groups of commands: their order, their help, and what Ctrl-C means to all of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from kala_client._model.nearest import is_near

_INTERRUPTED = 130
"""What a shell reports for a command that Ctrl-C has ended."""
_HEAD, _TAIL = 500, 300
"""Characters of an error that are shown: what was typed may be without end, and what would be right comes after it."""


class KalaGroup(click.Group):
    """A group that names its commands as people meet them, and ends without a word at Ctrl-C."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order in which people meet them, not in that of the alphabet."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            with _true_advice(ctx):
                return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.exceptions.Exit(_INTERRUPTED) from None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the group's own options."""
        with _true_advice(ctx):
            return super().parse_args(ctx, args)


@contextmanager
def _true_advice(ctx: click.Context) -> Iterator[None]:
    """Have what is wrong told in full, in short and once: by the outermost group, which every error comes by."""
    try:
        yield
    except click.ClickException as error:
        if ctx.parent is None:
            if isinstance(error, click.UsageError):
                _advise(error)
            vars(error)["message"] = _in_short(error.message)  # click has no other way
        raise


def _advise(error: click.UsageError) -> None:
    """Let click's "did you mean" name only what is the same word: of what shares letters some does the contrary."""
    typed = str(getattr(error, "option_name", None) or getattr(error, "command_name", ""))
    if advice := getattr(error, "possibilities", None):
        vars(error)["possibilities"] = [one for one in advice if is_near(typed, one)]
    if error.message.startswith("Got unexpected extra argument") and _takes(error.ctx, "command"):
        vars(error)["message"] = f'{error.message}; a COMMAND of several words is quoted: "echo hello"'
    if isinstance(error, click.NoSuchOption) and not error.possibilities and error.ctx is not None:
        if isinstance(error.ctx.command, click.Group):
            vars(error)["message"] = f"{error.message} Options of a command go behind it."
        elif _takes(error.ctx):
            vars(error)["message"] = (
                f"{error.message} What begins with a dash and is no option goes behind --."
            )


def _takes(ctx: click.Context | None, name: str | None = None) -> bool:
    """Whether the command takes arguments, or the one of that name."""
    return ctx is not None and any(
        isinstance(parameter, click.Argument) and name in {None, parameter.name}
        for parameter in ctx.command.params
    )


def _in_short(message: str) -> str:
    return message if len(message) <= _HEAD + _TAIL else f"{message[:_HEAD]} … {message[-_TAIL:]}"


def help_without_command(ctx: click.Context) -> None:
    """Show the help of a group that was named alone."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
