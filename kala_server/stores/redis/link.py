"""A connection to a Redis: made when it is needed, looked at each time that it is made, and no command is sent twice.

What is asked for and not answered may have been done or not: that is for whoever asks to find out. It may be used from
any thread, by one at a time.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, cast

from redis import exceptions as said
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.retry import Retry

from kala_server.ports.store import StoreAwayError, StoreError, StoreFullError, StoreUnsafeError
from kala_server.stores.redis.address import Address
from kala_server.stores.redis.safety import WANTED, dangers, not_yet

_PATIENCE = 10.0
"""Seconds for an answer: a disk that is busy otherwise takes some for a sync."""
_PATIENCE_TO_CONNECT = 5.0
_NO_ROOM = ("OOM ", "MISCONF ")
_NOT_LET_IN = (said.AuthenticationError, said.AuthorizationError)

Argument = str | int | bytes


class Link:
    """One connection at a time to one Redis. What goes wrong is a StoreError that names the address."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._connection: Any = None
        """Redis' own; its methods have no types."""
        self._lock = Lock()
        self._run_id = ""

    @property
    def run_id(self) -> str:
        """Name this life of the Redis: none that is started later has the same, be it of a copy of its files."""
        self.ask("PING")
        return self._run_id

    def ask(self, *command: Argument) -> Any:
        """Return the answer to a command. Raises StoreAwayError where there is none: it may have been carried out."""
        with self._lock:
            try:
                self._connect()
                self._connection.send_command(*command)
                return self._connection.read_response()
            except said.ResponseError as error:
                raise self._refusal(error) from error
            except (said.RedisError, OSError) as error:
                self._drop()
                raise self._failure(error) from error
            except BaseException:
                # What it would read next might be the answer to this.
                self._drop()
                raise

    def run(self, script: str, keys: Sequence[str], arguments: Sequence[Argument]) -> Any:
        """Return what a script returns, which Redis carries out as a whole, with nothing else in between."""
        return self.ask("EVAL", script, len(keys), *keys, *arguments)

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            self._drop()

    def _connect(self) -> None:
        if self._connection is not None:
            return
        connection = _connection(self.address)
        try:
            connection.connect()
            self._look_at_it(connection)
        except BaseException:
            connection.disconnect()
            raise
        self._connection = connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()

    def _look_at_it(self, connection: Any) -> None:
        """Raise StoreAwayError until it can be relied on, and StoreUnsafeError where it may lose what it is given."""
        info = _info(connection)
        if doing := not_yet(info):
            raise StoreAwayError(f"{self.address} is there, and {doing}")
        if reasons := list(dangers(info, _config(connection))):
            raise StoreUnsafeError(f"{self.address} is no place to keep jobs in: {'; '.join(reasons)}")
        self._run_id = info.get("run_id", "")

    def _refusal(self, error: said.ResponseError) -> StoreError:
        """Return what an error means that Redis answers with. One that is not known may have come too late."""
        words = f"{self.address}: {error}"
        if isinstance(error, said.OutOfMemoryError) or any(sign in str(error) for sign in _NO_ROOM):
            return StoreFullError(words)
        if isinstance(error, said.NoPermissionError):
            return StoreUnsafeError(f"{words}; what the user needs is in docs/stores.md")
        self._drop()
        return StoreAwayError(words)

    def _failure(self, error: said.RedisError | OSError) -> StoreError:
        if isinstance(error, _NOT_LET_IN):
            return StoreUnsafeError(f"{self.address} does not let us in: {error}")
        return StoreAwayError(f"{self.address} cannot be reached: {error}")


def _connection(address: Address) -> Any:
    """Return a connection that is not made yet, and that repeats nothing by itself."""
    how: dict[str, Any] = {
        "db": address.database,
        "username": address.username or None,
        "password": address.password or None,
        "socket_timeout": _PATIENCE,
        "socket_connect_timeout": _PATIENCE_TO_CONNECT,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    if address.path:
        return cast("Any", UnixDomainSocketConnection)(path=address.path, **how)
    how |= {"host": address.host, "port": address.port, "socket_keepalive": True}
    if (tls := address.tls) is None:
        return cast("Any", Connection)(**how)
    files = {"ssl_ca_certs": tls.ca, "ssl_certfile": tls.cert, "ssl_keyfile": tls.key}
    return cast("Any", SSLConnection)(**how, **{name: path and str(path) for name, path in files.items()})


def _info(connection: Any) -> Mapping[str, str]:
    connection.send_command("INFO")
    lines = _text(connection.read_response()).splitlines()
    return {name: value for name, _, value in (line.partition(":") for line in lines)}


def _config(connection: Any) -> Mapping[str, str] | None:
    connection.send_command("CONFIG", "GET", WANTED)
    with suppress(said.ResponseError):
        words = [_text(word) for word in connection.read_response()]
        return dict(zip(words[::2], words[1::2], strict=True))
    return None


def _text(answer: bytes) -> str:
    return answer.decode(errors="replace")
