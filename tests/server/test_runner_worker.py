"""The worker, a process of its own: what it survives, what is left of it, and what becomes of its commands."""

import asyncio
import errno
import os
import select
import signal
import subprocess
import sys
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kala_client import KalaClient
from kala_server.runner import processes, worker_process, worker_runner
from kala_server.runner.messages import Listener, Message, Say, group_of
from kala_server.runner.protocol import Outcome
from kala_server.runner.worker_process import WorkerProcess
from kala_server.runner.worker_runner import WorkerRunner
from kala_server.testing import running_server
from tests.eventually import eventually
from tests.server import runner_scenario
from tests.server.runner_scenario import Run, carry_out
from tests.server.server_process import server_process, worker_of

ROOT = Path(__file__).parents[2]
_SCRIPT = """
import asyncio, os, sys
if "" not in sys.path:
    sys.path.insert(0, "{root}")
sys.path.append("relative")
from datetime import datetime
from kala_server.core.job import JobSpec
from kala_server.runner.output import BoundedOutput
from kala_server.runner.protocol import Attempt
from kala_server.runner.worker_runner import WorkerRunner
os.chdir("/")
async def whole():
    runner, ended = WorkerRunner(), asyncio.get_running_loop().create_future()
    attempt = Attempt(run_id="r", job_id="j", number=1, scheduled_at=datetime(2035, 6, 4),
                      spec=JobSpec(name="n", argv=("printf", "%s", "ü☃")), output=BoundedOutput())
    runner.start(attempt, on_spawned=print, on_ended=ended.set_result)
    print((await ended).succeeded)
    await runner.close()
asyncio.run(whole())
"""


GONE = "the worker process was ended, and the command with it; whether it did its work is not known"
LOST = Outcome(succeeded=False, reason=GONE, interrupted=True)


@pytest.fixture(autouse=True)
def in_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_scenario, "kind", WorkerRunner)


def pid_of_worker(runner: WorkerRunner) -> int:
    """The pid of the worker, which is there from now on."""
    return runner._ready()._process.pid


def folder_of(pid: int) -> Path:
    return Path(f"/proc/{pid}")


def descriptors_and_children(pid: int) -> tuple[int, str]:
    """What a worker may leak: descriptors, and processes that nobody has reaped."""
    children = (folder_of(pid) / "task" / str(pid) / "children").read_text(encoding="ascii")
    return len(list((folder_of(pid) / "fd").iterdir())), children


# -- its end


def test_a_worker_that_is_killed_costs_its_commands_and_the_next_one_gets_another() -> None:
    async def scenario(runner: WorkerRunner) -> None:
        worker = pid_of_worker(runner)
        run = Run(runner, command="echo begun; sleep 1000 & sleep 1000", shell=True)
        await run.has_printed(b"begun")
        os.kill(worker, signal.SIGKILL)
        assert await run.ended == LOST
        assert processes.find_by_run_ids(["run-1"])["run-1"] == []
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
    monkeypatch.setattr(worker_process, "_PROGRAM", "raise SystemExit(3)")

    async def scenario(runner: WorkerRunner) -> None:
        reason = "the command could not be started, as its worker process could not: exit code 3"
        for _ in range(2):
            outcome = await Run(runner, command="true").ended
            assert outcome == Outcome(succeeded=False, reason=reason)

    carry_out(scenario)


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
    find = processes.find_by_run_ids

    def fails_at_first(run_ids: Collection[str]) -> dict[str, list[processes.Process]]:
        if errors:
            raise errors.pop()
        return find(run_ids)

    async def scenario(runner: WorkerRunner) -> None:
        run = Run(runner, command="sleep 1000")
        process = await run.process
        os.kill(pid_of_worker(runner), signal.SIGKILL)
        assert await run.ended == LOST
        assert errors == []
        assert not processes.alive(process)

    monkeypatch.setattr(worker_runner, "_TRY_AGAIN", 0.01)
    monkeypatch.setattr(processes, "find_by_run_ids", fails_at_first)
    carry_out(scenario)


