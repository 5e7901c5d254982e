"""Where a server keeps what it knows, as the settings say: in a folder, in memory, or in a database.

It makes stores and opens none of them. What a database needs is imported where one is asked for.
"""

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from kala_server.config import ConfigError, Database, Settings
from kala_server.outputs.kept import OutputFolder, Outputs
from kala_server.ports.machines import Machines
from kala_server.ports.runner import Runner
from kala_server.ports.store import SharedStore, Store, StoreError
from kala_server.stores.journal.journal import JournalStore
from kala_server.stores.memory import MemoryStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """A store, and what goes with it."""

    store: Store
    cluster: SharedStore | None = None
    """The same store, where several servers may be of it."""
    outputs: Outputs
    """Where is kept what runs print."""
    held: Callable[[], Sequence[int]] = tuple
    """Tells the descriptors by which the store is owned: the worker is to hold them too."""
    database: str = ""
    """Where it is, as it may be shown; empty where there is none."""
    queues: Runner | None = None
    """Carries out attempts on other machines, where the store is one that reaches them."""
    machines: Machines | None = None
    """The workers there."""
    folder: Path | None = None
    """For what is noted beside the store; None where there is none."""


def keeping_of(settings: Settings, address: Callable[[], str], until_the_end: ExitStack) -> Keeping:
    """Return where such a server keeps all; `address` tells where others reach it. Raises ConfigError."""
    if settings.database is not None:
        return _OF_DATABASES[settings.database.kind](settings, settings.database, address)
    if settings.data_dir is None:
        return Keeping(store=MemoryStore(), outputs=_passing_folder(until_the_end))
    journal = JournalStore(settings.data_dir)
    return Keeping(
        store=journal,
        outputs=OutputFolder(settings.data_dir / "output"),
        held=lambda: journal.locks,
        folder=settings.data_dir,
    )


def given(
    store: Store | None, cluster: SharedStore | None, settings: Settings, until_the_end: ExitStack
) -> Keeping | None:
    """Return the same for a store that is given; None where none is. What runs print is in the data folder, or lost."""
    if (kept := cluster or store) is None:
        return None
    folder = settings.data_dir
    outputs = OutputFolder(folder / "output") if folder else _passing_folder(until_the_end)
    return Keeping(store=kept, cluster=cluster, outputs=outputs, folder=folder)


def _passing_folder(until_the_end: ExitStack) -> OutputFolder:
    """Return one that is gone when the server ends."""
    return OutputFolder(Path(until_the_end.enter_context(tempfile.TemporaryDirectory(prefix="kala-output-"))))


def _in_postgres(settings: Settings, database: Database, address: Callable[[], str]) -> Keeping:
    try:
        from kala_server.runners.procrastinate.runner import queues_of
        from kala_server.stores.postgres.address import shown, with_user
        from kala_server.stores.postgres.store import PostgresStore
    except ImportError as error:
        raise ConfigError(_extra("PostgreSQL", "cluster", error)) from error
    try:
        where = with_user(database.address, user=database.username, password=database.password)
        store = PostgresStore(where, address=address, ttl=settings.lease.total_seconds())
    except StoreError as error:
        raise ConfigError(f"--jobDBAddress: {error}") from error
    queues = queues_of(store.links.make, lambda: store.epoch)
    return Keeping(
        store=store,
        cluster=store,
        outputs=store.outputs,
        database=shown(where),
        queues=queues,
        machines=queues,
    )


def _in_redis(settings: Settings, database: Database, _address: Callable[[], str]) -> Keeping:
    try:
        from kala_server.stores.redis.address import Tls, address_of
        from kala_server.stores.redis.store import RedisStore
    except ImportError as error:
        raise ConfigError(_extra("a Redis", "redis", error)) from error
    tls = Tls(ca=database.tls_ca, cert=database.tls_cert, key=database.tls_key)
    try:
        address = address_of(
            database.address, username=database.username, password=database.password, tls=tls
        )
    except ValueError as error:
        raise ConfigError(f"--jobDBAddress: {error}") from error
    store = RedisStore(address, lease=settings.lease.total_seconds())
    return Keeping(store=store, outputs=store.outputs, database=str(address))


def _extra(what: str, extra: str, error: ImportError) -> str:
    return f'to keep jobs in {what} needs the extra: pip install "kala-client[{extra}]" ({error})'


_OF_DATABASES = {"postgres": _in_postgres, "redis": _in_redis}
