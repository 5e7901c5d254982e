"""Commands, as real processes."""

import asyncio
import os
import pwd
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kala_server.ports.runner import Outcome
from kala_server.runners.local import processes
from kala_server.runners.local.environment import surroundings
from kala_server.runners.local.rights import CannotStartError
from kala_server.runners.local.shell import ShellRunner
from kala_server.runners.local.spawn import Spawner
from kala_server.runners.local.worker_runner import WorkerRunner
from tests.server import runner_scenario
from tests.server.runner_scenario import Run, attempt_of, carry_out

pytestmark = pytest.mark.usefixtures("both_kinds")

FOREVER = "sleep 1000"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may run commands as another user")


def result(**fields: Any) -> tuple[Outcome, bytes]:
    """Run a command to its end."""
    found: list[tuple[Outcome, bytes]] = []

    async def scenario(runner: ShellRunner) -> None:
        run = Run(runner, **fields)
        found.append((await run.ended, run.output.text()))

    carry_out(scenario)
    return found[0]


# -- how it went


def test_exit_code_0_is_success() -> None:
    assert result(command="true") == (Outcome(succeeded=True, exit_code=0), b"")


@pytest.mark.parametrize("code", [1, 2, 126, 255])
def test_any_other_exit_code_is_a_failure(code: int) -> None:
    outcome, _ = result(command=f"exit {code}", shell=True)
    assert outcome == Outcome(succeeded=False, exit_code=code, reason=f"exit code {code}")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_signal_is_a_failure_and_named(number: signal.Signals) -> None:
    outcome, _ = result(command=f"kill -{number.value} $$", shell=True)
    assert outcome == Outcome(succeeded=False, signal=number, reason=f"ended by {number.name}")


def test_a_signal_without_a_name_is_told_by_its_number() -> None:
    outcome, _ = result(command="kill -40 $$", shell=True)
    assert (outcome.signal, outcome.reason) == (40, "ended by 40")


