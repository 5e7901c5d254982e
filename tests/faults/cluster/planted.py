"""Faults that are planted in one of several servers, and pauses at a moment of its life.

Each function is called in the new process before there is a server. Nothing of it is in the product.
"""

import asyncio
import os
import signal
from collections.abc import Sequence
from enum import StrEnum
from math import inf

from kala_server.core.model.records import Record, RunStarted
from kala_server.ports.store import Fence
from kala_server.runners.local import worker_runner
from kala_server.runners.local.worker import LEAVE
from kala_server.runners.local.worker_process import WorkerProcess
from kala_server.service.executor import Executor
from kala_server.service.standing import Leased
from kala_server.stores.postgres import lease_row, store, writer
from kala_server.stores.postgres.connection import Connection
from kala_server.stores.postgres.lease_row import LeaseRow, Taken
from kala_server.stores.postgres.store import PostgresStore
from tests.faults.planting import plant
from tests.faults.server_child import Plant


def all_of(*plants: Plant) -> None:
    """Plant several."""
    for each in plants:
        each()


# -- pauses


class Point(StrEnum):
    """A moment at which a server stops until it is resumed."""

    BEFORE_THE_RECORD = "when a start is decided on"
    AFTER_THE_RECORD = "when the start is durable"
    WITH_ITS_WORKER = "when its worker is told, and is stopped, too"


def paused_at(point: Point) -> None:
    """Stop this process the first time that it comes there."""
    if point is Point.WITH_ITS_WORKER:
        _paused_with_its_worker()
        return
    append, left = PostgresStore.append, [1]

    async def appended(store: PostgresStore, fence: Fence, batch: Sequence[Record]) -> None:
        now = any(isinstance(record, RunStarted) for record in batch) and left and left.pop()
        if now and point is Point.BEFORE_THE_RECORD:
            os.kill(os.getpid(), signal.SIGSTOP)
        await append(store, fence, batch)
        if now and point is Point.AFTER_THE_RECORD:
            os.kill(os.getpid(), signal.SIGSTOP)

    plant(PostgresStore, "append", appended)


def _paused_with_its_worker() -> None:
    send, left = WorkerProcess._send, [1]

    def sent(worker: WorkerProcess) -> None:
        now = left and left.pop()
        if now:
            os.kill(worker.pid, signal.SIGSTOP)
        send(worker)
        if now:
            os.kill(os.getpid(), signal.SIGSTOP)

    plant(WorkerProcess, "_send", sent)


def paused_when_it_has_acquired() -> None:
    """Stop this process as soon as the lease is its own, before it has appended anything."""
    acquire = lease_row.acquire

    def acquired(connection: Connection, address: str, ttl: float) -> Taken | None:
        taken = acquire(connection, address, ttl)
        if taken is not None:
            os.kill(os.getpid(), signal.SIGSTOP)
        return taken

    plant(lease_row, "acquire", acquired)


# -- faults


def fences_without_the_epoch() -> None:
    """Planted bug: whoever has appended last may append, and make the lease longer, whatever its epoch is."""
    for module, name in ((writer, "_APPEND"), (writer, "_TAKE_THE_PEN"), (lease_row, "_RENEW")):
        statement: str = getattr(module, name)
        condition = "epoch = %(epoch)s::bigint" if "%(epoch)s::bigint" in statement else "epoch = %s"
        assert condition in statement
        plant(module, name, statement.replace(condition, f"{condition.partition(' = ')[2]} IS NOT NULL", 1))


def acts_without_asking() -> None:
    """Planted bug: nobody looks whether the lease lasts before something is done."""

    async def certain(_hold: Leased) -> None:
        pass

    plant(Leased, "certain", certain)


def says_no_deadline() -> None:
    """Planted bug: a worker starts what it is told to, however late it hears of it."""
    attach = Executor.attach

    def attached(executor: Executor, *arguments: object, **_: object) -> None:
        tell, mark, *_rest = arguments
        attach(executor, tell, mark)  # type: ignore[arg-type]

    plant(Executor, "attach", attached)


def believes_for_ever() -> None:
    """Planted bug: who has once acquired the store takes it for his own."""
    plant(PostgresStore, "held_until", lambda *_: inf)


def learns_by_appending_alone() -> None:
    """Make what follows of a fault certain: a server that was passed over does not hear of it beside its work."""

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    plant(PostgresStore, "until_lost", never)


def answers_before_it_appends() -> None:
    """Planted bug: what is acknowledged is on its way to the database."""
    append = PostgresStore.append
    before: list[asyncio.Task[None]] = []

    async def later(keeper: PostgresStore, fence: Fence, batch: Sequence[Record], after: object) -> None:
        if isinstance(after, asyncio.Task):
            await after
        await asyncio.sleep(0.2)
        await append(keeper, fence, batch)

    async def appended(keeper: PostgresStore, fence: Fence, batch: Sequence[Record]) -> None:
        task = asyncio.get_running_loop().create_task(
            later(keeper, fence, batch, before[-1] if before else None)
        )
        before[:] = [task]

    plant(store.PostgresStore, "append", appended)


def leaves_its_commands() -> None:
    """Planted bug: the worker of a server that was killed leaves its commands to the next one on this machine."""
    plant(worker_runner, "END", LEAVE)


def takes_the_unheard_for_not_kept() -> None:
    """Planted bug: a batch whose answer did not come is taken for one that is not in the database."""
    settle = PostgresStore.settle

    async def settled(keeper: PostgresStore, fence: Fence) -> bool:
        await settle(keeper, fence)
        return False

    plant(PostgresStore, "settle", settled)


def trusts_a_shorter_log() -> None:
    """Planted bug: a database that knows less than it has said is taken as it is."""
    plant(LeaseRow, "check_against", lambda *_: None)
