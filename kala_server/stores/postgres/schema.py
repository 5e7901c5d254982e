"""The tables of a store: made and brought up to date in one transaction, by one server at a time. Reads no records."""

from importlib.resources import files
from typing import Any

import psycopg

from kala_server.ports.store import StoreDamagedError, StoreError, StoreNewerError

VERSION = 1
_LOCK = int.from_bytes(b"kala", "big")
"""Of those who prepare the schema at the same time."""
_IS_THERE = "SELECT 1 FROM pg_class WHERE relname = 'kala_lease' AND pg_table_is_visible(oid)"
"""Not to_regclass, which may remember within a transaction that there was none."""


def prepare(connection: psycopg.Connection[Any]) -> bool:
    """Make the tables, where they are not there; whether they had to be made. To do it twice is as good as once."""
    if _version(connection) is not None:
        return False
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        if _version(connection) is not None:
            return False
        connection.execute(files(__package__).joinpath("schema.sql").read_bytes())
        connection.execute("INSERT INTO kala_lease (name, version) VALUES ('kala', %s)", (VERSION,))
    return True


def check_version(connection: psycopg.Connection[Any]) -> None:
    """Look whether the tables are those that this version knows. Raises StoreNewerError."""
    version = _version(connection)
    if version is None:
        raise StoreError("there are no tables of Kala in this database: run kala store prepare")
    if version > VERSION:
        raise StoreNewerError(
            f"a newer Kala prepared this database: its schema has version {version}, this one knows {VERSION}. "
            "Start the newer one. Nothing was changed."
        )


def _version(connection: psycopg.Connection[Any]) -> int | None:
    if connection.execute(_IS_THERE).fetchone() is None:
        return None
    row = connection.execute("SELECT version FROM kala_lease WHERE name = 'kala'").fetchone()
    if row is None:
        raise StoreDamagedError("kala_lease has lost its row: somebody else has changed the tables")
    return int(row[0])
