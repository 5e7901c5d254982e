"""Five hundred slow clients hold up nobody, cost little memory, and are all dropped in the end."""

import time
from datetime import timedelta
from pathlib import Path

from kala_client import Job
from tests.faults.conftest import Tell
from tests.faults.figures import SLOW_CLIENTS
from tests.faults.planted import waits_for_ever
from tests.faults.promises import client
from tests.faults.server_child import Plant, ServerChild, nothing, server_child
from tests.faults.slow_clients import Health, slow_clients

JOBS = 100
"""In the list that some ask for and do not read: about 115 kB."""
TIMEOUTS = {
    name: timedelta(seconds=seconds)
    for name, seconds in (("header_timeout", 4), ("body_timeout", 5), ("unread_timeout", 4))
}
PATIENCE = 25.0
MEMORY = 50 << 20


class Watched:
    """What was seen of a server among slow clients."""

    def __init__(self, server: ServerChild) -> None:
        self.health = Health(server.url)
        self.most = 0
        self.left = 0
        self.grown = 0
        self._server = server
        self._before = server.memory()

    def watch(self, patience: float) -> None:
        """Ask for its health until nobody else is connected any more, or for so long."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            self.health.ask()
            self.left = self._connections()
            self.most = max(self.most, self.left)
            self.grown = max(self.grown, self._server.memory() - self._before)
            if self.most >= SLOW_CLIENTS and not self.left:
                break
            time.sleep(0.01)

    def _connections(self) -> int:
        """Return how many others are connected."""
        lines = self.health.get("/metrics").splitlines()
        [line] = [line for line in lines if line.startswith("kala_connections ")]
        return int(float(line.split()[1])) - 1


def among_slow_clients(folder: Path, plant: Plant, patience: float) -> Watched:
    with server_child(folder, plant, **TIMEOUTS) as server:
        with client(server.url) as kala:
            kala.create_jobs(
                Job(name=f"job-{number}", command="true", schedule="R/2035-06-04T19:25:16Z/P1D")
                for number in range(JOBS)
            )
            kala.get_all_jobs()
        watched = Watched(server)
        with slow_clients(server.url, SLOW_CLIENTS):
            watched.watch(patience)
        return watched


def test_slow_clients_hold_up_nobody_and_are_dropped(tmp_path: Path, tell: Tell) -> None:
    watched = among_slow_clients(tmp_path / "data", nothing, PATIENCE)
    tell(
        f"{watched.most} connections at the same time, {watched.left} left; health p50 "
        f"{watched.health.percentile(50):.0f} ms, p99 {watched.health.percentile(99):.0f} ms, "
        f"longest {max(watched.health.seconds) * 1000:.0f} ms; memory + {watched.grown >> 20} MiB"
    )
    assert watched.most >= SLOW_CLIENTS
    assert watched.left == 0
    assert max(watched.health.seconds) < 5
    assert watched.grown < MEMORY


def test_a_server_that_waits_for_slow_clients_for_ever_is_noticed(tmp_path: Path) -> None:
    watched = among_slow_clients(tmp_path / "data", waits_for_ever, 8)
    assert watched.left >= SLOW_CLIENTS // 2