def test_what_a_killed_worker_left_is_ended_before_a_runner_is_closed() -> None:
    async def scenario(runner: WorkerRunner) -> None:
        run = Run(runner, command="echo begun; trap '' TERM; sleep 1000", shell=True)
        await run.has_printed(b"begun")
        os.kill(pid_of_worker(runner), signal.SIGKILL)
        await asyncio.to_thread(eventually, lambda: runner._worker is None)
        runner.kill_all()
        await runner.close()
        assert run.ended.result() == LOST
        eventually(lambda: processes.find_by_run_ids(["run-1"])["run-1"] == [])  # KILL was sent

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
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
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


def test_without_a_worker_a_command_says_why_and_the_next_one_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def popen(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    async def scenario(runner: WorkerRunner) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(subprocess, "Popen", popen)
            runner.get_ready()
            outcome = await Run(runner, command="true").ended
        assert outcome.reason == (
            "the command could not be started, as its worker process could not: Resource temporarily unavailable"
        )
        assert (await Run(runner, command="true").ended).succeeded

    carry_out(scenario)


# -- what it has, and what it leaves


def test_many_commands_leak_nothing_in_the_worker() -> None:
    async def scenario(runner: WorkerRunner) -> None:
        assert (await Run(runner, command="true").ended).succeeded
        before = descriptors_and_children(pid_of_worker(runner))
        commands = ["true", "echo here", "no-such-command", "sleep 0.1"]
        runs = [Run(runner, command=commands[n % 4], run_id=str(n)) for n in range(200)]
        for run in runs:
            await run.ended
        assert [run.output.text() for run in runs] == [b"", b"here\n", b"", b""] * 50
        assert descriptors_and_children(pid_of_worker(runner)) == before

    carry_out(scenario)


def test_a_worker_finds_no_secrets_of_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KALA_TOKEN", "canary")
    monkeypatch.setenv("ORDINARY", "bird")

    async def scenario(runner: WorkerRunner) -> None:
        environment = (folder_of(pid_of_worker(runner)) / "environ").read_bytes()
        assert b"bird" in environment
        assert b"canary" not in environment

    carry_out(scenario)


def test_a_worker_imports_nothing_from_where_its_server_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry not in {"", "."}])
    monkeypatch.chdir(tmp_path)
    for name in ("asyncio", "kala_server", "marshal", "socket"):
        (tmp_path / f"{name}.py").write_text("open('imported', 'w')\n")
    carry_out(is_there)
    assert not (tmp_path / "imported").exists()


