"""Processes that are nobody's children any more."""

import asyncio
import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kala_server.runners.local import processes
from kala_server.runners.local.processes import Process
from tests.eventually import PATIENCE


@pytest.fixture
def orphans() -> Iterator[list[int]]:
    """A group as a crashed server leaves it: a leader and a member, both of which take TERM slowly or not at all."""
    member = "trap 'sleep 0.1; exit' TERM; echo $$; while :; do sleep 0.01; done"
    script = "import subprocess, sys; subprocess.Popen(['sh', '-c', sys.argv[1]], start_new_session=True)"
    leader = f'sh -c "{member.replace("$", chr(92) + "$")}" & {member}'
    starter = subprocess.Popen(
        [sys.executable, "-c", script, leader],
        stdout=subprocess.PIPE,
        env={**os.environ, "KALA_RUN_ID": "orphaned", "KALA_MARK": "ours"},
    )
    assert starter.stdout is not None
    pids = [int(starter.stdout.readline()), int(starter.stdout.readline())]
    starter.wait()
    starter.stdout.close()
    yield pids
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


@contextmanager
def deaf() -> Iterator["subprocess.Popen[bytes]"]:
    """A process in a group of its own that ignores TERM."""
    command = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        yield child


def known(pid: int) -> Process:
    started = processes.start_time(pid)
    assert started is not None
    return Process(pid, started)


def test_a_pid_alone_does_not_name_a_process() -> None:
    me = known(os.getpid())
    assert processes.alive(me)
    assert not processes.alive(Process(me.pid, me.started + 1))
    assert processes.start_time(2**22 + 1) is None


def test_a_zombie_is_not_alive() -> None:
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert processes.start_time(child.pid) is None


def test_processes_are_found_by_the_run_and_the_mark_in_their_environment(orphans: list[int]) -> None:
    found = {process.pid for process in processes.find_by_handles(["orphaned.1"], "ours")["orphaned.1"]}
    assert found >= set(orphans)
    assert processes.find_by_handles(["orphan.1"], "ours") == {}
    for mark in ("our", "ours, too", ""):
        assert processes.find_by_handles(["orphaned.1"], mark) == {}


@pytest.mark.parametrize("whose", [0, 1])
def test_a_group_is_ended_by_any_of_its_members(orphans: list[int], whose: int) -> None:
    async def scenario() -> None:
        members = [known(pid) for pid in orphans]
        await processes.end_groups([members[whose]], grace=30)
        assert not any(map(processes.alive, members))

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE))


def test_a_group_that_ignores_term_is_killed_after_the_grace() -> None:
    with deaf() as child:
        asyncio.run(processes.end_groups([known(child.pid)], grace=0.1))
        assert child.wait() == -signal.SIGKILL


def test_many_are_ended_at_once_and_not_one_after_another(tmp_path: Path) -> None:
    told = tmp_path / "told"
    until_both = f"echo >> {told}; until [ $(wc -l < {told}) = 2 ]; do sleep 0.02; done; exit 7"
    command = ["sh", "-c", f"trap '{until_both}' TERM; echo ready; while :; do sleep 0.01; done"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as one,
        subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as other,
    ):
        for child in (one, other):
            assert child.stdout is not None
            child.stdout.readline()
        asyncio.run(processes.end_groups([known(one.pid), known(other.pid)], grace=30))
        assert (one.wait(), other.wait()) == (7, 7)


def test_only_groups_that_are_still_there_are_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[int, signal.Signals]] = []
    send = processes.signal_group

    def signal_group(group: int, number: signal.Signals) -> None:
        sent.append((group, number))
        send(group, number)

    monkeypatch.setattr(processes, "signal_group", signal_group)
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as one, deaf() as other:
        asyncio.run(processes.end_groups([known(one.pid), known(other.pid)], grace=0.5))
    assert [group for group, number in sent if number is signal.SIGKILL] == [other.pid]


def test_who_cannot_be_looked_for_is_killed_after_the_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_descriptors(_: Path) -> Iterator[Path]:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(Path, "iterdir", without_descriptors)
    with deaf() as child:
        asyncio.run(processes.end_groups([known(child.pid)], grace=0.1))
        assert child.wait() == -signal.SIGKILL


def test_a_process_that_the_system_hides_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def hidden(_: Path) -> bytes:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "read_bytes", hidden)
    assert processes.start_time(os.getpid()) is None
    assert processes.find_by_handles(["run-1.1"], "ours") == {}


def test_ending_many_takes_no_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    """One for /proc and one for what is in it are enough, however many they are."""
    command = ["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; echo ready; wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        members = [known(child.pid)]
        monkeypatch.setattr(os, "pidfd_open", None)
        asyncio.run(processes.end_groups(members, grace=30))
        assert child.wait() == -signal.SIGTERM


def test_who_cannot_be_looked_at_is_not_said_to_be_gone() -> None:
    me = known(os.getpid())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            processes.alive(me)
        with pytest.raises(OSError, match="Too many open files"):
            processes.find_by_handles(["run-1.1"], "ours")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_nobody_else_is_ended_in_place_of_one_who_is_gone() -> None:
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as child:
        other = known(child.pid)
        asyncio.run(processes.end_groups([Process(other.pid, other.started - 1)]))
        asyncio.run(processes.gone(Process(other.pid, other.started - 1)))
        assert processes.alive(other)
        child.kill()
    asyncio.run(processes.gone(other))
    asyncio.run(processes.end_groups([other]))


def test_the_server_does_not_end_itself() -> None:
    asyncio.run(processes.end_groups([known(os.getpid())]))
