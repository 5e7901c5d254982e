"""A machine with a server, which may be killed, stopped, paused or cut off, and started anew: the whole real server.

Only what is around it is simulated: its loop, its clock, its store and its worker.
"""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

from kala_server.ports.store import FenceLostError, StoreAwayError, StoreBrokenError
from kala_server.server import Server
from kala_server.testing.running import settings_of
from tests.faults.simulated.commands import SimulatedWorker, Witness
from tests.faults.simulated.database import Database
from tests.faults.simulated.machine_clock import MachineClock
from tests.faults.simulated.network import Connections
from tests.faults.simulated.store import SimulatedStore
from tests.faults.simulated.turns import TurnLoop
from tests.faults.simulated.world import World

_GRACE = timedelta(seconds=1)
_MOST_LAST_TURNS = 2_000


class Machine:
    """A process while there is one, and what it shares with the one after it."""

    def __init__(self, world: World, database: Database, witness: Witness, number: int, folder: Path) -> None:
        self.folder = folder / f"machine-{number}"
        self.name = f"http://machine-{number}"
        self.paused = False
        self.process: ServerProcess | None = None
        self._world = world
        self._database = database
        self._witness = witness
        self._ahead = 0.0
        self._up = 1_000.0 * number
        world.processes.append(self)
        database.listeners.append(self._hear)

    # -- as a process of the world

    @property
    def has_turn(self) -> bool:
        return self.process is not None and not self.paused and self.process.loop.has_turn

    @property
    def wakes_at(self) -> float | None:
        return None if self.process is None or self.paused else self.process.loop.wakes_at

    def turn(self) -> None:
        assert self.process is not None
        self.process.loop.turn()
        if self.process.life.done():
            if error := self.process.life.exception():
                raise AssertionError(f"a server came to grief: {error!r}") from error
            self.kill()

    # -- what happens to it

    def start(self) -> None:
        """Start a server, where there is none."""
        if self.process is None:
            self.paused = False
            loop = TurnLoop(lambda: self._world.time)
            clock = MachineClock(self._world, loop, ahead=self._ahead, up=self._up)
            self.process = ServerProcess(
                self.name,
                self.folder,
                loop,
                Connections(self._world, self._database, loop, stall=self.pause, kill=self.kill),
                clock,
                SimulatedWorker(self._world, self._witness, clock, loop),
                self._database,
            )

    def kill(self) -> None:
        """End it without a word, as well as its worker and its commands."""
        process, self.process = self.process, None
        if process is not None:
            process.die()

    def stop(self) -> None:
        """Ask it to end."""
        if self.process is not None:
            self.process.asked_to_stop.set()

    def pause(self, seconds: float) -> None:
        """Let nothing happen in it for so long."""
        self.paused = True
        self._world.after(seconds, self.resume)

    def resume(self) -> None:
        """Let it go on where it was paused."""
        self.paused = False

    def put_clock(self, seconds: float) -> None:
        """Let its clock be ahead by so much."""
        if self.process is not None:
            self.process.clock.step(seconds - self._ahead)
        self._ahead = seconds

    def _hear(self) -> None:
        """Be told that something is new in the database."""
        process = self.process
        if process is not None and not process.connections.deaf and not process.connections.cut:
            self._world.after(0.001, process.store.news.tell)


class ServerProcess:
    """A server from its start to its end."""

    def __init__(
        self,
        name: str,
        folder: Path,
        loop: TurnLoop,
        connections: Connections,
        clock: MachineClock,
        worker: SimulatedWorker,
        database: Database,
    ) -> None:
        self.loop = loop
        self.connections = connections
        self.clock = clock
        self.worker = worker
        self.store = SimulatedStore(connections, clock=clock, clock_is_off=lambda: clock.ahead, address=name)
        self.dead = False
        self.asked_to_stop = asyncio.Event()
        self.server: Server | None = None
        self.troubles: list[dict[str, Any]] = []
        self._database = database
        loop.set_exception_handler(lambda _, context: self._complain(context))
        self.life = self.do(self._live(name, folder))

    def do(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have it done in the process."""
        return self.loop.create_task(work)

    async def _live(self, name: str, folder: Path) -> None:
        settings = settings_of(folder, {"public_url": name, "grace": _GRACE, "kill_grace": _GRACE})
        server = Server(
            settings, clock=self.clock, runner=self.worker, cluster=lambda _: self.store, random=_zeros
        )
        try:
            await server.start()
        except StoreAwayError:
            return
        self.server = server
        reasons: list[asyncio.Future[Any]] = [self.do(_until(self.asked_to_stop)), server.ended]
        await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
        await server.stop()
        if server.ended.done():
            self._check_end(server.ended.result())

    def _check_end(self, why: StoreBrokenError) -> None:
        """Fail where it ended by itself, and the store was its own."""
        assert isinstance(why, FenceLostError), f"a server ended by itself: {why}"
        lease = self._database.lease
        assert lease.epoch > self.store.epoch or lease.released, f"a server ended that leads: {why}"

    def mend(self) -> None:
        """Let nothing be in its way any more."""
        self.connections.mend()
        self.connections.deaf = False
        for fates in self.connections.fates.values():
            fates.clear()
        self.worker.lag = 0.001

    def die(self) -> None:
        """End now; what it leaves in this real process is tidied up, where nobody sees it."""
        self.dead = self.connections.dead = True
        self.worker.die()
        self.loop.rush()
        if self.server is not None and not self.life.done():
            self._last_turns([self.loop.create_task(self.server.leave())])
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self._last_turns(tasks)
        self.loop.close()

    def _last_turns(self, tasks: Any) -> None:
        for _ in range(_MOST_LAST_TURNS):
            if all(task.done() for task in tasks):
                return
            self.loop.turn()

    def _complain(self, context: dict[str, Any]) -> None:
        if not self.dead:
            self.troubles.append(context)


def _zeros(number: int) -> bytes:
    return bytes(number)


async def _until(event: asyncio.Event) -> None:
    await event.wait()
