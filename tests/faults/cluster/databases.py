"""What becomes of a database of several servers: it is stopped, cut off, or a standby takes its place."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.eventually import eventually
from tests.postgres import PASSWORD, USER, Postgres, a_postgres

_SYNCHRONOUS = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
_STREAMS = "SELECT count(*) FROM pg_stat_replication"


def address_of_both(first: Postgres, second: Postgres, database: str) -> str:
    """Return the address of whichever of two can be written to."""
    name = urlsplit(database).path
    where = f"127.0.0.1:{first.port},127.0.0.1:{second.port}"
    return f"postgresql://{USER}:{PASSWORD}@{where}{name}?target_session_attrs=read-write"


@contextmanager
def standby_of(primary: Postgres, *, synchronous: bool) -> Iterator[Postgres]:
    """Run one that follows, and which commits wait for where it is synchronous."""
    with a_postgres(standby_of=primary) as standby:
        eventually(lambda: primary.ask(_STREAMS) == [(1,)])
        if synchronous:
            primary.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
            primary.ask("SELECT pg_reload_conf()")
            eventually(lambda: primary.ask(_SYNCHRONOUS) == [(1,)])
        yield standby


def stop_streaming(primary: Postgres, standby: Postgres) -> None:
    """Let the standby be behind from now on."""
    standby.ask("ALTER SYSTEM SET primary_conninfo = ''")
    standby.ask("SELECT pg_reload_conf()")
    eventually(lambda: primary.ask(_STREAMS) == [(0,)])


def fail_over(primary: Postgres, standby: Postgres) -> None:
    """Kill the primary, and let the standby take its place."""
    primary.stop(immediate=True)
    standby.promote()