@pytest.mark.parametrize(
    ("flag", "environment"),
    [
        ("-I", {"PYTHONPATH": "hostile"}),
        ("-E", {"PYTHONHOME": "/nowhere"}),
        ("-S", {}),  # the package itself is found by "" alone
    ],
)
def test_a_worker_believes_what_the_interpreter_of_its_server_does(
    tmp_path: Path, flag: str, environment: dict[str, str]
) -> None:
    (tmp_path / "hostile").mkdir()
    (tmp_path / "hostile" / "sitecustomize.py").write_text("raise SystemExit(3)")
    (tmp_path / "hostile" / "encodings.py").write_text("raise SystemExit(3)")
    variables = {name: value.replace("hostile", f"{tmp_path}/hostile") for name, value in environment.items()}
    ended = subprocess.run(
        [sys.executable, flag, "-c", _SCRIPT.format(root=ROOT)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | variables,
    )
    assert (ended.stdout, ended.stderr) == ("True\n", "")


def test_a_worker_needs_no_directory(tmp_path: Path) -> None:
    ended = subprocess.run(
        # With "" in its path CPython 3.13.0 itself imports nothing there.
        ["sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh", sys.executable, "-P", "-c", _SCRIPT.format(root=ROOT)],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert (ended.stdout, ended.stderr) == ("True\n", "")


async def is_there(runner: WorkerRunner) -> None:
    assert (await Run(runner, command="true").ended).succeeded


def test_what_is_held_is_held_until_the_worker_is_gone_and_by_no_command() -> None:
    reading, writing = os.pipe()

    async def scenario(runner: WorkerRunner) -> None:
        run = Run(runner, command="echo begun; trap '' PIPE; sleep 1000", shell=True)
        await run.has_printed(b"begun")
        os.close(writing)
        assert select.select([reading], [], [], 0)[0] == []
        os.kill(pid_of_worker(runner), signal.SIGKILL)
        eventually(lambda: select.select([reading], [], [], 0)[0])
        assert processes.find_by_run_ids(["run-1"])["run-1"] != []
        assert await run.ended == LOST

    try:
        carry_out(scenario, held=lambda: [writing])
    finally:
        os.close(reading)


def test_a_server_that_takes_nothing_holds_what_prints_and_memory_stays_small() -> None:
    async def whole() -> None:
        heard: list[Message] = []
        much, ended = asyncio.Event(), asyncio.Event()

        def hear(message: Message) -> None:
            heard.append(message)
            if len(heard) == 100:
                much.set()
            if message[0] == Say.ENDED:
                ended.set()

        worker = WorkerProcess(kill_grace=5, held=(), on_message=hear, on_gone=lambda: None)
        loop = asyncio.get_running_loop()
        loop.remove_reader(worker._socket)
        worker.tell((Say.START, "r", "j", 1, "2035-06-04", "n", "yes", (), False, "", {}, ""))
        await asyncio.sleep(0)
        [printer] = eventually(lambda: processes.find_by_run_ids(["r"])["r"])
        eventually(lambda: is_held(printer.pid), every=0.1)
        pages = int((folder_of(worker._process.pid) / "statm").read_text().split()[1])
        assert pages * os.sysconf("SC_PAGE_SIZE") < 64 << 20
        loop.add_reader(worker._socket, worker._readable)
        await much.wait()
        worker.tell((Say.KILL_ALL,))
        await ended.wait()
        assert await worker.close() in {0, -signal.SIGKILL}  # it may see first that nobody is there

    seen: list[bytes] = []

    def is_held(pid: int) -> bool:
        """Whether the process has written nothing since the last question."""
        seen.append((folder_of(pid) / "io").read_bytes())
        return len(seen) > 1 and seen[-1] == seen[-2]

    asyncio.run(whole())


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
        eventually(lambda: processes.find_by_run_ids([run.id])[run.id])
        [worker] = workers_of_this_process() - others
        os.kill(worker, signal.SIGSTOP)
    assert processes.find_by_run_ids([run.id])[run.id] == []
    assert not folder_of(worker).exists()
    with running_server(folder) as server, KalaClient(server.url) as kala:
        assert kala.get_run(run).state == "interrupted"


def workers_of_this_process() -> set[int]:
    tasks = (folder_of(os.getpid()) / "task").iterdir()
    children = {int(pid) for task in tasks for pid in (task / "children").read_text(encoding="ascii").split()}
    return {
        pid for pid in children if b"kala_server.runner.worker" in (folder_of(pid) / "cmdline").read_bytes()
    }


# -- what they say to each other


@given(
    groups=st.lists(st.lists(st.tuples(st.integers(), st.text(), st.binary() | st.none()))),
    sizes=st.lists(st.integers(1, 50), min_size=1),
)
def test_messages_come_whole_and_in_order_however_they_are_cut(
    groups: list[list[tuple[Any, ...]]], sizes: list[int]
) -> None:
    sent = b"".join(map(group_of, groups))
    listener, number = Listener(), 0
    heard: list[Message] = []
    while sent:
        size = sizes[number % len(sizes)]
        heard += listener.hear(sent[:size])
        sent, number = sent[size:], number + 1
    assert heard == [message for group in groups for message in group]
