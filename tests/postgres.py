"""A PostgreSQL of the tests' own: its folder and port are its own and end with it. No other is touched."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import IO

import psycopg
import pytest

from tests.eventually import eventually
from tests.free_port import free_port

NETWORKS_APART = "10.211.0.0/16"
"""From where it may be reached too, where it listens there."""
USER, PASSWORD = "kala", "a-canary-of-a-password"


@cache
def programs() -> Path:
    """Where the newest PostgreSQL of this machine is; the test is skipped where there is none."""
    found = [initdb.parent for initdb in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not found:
        pytest.skip("no PostgreSQL here: apt install postgresql")
    return max(found, key=lambda folder: int(folder.parent.name))


def _user() -> str | None:
    """As whom it runs, as it refuses to be root's."""
    return "nobody" if os.geteuid() == 0 else None


class Postgres:
    """A server that can be stopped and started again, with other options too."""

    def __init__(self, folder: Path, *, options: Mapping[str, str] | None = None) -> None:
        """Use a folder that belongs to whoever the server runs as."""
        self.folder = folder
        self.port = free_port()
        self.options = dict(options or {})
        self._numbers = count(1)
        self._process: subprocess.Popen[bytes] | None = None

    def init(self) -> None:
        """Make a new cluster of databases."""
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        said = (f"--username={USER}", f"--pwfile={password}", "--auth=scram-sha-256")
        self.run("initdb", "-D", self._data, "--encoding=UTF8", "--locale=C", "--no-sync", *said)
        with Path(self._data, "pg_hba.conf").open("a") as access:
            access.write(f"host all all {NETWORKS_APART} scram-sha-256\n")

    def copy_of(self, other: "Postgres") -> None:
        """Become a standby of another server."""
        self.run("pg_basebackup", "-D", self._data, "-d", other.address(), "-R", "-c", "fast", "--no-sync")

    def start(self) -> None:
        """Return once it takes connections."""
        options = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": ""}
        words = [f"--{name}={value}" for name, value in {**options, **self.options}.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = self._begin("postgres", "-D", self._data, *words, log=log)
        eventually(self._is_there)

    def _is_there(self) -> bool:
        assert self.is_running, (self.folder / "log").read_text()
        with suppress(psycopg.OperationalError):
            psycopg.connect(self.address()).close()
            return True
        return False

    def stop(self, *, immediate: bool = False) -> None:
        """Return once it has ended: with everything written, or as if it was killed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
        self._process.wait()

    @property
    def is_running(self) -> bool:
        """Whether it was started, and not stopped since."""
        return self._process is not None and self._process.poll() is None

    def promote(self) -> None:
        """Let a standby be the one that is written to."""
        self.ask("SELECT pg_promote()")

    @property
    def _data(self) -> str:
        return f"{self.folder}/data"

    def run(self, program: str, *arguments: str) -> None:
        """Have one of PostgreSQL's programs do something."""
        with tempfile.TemporaryFile() as log:
            code = self._begin(program, *arguments, log=log).wait()
            log.seek(0)
            assert code == 0, f"{program}: {log.read().decode()}"

    def _begin(self, program: str, *arguments: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return begin(programs() / program, *arguments, folder=self.folder, log=log)

    def address(self, database: str = "postgres", *, port: int | None = None) -> str:
        """How a database of the server is reached; the password is in it."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port or self.port}/{database}"

    def database(self, *, template: str = "template1") -> str:
        """Make a new database, empty or like another one, and return its address."""
        name = f"kala_{next(self._numbers)}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE {template.rpartition('/')[2]}")
        return self.address(name)

    def ask(self, statement: str, address: str | None = None) -> list[tuple[object, ...]]:
        """Carry out a statement and return its rows."""
        with psycopg.connect(address or self.address(), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


def begin(program: str | Path, *arguments: str, folder: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Run a program that refuses to be root's."""
    user = _user()
    return subprocess.Popen(
        [program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=folder,
        user=user,
        group=None if user is None else "nogroup",
        extra_groups=None if user is None else [],
    )


@contextmanager
def a_folder() -> Iterator[Path]:
    """Make a folder for a server, which belongs to whoever it runs as."""
    folder = Path(tempfile.mkdtemp(prefix="kala-postgres-"))
    if (user := _user()) is not None:
        shutil.chown(folder, user)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def a_postgres(
    *, options: Mapping[str, str] | None = None, standby_of: Postgres | None = None
) -> Iterator[Postgres]:
    """Run a new PostgreSQL; the test is skipped where this machine has none."""
    with a_folder() as folder:
        server = Postgres(folder, options=options)
        if standby_of is None:
            server.init()
        else:
            server.copy_of(standby_of)
        server.start()
        try:
            yield server
        finally:
            if server.is_running:
                server.stop(immediate=True)
