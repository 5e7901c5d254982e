"""The `kala` command of an install that may lack the server. It must not import the server before it is asked to."""

import sys

from kala_client._extra import hint

_INTERRUPTED = 130
"""What a shell reports for a command that Ctrl-C has ended; it may come while modules are loaded."""


def main() -> None:
    """Run the command line, or say on one line how to install it."""
    try:
        from kala_server.cli import main as run
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except ModuleNotFoundError as error:
        missing = hint(error, "the command line")
        if missing is None:
            raise
        sys.stderr.write(f"kala: {missing}\n")
        sys.exit(1)
    try:
        run()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
