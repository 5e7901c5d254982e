"""Where a Redis is and how to get in, read from what people write. It connects to nothing, and shows no password."""

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

_FORMS = (
    "127.0.0.1:6379, redis://[USER@]HOST[:PORT][/NUMBER], rediss://… for TLS, or unix:///PATH[?db=NUMBER]"
)
_PORT = 6379


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files by which both sides of an encrypted connection know each other."""

    ca: Path | None = None
    """Whose certificates are believed; None = those that the machine believes."""
    cert: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One database of one Redis, and who asks for it."""

    host: str = "127.0.0.1"
    port: int = _PORT
    path: str = ""
    """Of its Unix socket, in place of host and port."""
    database: int = 0
    username: str = ""
    password: str = field(default="", repr=False)
    tls: Tls | None = None
    """None = nothing is encrypted."""

    def __str__(self) -> str:
        user = f"{self.username}@" if self.username else ""
        if self.path:
            return f"unix://{user}{self.path}?db={self.database}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"redis{'s' if self.tls else ''}://{user}{host}:{self.port}/{self.database}"


def address_of(text: str, *, username: str = "", password: str = "", tls: Tls | None = None) -> Address:
    """Read an address; user and password are for one that names none. Raises ValueError, in words without them."""
    parts = _parts(text or Address().host)
    username, password = unquote(parts.username or "") or username, unquote(parts.password or "") or password
    if parts.scheme == "unix":
        if not parts.path.startswith("/"):
            raise ValueError(f"a socket has a whole path: {_FORMS}")
        return Address(
            path=unquote(parts.path),
            database=_number(_query(parts).get("db", "")),
            username=username,
            password=password,
        )
    if parts.query:
        raise ValueError(f"nothing comes after the ? of this address: {_FORMS}")
    return Address(
        host=parts.hostname or Address().host,
        port=_port(parts),
        database=_number(parts.path.removeprefix("/")),
        tls=(tls or Tls()) if parts.scheme == "rediss" else None,
        username=username,
        password=password,
    )


def _parts(text: str) -> SplitResult:
    try:
        parts = urlsplit(text if "://" in text else f"redis://{text}")
    except ValueError as error:
        raise ValueError(f"this is no address of a Redis: {_FORMS}") from error
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ValueError(f"a Redis has no address that begins with {parts.scheme}://: {_FORMS}")
    return parts


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or _PORT
    except ValueError:
        raise ValueError(f"a port is a number up to 65535: {_FORMS}") from None


def _number(text: str) -> int:
    if text and not (text.isascii() and text.isdecimal()):
        raise ValueError(f"a database of Redis has a number: {_FORMS}")
    return int(text or 0)


def _query(parts: SplitResult) -> dict[str, str]:
    said = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if said.keys() - {"db"}:
        raise ValueError(f"after the ? of this address comes db=NUMBER: {_FORMS}")
    return said
