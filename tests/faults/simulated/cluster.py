"""Three servers of one database, a client, and all that may happen to them."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from kala_server.core.state.state import State
from kala_server.ports.store import Leader
from tests.faults.simulated.client import Client
from tests.faults.simulated.commands import Witness
from tests.faults.simulated.database import LEASE, Database
from tests.faults.simulated.machine import Machine
from tests.faults.simulated.world import World

SERVERS = 3
_A_WHILE = 20.0
"""Seconds after which it is looked whether all is quiet."""
_MOST_WHILES = 20
_MEMORY = Path("/dev/shm")


class Cluster:
    """What a story is told of."""

    def __init__(self, folder: Path) -> None:
        """Each machine has a folder within that one."""
        self.world = World()
        self.database = Database(self.world)
        self.witness = Witness(self.world, self.database)
        self.client = Client(self.world)
        self.machines = [
            Machine(self.world, self.database, self.witness, number, folder) for number in range(SERVERS)
        ]
        for machine in self.machines:
            machine.start()
            self.world.pass_by(0.1)

    @property
    def leader(self) -> Machine | None:
        """The machine that leads by the database's own record."""
        address = self.database.lease.address
        return next((machine for machine in self.machines if machine.name == address), None)

    def rumour(self, machine: Machine) -> None:
        """Let it be told of a leader that there is not, and that the store is free."""
        if machine.process is not None:
            machine.process.store.rumour(Leader(epoch=1, address="http://nowhere"))

    def come_to_peace(self) -> None:
        """Mend everything, and wait until all has come to its end."""
        self.database.away_until = min(self.database.away_until, self.world.time)
        for machine in self.machines:
            machine.put_clock(0.0)
            machine.paused = False
            if machine.process is not None:
                machine.process.mend()
        self.world.pass_by(3 * LEASE)
        for machine in self.machines:
            machine.start()
        for _ in range(_MOST_WHILES):
            self.world.pass_by(_A_WHILE)
            if self._is_quiet:
                return

    @property
    def _is_quiet(self) -> bool:
        """Whether nothing goes on and nothing is due any more, as far as whoever leads knows."""
        if self.leader is None:
            return False
        state = self.state_of(self.leader)
        return not state.runs.open and state.next_due(room=True) is None

    def state_of(self, machine: Machine) -> State:
        assert machine.process is not None
        assert machine.process.server is not None
        return machine.process.server.service.state

    def end(self) -> None:
        for machine in self.machines:
            machine.kill()


@contextmanager
def _nothing_said() -> Iterator[None]:
    """What servers have to say about all that happens to them is much, and nobody reads it."""
    log = logging.getLogger("kala")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Have three servers of which one leads."""
    memory = _MEMORY if _MEMORY.is_dir() else None
    with _nothing_said(), TemporaryDirectory(prefix="kala-simulated-", dir=memory) as folder:
        there = Cluster(Path(folder))
        try:
            yield there
        finally:
            there.end()
