"""The command line `kala`: a server, and a client for people. It decides nothing about jobs.

Each module holds the commands of one kind. What takes long to import is imported inside the commands, so that
`kala --help` answers at once.
"""

import io
import sys

from kala_server.cli.app import kala
from kala_server.runner.inherited import fill_standard_streams

__all__ = ["kala", "main"]


def main() -> None:
    """Run the command line; never returns."""
    fill_standard_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a character gets its number, not a traceback.
            stream.reconfigure(errors="backslashreplace")
    kala(prog_name="kala")
