"""`kala man`: a manual page, made of the help of the commands. It says nothing of its own."""

from collections.abc import Iterator

import click


@click.command("man", short_help="Print a manual page.")
@click.pass_context
def manual(ctx: click.Context) -> None:
    """Print a manual page of all commands, as roff.

    \b
    kala man | man -l -
    kala man > ~/.local/share/man/man1/kala.1
    """  # noqa: D301 - click's mark for a paragraph that is not to be wrapped
    root = ctx.find_root()
    click.echo(".TH KALA 1\n.SH NAME\nkala \\- run commands on schedule, over JSON and HTTP\n.SH SYNOPSIS")
    click.echo(".B kala\nCOMMAND [ARGUMENT]...\n.SH COMMANDS")
    for line in _about(root.command, root):
        click.echo(line)


def _about(command: click.Command, ctx: click.Context) -> Iterator[str]:
    """Yield what there is to know of a command, and of those in it."""
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    yield f".SS {_escaped(usage)}"
    yield ".nf"
    yield from map(_escaped, (command.help or "").replace("\b\n", "").splitlines())
    yield ".fi"
    for parameter in command.get_params(ctx):
        if record := parameter.get_help_record(ctx):
            yield f".TP\n.B {_escaped(record[0])}\n{_escaped(record[1])}"
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            inner = command.get_command(ctx, name)
            if inner is not None and not inner.hidden:
                yield from _about(inner, click.Context(inner, info_name=name, parent=ctx))


def _escaped(text: str) -> str:
    """Return a line that roff shows as it is."""
    line = " ".join(text.split("\n")).replace("\\", "\\e").replace("-", "\\-")
    line = "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in line)
    return f"\\&{line}" if line.startswith((".", "'")) else line
