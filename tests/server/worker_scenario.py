"""What the tests of the worker, a process of its own, share."""

from pathlib import Path

from kala_server.ports.runner import Outcome
from kala_server.runners.local.worker_runner import WorkerRunner
from tests.server.runner_scenario import Run

GONE = "the worker process was ended, and the command with it; whether it did its work is not known"
LOST = Outcome(succeeded=False, reason=GONE, interrupted=True)


def pid_of_worker(runner: WorkerRunner) -> int:
    """The pid of the worker, which is there from now on."""
    runner.get_ready()
    pid = runner.worker_pid
    assert pid is not None
    return pid


def folder_of(pid: int) -> Path:
    """What /proc has of a process."""
    return Path(f"/proc/{pid}")


async def is_there(runner: WorkerRunner) -> None:
    """Return once the worker has run something."""
    assert (await Run(runner, command="true", run_id="first").ended).succeeded
