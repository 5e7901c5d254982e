"""For tests of what uses Kala: a real server for as long as a block lasts.

`running_server` has one on the wall clock, a `Kit` one on a clock that moves only when it is told to.
"""

from kala_client._extra import hint

try:
    from kala_server.testing.kit import Kit, KitClient
    from kala_server.testing.running import RunningServer, running_server
    from kala_server.testing.virtual_server import KitError
except ModuleNotFoundError as error:
    missing = hint(error, "kala_server.testing")
    if missing is None:
        raise
    raise ModuleNotFoundError(missing, name=error.name) from error

__all__ = ["Kit", "KitClient", "KitError", "RunningServer", "running_server"]