def test_an_exit_code_that_somebody_else_collected_is_no_success() -> None:
    """A worker is a process of its own, from which nobody can collect."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        outcome, _ = result(command="sleep 0.1; exit 1", shell=True)
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert not outcome.succeeded
    assert "not known" in outcome.reason or (runner_scenario.kind is WorkerRunner and outcome.exit_code == 1)


# -- why it could not be started


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"command": "no-such-thing -x"}, "no such command: no-such-thing"),
        ({"command": "/no/such/thing"}, "no such command: /no/such/thing"),
        ({"command": "true", "env": {"PATH": "/nowhere"}}, "no such command: true"),
        ({"argv": ("no such",)}, "no such command: no…"),
        ({"command": "/etc/passwd"}, "could not be started: Permission denied: '/etc/passwd'"),
        ({"command": "$UNSET x"}, "the first word of the command is empty"),
        ({"command": "echo 'a"}, "never closed"),
        ({"command": "a > b"}, '"shell": true'),
        ({"argv": ("echo", "a\0b")}, "null"),
        ({"argv": ("echo", "x" * 200_000)}, "Argument list too long"),
        ({"command": "true", "env": {"A=B": "c"}}, "illegal environment variable name"),
        ({"command": "true", "cwd": "/no/such"}, "cannot go to the directory '/no/such': No such file"),
        (
            {"command": "true", "cwd": "/etc/passwd"},
            "cannot go to the directory '/etc/passwd': Not a directory",
        ),
        ({"command": "true", "user": "no-such-user"}, "there is no user 'no-such-user'"),
        ({"command": "true", "user": "a\0b"}, "there is no user"),
    ],
)
def test_a_command_that_cannot_be_started_says_why(fields: dict[str, Any], reason: str) -> None:
    outcome, output = result(**fields)
    assert not outcome.succeeded
    assert (outcome.exit_code, outcome.signal, output) == (None, None, b"")
    assert reason in outcome.reason


@pytest.mark.parametrize(
    "fields",
    [
        {"command": "$TOOL"},
        {"command": "${TOOL}/x"},
        {"command": "/opt/tool?token=s3cret"},
        {"argv": ("/opt/tool?token=s3cret",)},
        {"argv": ("https://user:s3cret@host",)},
        {"argv": ("mysql -ps3cret",)},
        {"argv": ("true", "s3cret"), "cwd": "/x?token=s3cret"},
        {"argv": ("true", "s3cret"), "user": "x:s3cret@y"},
        {"command": "./script?x=s3cret", "cwd": "/tmp"},
    ],
)
def test_no_reason_shows_a_secret(fields: dict[str, Any]) -> None:
    outcome, _ = result(env={"TOOL": "/no/s3cret"}, **fields)
    assert outcome.reason
    assert "s3cret" not in outcome.reason


def test_a_script_without_its_interpreter_is_not_told_to_be_missing(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    outcome, _ = result(command="./script", cwd=str(tmp_path))
    assert outcome.reason == "'./script' is there, but not the interpreter that its first line names"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may run commands as anybody")
def test_a_user_whose_rights_the_server_may_not_give_is_refused() -> None:
    outcome, _ = result(command="true", user="root", cwd="/")
    assert outcome.reason == "the server may not run commands as 'root'"


def test_a_refusal_to_change_rights_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def popen(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted", "/")

    monkeypatch.setattr("subprocess.Popen", popen)
    attempt = attempt_of(command="true", user="nobody")
    spawner = Spawner(surroundings())
    command = spawner.prepare(attempt)
    with pytest.raises(CannotStartError, match="the server may not run commands as 'nobody'"):
        spawner.spawn(command)
    spawner.close()


# -- what it finds


def test_words_shell_and_argv_are_three_ways_to_say_it() -> None:
    assert result(command="echo a '|' b")[1] == b"a | b\n"
    assert result(command="echo a | tr a b", shell=True)[1] == b"b\n"
    assert result(argv=("echo", "$HOME", "a  b"))[1] == b"$HOME a  b\n"


def test_a_command_runs_in_its_directory(tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/bin/sh\npwd -P\n")
    (tmp_path / "tool").chmod(0o755)
    assert result(command="./tool", cwd=str(tmp_path))[1].decode() == f"{tmp_path.resolve()}\n"


def test_variables_are_those_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_X", "from the server")
    monkeypatch.setenv("KALA_TOKEN", "canary")
    monkeypatch.setenv("API_KEY", "canary")
    command = "printf %s, $LC_X $MINE ${KALA_RUN_ID} $KALA_TOKEN $API_KEY `echo $MINE`"
    assert result(command=command, env={"MINE": "é"})[1] == "from the server,é,run-1,,,é,".encode()
    assert b"canary" not in result(command="env")[1]


def test_backticks_run_within_the_runs_group_and_are_ended_with_it() -> None:
    async def scenario(runner: ShellRunner) -> None:
        run = Run(runner, command="echo `echo here >&2; exec sleep 1000`")
        await run.has_printed(b"here")
        runner.end("run-1.1")
        assert (await run.ended).signal == signal.SIGTERM

    carry_out(scenario)


def test_a_command_leads_its_own_session_reads_nothing_and_holds_no_descriptors() -> None:
    code = "import os, sys; print(os.getsid(0) == os.getpid(), sys.stdin.read(), os.listdir('/proc/self/fd'))"
    assert result(argv=(sys.executable, "-c", code))[1] == b"True  ['0', '1', '2', '3']\n"


@pytest.mark.parametrize("fields", [{}, {"cwd": "/"}])
def test_a_command_gets_nothing_that_the_server_was_handed(fields: dict[str, Any]) -> None:
    """Whatever started the server may have left it descriptors that go through an `exec`."""
    handed, other = os.pipe()
    try:
        os.set_inheritable(handed, True)
        os.set_inheritable(other, True)
        assert result(command="ls /proc/self/fd", **fields)[1] == b"0\n1\n2\n3\n"  # the last is the folder's
    finally:
        os.close(handed)
        os.close(other)


@pytest.mark.parametrize("fields", [{}, {"cwd": "/"}])
def test_signals_are_as_commands_expect_them_and_not_as_python_has_them(fields: dict[str, Any]) -> None:
    _, status = result(command="cat /proc/self/status", **fields)
    ours = ignored(Path("/proc/self/status").read_text())
    assert ignored(status.decode()) == ours - {signal.SIGPIPE, signal.SIGXFSZ}
    assert signal.SIGPIPE in ours


def ignored(status: str) -> set[int]:
    """Return the signals that a process ignores, without the C library's own: after a nohup there is HUP."""
    [line] = [line for line in status.splitlines() if line.startswith("SigIgn:")]
    return {number for number in range(1, 32) if int(line.split()[1], 16) >> (number - 1) & 1}


