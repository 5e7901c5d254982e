"""Servers of one database, each `kala serve` in a process of its own, to be killed, paused and started again.

They are forked from a process that has everything imported, as those of `server_child.py` are; faults can be planted.
"""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import psycopg

from kala_client import KalaClient, KalaError, RetryPolicy
from kala_server.cli import main
from kala_server.runners.local.processes import Process
from tests.eventually import PATIENCE, eventually
from tests.faults.promises import client
from tests.faults.server_child import FORKS, Plant, nothing
from tests.free_port import free_port
from tests.server.server_process import worker_of

_WHO = "SELECT address, epoch FROM kala_lease WHERE expires > clock_timestamp()"
_ONCE = RetryPolicy(attempts=1)


def _serve(words: Sequence[str], log: Path, plant: Plant) -> None:
    """Be `kala serve`, from its first line on stdout to its exit code."""
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    plant()
    sys.argv = ["kala", "serve", *words]
    main()


@dataclass
class Member:
    """One of the servers: always at the same address, whether it is there or not."""

    log: Path
    database: str
    host: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    words: tuple[str, ...] = ()
    always: Plant = nothing
    """What is planted in each of its processes."""
    _process: BaseProcess | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self, plant: Plant | None = None) -> None:
        """Begin, and return once it answers."""
        words = [
            "--jobDB=postgres",
            f"--jobDBAddress={self.database}",
            f"--host={self.host}",
            "-p",
            str(self.port),
        ]
        process = FORKS.Process(target=_serve, args=([*words, *self.words], self.log, plant or self.always))
        process.start()
        self._process = process
        with client(self.url, retry=_ONCE) as kala:
            eventually(lambda: self.ended or _answers(kala))
        assert not self.ended, self.log.read_text()

    @property
    def pid(self) -> int:
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it was started, and is not there any more."""
        return self._process is None or not self._process.is_alive()

    def kill(self) -> None:
        """End it as the kernel does, and wait until it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        self.exit_code()

    def exit_code(self) -> int:
        """Wait until it has ended by itself."""
        assert self._process is not None
        self._process.join(PATIENCE)
        code = self._process.exitcode
        assert code is not None, f"it is still there: {self.log.read_text()}"
        return code

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return self.exit_code()

    def end(self) -> None:
        """Kill what is left of it."""
        if not self.ended:
            os.kill(self.pid, signal.SIGKILL)
            self.exit_code()
        if self._process is not None:
            self._process.close()
            self._process = None

    def freeze(self) -> None:
        """Stop it where it is."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on as if nothing had been."""
        os.kill(self.pid, signal.SIGCONT)

    def worker(self) -> Process:
        """Return the process that starts its commands."""
        return worker_of(self.pid)


def _answers(kala: KalaClient) -> bool:
    try:
        kala.session()
    except KalaError:
        return False
    return True


class Cluster:
    """The servers of a database, and who of them leads."""

    def __init__(self, members: Sequence[Member], database: str) -> None:
        """`database` is where the tests reach it."""
        self.members = members
        self.database = database

    @property
    def urls(self) -> str:
        """The addresses of all, for a client."""
        return ",".join(member.url for member in self.members)

    def leads(self, member: Member) -> bool:
        """Whether it does, by the database's account."""
        return self._who()[0] == member.url

    def epoch(self) -> int:
        """Return that of who leads; 0 where nobody does."""
        return self._who()[1]

    def leader(self) -> Member:
        """Return who leads, once somebody does."""
        return eventually(lambda: next((member for member in self.members if self.leads(member)), None))

    def follower(self) -> Member:
        """Return one that does not."""
        leader = self.leader()
        return next(member for member in self.members if member is not leader)

    def _who(self) -> tuple[str, int]:
        with psycopg.connect(self.database, autocommit=True) as connection:
            row = connection.execute(_WHO).fetchone()
        return ("", 0) if row is None else (row[0], row[1])


@contextmanager
def members(
    folder: Path, databases: Sequence[str], *words: str, always: Plant = nothing
) -> Iterator[Cluster]:
    """Have servers that are not started yet, each with its way to the database, and end what is left of them."""
    folder.mkdir(exist_ok=True)
    those = [
        Member(folder / f"{name}.log", database, words=words, always=always)
        for name, database in zip("abc", databases, strict=False)
    ]
    try:
        yield Cluster(those, databases[0])
    finally:
        for each in those:
            each.end()


@contextmanager
def two(folder: Path, database: str, *words: str, always: Plant = nothing) -> Iterator[Cluster]:
    """Have two servers, of which the first leads and the second follows."""
    with members(folder, [database] * 2, *words, always=always) as cluster:
        for member in cluster.members:
            member.start()
            cluster.leader()
        yield cluster
