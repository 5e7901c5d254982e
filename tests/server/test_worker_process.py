"""The worker as a process: what it has of its server, what it holds, and what the two say to each other."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from math import inf
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kala_server.runners.local.environment import surroundings
from kala_server.runners.local.messages import Listener, Message, Topic, group_of
from kala_server.runners.local.worker import END, LEAVE
from kala_server.runners.local.worker_process import WorkerProcess
from kala_server.runners.local.worker_runner import WorkerRunner
from tests.eventually import eventually
from tests.left_behind import left_of
from tests.server.runner_scenario import Run, carry_out
from tests.server.worker_scenario import LOST, folder_of, is_there, pid_of_worker

pytestmark = pytest.mark.usefixtures("in_a_worker")

ROOT = Path(__file__).parents[2]
_SCRIPT = """
import asyncio, os, sys
if "" not in sys.path:
    sys.path.insert(0, "{root}")
sys.path.append("relative")
from datetime import datetime
from kala_server.core.model.job import JobSpec
from kala_server.ports.runner import Attempt
from kala_server.runners.local.worker_runner import WorkerRunner
os.chdir("/")
class Listening:
    def printed(self, handle, chunk): pass
    def ended(self, handle, outcome): self.outcome.set_result(outcome)
async def whole():
    runner, listening = WorkerRunner(), Listening()
    listening.outcome = asyncio.get_running_loop().create_future()
    runner.attach(listening)
    runner.start(Attempt(handle="r.1", run_id="r", job_id="j", number=1, scheduled_at=datetime(2035, 6, 4),
                         spec=JobSpec(name="n", argv=("printf", "%s", "ü☃"))))
    print((await listening.outcome).succeeded)
    await runner.close()
asyncio.run(whole())
"""


def descriptors_and_children(pid: int) -> tuple[int, str]:
    """What a worker may leak: descriptors, and processes that nobody has reaped."""
    children = (folder_of(pid) / "task" / str(pid) / "children").read_text(encoding="ascii")
    return len(list((folder_of(pid) / "fd").iterdir())), children


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


def test_a_worker_finds_what_commands_do_and_what_its_interpreter_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("KALA_TOKEN", "JWT", "PGPASS"):
        monkeypatch.setenv(name, "canary")
    for name in ("LC_MESSAGES", "LD_DEBUG_OUTPUT", "PYTHONSTARTUP"):
        monkeypatch.setenv(name, "bird")

    async def scenario(runner: WorkerRunner) -> None:
        assert (await Run(runner, command="true").ended).succeeded  # before that it may not be loaded
        environment = (folder_of(pid_of_worker(runner)) / "environ").read_bytes()
        assert environment.count(b"bird") == 3
        assert b"canary" not in environment

    carry_out(scenario)


def test_a_worker_imports_nothing_from_where_its_server_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_what_is_held_is_held_until_the_worker_is_gone_and_by_no_command() -> None:
    reading, writing = os.pipe()

    async def scenario(runner: WorkerRunner) -> None:
        run = Run(runner, command="echo begun; trap '' PIPE; sleep 1000", shell=True)
        await run.has_printed(b"begun")
        os.close(writing)
        assert select.select([reading], [], [], 0)[0] == []
        os.kill(pid_of_worker(runner), signal.SIGKILL)
        eventually(lambda: select.select([reading], [], [], 0)[0])
        assert left_of("run-1") != []
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
            if message[0] == Topic.ENDED:
                ended.set()

        worker = WorkerProcess(
            kill_grace=5, found=surroundings(), held=(), on_message=hear, left=LEAVE, on_gone=lambda: None
        )
        worker.tell((Topic.START, "r.1", "r", "j", 1, "2035-06-04", "n", "yes", (), False, "", {}, "", inf))
        await asyncio.sleep(0)
        [printer] = eventually(lambda: left_of("r"))
        eventually(lambda: is_held(printer.pid), every=0.1)
        pages = int((folder_of(worker.pid) / "statm").read_text().split()[1])
        assert pages * os.sysconf("SC_PAGE_SIZE") < 64 << 20
        await much.wait()
        worker.tell((Topic.KILL_ALL,))
        await ended.wait()
        assert await worker.close() in {0, -signal.SIGKILL}  # it may see first that nobody is there

    seen: list[bytes] = []

    def is_held(pid: int) -> bool:
        """Whether the process has written nothing since the last question."""
        seen.append((folder_of(pid) / "io").read_bytes())
        return len(seen) > 1 and seen[-1] == seen[-2]

    asyncio.run(whole())


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


_KILLED = """
import asyncio, os, signal, sys
from math import inf
sys.path.insert(0, "{root}")
from kala_server.runners.local.environment import surroundings
from kala_server.runners.local.messages import Topic
from kala_server.runners.local.worker_process import WorkerProcess
def hear(message):
    if message[0] == Topic.PRINTED:
        os.kill(os.getpid(), signal.SIGKILL)
async def whole():
    worker = WorkerProcess(kill_grace=5, found=surroundings(), held=(), left={left!r}, on_message=hear, on_gone=print)
    command = "trap '' TERM; sleep 1000 & echo begun; sleep 1000"
    worker.tell((Topic.START, "{run}.1", "{run}", "j", 1, "2035-06-04", "n", command, (), True, "", {{}}, "", inf))
    await asyncio.Event().wait()
asyncio.run(whole())
"""


@pytest.mark.parametrize("left", [LEAVE, END])
def test_commands_of_a_server_that_was_killed_are_left_or_ended_as_it_was_said(left: str) -> None:
    run_id = f"killed-{uuid4()}"
    script = _KILLED.format(root=ROOT, left=left, run=run_id)
    ended = subprocess.run([sys.executable, "-c", script], check=False)
    assert ended.returncode == -signal.SIGKILL
    if left == END:
        eventually(lambda: not left_of(run_id))
        return
    assert len(left_of(run_id)) == 3
    for process in left_of(run_id):
        os.kill(process.pid, signal.SIGKILL)
