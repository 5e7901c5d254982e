"""How PostgreSQL is reached, as it was said: `postgresql://USER@HOST:PORT/DATABASE`, or libpq's words. Opens nothing.

A password may be in it, or better in a file or the environment, where libpq finds it (PGPASSFILE, PGPASSWORD).
"""

from typing import Any
from urllib.parse import quote

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from kala_server.ports.store import StoreError

_LIKE = "postgresql://USER@HOST:5432/DATABASE"


def parts_of(address: str) -> dict[str, Any]:
    """Read an address. Raises StoreError, which does not repeat it: there may be a password in it."""
    try:
        return conninfo_to_dict(address)
    except ProgrammingError:
        # Not as its cause: libpq repeats what it cannot read.
        raise StoreError(f"that is no address of a PostgreSQL; one is such as {_LIKE}") from None


def has_password(address: str) -> bool:
    """Whether there is a password in it."""
    return bool(parts_of(address).get("password"))


def with_user(address: str, *, user: str, password: str) -> str:
    """Return the address with who asks, where it names nobody itself. Raises StoreError where it is none."""
    said = parts_of(address)
    more = {
        name: value for name, value in (("user", user), ("password", password)) if value and name not in said
    }
    return make_conninfo(address, **more) if more else address


def shown(address: str) -> str:
    """Return an address as it may be shown: who, where and which database, and no more."""
    parts = {name: str(value) for name, value in parts_of(address).items() if value}
    user = f"{quote(parts['user'])}@" if "user" in parts else ""
    hosts, ports = parts.get("host", "").split(","), parts.get("port", "").split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    where = ",".join(_place(host, port) for host, port in zip(hosts, ports, strict=False))
    return f"postgresql://{user}{where}/{quote(parts.get('dbname', ''))}"


def _place(host: str, port: str) -> str:
    host = f"[{host}]" if ":" in host else quote(host, safe="")
    return f"{host}:{port}" if port else host
