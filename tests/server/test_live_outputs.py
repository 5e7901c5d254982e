"""What runs print is on the disk soon after, whatever becomes of the server; and it costs few writes."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from kala_client import KalaClient
from kala_client.models import Run
from kala_server.core.model.records import AttemptFailed
from kala_server.outputs.bounded import Piece
from kala_server.outputs.kept import OutputFolder
from kala_server.outputs.live import LiveOutputs
from kala_server.testing import running_server
from tests.eventually import PATIENCE, eventually
from tests.left_behind import noted
from tests.server.at_home import LATER, Home, play
from tests.server.server_process import ServerProcess, server_process, worker_of

RUN_ID = "5e0f4e2a-4a1b-4b8c-9d57-0d2f5a1f6f3a"


def kill(server: ServerProcess) -> None:
    """Kill the server and its worker, so that nobody can say goodbye."""
    worker = worker_of(server.pid).pid
    os.kill(server.pid, signal.SIGKILL)
    os.kill(worker, signal.SIGKILL)
    server.kill()


def is_written(folder: Path, text: bytes) -> None:
    """Return once some file of the outputs ends with the text."""
    eventually(lambda: any(file.read_bytes().endswith(text) for file in (folder / "output").glob("*/*")))


def started(kala: KalaClient, command: str, **fields: Any) -> Run:
    return kala.run_job(kala.create_job(name="prints", command=command, shell=True, schedule=LATER, **fields))


# -- a server that is killed


def test_what_a_long_command_printed_before_its_server_was_killed_is_there_after_it(folder: Path) -> None:
    with server_process(folder) as server, KalaClient(server.url) as kala:
        begun = started(kala, "echo one; sleep 0.3; echo two; sleep 1000")
        is_written(folder, b"two\n")
        kill(server)
    with running_server(folder) as again, KalaClient(again.url) as kala:
        run = kala.get_run(begun)
        assert (run.state, run.output_size, run.output_cut) == ("interrupted", 8, False)
        assert kala.output(run) == "one\ntwo\n"
        assert list(kala.follow(run)) == ["one", "two"]


def test_what_a_run_printed_that_waits_for_its_retry_is_there_and_goes_on(folder: Path) -> None:
    command = "echo attempt $KALA_ATTEMPT; [ $KALA_ATTEMPT = 2 ]"
    with server_process(folder) as server, KalaClient(server.url) as kala:
        begun = started(kala, command, retries=1, retry_delay="PT2S")
        eventually(lambda: kala.get_run(begun).state == "waiting" and kala.get_run(begun).attempts == 1)
        kill(server)
    with running_server(folder) as again, KalaClient(again.url) as kala:
        run = kala.get_run(begun)
        assert kala.output(run).startswith("attempt 1\n")
        assert run.output_size >= len("attempt 1\n")
        ended = kala.wait(run, timeout=PATIENCE)
        assert (ended.state, ended.output_size) == ("succeeded", 20)
        assert kala.output(ended) == "attempt 1\nattempt 2\n"


def test_of_a_lot_that_was_printed_the_first_and_the_last_are_there_after_a_kill(folder: Path) -> None:
    command = "for n in $(seq 30000); do echo line $n; done; sleep 1000"
    with server_process(folder) as server, KalaClient(server.url) as kala:
        begun = started(kala, command)
        is_written(folder, b"line 30000\n")
        kill(server)
    printed = sum(len(f"line {number}\n") for number in range(1, 30_001))
    with running_server(folder) as again, KalaClient(again.url) as kala:
        run = kala.get_run(begun)
        assert (run.output_size, run.output_cut) == (printed, True)
        text = kala.output(run)
        assert text.startswith("line 1\nline 2\n")
        assert text.endswith("line 29999\nline 30000\n")
        assert f"[… {printed - 128 * 1024:,} bytes cut …]" in text


def test_a_survivor_that_is_waited_for_keeps_what_it_printed_before(folder: Path, pids: Path) -> None:
    end = folder.parent / "end"
    with server_process(folder) as server, KalaClient(server.url) as kala:
        begun = started(kala, f"echo $$ >> {pids}; echo one; until [ -e {end} ]; do sleep 0.02; done")
        is_written(folder, b"one\n")
        eventually(lambda: noted(folder))
        server.kill()
    with running_server(folder, wait_for_survivors=True) as again, KalaClient(again.url) as kala:
        assert kala.output(begun) == "one\n"
        assert kala.get_run(begun).state == "running"
        end.touch()
        ended = kala.wait(kala.get_run(begun), timeout=PATIENCE)
        assert (ended.state, ended.output_size) == ("interrupted", 4)
        assert kala.output(ended) == "one\n"


# -- the record


def test_a_run_that_is_cancelled_while_it_waits_for_its_retry_tells_how_much_it_printed() -> None:
    async def scene(home: Home) -> None:
        run_id = await home.start("printf 0123456789; false", shell=True, retries=1, retry_delay="PT1H")
        await home.happens(AttemptFailed, run_id)
        assert (await home.run(run_id))["output_size"] == 10
        await home.http.post(f"/run/{run_id}/cancel/")
        run = await home.run(run_id)
        assert (run["state"], run["output_size"], run["output_cut"]) == ("cancelled", 10, True)

    play(scene, output_head=4, output_tail=4)


# -- a folder that is gone


def test_output_is_kept_again_where_its_folder_was_removed(tmp_path: Path) -> None:
    async def scene(home: Home) -> None:
        begun = await home.start(f"echo one; until [ -e {tmp_path}/end ]; do sleep 0.02; done", shell=True)
        await home.prints(begun, b"one\n")
        shutil.rmtree(tmp_path / "data" / "output")
        run_id = await home.start("echo hello")
        await home.ends(run_id)
        assert (await home.http.get(f"/run/{run_id}/output/")).text == "hello\n"
        (tmp_path / "end").touch()
        await home.ends(begun)
        assert (await home.http.get(f"/run/{begun}/output/")).text == "one\n"
        assert (tmp_path / "data" / "output").stat().st_mode & 0o777 == 0o700

    play(scene, data_dir=tmp_path / "data")


# -- how often it is written


class Counting(OutputFolder):
    """Counts what is asked of the disk, and refuses it where it is told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.added = self.saved = 0
        self.full = False

    def save(self, run_id: str, pieces: Sequence[Piece]) -> None:
        self.saved += 1
        self._check()
        super().save(run_id, pieces)

    def add(self, run_id: str, position: int, pieces: Sequence[Piece], limits: tuple[int, int]) -> bool:
        self.added += 1
        self._check()
        return super().add(run_id, position, pieces, limits)

    def _check(self) -> None:
        if self.full:
            raise OSError(28, "No space left on device")


