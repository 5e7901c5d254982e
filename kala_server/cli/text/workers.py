"""Workers on other machines as a table for people. It must not ask the server anything."""

from collections.abc import Sequence

from rich.console import RenderableType

from kala_client import Worker
from kala_server.cli.text.reader import Clock
from kala_server.cli.text.show import Column, FittingTable, moment


def table_of(workers: Sequence[Worker], clock: Clock) -> RenderableType:
    """A line for each worker, by its name."""
    rows = [
        (
            worker.name,
            ", ".join(worker.queues),
            worker.state,
            worker.running,
            worker.free,
            moment(worker.seen_at, clock.zone),
            worker.version,
        )
        for worker in workers
    ]
    if not rows:
        return "no worker was ever there"
    return FittingTable(
        (
            Column("worker", gives=True),
            Column("queues", gives=True),
            Column("state"),
            Column("running", right=True),
            Column("free", right=True),
            Column(clock.titled("seen"), spare=1),
            Column("version", spare=2),
        ),
        rows,
    )
