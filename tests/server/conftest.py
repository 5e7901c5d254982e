"""Where servers keep their data, and what is left of their commands."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from kala_server.runners.local.processes import start_time
from kala_server.runners.local.shell import ShellRunner
from kala_server.runners.local.worker_runner import WorkerRunner
from tests.server import runner_scenario


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def pids(tmp_path: Path) -> Iterator[Path]:
    """A file to which commands write their process ids; those that are left are ended."""
    file = tmp_path / "pids"
    file.touch()
    yield file
    for pid in map(int, file.read_text().split()):
        if start_time(pid) is not None:
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(params=[ShellRunner, WorkerRunner])
def both_kinds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Carry scenarios out in this process, and in a worker: commands must not see a difference."""
    monkeypatch.setattr(runner_scenario, "kind", request.param)


@pytest.fixture
def in_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Carry scenarios out in a worker alone."""
    monkeypatch.setattr(runner_scenario, "kind", WorkerRunner)
