"""The `kala` command of an install that may lack the server. It must not import the server before it is asked to."""

import sys

_EXTRA = frozenset({"click", "cronsim", "prometheus_client", "rich", "tornado", "kala_server"})
_HINT = 'kala: the command line needs the server extra: pip install "kala-client[server]"'


def main() -> None:
    """Run the command line, or say on one line how to install it."""
    try:
        from kala_server.cli import main as run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        sys.stderr.write(f"{_HINT}\n")
        sys.exit(1)
    run()
