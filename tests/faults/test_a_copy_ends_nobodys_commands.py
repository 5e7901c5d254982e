"""A copy of a live server's folder, started beside it, ends no command of it: whose one is must be known for sure.

The two have the same jobs, and runs with the same ids for the same slots. What tells their commands apart is the mark
of each folder.
"""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kala_client import KalaClient
from kala_server.runners.local.processes import Process, alive
from tests.eventually import eventually
from tests.faults.planted import believes_a_copied_lock, looks_for_runs_alone
from tests.faults.promises import client
from tests.faults.server_child import Plant, ServerChild, nothing, server_child
from tests.left_behind import left_of, noted
from tests.server.server_process import worker_of

GOES_ON = "until [ -e {} ]; do sleep 0.05; done"


@dataclass(frozen=True, slots=True)
class Original:
    """A live server."""

    folder: Path
    server: ServerChild
    kala: KalaClient
    command: str
    """One that goes on until the test is over."""


@pytest.fixture
def original(tmp_path: Path) -> Iterator[Original]:
    end = tmp_path / "end"
    with server_child(tmp_path / "data") as server, client(server.url) as kala:
        yield Original(tmp_path / "data", server, kala, GOES_ON.format(end))
        end.touch()


@contextmanager
def copy_of(original: Original, plant: Plant, **options: object) -> Iterator[tuple[ServerChild, KalaClient]]:
    """Run a server on a copy of a live one's folder."""
    folder = original.folder.with_name("copy")
    shutil.copytree(original.folder, folder)
    with server_child(folder, plant, **options) as server, client(server.url) as kala:
        yield server, kala


def running(original: Original) -> tuple[str, Process]:
    """Start a command, and return its run and its process once that is on record."""
    job_id = original.kala.create_job(name="goes on", command=original.command, shell=True)
    [run] = eventually(lambda: [run for run in original.kala.runs(job_id) if run.state == "running"])
    eventually(lambda: noted(original.folder))
    return run.id, left_of(run.id)[0]


def meets(original: Original, plant: Plant = nothing, **options: object) -> tuple[bool, str]:
    """Start a server on a copy: whether the original's command still runs then, and what the copy says of its run."""
    run_id, process = running(original)
    with copy_of(original, plant, **options) as (_, kala):
        state = kala.get_run(run_id).state
    return alive(process) and original.kala.get_run(run_id).state == "running", state


@pytest.mark.parametrize("survivors", ["end", "wait"])
def test_a_copy_leaves_the_commands_of_its_original_alone(original: Original, survivors: str) -> None:
    assert meets(original, wait_for_survivors=survivors == "wait") == (True, "interrupted")


def test_a_server_that_believes_a_copied_lock_is_noticed(original: Original) -> None:
    assert meets(original, believes_a_copied_lock) == (False, "interrupted")


def test_what_its_own_server_has_left_is_still_known(original: Original) -> None:
    run_id, process = running(original)
    original.server.kill()
    with server_child(original.folder) as again, client(again.url) as kala:
        assert kala.get_run(run_id).state == "interrupted"
    assert not alive(process)


def slot_of_both(original: Original, plant: Plant = nothing) -> bool:
    """Let a slot come on both sides, and kill the worker of the copy: whether the original's command still runs."""
    soon = (datetime.now(UTC) + timedelta(seconds=3)).isoformat()
    job_id = original.kala.create_job(
        name="both", command=original.command, shell=True, schedule=f"R0/{soon}/PT1M"
    )
    with copy_of(original, plant) as (server, kala):
        [run] = eventually(lambda: [run for run in kala.runs(job_id) if run.state == "running"])
        marked = eventually(lambda: two_sides(run.id))
        os.kill(worker_of(server.pid).pid, signal.SIGKILL)
        eventually(lambda: kala.get_run(run.id).state == "interrupted")
        return len(marked & commands_of(run.id)) == 1


def two_sides(run_id: str) -> set[int]:
    found = commands_of(run_id)
    return found if len(found) == 2 else set()


def commands_of(run_id: str) -> set[int]:
    """Return the processes of a run's commands, without what these have started: each leads a group."""
    found = set()
    for process in left_of(run_id):
        with suppress(ProcessLookupError):
            if os.getpgid(process.pid) == process.pid:
                found.add(process.pid)
    return found


def test_what_a_killed_worker_has_left_is_told_from_the_same_run_of_a_copy(original: Original) -> None:
    assert slot_of_both(original)


def test_a_server_that_looks_for_runs_alone_is_noticed(original: Original) -> None:
    assert not slot_of_both(original, looks_for_runs_alone)
