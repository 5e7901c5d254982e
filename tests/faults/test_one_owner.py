"""A data folder has one owner: of two servers that start at once exactly one does, and the other says why not."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier

from tests.faults.figures import RACES
from tests.faults.planted import locks_nothing
from tests.faults.server_child import Plant, ServerChild, nothing, server_child


def race(folder: Path, plant: Plant = nothing) -> tuple[int, list[str]]:
    """Start two servers at once: how many are there then, and what the others say."""
    start = Barrier(2)

    def run(stack: ExitStack) -> ServerChild:
        start.wait()
        return stack.enter_context(server_child(folder, plant))

    with ExitStack() as one, ExitStack() as other, ThreadPoolExecutor(2) as racers:
        servers = list(racers.map(run, [one, other]))
        return sum(server.url != "" for server in servers), [each.refusal for each in servers if each.refusal]


def test_one_owner_wins_every_race(tmp_path: Path) -> None:
    for _ in range(RACES):
        assert race(tmp_path / "data") == (1, ["StoreLockedError"])


def test_a_server_that_locks_nothing_is_noticed(tmp_path: Path) -> None:
    assert race(tmp_path / "data", locks_nothing) != (1, ["StoreLockedError"])
