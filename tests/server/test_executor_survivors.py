"""A command that outlived its server is recognised: ended, or waited for; recorded, and never silently repeated."""

import asyncio
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kala_client import KalaClient, Run
from kala_server.core.model import records as r
from kala_server.core.model.job import JobSpec, RunState, Trigger
from kala_server.core.model.job import Run as CoreRun
from kala_server.core.state.apply import apply
from kala_server.core.state.state import State
from kala_server.outputs.kept import OutputFolder
from kala_server.runners.local.notes import Note, Notes
from kala_server.runners.local.processes import start_time
from kala_server.runners.local.worker_runner import WorkerRunner
from kala_server.service.executor import Executor
from kala_server.testing import running_server
from tests.eventually import PATIENCE, eventually
from tests.left_behind import noted
from tests.server.server_process import server_process

NOW = datetime(2035, 6, 4, 19, 25, tzinfo=UTC)
JOB_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
RUN_ID = "5e0f4e2a-4a1b-4b8c-9d57-0d2f5a1f6f3a"
SURVIVED = "the command outlived its server; it has ended, and how it went is not known"


def survivor(folder: Path, pids: Path, **fields: Any) -> tuple[str, int]:
    """Leave a command behind that writes its pid and goes on until there is `end`: its job, and its pid."""
    end = folder.parent / "end"
    with server_process(folder) as server, KalaClient(server.url) as kala:
        job_id = kala.create_job(
            name="survives",
            command=f"echo $$ >> {pids}; until [ -e {end} ]; do sleep 0.02; done",
            shell=True,
            **fields,
        )
        pid = int(eventually(pids.read_text))
        eventually(lambda: noted(folder))
        server.kill()
    assert start_time(pid) is not None
    return job_id, pid


def runs(kala: KalaClient, job_id: str) -> list[Run]:
    return list(kala.runs(job_id))


def test_a_survivor_is_waited_for_and_its_run_interrupted_and_not_repeated(folder: Path, pids: Path) -> None:
    job_id, pid = survivor(folder, pids, retries=3)
    with running_server(folder, wait_for_survivors=True) as server, KalaClient(server.url) as kala:
        [run] = runs(kala, job_id)
        assert run.state == "running"
        assert start_time(pid) is not None
        (folder.parent / "end").touch()
        ended = kala.wait(run, timeout=PATIENCE)
        assert (ended.state, ended.reason, ended.attempts) == ("interrupted", SURVIVED, 1)
        assert list(kala.follow(run)) == []
    assert start_time(pid) is None
    with running_server(folder, wait_for_survivors=True) as again, KalaClient(again.url) as kala:
        assert [(run.id, run.state) for run in kala.runs(job_id)] == [(ended.id, "interrupted")]
    assert pids.read_text().split() == [str(pid)]


@pytest.mark.parametrize("wait", [True, False])
def test_an_interrupted_run_is_repeated_once_where_its_job_asks_for_it(
    folder: Path, pids: Path, *, wait: bool
) -> None:
    job_id, pid = survivor(folder, pids, rerun_interrupted=True)
    with running_server(folder, wait_for_survivors=wait) as server, KalaClient(server.url) as kala:
        if not wait:
            eventually(lambda: start_time(pid) is None)
        (folder.parent / "end").touch()
        eventually(lambda: [run.state for run in kala.runs(job_id)] == ["succeeded", "interrupted"])
        again, first = runs(kala, job_id)
        assert (again.trigger, again.scheduled_at) == ("catch_up", first.scheduled_at)
    assert len(pids.read_text().split()) == 2


def test_a_follower_of_a_survivor_comes_to_its_end_with_it(folder: Path, pids: Path) -> None:
    job_id, _ = survivor(folder, pids)
    with running_server(folder, wait_for_survivors=True) as server, KalaClient(server.url) as kala:
        [run] = runs(kala, job_id)
        following = kala.follow(run)
        (folder.parent / "end").touch()
        assert list(following) == []
        assert kala.get_run(run).state == "interrupted"


def test_a_survivor_that_is_cancelled_is_a_cancelled_run(folder: Path, pids: Path) -> None:
    job_id, pid = survivor(folder, pids)
    with running_server(folder, wait_for_survivors=True) as server, KalaClient(server.url) as kala:
        [run] = runs(kala, job_id)
        kala.cancel(run)
        ended = kala.wait(run, timeout=PATIENCE)
        assert ended.reason == "cancelled by request"
        assert ended.state == "cancelled"
    assert start_time(pid) is None


def test_a_survivor_is_ended_with_the_server_that_waits_for_it(folder: Path, pids: Path) -> None:
    job_id, pid = survivor(folder, pids)
    with running_server(folder, wait_for_survivors=True) as server, KalaClient(server.url) as kala:
        [run] = runs(kala, job_id)
        assert run.state == "running"
    assert start_time(pid) is None
    with running_server(folder) as again, KalaClient(again.url) as kala:
        assert [run.state for run in runs(kala, job_id)] == ["interrupted"]


# -- who is a survivor


MARK = "ours"


