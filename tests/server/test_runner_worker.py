"""How a worker ends, what is left of it then, and what becomes of its commands."""

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path

import pytest

from kala_client import KalaClient
from kala_server.ports.runner import Outcome
from kala_server.runners.local import processes, worker_process, worker_runner
from kala_server.runners.local.worker_runner import WorkerRunner
from kala_server.testing import running_server
from tests.eventually import eventually
from tests.left_behind import left_of
from tests.server.runner_scenario import Run, carry_out
from tests.server.server_process import server_process, worker_of
from tests.server.worker_scenario import GONE, LOST, folder_of, is_there, pid_of_worker

pytestmark = pytest.mark.usefixtures("in_a_worker")


def test_a_worker_that_is_killed_costs_its_commands_and_the_next_one_gets_another() -> None:
    async def scenario(runner: WorkerRunner) -> None:
        worker = pid_of_worker(runner)
        run = Run(runner, command="echo begun; sleep 1000 & sleep 1000", shell=True)
        await run.has_printed(b"begun")
        os.kill(worker, signal.SIGKILL)
        assert await run.ended == LOST
        assert left_of("run-1") == []
        assert (await Run(runner, command="true", run_id="run-2").ended).succeeded
        assert pid_of_worker(runner) != worker

    carry_out(scenario)


def test_what_a_killed_worker_may_have_started_is_interrupted_too() -> None:
    async def scenario(runner: WorkerRunner) -> None:
        await is_there(runner)
        os.kill(pid_of_worker(runner), signal.SIGSTOP)
        runs = [Run(runner, command="sleep 1000", run_id=f"waits-{number}") for number in range(3)]
        os.kill(pid_of_worker(runner), signal.SIGKILL)
        assert [await run.ended for run in runs] == [LOST] * 3

    carry_out(scenario)


def test_what_no_worker_ever_heard_of_could_not_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """So it is tried again as its job says, and not at once and for ever."""
    monkeypatch.setattr(worker_process, "PROGRAM", "raise SystemExit(3)")

    async def scenario(runner: WorkerRunner) -> None:
        reason = "the command could not be started, as its worker process could not: exit code 3"
        for _ in range(2):
            outcome = await Run(runner, command="true").ended
            assert outcome == Outcome(succeeded=False, reason=reason)

    carry_out(scenario)


