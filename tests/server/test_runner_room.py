"""Commands on a machine that has no room for them: no start is lost, none is half done, and none fails for that."""

import asyncio
import contextlib
import errno
import itertools
import os
import pwd
import resource
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from kala_server.runners.local import processes
from kala_server.runners.local.shell import ShellRunner
from tests.server.runner_scenario import Run, carry_out
from tests.server.test_runner_load import children, descriptors

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may run commands as another user")
NO_DESCRIPTOR = "no file descriptor is left for this server"


@pytest.mark.parametrize("fields", [{}, {"cwd": "/"}, pytest.param({"user": "nobody"}, marks=needs_root)])
def test_without_descriptors_a_start_is_put_off_and_later_ones_run(fields: dict[str, Any]) -> None:
    """However few are left, at each step of the start: nothing has happened, is lost or is left behind."""

    async def scenario(runner: ShellRunner) -> None:
        before = descriptors(), children()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        put_off = 0
        for number, spare in enumerate(range(12)):
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free() + spare, hard))
            try:
                run = Run(runner, command="echo", run_id=str(number), **fields)
                outcome = await asyncio.wait_for(asyncio.shield(run.ended), 0.3)
            except TimeoutError:  # it was started, and could not be watched
                pass
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            outcome = await run.ended
            put_off += outcome.put_off
            assert outcome.succeeded or outcome.put_off
            assert (run.output.size, outcome.reason) == ((0, NO_DESCRIPTOR) if outcome.put_off else (1, ""))
            assert (descriptors(), children()) == before
        assert 0 < put_off < 12
        assert (await Run(runner, command="true").ended).succeeded

    carry_out(scenario)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM])
@pytest.mark.parametrize("call", ["os.pipe", "os.posix_spawn"])
def test_whatever_the_machine_has_no_room_for_a_start_is_put_off(
    monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    async def scenario(runner: ShellRunner) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(call, fails)
            outcome = await Run(runner, command="true").ended
        assert outcome.put_off
        assert outcome.reason
        assert (await Run(runner, command="true").ended).succeeded

    carry_out(scenario)


@needs_root
def test_a_user_who_may_start_nothing_more_is_waited_for() -> None:
    """The limit holds for the user whom the child becomes, so it is the child that tells of it."""
    uid = pwd.getpwnam("nobody").pw_uid
    with subprocess.Popen(["sleep", "1000"], user=uid, group=uid) as other:
        try:
            before = resource.getrlimit(resource.RLIMIT_NPROC)
            resource.setrlimit(resource.RLIMIT_NPROC, (0, before[1]))

            async def scenario(runner: ShellRunner) -> None:
                try:
                    outcome = await Run(runner, command="true", user="nobody").ended
                finally:
                    resource.setrlimit(resource.RLIMIT_NPROC, before)
                assert (outcome.put_off, outcome.reason) == (True, "no further process may be started")
                assert (await Run(runner, command="true", user="nobody").ended).succeeded

            carry_out(scenario)
        finally:
            other.kill()


def lowest_free() -> int:
    """The number that the next descriptor would get."""
    descriptor = os.open("/dev/null", os.O_RDONLY)
    os.close(descriptor)
    return descriptor


@pytest.mark.parametrize("failing", [1, 2])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.ENOMEM])
def test_a_command_that_cannot_be_watched_for_now_runs_on_and_is_watched_later(
    failing: int, number: int
) -> None:
    async def scenario(runner: ShellRunner) -> None:
        before = descriptors(), children()
        with failing_reader(failing, OSError(number, os.strerror(number))):
            run = Run(runner, command="sleep 0.2; head -c 100000 /dev/zero; exit 3", shell=True)
            assert (await run.ended).exit_code == 3
        assert run.output.size == 100_000
        assert (descriptors(), children()) == before

    carry_out(scenario)


@pytest.mark.parametrize("failing", [1, 2])
def test_a_command_that_cannot_be_watched_at_all_is_ended_and_not_lost(failing: int) -> None:
    async def scenario(runner: ShellRunner) -> None:
        before = descriptors(), children()
        with failing_reader(failing, OSError(errno.EPERM, "Operation not permitted")):
            outcome = await Run(runner, command="sleep 1000").ended
        assert outcome.reason == "the command could not be watched: Operation not permitted"
        assert (descriptors(), children()) == before
        assert (await Run(runner, command="true").ended).succeeded

    carry_out(scenario)


@contextlib.contextmanager
def failing_reader(failing: int, error: OSError) -> Iterator[None]:
    """Let the loop be unable to watch something, once."""
    loop = asyncio.get_running_loop()
    calls = itertools.count(1)
    add_reader = loop.add_reader

    def fails_once(*arguments: object) -> None:
        if next(calls) == failing:
            raise error
        add_reader(*arguments)  # type: ignore[arg-type]

    loop.add_reader = fails_once  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        loop.add_reader = add_reader  # type: ignore[method-assign]


def test_a_process_that_no_pidfd_can_be_had_for_runs_on_and_can_be_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def pidfd_open(_: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    async def scenario(runner: ShellRunner) -> None:
        before = descriptors(), children()
        with monkeypatch.context() as patch:
            patch.setattr(os, "pidfd_open", pidfd_open)
            run = Run(runner, command="sleep 1000")
            process = await run.process
            assert processes.alive(process)
            runner.end("run-1.1")
        assert (await run.ended).signal == signal.SIGTERM
        assert (descriptors(), children()) == before

    carry_out(scenario)
