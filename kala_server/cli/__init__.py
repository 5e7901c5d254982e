"""The command line `kala`: a server, and a client for people. It decides nothing about jobs.

Each module holds the commands of one kind. What takes long to import is imported inside the commands, so that
`kala --help` answers at once.
"""

import io
import os
import sys

import click

from kala_server.cli.app import kala
from kala_server.runners.local.inherited import fill_standard_streams

__all__ = ["kala", "main"]


def main() -> None:
    """Run the command line; never returns."""
    fill_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a character gets its number, not a traceback.
            stream.reconfigure(errors="backslashreplace")
    try:
        kala(prog_name="kala")
    except OSError as error:  # what no command expects is that it can say nothing
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nor can Python at its end
        what = error.filename or "the output"
        click.echo(f"Error: {what} cannot be written: {error.strerror}", err=True)
        sys.exit(1)
