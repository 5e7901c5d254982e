"""What a command has left in the background lives on, and prints as much as it likes; and nobody has to care."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from kala_client import KalaClient
from kala_server.runners.local import drains, processes
from kala_server.runners.local.drains import Drains
from kala_server.runners.local.shell import ShellRunner
from kala_server.testing import running_server
from tests.eventually import PATIENCE, eventually
from tests.left_behind import noted
from tests.server.at_home import LATER
from tests.server.runner_scenario import Run, carry_out
from tests.server.server_process import server_process, worker_of

MEBIBYTE = 1 << 20
PROGRAM = Path(drains.__file__).with_name("drain.py")


def background(file: Path, until: Path, prints: str = "echo x") -> str:
    """A command that ends at once; what it leaves waits for a file, prints, and says in another one that it did."""
    return f"(until [ -e {until} ]; do sleep 0.02; done; {prints}; echo ok > {file}) &"


def drains_of(parent: int) -> list[int]:
    """The drains that a process has started."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in children if str(PROGRAM) in command_of(int(pid))]


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except FileNotFoundError:
        return ""


def is_gone(pid: int) -> bool:
    return processes.start_time(pid) is None


def has_said_ok(file: Path) -> bool:
    return file.exists() and file.read_text() == "ok\n"


@pytest.mark.usefixtures("both_kinds")
@pytest.mark.parametrize("prints", ["echo x", "head -c 3000000 /dev/zero", "echo x; sleep 0.1; echo x >&2"])
def test_what_is_left_in_the_background_can_print_when_its_command_has_ended(
    tmp_path: Path, prints: str
) -> None:
    async def scenario(runner: ShellRunner) -> None:
        command = background(tmp_path / "said", tmp_path / "go", f"({prints}) || exit")
        run = Run(runner, command=f"echo begun; {command}", shell=True)
        assert (await run.ended).succeeded
        (tmp_path / "go").touch()
        await asyncio.to_thread(eventually, lambda: has_said_ok(tmp_path / "said"))
        assert run.output.text() == b"begun\n"

    carry_out(scenario)


@pytest.mark.parametrize("end", ["stop", "kill", "kill both"])
def test_it_can_when_the_server_has_ended_too(folder: Path, tmp_path: Path, end: str) -> None:
    with server_process(folder) as server, KalaClient(server.url) as kala:
        command = background(tmp_path / "said", tmp_path / "go", "head -c 1000000 /dev/zero || exit")
        job_id = kala.create_job(name="leaves", command=command, shell=True, schedule=LATER)
        assert kala.wait(kala.run_job(job_id), timeout=PATIENCE).succeeded
        worker = worker_of(server.pid)
        [drain] = drains_of(worker.pid)
        if end == "stop":
            assert server.stop() == 0
        elif end == "kill":
            server.kill()
        else:
            os.kill(worker.pid, signal.SIGKILL)
            server.kill()
    assert not is_gone(drain)
    (tmp_path / "go").touch()
    eventually(lambda: has_said_ok(tmp_path / "said"))
    eventually(lambda: is_gone(drain))


def test_a_command_that_outlives_its_server_can_print(folder: Path, tmp_path: Path, pids: Path) -> None:
    with server_process(folder) as server, KalaClient(server.url) as kala:
        command = f"echo $$ >> {pids}; {background(tmp_path / 'said', tmp_path / 'go')} wait; echo last"
        job_id = kala.create_job(name="outlives", command=command, shell=True, schedule=LATER)
        run = kala.run_job(job_id)
        eventually(lambda: noted(folder))
        server.kill()
    with running_server(folder, wait_for_survivors=True) as again, KalaClient(again.url) as kala:
        assert kala.get_run(run).state == "running"
        (tmp_path / "go").touch()
        eventually(lambda: has_said_ok(tmp_path / "said"))
        assert kala.wait(run, timeout=PATIENCE).state == "interrupted"


def test_many_that_are_left_behind_hold_neither_a_descriptor_nor_their_runs() -> None:
    async def scenario(runner: ShellRunner) -> None:
        await Run(runner, command="sleep 0.2 &", shell=True, run_id="first").ended
        before = descriptors()
        ended = [Run(runner, command="sleep 0.2 &", shell=True, run_id=str(n)).ended for n in range(200)]
        await asyncio.gather(*ended)
        assert descriptors() == before

    carry_out(scenario)


def test_a_command_that_leaves_nobody_needs_no_drain() -> None:
    async def scenario(runner: ShellRunner) -> None:
        before = set(drains_of(os.getpid()))
        for command in ("true", "echo x", "sleep 0.1; echo x"):
            assert (await Run(runner, command=command, shell=True).ended).succeeded
        assert set(drains_of(os.getpid())) <= before

    carry_out(scenario)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


# -- drains by themselves


@pytest.fixture
def ours() -> Iterator[Drains]:
    ours = Drains()
    yield ours
    ours.close()


def pipe(ours: Drains) -> int:
    """Give the one end of a pipe to a drain, and return the other."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    ours.take(reading)
    return writing


def print_a_lot(writing: int) -> None:
    """Print more than a pipe holds."""
    for _ in range(4):
        os.write(writing, b"x" * (MEBIBYTE // 8))
    os.close(writing)


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_a_drain_that_takes_nothing_any_more_is_replaced(
    ours: Drains, monkeypatch: pytest.MonkeyPatch, fault: signal.Signals
) -> None:
    monkeypatch.setattr(drains, "PATIENCE", 0.05)
    first = pipe(ours)
    [drain] = ours.begun
    os.write(first, b"x")
    os.kill(drain, fault)
    if fault == signal.SIGKILL:
        eventually(lambda: is_gone(drain))
    others = [pipe(ours) for _ in range(400 if fault == signal.SIGSTOP else 1)]
    print_a_lot(others.pop())
    if fault == signal.SIGSTOP:
        os.kill(drain, signal.SIGCONT)
    for writing in [first, *others]:
        os.close(writing)


def test_a_drain_takes_no_more_pipes_than_it_may_hold_and_ends_when_it_is_not_needed() -> None:
    ours = Drains(most=3)
    writing = [pipe(ours) for _ in range(7)]
    first, second, third = sorted(ours.begun)
    for each in writing[:6]:
        print_a_lot(each)
    eventually(lambda: is_gone(first) and is_gone(second))
    assert not is_gone(third)
    ours.close()
    assert ours.begun == {third}
    print_a_lot(writing[6])
    eventually(lambda: is_gone(third))


def test_a_drain_holds_nothing_but_what_it_is_for(ours: Drains) -> None:
    writing = pipe(ours)
    [drain] = ours.begun
    os.write(writing, b"x" * MEBIBYTE)
    held = {str(each.readlink()).split(":")[0] for each in Path(f"/proc/{drain}/fd").iterdir()}
    assert held == {"/dev/null", "socket", "anon_inode", "pipe"}
    assert Path(f"/proc/{drain}/cwd").readlink() == Path("/")
    os.close(writing)


def test_where_no_drain_can_be_had_the_pipe_is_closed(ours: Drains, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/no/such")
    writing = pipe(ours)
    with pytest.raises(BrokenPipeError):
        os.write(writing, b"x")
    os.close(writing)
