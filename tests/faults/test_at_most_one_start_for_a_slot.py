"""A slot starts at most once, wherever in the life of its run the server is killed, and what is not known is said so.

Commands append a line to a file. Their server is killed at seven points around a spawn, and now and then at no point
in particular; whoever is left of its commands is ended by the next one. Its worker is killed, too, and held up.
"""

import asyncio
import json
import os
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

from kala_client import KalaClient
from kala_server.runners.local import processes
from kala_server.stores.journal.filesystem import RealFileSystem
from kala_server.stores.journal.journal import LOCK
from tests.eventually import eventually
from tests.faults.conftest import Tell
from tests.faults.figures import KILLS_AROUND_A_SPAWN, WORKERS_KILLED
from tests.faults.planted import Point, holds_no_lock, killed_at, mortal_worker
from tests.faults.promises import a_moment, client
from tests.faults.server_child import Plant, nothing, server_child
from tests.left_behind import left_of
from tests.server.server_process import worker_of

LIFE = 20
"""Kills for each folder."""
JOBS = 6
PERIOD = "PT0.2S"


class Ledger:
    """What commands have left in a file, held against what their servers have on record."""

    def __init__(self, place: Path) -> None:
        place.mkdir()
        self.folder = place / "data"
        self.broken: list[str] = []
        self.unknown: set[str] = set()
        """Runs that a kill cut off."""
        self._marks = place / "marks"
        self._marks.touch()

    def fill(self, kala: KalaClient) -> None:
        """Create jobs of both kinds: one missed slot is caught up with, or all of them."""
        start = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
        for number in range(JOBS):
            kala.create_job(
                name="marks",
                command=f"echo $KALA_JOB_ID@$KALA_SCHEDULED_AT $KALA_RUN_ID >> {self._marks}",
                schedule=f"R/{start}/{PERIOD}",
                shell=True,
                catch_up="all" if number % 2 else "one",
                keep_runs=10_000,
            )

    def check(self, *, recovered: bool) -> None:
        """Look at what a kill has left; `recovered` where the killed server had come to its own start's end."""
        started = {record["run_id"] for record in self._records("run_started")}
        ended = {record["run_id"]: record["state"] for record in self._records("run_finished")}
        lines = self._marks.read_text().splitlines()
        slots = Counter(line.split()[0] for line in lines)
        unheard_of = {line.split()[1] for line in lines} - started
        self.broken += [f"{slot} was started {number} times" for slot, number in slots.items() if number > 1]
        self.broken += [f"{run_id} ran and is not on record" for run_id in unheard_of]
        if recovered:
            self.broken += [
                f"{run_id} was cut off and is {ended.get(run_id)}"
                for run_id in self.unknown
                if ended.get(run_id) != "interrupted"
            ]
        self.unknown |= started - ended.keys()

    def check_answers(self, kala: KalaClient) -> None:
        """Ask for what is on record."""
        for run_id in self.unknown:
            state = kala.get_run(run_id).state
            if state != "interrupted":
                self.broken.append(f"{run_id} was cut off and is said to be {state}")

    def interrupted(self) -> int:
        """Return how many runs are on record as cut off."""
        return sum(record["state"] == "interrupted" for record in self._records("run_finished"))

    def _records(self, kind: str) -> list[dict[str, str]]:
        """Return the records of that kind; those of a last batch that is not whole count for nothing."""
        text = (self.folder / "journal.jsonl").read_text().splitlines(keepends=True)
        lines = [json.loads(line) for line in text if line.endswith("\n")]
        torn = lines[-1]["batch"] if lines[-1]["left"] else None
        return [line["data"] for line in lines if line["type"] == kind and line["batch"] != torn]


def after_kills(ledger: Ledger, plants: list[Plant], dice: Random) -> Ledger:
    """Kill one server after the other on the same folder; some do not even come to the end of their start."""
    with server_child(ledger.folder) as first, client(first.url) as kala:
        ledger.fill(kala)
    for plant in plants:
        with server_child(ledger.folder, plant) as server:
            recovered = server.url != ""
            if plant is nothing:
                a_moment(dice.uniform(0, 0.2))
                server.kill()
            server.gone()
        ledger.check(recovered=recovered)
    with server_child(ledger.folder) as last, client(last.url) as kala:
        ledger.check_answers(kala)
    ledger.check(recovered=True)
    return ledger