async def until(question: Callable[[], bool]) -> None:
    """Let the loop go on until it is so."""
    while not question():  # noqa: ASYNC110 - nothing tells of what a disk was asked
        await asyncio.sleep(0.01)


def carried_out(scenario: Callable[[LiveOutputs], Awaitable[None]], folder: OutputFolder) -> None:
    async def whole() -> None:
        async with asyncio.timeout(PATIENCE):
            live = LiveOutputs(folder, (100, 100))
            await scenario(live)
            await live.close()

    asyncio.run(whole())


def test_a_run_that_is_over_within_a_moment_is_written_once(tmp_path: Path) -> None:
    async def scenario(live: LiveOutputs) -> None:
        for number in range(200):
            output = live.open(f"{number:02}")
            output.write(b"hello")
            await live.save(f"{number:02}")
            live.let_go(f"{number:02}")

    folder = Counting(tmp_path)
    carried_out(scenario, folder)
    assert (folder.added, folder.saved) == (0, 200)


def test_a_command_that_prints_a_lot_costs_some_writes_a_second(tmp_path: Path) -> None:
    began = time.monotonic()

    async def scenario(live: LiveOutputs) -> None:
        for number in range(20_000):
            live.open(RUN_ID).write(b"%d\n" % number)
            await asyncio.sleep(0)

    folder = Counting(tmp_path)
    carried_out(scenario, folder)
    assert 1 <= folder.added <= (time.monotonic() - began) / 0.25 + 1
    assert folder.read(RUN_ID).endswith(b"19999\n")


def test_what_cannot_be_written_is_told_once_until_it_can_and_is_written_then(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Counting(tmp_path)

    async def scenario(live: LiveOutputs) -> None:
        output = live.open(RUN_ID)
        for full in (True, True, False, True):
            folder.full = full
            output.write(b"some more\n")
            await live.write_all()
        folder.full = False

    carried_out(scenario, folder)
    told = f"what run {RUN_ID} prints could not be written, so far: [Errno 28] No space left on device"
    assert caplog.messages == [told, told]
    assert folder.read(RUN_ID) == b"some more\n" * 3


def test_what_could_not_be_kept_at_the_end_of_a_run_is_read_all_the_same_and_kept_once_it_can_be(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Counting(tmp_path)

    async def scenario(live: LiveOutputs) -> None:
        folder.full = True
        for run_id in ("over", "dropped"):
            live.open(run_id).write(b"last words")
            await live.save(run_id)
            live.let_go(run_id)
            waiting = live.get(run_id)
            assert waiting is not None
            assert waiting.text() == b"last words"
        await live.drop(["dropped"])
        assert live.get("dropped") is None
        tries = folder.saved
        await until(lambda: folder.saved > tries)
        assert folder.read("over") == b""
        folder.full = False
        await until(lambda: live.get("over") is None)
        assert folder.read("over") == b"last words"
        assert folder.read("dropped") == b""

    carried_out(scenario, folder)
    assert len(caplog.messages) == 1


def test_of_much_that_cannot_be_kept_the_oldest_is_lost_and_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Counting(tmp_path)

    async def scenario(live: LiveOutputs) -> None:
        folder.full = True
        for number in range(101):
            live.open(f"run-{number}").write(b"hello")
            await live.save(f"run-{number}")
            live.let_go(f"run-{number}")
        assert live.get("run-0") is None
        folder.full = False

    carried_out(scenario, folder)
    assert "the output of run run-0 is lost: so many others wait to be kept" in caplog.messages
    assert [folder.read(f"run-{number}") for number in (0, 1, 100)] == [b"", b"hello", b"hello"]


def test_what_is_dropped_while_it_is_being_written_stays_dropped(tmp_path: Path) -> None:
    async def scenario(live: LiveOutputs) -> None:
        output = live.open(RUN_ID)
        output.write(b"hello")
        writing = asyncio.ensure_future(live.write_all())
        await asyncio.sleep(0)
        await live.drop([RUN_ID])
        output.write(b"last words")
        await writing

    folder = Counting(tmp_path)
    carried_out(scenario, folder)
    assert folder.added == 1
    assert list(tmp_path.glob("*/*")) == []
