"""What a worker was about to start when it was killed is found and ended, however slowly its program is loaded."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kala_server.runners.local import processes, worker_process
from kala_server.runners.local.worker_runner import WorkerRunner
from tests.eventually import PATIENCE, eventually
from tests.faults.tracing import strace, why_not
from tests.left_behind import left_of
from tests.server.runner_scenario import Run, runner_of
from tests.server.worker_scenario import is_there, pid_of_worker

pytestmark = pytest.mark.needs("strace")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may run commands as another user")
SLOWLY = "delay_enter=1s"


@pytest.fixture(autouse=True)
def _this_machine_can() -> None:
    if reason := why_not():
        pytest.skip(reason)


@contextmanager
def loads_slowly(pid: int) -> Iterator[None]:
    """Let every program that the process loads take its time."""
    with subprocess.Popen([*strace("execve", SLOWLY), "-p", str(pid)]) as tracing:
        eventually(lambda: "TracerPid:\t0" not in Path(f"/proc/{pid}/status").read_text())
        try:
            yield
        finally:
            tracing.terminate()


def left(user: str) -> int:
    """Kill a worker while it loads a program; return how many processes there are after its run is told to be over."""

    async def whole() -> int:
        runner = runner_of(WorkerRunner, kill_grace=5)
        assert isinstance(runner, WorkerRunner)
        try:
            async with asyncio.timeout(PATIENCE):
                await is_there(runner)
                worker = pid_of_worker(runner)
                with loads_slowly(worker):
                    run = Run(runner, command=f"{shutil.which('sleep')} 1000", user=user)
                    await asyncio.sleep(0)
                    child = int(await asyncio.to_thread(eventually, lambda: children_of(worker)))
                    loading = processes.Process(child, processes.start_time(child) or 0)
                    os.kill(worker, signal.SIGKILL)
                    assert (await run.ended).interrupted
                    await asyncio.to_thread(eventually, lambda: not loads(child))
                    return int(processes.alive(loading))
        finally:
            await runner.close()

    try:
        return asyncio.run(whole())
    finally:
        for process in left_of("run-1"):
            os.kill(process.pid, signal.SIGKILL)


def children_of(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")


def loads(pid: int) -> bool:
    """Whether it is still Python, from which a command comes."""
    try:
        return b"kala_server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.mark.parametrize("user", ["", pytest.param("nobody", marks=needs_root)])
def test_a_killed_worker_leaves_nothing(user: str) -> None:
    assert left(user) == 0


@needs_root
def test_a_worker_that_lets_go_too_early_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    program = worker_process.PROGRAM.replace(
        "kala_server.runners.local.worker import", "tests.faults.hasty_worker import"
    )
    monkeypatch.setattr(worker_process, "PROGRAM", program)
    assert left("nobody") == 1
