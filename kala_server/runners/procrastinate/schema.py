"""The tables of the queues: Procrastinate's and ours, made in one transaction by one at a time. Reads no attempts."""

from importlib.resources import files

from kala_server.ports.store import StoreError, StoreNewerError
from kala_server.stores.postgres.connection import Connection

VERSION = 1
_LOCK = int.from_bytes(b"queue", "big")
"""Of those who prepare the tables at the same time."""
_IS_THERE = "SELECT 1 FROM pg_class WHERE relname = %s AND pg_table_is_visible(oid)"


def prepare(connection: Connection) -> bool:
    """Make the tables, where they are not there; whether they had to be made. Raises StoreError."""
    if are_there(connection):
        return False
    from procrastinate.schema import SchemaManager

    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        if _is_there(connection, "kala_queue"):
            return False
        if not _is_there(connection, "procrastinate_jobs"):
            connection.execute(SchemaManager.get_schema())
        connection.execute(files(__package__).joinpath("schema.sql").read_bytes())
        connection.execute("INSERT INTO kala_queue (version) VALUES (%s)", (VERSION,))
    return True


def are_there(connection: Connection) -> bool:
    """Whether there are the tables, of a version that is known here. Raises StoreNewerError."""
    there = _is_there(connection, "kala_queue")
    if there:
        _check_version(connection)
    return there


def _is_there(connection: Connection, table: str) -> bool:
    return connection.execute(_IS_THERE, (table,)).fetchone() is not None


def _check_version(connection: Connection) -> None:
    row = connection.execute("SELECT version FROM kala_queue").fetchone()
    if row is None:
        raise StoreError("the row of kala_queue is gone")
    if row[0] > VERSION:
        raise StoreNewerError(
            f"a newer Kala prepared the queues of this database: they have version {row[0]}, this one knows "
            f"{VERSION}. Start the newer one. Nothing was changed."
        )