@pytest.mark.parametrize("how", [f"raise SystemExit({os.EX_TEMPFAIL})", "import os; os.kill(os.getpid(), 9)"])
def test_what_no_worker_heard_of_for_want_of_room_is_put_off(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(worker_process, "PROGRAM", how)

    async def scenario(runner: WorkerRunner) -> None:
        for _ in range(2):
            assert (await Run(runner, command="true").ended).put_off

    carry_out(scenario)


def test_a_worker_that_has_no_room_says_so_by_its_exit_code() -> None:
    for failing, code in (
        ("OSError(24, '')", os.EX_TEMPFAIL),
        ("MemoryError()", os.EX_TEMPFAIL),
        ("OSError(1, '')", 1),
    ):
        program = (
            "import marshal, os, sys\n"
            "from kala_server.runners.local import worker\n"
            "sys.stdin = os.fdopen(os.memfd_create(''), 'w+')\n"
            "marshal.dump(({}, 64), sys.stdin.buffer)\n"
            "sys.stdin.buffer.seek(0)\n"
            f"def fails(*_, **__): raise {failing}\n"
            "worker.ShellRunner = fails\n"
            "worker.main()\n"
        )
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ended = subprocess.run(
                [sys.executable, "-c", program, str(theirs.fileno()), "5", "leave"],
                pass_fds=[theirs.fileno()],
                check=False,
                capture_output=True,
            )
        assert ended.returncode == code


def test_a_command_that_cleared_its_environment_is_ended_with_its_worker() -> None:
    async def scenario(runner: WorkerRunner) -> None:
        run = Run(runner, command="exec env -i sleep 1000", shell=True)
        process = await run.process
        os.kill(pid_of_worker(runner), signal.SIGKILL)
        assert await run.ended == LOST
        assert not processes.alive(process)

    carry_out(scenario)


def test_a_machine_without_room_to_look_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = [OSError(errno.EMFILE, "Too many open files"), RuntimeError("can't start new thread")]
    find = processes.find_by_handles

    def fails_at_first(handles: Collection[str], mark: str) -> dict[str, list[processes.Process]]:
        if errors:
            raise errors.pop()
        return find(handles, mark)

    async def scenario(runner: WorkerRunner) -> None:
        run = Run(runner, command="sleep 1000")
        process = await run.process
        os.kill(pid_of_worker(runner), signal.SIGKILL)
        assert await run.ended == LOST
        assert errors == []
        assert not processes.alive(process)

    monkeypatch.setattr(worker_runner, "TRY_AGAIN", 0.01)
    monkeypatch.setattr(processes, "find_by_handles", fails_at_first)
    carry_out(scenario)


def test_what_a_killed_worker_left_is_ended_before_a_runner_is_closed() -> None:
    async def scenario(runner: WorkerRunner) -> None:
        run = Run(runner, command="echo begun; trap '' TERM; sleep 1000", shell=True)
        await run.has_printed(b"begun")
        os.kill(pid_of_worker(runner), signal.SIGKILL)
        await asyncio.to_thread(eventually, lambda: runner.worker_pid is None)
        runner.kill_all()
        await runner.close()
        assert run.ended.result() == LOST
        eventually(lambda: left_of("run-1") == [])  # KILL was sent

    carry_out(scenario, kill_grace=0.1)


def test_a_worker_that_is_stopped_does_not_hold_the_end_of_its_server() -> None:
    async def scenario(runner: WorkerRunner) -> None:
        worker = pid_of_worker(runner)
        os.kill(worker, signal.SIGSTOP)
        run = Run(runner, command="sleep 1000")
        await runner.close()
        assert run.ended.done()
        assert not folder_of(worker).exists()

    carry_out(scenario, kill_grace=0.1)


def test_signals_are_for_the_server_to_understand(tmp_path: Path) -> None:
    async def scenario(runner: WorkerRunner) -> None:
        await Run(runner, command="true", run_id="first").ended  # it has its handlers by now
        command = f"echo begun; until [ -e {tmp_path}/enough ]; do sleep 0.02; done; exit 7"
        run = Run(runner, command=command, shell=True)
        await run.has_printed(b"begun")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            os.kill(pid_of_worker(runner), number)
        (tmp_path / "enough").touch()
        assert (await run.ended).exit_code == 7
        assert (await Run(runner, command="true", run_id="last").ended).succeeded

    carry_out(scenario)


def test_a_session_of_its_own_keeps_a_terminals_signals_from_it() -> None:
    async def scenario(runner: WorkerRunner) -> None:
        worker = pid_of_worker(runner)
        assert (os.getsid(worker), os.getpgid(worker)) == (worker, worker)

    carry_out(scenario)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.EAGAIN, Outcome(succeeded=False, put_off=True, reason="no further process may be started")),
        (
            errno.EPERM,
            Outcome(
                succeeded=False,
                reason="the command could not be started, as its worker process could not: Operation not permitted",
            ),
        ),
    ],
)
def test_without_a_worker_a_command_says_why_and_the_next_one_tries_again(
    monkeypatch: pytest.MonkeyPatch, number: int, expected: Outcome
) -> None:
    def popen(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    async def scenario(runner: WorkerRunner) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(subprocess, "Popen", popen)
            runner.get_ready()
            outcome = await Run(runner, command="true").ended
        assert outcome == expected
        assert (await Run(runner, command="true").ended).succeeded

    carry_out(scenario)


# -- with a server


@pytest.mark.parametrize("again", [False, True])
def test_a_run_whose_worker_was_killed_is_interrupted_and_repeated_where_its_job_asks_for_it(
    folder: Path, *, again: bool
) -> None:
    with server_process(folder) as server, KalaClient(server.url) as kala:
        begun = folder.parent / "begun"
        job_id = kala.create_job(
            name="is-cut-off",
            command=f"echo >> {begun}; [ $(wc -l < {begun}) = 2 ] || exec sleep 1000",
            shell=True,
            retries=3,
            rerun_interrupted=again,
        )
        eventually(begun.exists)
        os.kill(worker_of(server.pid).pid, signal.SIGKILL)
        ended = ["succeeded", "interrupted"] if again else ["interrupted"]
        eventually(lambda: [run.state for run in kala.runs(job_id)] == ended)
        first = list(kala.runs(job_id))[-1]
        assert (first.reason, first.attempts) == (GONE, 1)
        assert len(begun.read_text()) == len(ended)


def test_a_worker_that_is_stopped_holds_no_server_that_is_to_end(folder: Path) -> None:
    others = workers_of_this_process()  # of servers that the session shares
    with running_server(folder, kill_grace=timedelta(seconds=0.2)) as server, KalaClient(server.url) as kala:
        job_id = kala.create_job(name="goes-on", command="sleep 1000")
        [run] = eventually(lambda: [run for run in kala.runs(job_id) if run.state == "running"])
        eventually(lambda: left_of(run.id))
        [worker] = workers_of_this_process() - others
        os.kill(worker, signal.SIGSTOP)
    assert left_of(run.id) == []
    assert not folder_of(worker).exists()
    with running_server(folder) as server, KalaClient(server.url) as kala:
        assert kala.get_run(run).state == "interrupted"


def workers_of_this_process() -> set[int]:
    tasks = (folder_of(os.getpid()) / "task").iterdir()
    children = {int(pid) for task in tasks for pid in (task / "children").read_text(encoding="ascii").split()}
    return {
        pid
        for pid in children
        if b"kala_server.runners.local.worker" in (folder_of(pid) / "cmdline").read_bytes()
    }