def plants(number: int, dice: Random, *, eager: bool = False) -> list[Plant]:
    points = [*Point, None]
    chosen = [points[each % len(points)] for each in range(number)]
    return [
        nothing if point is None else partial(killed_at, point, dice.randint(1, 3), eager=eager)
        for point in chosen
    ]


def test_at_most_one_start_for_a_slot(tmp_path: Path, tell: Tell) -> None:
    dice = Random(4)
    unknown = 0
    for begun in range(0, KILLS_AROUND_A_SPAWN, LIFE):
        ledger = Ledger(tmp_path / str(begun))
        after_kills(ledger, plants(min(LIFE, KILLS_AROUND_A_SPAWN - begun), dice), dice)
        assert ledger.broken == []
        unknown += len(ledger.unknown)
    assert unknown
    tell(f"{KILLS_AROUND_A_SPAWN:,} kills, 0 doubled, all of {unknown:,} unknown runs interrupted")


def test_a_server_that_spawns_before_the_start_is_durable_is_noticed(tmp_path: Path) -> None:
    dice = Random(4)
    # Of the second slot of each job: at the first the worker may not be there yet, and the record is.
    eager = [partial(killed_at, Point.AFTER_THE_SPAWN, JOBS + 2, eager=True) for _ in range(4)]
    ledger = after_kills(Ledger(tmp_path / "eager"), [*eager], dice)
    assert any("started 2 times" in broken for broken in ledger.broken)
    assert any("not on record" in broken for broken in ledger.broken)


def test_a_worker_that_is_killed_costs_its_runs_and_repeats_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "place")
    with (
        server_child(ledger.folder, partial(mortal_worker, 5, "worker")) as server,
        client(server.url) as kala,
    ):
        ledger.fill(kala)
        eventually(lambda: ledger.interrupted() > WORKERS_KILLED)
        server.kill()
    ledger.check(recovered=False)
    assert ledger.broken == []


def lingering(folder: Path, plant: Plant = nothing) -> tuple[str, int]:
    """Hold a worker up with an order before it while its server is killed and the next one starts.

    Return what that one says of the run, and how many of its processes there are in the end.
    """
    with server_child(folder, plant) as first, client(first.url) as kala:
        worker = worker_of(first.pid)
        first_job = kala.create_job(name="shows that the worker is ready", command="true")
        eventually(lambda: [run.state for run in kala.runs(first_job)] == ["succeeded"])
        os.kill(worker.pid, signal.SIGSTOP)
        job_id = kala.create_job(name="lingers", command="sleep 1000")
        [run] = eventually(lambda: [run for run in kala.runs(job_id) if run.state == "running"])
        kala.get_job(job_id)  # in the turn of this one, at the latest, the order was sent
        first.kill()
    if not is_free(folder):
        os.kill(worker.pid, signal.SIGCONT)
    with server_child(folder) as second, client(second.url) as kala:
        os.kill(worker.pid, signal.SIGCONT)
        asyncio.run(processes.gone(worker))
        state = kala.get_run(run).state
    left = left_of(run.id)
    for process in left:
        os.kill(process.pid, signal.SIGKILL)
    return state, len(left)


def is_free(folder: Path) -> bool:
    """Whether a server could own the folder."""
    try:
        os.close(RealFileSystem().lock(folder / LOCK))
    except BlockingIOError:
        return False
    return True


def test_a_worker_that_lags_behind_its_killed_server_is_waited_for(tmp_path: Path) -> None:
    assert lingering(tmp_path) == ("interrupted", 0)


def test_a_worker_that_is_not_waited_for_is_noticed(tmp_path: Path) -> None:
    assert lingering(tmp_path, holds_no_lock) == ("interrupted", 1)
