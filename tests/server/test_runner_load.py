"""Commands that print a lot, many commands, and a server that runs out of descriptors."""

import asyncio
import contextlib
import itertools
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from kala_server.core import reasons
from kala_server.ports.runner import Attempt
from kala_server.runners.local.shell import AT_A_TURN, ShellRunner
from kala_server.runners.local.spawn import Command, Spawner
from tests.server.runner_scenario import Run, carry_out

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may run commands as another user")
NO_DESCRIPTOR = "no file descriptor is left for this server"
LOT = 200_000_000
MANY = 2_000
AT_ONCE = 64


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def children() -> list[str]:
    """The children of this process, zombies included."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()


@contextlib.contextmanager
def traced_memory() -> Iterator[list[int]]:
    """Give the highest number of bytes that Python held, once it is over."""
    peak: list[int] = []
    tracemalloc.start()
    try:
        yield peak
        peak.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


def test_a_lot_of_output_costs_little_memory_and_the_loop_goes_on() -> None:
    turns = itertools.count()

    async def turn_round() -> None:
        while True:
            await asyncio.sleep(0)
            next(turns)

    async def scenario(runner: ShellRunner) -> None:
        turning = asyncio.ensure_future(turn_round())
        with traced_memory() as peak:
            run = Run(runner, command=f"head -c {LOT} /dev/zero; echo end", shell=True)
            await run.ended
        turning.cancel()
        assert run.output.size == LOT + 4
        assert run.output.text().endswith(b"\0end\n")
        assert len(run.output.text()) < 150_000
        assert peak[0] < 5_000_000

    carry_out(scenario)
    assert next(turns) > LOT // (64 * 1024)  # a turn for each chunk, at the least


def test_a_fault_about_one_command_costs_no_other_its_output() -> None:
    async def scenario(runner: ShellRunner) -> None:
        first = Run(runner, command="sleep 1000", run_id="first")
        first.process.cancel()  # so that to tell of it fails
        second = Run(runner, command="head -c 1000000 /dev/zero", run_id="second")
        assert (await second.ended).succeeded
        assert second.output.size == 1_000_000

    carry_out(scenario)


def test_many_commands_leak_no_descriptors_and_leave_no_zombies() -> None:
    async def scenario(runner: ShellRunner) -> None:
        before = descriptors(), children()

        async def one_after_another(lane: int) -> None:
            for number in range(MANY // AT_ONCE):
                outcome = await Run(runner, command="true", run_id=f"{lane}-{number}").ended
                assert outcome.succeeded

        await asyncio.gather(*map(one_after_another, range(AT_ONCE)))
        assert (descriptors(), children()) == before

    carry_out(scenario)


def test_many_commands_are_started_in_their_order_and_a_few_in_each_turn() -> None:
    async def scenario(runner: ShellRunner) -> None:
        for _ in range(10):  # that they were there changes nothing
            Run(runner, command="sleep 1000", run_id="taken back")
            runner.end("taken back.1")
        before = len(children())
        runs = [Run(runner, command="sleep 1000", run_id=str(number)) for number in range(2 * AT_A_TURN + 1)]
        for turn in range(4):
            assert len(children()) - before == min(turn * AT_A_TURN, len(runs))
            await asyncio.sleep(0)
        processes = [await run.process for run in runs]
        assert sorted(processes, key=lambda process: (process.started, process.pid)) == processes

    carry_out(scenario)


def test_commands_that_cannot_start_leak_nothing_either() -> None:
    async def scenario(runner: ShellRunner) -> None:
        before = descriptors(), children()
        for number in range(100):
            assert not (await Run(runner, command="no-such-thing", run_id=str(number)).ended).succeeded
        assert (descriptors(), children()) == before

    carry_out(scenario)


def test_a_fault_about_one_command_is_its_own_and_the_next_one_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepare = Spawner.prepare

    def faulty(spawner: Spawner, attempt: Attempt) -> Command:
        if attempt.run_id == "run-2":
            raise ZeroDivisionError("canary")
        return prepare(spawner, attempt)

    monkeypatch.setattr(Spawner, "prepare", faulty)

    async def scenario(runner: ShellRunner) -> None:
        bad, good = Run(runner, run_id="run-2"), Run(runner, run_id="run-3", command="true")
        assert (await bad.ended).reason == reasons.not_started(ZeroDivisionError())
        assert (await good.ended).succeeded

    carry_out(scenario)
