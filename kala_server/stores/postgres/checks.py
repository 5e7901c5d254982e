"""Whether a PostgreSQL keeps what it says that it keeps: looked at on each connection, refused with what mends it.

Nothing here changes anything.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from kala_server.ports.store import StoreUnsafeError

OLDEST = 15
CLOCKS_APART = timedelta(seconds=1)
"""By so much the clock of a server may differ from the database's; else slots would be early, or skipped as late."""

_LOOK = """
SELECT current_setting('server_version_num')::int / 10000, current_setting('server_encoding'),
       current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'),
       pg_is_in_recovery(), pg_backend_pid(), current_setting('synchronous_standby_names'),
       (SELECT count(*) FROM pg_stat_replication)
"""


class RecoveringError(StoreUnsafeError):
    """It is a standby, or not yet what it was: that may be over soon."""


@dataclass(frozen=True, slots=True)
class Report:
    """What is no reason not to use the database."""

    warning: str
    clock_is_off: str
    """It is one not to lead."""


def look_at(connection: psycopg.Connection[Any], now: Callable[[], datetime]) -> Report:
    """Look at the other end. Raises StoreUnsafeError, with what mends it."""
    row = connection.execute(_LOOK).fetchone()
    assert row is not None
    version, encoding, fsync, pages, commit, recovering, pid, standbys, replicas = row
    if pid != connection.info.backend_pid:
        raise StoreUnsafeError(
            "something between this server and PostgreSQL shares its connections (a pooler such as PgBouncer): "
            "settings, LISTEN and locks do not hold there. Connect to PostgreSQL itself"
        )
    if recovering:
        raise RecoveringError(
            "this PostgreSQL is in recovery (a standby takes no writes): connect to the primary, or promote this one"
        )
    if version < OLDEST:
        raise StoreUnsafeError(f"this is PostgreSQL {version}: at least {OLDEST} is needed")
    if encoding != "UTF8":
        raise StoreUnsafeError(
            f"the encoding of this database is {encoding}: make one with CREATE DATABASE … ENCODING 'UTF8'"
        )
    for setting, value in (("fsync", fsync), ("full_page_writes", pages), ("synchronous_commit", commit)):
        if value != "on":
            raise StoreUnsafeError(
                f"{setting} is {value} in this PostgreSQL, so what it says is kept could be lost: "
                f"ALTER SYSTEM SET {setting} = on, and SELECT pg_reload_conf()"
            )
    return Report(_warning(standbys, replicas), clock_is_off(connection, now))


def _warning(standbys: str, replicas: int) -> str:
    if not replicas or standbys:
        return ""
    return (
        "it has a replica, and synchronous_standby_names is empty: should the replica be promoted, what was "
        "acknowledged last is lost. Name the replica there"
    )


def clock_is_off(connection: psycopg.Connection[Any], now: Callable[[], datetime]) -> str:
    """Say by how much our clock differs from the database's for certain, where that is too much to lead."""
    before = now()
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    after = now()
    assert row is not None
    theirs: datetime = row[0]
    apart = max(before - theirs, theirs - after)
    if apart <= CLOCKS_APART:
        return ""
    way = "ahead of" if before > theirs else "behind"
    return (
        f"the clock of this machine is {apart.total_seconds():.1f} s {way} the database's: whoever leads has to be "
        f"within {CLOCKS_APART.total_seconds():g} s. Set both by the same time service (chrony, systemd-timesyncd)"
    )
