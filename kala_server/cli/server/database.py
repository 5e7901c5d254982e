"""Which store the options of a server mean, and what it needs to be said; most of them are Kala's own."""

from collections.abc import Callable, Mapping
from re import fullmatch
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from kala_client.fields import FIELD
from kala_server.cli.server.option import FILE, option
from kala_server.cli.text.typed_text import Number

if TYPE_CHECKING:
    from kala_server.config import Database

_NAMES = {
    "journal": "journal",
    "boltdb": "boltdb",
    "memory": "memory",
    "postgres": "postgres",
    "postgresql": "postgres",
    "redis": "redis",
}
_DATABASES = {"postgres", "redis"}
_STORES = (
    "journal (a file of JSON lines in --data-dir; the default), memory (as --no-persist), and postgres and redis (at "
    "--jobDBAddress)"
)
_OF_REDIS = {
    "jobdb_tls_capath": "--jobdb-tls-capath",
    "jobdb_tls_certpath": "--jobdb-tls-certpath",
    "jobdb_tls_keypath": "--jobdb-tls-keypath",
}
_OF_DATABASES = {
    "job_db_address": "--jobDBAddress",
    "jobdb_username": "--jobdb-username",
    "jobdb_password": "--jobdb-password",
    **_OF_REDIS,
}


def _known_store(_ctx: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    """Return the store of that name, in any letter case. Raises BadParameter."""
    if name is None or name.lower() in _NAMES:
        return name and _NAMES[name.lower()]
    raise click.BadParameter(f"there is no store {name!r} here; there are {_STORES}")


def _an_address(_ctx: click.Context, _option: click.Parameter, url: str) -> str:
    """Return the address of a server without a slash at its end. Raises BadParameter."""
    try:
        parts = urlsplit(url)
        good = not url or (parts.scheme in {"http", "https"} and parts.hostname and not parts.query)
    except ValueError:
        good = False
    if not good or "@" in url or "#" in url:
        raise click.BadParameter("it is an address such as https://kala-a.example.com:8000, without a user")
    return url.rstrip("/")


def a_queue(_ctx: click.Context, _option: click.Parameter, name: str) -> str:
    """Return the name of a queue. Raises BadParameter."""
    if not fullmatch(FIELD["queue"].bounds["pattern"], name):
        raise click.BadParameter("the name of a queue has up to 40 of A-Z, a-z, 0-9 and . _ -")
    return name


DATABASE_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    option(
        "--jobDB",
        "--jobdb",
        "job_db",
        metavar="NAME",
        envvar="KALA_JOBDB",
        callback=_known_store,
        help="Where jobs are kept: journal (which boltdb means, too), memory, postgres or redis.  [default: journal]",
    ),
    option(
        "--jobDBAddress",
        "--jobdb-address",
        "job_db_address",
        metavar="ADDRESS",
        envvar=["KALA_JOBDB_ADDRESS", "KALA_JOBDBADDRESS"],
        help="Where PostgreSQL or Redis is: postgresql://USER@HOST:5432/NAME, 127.0.0.1:6379.",
    ),
    option("--jobdb-username", metavar="NAME", help="Its user, where the address names none."),
    option(
        "--jobdb-password",
        metavar="PASSWORD",
        help="Its password; say it in the variable, as whoever may list processes can read what stands here.",
    ),
    option("--jobdb-tls-capath", type=FILE, metavar="FILE", help="Whose certificates of Redis are believed."),
    option("--jobdb-tls-certpath", type=FILE, metavar="FILE", help="The certificate to show to Redis."),
    option("--jobdb-tls-keypath", type=FILE, metavar="FILE", help="Its key."),
    option(
        "--lease",
        type=Number(min=0.5, max=3600),
        metavar="SECONDS",
        default=3.0,
        show_default="3",
        help="After so long without a word of the server that leads, another one of the same database does.",
    ),
    option(
        "--default-queue",
        metavar="QUEUE",
        default="",
        callback=a_queue,
        help="Whose workers run jobs that name no queue; unless said, this machine does.",
    ),
    option(
        "--public-url",
        metavar="URL",
        default="",
        callback=_an_address,
        help="Where clients reach this server, where that is not where it listens.",
    ),
)


def database_of(options: Mapping[str, Any]) -> "Database | None":
    """Return where the database is that was asked for; None where none was. Raises UsageError."""
    kind = options["job_db"]
    if options["no_persist"] and kind in _DATABASES:
        raise click.UsageError(f"--no-persist keeps nothing, and --jobDB {kind} keeps all: say one of them")
    _refuse_what_means_nothing(options, kind)
    if kind not in _DATABASES:
        return None
    from kala_server.config import Database

    return Database(
        kind=kind,
        address=options["job_db_address"] or "",
        username=options["jobdb_username"] or "",
        password=options["jobdb_password"] or "",
        tls_ca=options["jobdb_tls_capath"],
        tls_cert=options["jobdb_tls_certpath"],
        tls_key=options["jobdb_tls_keypath"],
    )


def _refuse_what_means_nothing(options: Mapping[str, Any], kind: str | None) -> None:
    if kind not in _DATABASES:
        for variable, name in _OF_DATABASES.items():
            if options[variable]:
                raise click.UsageError(f"{name} is for a store with an address; there are {_STORES}")
    if options["default_queue"] and kind != "postgres":
        raise click.UsageError("--default-queue is for --jobDB=postgres: there are no queues without it")
    if kind == "postgres":
        for variable, name in _OF_REDIS.items():
            if options[variable]:
                raise click.UsageError(
                    f"{name} is for redis; PostgreSQL takes its own words in the address: "
                    "postgresql://HOST/NAME?sslmode=verify-full&sslrootcert=FILE"
                )
