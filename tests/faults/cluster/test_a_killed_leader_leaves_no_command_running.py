"""What a killed leader ran ends with it: never beside what the next one starts, which says that it was interrupted."""

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

from kala_client import KalaClient
from kala_server.runners.local import processes
from kala_server.runners.local.processes import Process
from tests.eventually import eventually
from tests.faults.cluster.load import client_of
from tests.faults.cluster.members import Cluster, two
from tests.faults.cluster.planted import leaves_its_commands
from tests.faults.conftest import Tell
from tests.faults.figures import LEADERS_WITH_COMMANDS
from tests.faults.server_child import Plant, nothing
from tests.left_behind import left_of


def create(kala: KalaClient, folder: Path, name: str, *, again: bool) -> str:
    """Create a job whose command goes on for ever, and leaves word where another one of it is there already."""
    return kala.create_job(
        name=name,
        command=f"flock --nonblock {name}.lock sleep 1000 || touch {name}.twice",
        shell=True,
        cwd=str(folder),
        rerun_interrupted=again,
        idempotency_key=name,
    )


def running(kala: KalaClient, job_id: str) -> tuple[str, list[Process]]:
    """Return the run of a job that runs, once it has processes, and these."""
    [run] = eventually(lambda: [run for run in kala.runs(job_id) if run.state == "running"])
    return run.id, eventually(lambda: left_of(run.id))


@dataclass
class Found:
    """What was left when the next one had taken over."""

    alive: int = 0
    twice: list[str] = field(default_factory=list)
    interrupted: int = 0


def after_kills(folder: Path, database: str, kills: int, plant: Plant = nothing) -> Found:
    """Kill one leader after the other whose commands run."""
    found = Found()
    with two(folder, database, always=plant) as cluster, client_of(cluster.urls) as kala:
        again = create(kala, folder, "again", again=True)
        for number in range(kills):
            once = create(kala, folder, f"once-{number}", again=False)
            kill(cluster, kala, found, again, once)
    found.twice = [path.stem for path in folder.glob("*.twice")]
    return found


def kill(cluster: Cluster, kala: KalaClient, found: Found, again: str, once: str) -> None:
    """Kill the leader, and look what the next one says and what there is."""
    runs = [running(kala, job_id) for job_id in (again, once)]
    leader = cluster.leader()
    leader.kill()
    for run_id, _ in runs:
        run = eventually(lambda: next((each for each in [kala.get_run(run_id)] if each.finished), None))  # noqa: B023
        found.interrupted += run.state == "interrupted"
    repeated, _ = running(kala, again)
    assert repeated not in dict(runs)
    assert len(list(kala.runs(once))) == 1
    found.alive += sum(processes.alive(each) for _, those in runs for each in those)
    leader.start()


def test_a_killed_leader_leaves_no_command_running(tmp_path: Path, database: str, tell: Tell) -> None:
    found = after_kills(tmp_path, database, LEADERS_WITH_COMMANDS)
    assert found == Found(alive=0, twice=[], interrupted=2 * LEADERS_WITH_COMMANDS)
    tell(f"{LEADERS_WITH_COMMANDS} leaders killed, {found.interrupted} runs interrupted, 0 went on")


def test_a_worker_that_leaves_its_commands_is_noticed(tmp_path: Path, database: str) -> None:
    with two(tmp_path, database, always=leaves_its_commands) as cluster, client_of(cluster.urls) as kala:
        _, left = running(kala, create(kala, tmp_path, "again", again=True))
        cluster.leader().kill()
        eventually((tmp_path / "again.twice").exists)
        assert all(map(processes.alive, left))
    for process in left:
        os.kill(process.pid, signal.SIGKILL)
