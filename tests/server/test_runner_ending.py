"""How commands end, and how they are ended."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from kala_server.runners.local import processes
from kala_server.runners.local.shell import ShellRunner
from tests.server.runner_scenario import Run, carry_out

pytestmark = pytest.mark.usefixtures("both_kinds")


async def is_gone(pid: int) -> None:
    """Return once there is no such process."""
    started = processes.start_time(pid)
    if started is not None:
        await processes.gone(processes.Process(pid, started))


def test_a_background_process_that_keeps_the_pipe_open_does_not_hold_the_outcome() -> None:
    async def scenario(runner: ShellRunner) -> None:
        run = Run(runner, command="sleep 1000 & echo $!", shell=True)
        assert (await run.ended).succeeded
        pid = int(run.output.text())
        assert processes.start_time(pid) is not None
        os.kill(pid, signal.SIGKILL)

    carry_out(scenario)


def test_a_background_process_that_never_stops_writing_does_not_hold_it_either() -> None:
    async def scenario(runner: ShellRunner) -> None:
        run = Run(runner, command="yes & echo $!; sleep 0.05; exit 7", shell=True)
        assert (await run.ended).exit_code == 7
        pid = int(run.output.text().split(b"\n", 1)[0])
        assert processes.start_time(pid) is not None
        os.kill(pid, signal.SIGKILL)

    carry_out(scenario)


def test_ending_a_run_ends_its_whole_group() -> None:
    async def scenario(runner: ShellRunner) -> None:
        run = Run(runner, command="sleep 1000 & echo $! ; sleep 1000", shell=True)
        await run.has_printed(b"\n")
        runner.end("run-1.1")
        runner.end("run-1.1")
        assert (await run.ended).signal == signal.SIGTERM
        await is_gone(int(run.output.text()))

    carry_out(scenario)


def test_a_background_process_has_its_grace_when_the_first_one_is_gone() -> None:
    async def scenario(runner: ShellRunner) -> None:
        worker = "(trap 'sleep 0.2; echo saved; exit' TERM; echo ready; while :; do sleep 0.01; done)"
        run = Run(runner, command=f"{worker} & wait", shell=True)
        await run.has_printed(b"ready")
        runner.end("run-1.1")
        assert (await run.ended).signal == signal.SIGTERM
        assert run.output.text().endswith(b"saved\n")

    carry_out(scenario)


@pytest.mark.parametrize("first", ["wait", "trap '' TERM; while :; do sleep 0.01; done"])
def test_who_ignores_term_is_killed_after_the_grace(first: str) -> None:
    async def scenario(runner: ShellRunner) -> None:
        stubborn = "(trap '' TERM; sh -c 'echo $PPID'; while :; do sleep 0.01; done)"
        run = Run(runner, command=f"{stubborn} & {first}", shell=True)
        await run.has_printed(b"\n")
        runner.end("run-1.1")
        await run.ended
        await is_gone(int(run.output.text()))

    carry_out(scenario, kill_grace=0.2)


def test_a_process_that_closed_its_output_is_ended_with_its_group() -> None:
    async def scenario(runner: ShellRunner) -> None:
        run = Run(runner, command="(trap '' TERM; exec sleep 1000 >&- 2>&-) & echo $!; wait", shell=True)
        await run.has_printed(b"\n")
        runner.end("run-1.1")
        await run.ended
        await is_gone(int(run.output.text()))

    carry_out(scenario)


def test_ending_a_run_that_is_just_over_or_unknown_does_nothing() -> None:
    async def scenario(runner: ShellRunner) -> None:
        runner.end("nobody.1")
        run = Run(runner, command="true")
        await run.ended
        runner.end("run-1.1")
        for number in range(50):
            run = Run(runner, command="true", run_id=f"race-{number}")
            asyncio.get_running_loop().call_soon(runner.end, f"race-{number}")
            await run.ended

    carry_out(scenario)


@pytest.mark.parametrize("all_of_them", [False, True])
def test_a_command_that_is_ended_before_its_turn_is_not_started(tmp_path: Path, *, all_of_them: bool) -> None:
    async def scenario(runner: ShellRunner) -> None:
        command = f"touch {tmp_path}/$KALA_RUN_ID"
        runs = [Run(runner, command=command, shell=True, run_id=f"run-{number}") for number in range(5)]
        if all_of_them:
            runner.kill_all()
        else:
            runner.end("run-0.1")
            runner.end("run-3.1")
        again = Run(runner, command=command, shell=True, run_id="again")
        outcomes = [await run.ended for run in runs]
        assert (await again.ended).succeeded
        assert {outcome.reason for outcome in outcomes if not outcome.succeeded} == {
            "it was ended before it was started"
        }
        assert sum(outcome.succeeded for outcome in outcomes) == (0 if all_of_them else 3)

    carry_out(scenario)
    begun = sorted(run_id.name for run_id in tmp_path.iterdir())
    assert begun == (["again"] if all_of_them else ["again", "run-1", "run-2", "run-4"])


def test_close_waits_until_those_that_were_not_started_are_told_of() -> None:
    async def scenario(runner: ShellRunner) -> None:
        run = Run(runner, command="true")
        runner.end("run-1.1")
        await runner.close()
        assert run.ended.done()

    carry_out(scenario)


def test_kill_all_leaves_nothing_and_close_waits_for_it() -> None:
    async def scenario(runner: ShellRunner) -> None:
        command = "trap '' TERM; setsid sleep 0.3 & sleep 1000 & echo ready; wait; sleep 1000"
        runs = [Run(runner, command=command, shell=True, run_id=f"run-{number}") for number in range(5)]
        for run in runs:
            await run.has_printed(b"ready")
        runner.end("run-0.1")
        runner.kill_all()
        await runner.close()
        assert [run.ended.result().signal for run in runs] == [signal.SIGKILL] * 5

    carry_out(scenario)
