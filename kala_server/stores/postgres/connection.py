"""Connections to PostgreSQL: none hangs for much longer than a lease, and what goes wrong is told in the store's words.

Each is looked at before it is used (`checks.py`), and has the schema (`schema.py`).
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from math import ceil
from typing import Any

import psycopg
from psycopg import errors

from kala_server.ports.store import (
    StoreAwayError,
    StoreBrokenError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreUnsafeError,
)
from kala_server.stores.postgres.address import parts_of, shown
from kala_server.stores.postgres.checks import RecoveringError, Report, look_at
from kala_server.stores.postgres.schema import check_version, prepare

Connection = psycopg.Connection[tuple[Any, ...]]

_log = logging.getLogger("kala.store")

_AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.ReadOnlySqlTransaction,
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.IdleInTransactionSessionTimeout,
)
"""What is over once the database is there again."""
_DAMAGED = (errors.DataCorrupted, errors.IndexCorrupted)
_PREPARE = "let its owner run kala store prepare"


@contextmanager
def in_words_of_a_store() -> Iterator[None]:
    """Raise what PostgreSQL says as what it means for a store."""
    try:
        yield
    except errors.DiskFull as error:
        raise StoreFullError(_said(error)) from error
    except _DAMAGED as error:
        raise StoreDamagedError(_said(error)) from error
    except (errors.InsufficientPrivilege, errors.UndefinedTable, errors.UndefinedColumn) as error:
        raise StoreError(f"{_said(error)}: {_PREPARE}") from error
    except _AWAY as error:
        raise StoreAwayError(_said(error)) from error
    except psycopg.Error as error:
        raise StoreBrokenError(_said(error)) from error


def _said(error: psycopg.Error) -> str:
    words = error.diag.message_primary or " ".join(str(error).split())
    return f"PostgreSQL: {words}"


class Database:
    """Where a store is, and how it is connected to."""

    def __init__(self, address: str, *, patience: float, now: Callable[[], datetime]) -> None:
        """Raises StoreError where that is no address; `patience` is in seconds."""
        parts_of(address)
        self._address = address
        self._patience = patience
        self._now = now
        self._was_there = False
        self._is_new = False

    def __str__(self) -> str:
        return shown(self._address)

    __repr__ = __str__

    def connect(self, purpose: str, *, statement: float, durable: bool = True) -> Connection:
        """Connect, look whether all is well, and make the schema where there is none.

        A statement may take so many seconds; unless it is to be durable, nobody waits until it is on the disk.
        Raises StoreAwayError, StoreUnsafeError, StoreNewerError or StoreError.
        """
        with in_words_of_a_store():
            connection = self._connect(purpose)
            try:
                self._set_up(connection, statement)
                if not durable:
                    connection.execute("SET synchronous_commit = off")
            except BaseException:
                connection.close()
                raise
        self._was_there = True
        return connection

    def prepare(self) -> bool:
        """Make the schema where there is none; whether it had to be made. Raises what `connect` raises."""
        self.connect("prepare", statement=60).close()
        return self._is_new

    def _connect(self, purpose: str) -> Connection:
        return psycopg.connect(
            self._address,
            autocommit=True,
            client_encoding="UTF8",
            application_name=f"kala {purpose}",
            connect_timeout=ceil(self._patience),
            keepalives=1,
            keepalives_idle=1,
            keepalives_interval=1,
            keepalives_count=max(1, ceil(self._patience) - 1),
            tcp_user_timeout=int(self._patience * 1000),
        )

    def _set_up(self, connection: Connection, statement: float) -> None:
        limit = int(statement * 1000)
        # Whoever pauses in a transaction, as by SIGSTOP, is not to hold up others.
        connection.execute(
            f"SET synchronous_commit = on; SET statement_timeout = {limit}; SET lock_timeout = {limit};"
            f" SET idle_in_transaction_session_timeout = {6 * limit}".encode()
        )
        try:
            report = look_at(connection, self._now)
        except RecoveringError as error:
            if self._was_there:
                raise StoreAwayError(str(error)) from error
            raise
        if not self._was_there:
            self._begin(connection, report)
        check_version(connection)

    def _begin(self, connection: Connection, report: Report) -> None:
        if report.clock_is_off:
            raise StoreUnsafeError(report.clock_is_off)
        if report.warning:
            _log.warning("%s: %s", self, report.warning)
        self._is_new = prepare(connection)