def met(run: CoreRun, folder: Path, *notes: Note, mark: str = MARK) -> frozenset[str]:
    """Let executors meet who survived of a run: one that waits for them, and then one that ends them."""

    async def whole() -> frozenset[str]:
        state = State()
        for record in (
            r.ServerKept(created_at=NOW),
            r.JobCreated(id=JOB_ID, at=NOW, spec=JobSpec(name="a job")),
            r.RunKept(run=run),
        ):
            apply(state, record)
        for note in notes:
            Notes(folder).put(run.handle, note)
        async with asyncio.timeout(PATIENCE):
            waited_for = await meeting(state, wait=True)
            assert await meeting(state, wait=False) == frozenset()
        return waited_for

    async def meeting(state: State, *, wait: bool) -> frozenset[str]:
        runner = WorkerRunner(notes=Notes(folder))
        executor = Executor(runner=runner, outputs=OutputFolder(folder / "output"), output_limits=(1, 1))
        executor.attach(lambda _: None, mark)
        found = await executor.meet_survivors(state, wait=wait, patience=timedelta(seconds=PATIENCE))
        await executor.close()
        return found

    return asyncio.run(whole())


CARRIED = {"KALA_RUN_ID": RUN_ID, "KALA_MARK": MARK}


@pytest.fixture
def process() -> Iterator["subprocess.Popen[bytes]"]:
    """A command of the run, in a group of its own."""
    with subprocess.Popen(["sleep", "1000"], env=CARRIED, start_new_session=True) as started:
        yield started
        started.kill()


def running() -> CoreRun:
    return CoreRun(
        id=RUN_ID,
        job_id=JOB_ID,
        scheduled_at=NOW,
        trigger=Trigger.SCHEDULE,
        state=RunState.RUNNING,
        queued_at=NOW,
        started_at=NOW,
        attempt_at=NOW,
        attempts=1,
    )


def a_note_of(process: "subprocess.Popen[bytes]", *, later: int = 0, mark: str = MARK) -> Note:
    started = start_time(process.pid)
    assert started is not None
    return Note(process.pid, started + later, mark)


def test_a_process_that_was_noted_is_a_survivor_whatever_its_environment(folder: Path) -> None:
    with subprocess.Popen(["sleep", "1000"], env={}, start_new_session=True) as process:
        assert met(running(), folder, a_note_of(process)) == {RUN_ID}
        assert process.wait(PATIENCE) == -signal.SIGTERM


def test_a_process_that_came_too_early_to_be_noted_is_known_by_its_environment(
    process: "subprocess.Popen[bytes]", folder: Path
) -> None:
    assert met(running(), folder) == {RUN_ID}
    assert process.wait(PATIENCE) == -signal.SIGTERM


def test_another_process_that_got_the_same_pid_is_left_alone(folder: Path) -> None:
    with subprocess.Popen(["sleep", "1000"], env={}, start_new_session=True) as process:
        assert met(running(), folder, a_note_of(process, later=-1)) == frozenset()
        assert process.poll() is None
        process.kill()


def test_a_run_that_is_not_running_has_no_survivors(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    over = replace(running(), state=RunState.FAILED, finished_at=NOW)
    assert met(over, folder, a_note_of(process)) == frozenset()
    assert process.poll() is None


@pytest.mark.parametrize("mark", ["of a copy, or of another life of the machine", ""])
def test_what_was_noted_under_another_mark_is_left_alone_and_told(
    process: "subprocess.Popen[bytes]", folder: Path, caplog: pytest.LogCaptureFixture, mark: str
) -> None:
    assert met(running(), folder, a_note_of(process), mark=mark) == frozenset()
    assert f"left alone: process {process.pid}." in caplog.text
    assert met(running(), folder, mark=mark) == frozenset()
    assert process.poll() is None


def test_without_a_mark_nobody_survives(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    assert met(running(), folder, a_note_of(process, mark=""), mark="") == frozenset()
    assert process.poll() is None


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[1, 2]", b'{"pid": 1}', b'{"pid": "1", "started": 2, "mark": "ours"}', b"\xff"]
)
def test_a_note_that_is_none_is_passed_over(folder: Path, text: bytes) -> None:
    (folder / "commands").mkdir(parents=True)
    (folder / "commands" / "a.1").write_bytes(text)
    (folder / "commands" / "a.2").mkdir()
    (folder / "commands" / "a.3").symlink_to("/dev/zero")
    assert Notes(folder / "commands").take_all() == {}


def test_notes_are_kept_until_they_are_dropped_and_where_they_cannot_be_nothing_is(folder: Path) -> None:
    notes, note = Notes(folder), Note(1, 2, MARK)
    notes.put("a.1", note)
    notes.put("b.1", note)
    notes.drop("a.1")
    notes.drop("nobody.1")
    assert Notes(folder).take_all() == {"b.1": note}
    assert Notes(folder).take_all() == {}
    nowhere = Notes(folder / "b.1" / "no" / "folder")
    nowhere.put("c.1", note)
    assert nowhere.take_all() == {}


def test_a_process_of_another_store_is_left_alone_though_its_run_has_the_same_id(
    process: "subprocess.Popen[bytes]", folder: Path
) -> None:
    assert met(running(), folder, mark="theirs") == frozenset()
    assert process.poll() is None
