"""`kala completion`: what a shell needs to complete commands, options and names of jobs. It asks no server itself."""

import click
from click.shell_completion import ShellComplete, get_completion_class

_VARIABLE = "_KALA_COMPLETE"
"""By which the shell's function asks `kala` for what can come next."""


@click.command(short_help="Let your shell complete commands and jobs.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, *, shell: str) -> None:
    """Print what SHELL needs to complete commands, options and names of jobs.

    \b
    eval "$(kala completion bash)"    # in ~/.bashrc
    eval "$(kala completion zsh)"     # in ~/.zshrc, after compinit
    kala completion fish > ~/.config/fish/completions/kala.fish
    """  # noqa: D301 - click's mark for a paragraph that is not to be wrapped
    found = get_completion_class(shell)
    assert found is not None
    # Not the class's own: it asks bash for its version, and warns of it on stdout.
    click.echo(ShellComplete.source(found(ctx.find_root().command, {}, "kala", _VARIABLE)))