def test_a_program_is_looked_for_in_the_commands_own_path(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tool").write_text(f"#!/bin/sh\necho {name}\n")
    (tmp_path / "second" / "tool").chmod(0o755)
    path = f"/nowhere:{tmp_path}/first:{tmp_path}/second"
    assert result(command="tool", env={"PATH": path})[1] == b"second\n"


@pytest.fixture
def everybodys() -> Iterator[Path]:
    """A folder that everybody may enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@needs_root
def test_a_directory_is_entered_with_the_rights_of_the_user_and_of_its_groups(everybodys: Path) -> None:
    outer = everybodys / "outer"
    inner = outer / "é"
    inner.mkdir(parents=True)
    everybody = os.getgrouplist("nobody", pwd.getpwnam("nobody").pw_gid)
    for owner, group, mode, enters in [
        (0, 0, 0o700, False),
        (0, 0, 0o711, True),
        (0, everybody[-1], 0o710, True),
        (0, everybody[-1], 0o701, False),
        (pwd.getpwnam("nobody").pw_uid, 0, 0o100, True),
    ]:
        os.chown(outer, owner, group)
        outer.chmod(mode)
        outcome, output = result(argv=("pwd",), user="nobody", cwd=str(inner))
        assert outcome.succeeded is enters, (owner, group, oct(mode))
        if enters:
            assert output.decode() == f"{inner}\n"
        else:
            assert outcome.reason == f"cannot go to the directory '{inner}' as nobody: Permission denied"
        assert result(argv=("pwd",), cwd=str(inner))[0].succeeded
    assert (os.geteuid(), os.getegid()) == (0, 0)


def test_a_job_of_a_directory_leaves_the_next_one_where_the_server_is(tmp_path: Path) -> None:
    here = str(Path.cwd())
    for fields, where in [({"cwd": str(tmp_path)}, str(tmp_path)), ({"cwd": "/no/such"}, ""), ({}, here)]:
        assert result(argv=("pwd",), **fields)[1].decode().strip() == where
    assert str(Path.cwd()) == here


@needs_root
def test_a_user_gets_its_own_rights_groups_and_home() -> None:
    _, output = result(command="id -u; id -g; id -G; echo $HOME $USER", shell=True, user="nobody", cwd="/")
    uid, gid, groups, names = output.decode().splitlines()
    assert int(uid) != 0
    assert groups == gid
    assert names == "/nonexistent nobody"


def test_the_servers_own_user_changes_nothing() -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name
    assert result(command="id -un", user=me)[1].decode() == f"{me}\n"


# -- what it prints


def test_output_is_bytes_of_both_streams_in_order() -> None:
    command = "printf 'é\\000\\377'; printf b >&2; printf c"
    assert result(command=command, shell=True)[1] == "é".encode() + b"\0\xffbc"


def test_what_is_printed_just_before_the_end_is_not_lost() -> None:
    async def scenario(runner: ShellRunner) -> None:
        for _ in range(20):
            run = Run(runner, command="printf '%060000d' 0; echo end", shell=True)
            await run.ended
            assert run.output.size == 60_004
            assert run.output.text().endswith(b"end\n")

    carry_out(scenario)


def test_what_fills_the_pipe_at_once_is_read_to_its_end() -> None:
    _, output = result(command="head -c 100000 /dev/zero; echo end", shell=True)
    assert (len(output), output[-4:]) == (100_004, b"end\n")


def test_a_command_may_close_its_output_and_go_on() -> None:
    outcome, output = result(command="echo a; exec >&- 2>&-; sleep 0.1; exit 3", shell=True)
    assert (outcome.exit_code, output) == (3, b"a\n")


# -- what is told of its process


def test_a_process_that_lasts_is_told_with_its_start_time() -> None:
    async def scenario(runner: ShellRunner) -> None:
        run = Run(runner, command=FOREVER)
        process = await run.process
        assert processes.alive(process)
        runner.kill_all()
        await run.ended
        assert not processes.alive(process)

    carry_out(scenario)


def test_a_listener_that_fails_harms_neither_the_command_nor_the_next_one() -> None:
    async def scenario(runner: ShellRunner) -> None:
        complaints: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        first = Run(runner, command="sleep 0.1")
        first.process.cancel()
        first.ended.cancel()
        second = Run(runner, command="sleep 0.2", run_id="run-2")
        assert (await second.ended).succeeded
        assert [type(one["exception"]) for one in complaints] == [asyncio.InvalidStateError] * 2

    carry_out(scenario)
