"""The composition root of a worker on another machine: its links, its runners and its name are put together here."""

import asyncio
import logging
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

from kala_client.clock import utc_now
from kala_server.runners.dispatch import Runners
from kala_server.runners.http.calls import HttpRunner
from kala_server.runners.http.reach import Reach
from kala_server.runners.local.environment import surroundings
from kala_server.runners.local.worker_runner import WorkerRunner
from kala_server.runners.procrastinate.bench import Badge
from kala_server.runners.procrastinate.machine import Machine
from kala_server.runners.procrastinate.schema import prepare
from kala_server.stores.postgres.address import shown
from kala_server.stores.postgres.connection import Connection, Database
from kala_server.stores.postgres.link import Link

_log = logging.getLogger("kala.worker")

_PATIENCE = 3.0
_STATEMENT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """Everything that can be said about a worker."""

    address: str = field(repr=False)
    name: str
    queues: tuple[str, ...]
    concurrency: int = 16
    grace: timedelta = timedelta(seconds=10)
    """How long attempts may go on when the worker is asked to stop."""
    kill_grace: timedelta = timedelta(seconds=5)
    pass_env: tuple[str, ...] = ()
    reach: Reach = field(default_factory=Reach)
    """Which hosts HTTP jobs may call."""
    open_files: int | None = None
    """The soft limit on descriptors that commands get; None = the worker's own."""
    url: str = ""
    """Where commands reach the server."""
    output_head: int = 64 * 1024
    output_tail: int = 64 * 1024


def machine_of(settings: WorkerSettings) -> Machine:
    """Return a worker that has not begun; commands do not outlive it. Raises StoreError."""
    database = Database(settings.address, patience=_PATIENCE, now=utc_now)

    def a_link(purpose: str) -> Link:
        def connect() -> Connection:
            connection = database.connect(f"worker {purpose}", statement=_STATEMENT)
            prepare(connection)
            return connection

        return Link(connect, patience=_STATEMENT + _PATIENCE, name=f"kala-{purpose}")

    commands = WorkerRunner(
        kill_grace=settings.kill_grace.total_seconds(),
        found=lambda: surroundings(
            pass_env=settings.pass_env, url=settings.url, open_files=settings.open_files
        ),
        leaves_commands=False,
    )
    return Machine(
        Badge(settings.name, settings.queues, settings.concurrency),
        Runners(shell=commands, http=HttpRunner(reach=settings.reach)),
        a_link,
        mark=_mark_of(settings),
        limits=(settings.output_head, settings.output_tail),
    )


def _mark_of(settings: WorkerSettings) -> str:
    """Return what tells commands of this worker from those of one of the same name on a copy of the database."""
    where = f"{shown(settings.address)} {settings.name}"
    return f"worker-{sha256(where.encode()).hexdigest()[:32]}"


async def work(settings: WorkerSettings, say: Callable[[str], None]) -> None:
    """Be a worker until SIGTERM or SIGINT, and say from when on. Raises StoreError where it cannot be one."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    machine = machine_of(settings)
    stopped = loop.create_task(stop.wait())
    life = loop.create_task(_live(machine, say))
    await asyncio.wait((life, stopped), return_when=asyncio.FIRST_COMPLETED)
    try:
        if life.done():
            life.result()
        else:
            _log.warning("stopping; %d attempts go on", machine.running)
            await machine.stop(settings.grace.total_seconds())
    finally:
        stopped.cancel()
        life.cancel()
        await asyncio.wait((life,))
        await machine.close()


async def _live(machine: Machine, say: Callable[[str], None]) -> None:
    await machine.begin()
    say(f"{machine.who.name} takes from {', '.join(machine.who.queues)}")
    await machine.work()
