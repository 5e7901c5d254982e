"""`kala run "COMMAND"`: the command once, exactly as a job would run it."""

import re
import signal
from pathlib import Path

import pytest

from kala_server.runners.local.processes import start_time
from tests.cli.command_line import kala, line_of, started
from tests.eventually import PATIENCE, eventually


def without_times(words: str) -> str:
    return re.sub(r"[\d.]+ (ms|s|min)\b", "…", words)


def test_a_command_that_succeeds_is_told_to_and_its_output_is_all_there_is_on_stdout(tmp_path: Path) -> None:
    ended = kala("run", "bash -c 'echo out; echo err >&2'", cwd=tmp_path)
    assert (ended.code, ended.out, without_times(ended.err)) == (0, "out\nerr\n", "succeeded in …\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "out", "why"),
    [
        ("bash -c 'echo half; exit 3'", "half\n", "exit code 3"),
        ("bash -c 'kill -9 $$'", "", "ended by SIGKILL"),
        ("no-such-command-here", "", "no such command: no-such-command-here"),
        ("echo a | cat", "", "the command could not be started: '|' means something to a shell only, "),
        ("date > file", "", "the command could not be started: '>' means something to a shell only, "),
    ],
)
def test_a_command_that_fails_says_why_and_gives_exit_code_1(command: str, out: str, why: str) -> None:
    ended = kala("run", command)
    assert (ended.code, ended.out) == (1, out)
    assert without_times(ended.err).startswith(f"failed after …: {why}")
    assert ended.err.count("\n") == 1


def test_the_hint_about_a_shell_names_nothing_that_only_a_job_can_be_told() -> None:
    ended = kala("run", "echo a | cat")
    assert "the command runs without one: write bash -c '…'; quote it" in ended.err
    assert '"shell"' not in ended.err


def test_a_command_reads_variables_as_a_job_does_and_inherits_no_secrets() -> None:
    ended = kala(
        "run",
        "echo $GREETING ${KALA_JOB_NAME} $LC_X [$KALA_TOKEN$JWT]",
        "--pass-env",
        "GREE*",
        env={"GREETING": "hello", "LC_X": "here", "JWT": "secret", "KALA_TOKEN": "secret"},
    )
    assert (ended.code, ended.out) == (0, "hello kala run here []\n")


def test_output_is_shown_as_it_comes_and_a_signal_ends_the_command(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with started("run", f"bash -c 'echo begun; sleep 1000 & echo $! > {pid_file}; wait'") as process:
        assert line_of(process.stdout) == "begun\n"
        pid = int(eventually(lambda: pid_file.read_text() if pid_file.exists() else ""))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert without_times(err) == "failed after …: ended by SIGTERM\n"
    eventually(lambda: start_time(pid) is None)


def test_two_words_are_refused_with_the_way_to_say_it() -> None:
    ended = kala("run", "echo", "hello")
    assert ended.code == 2
    assert 'quote it, such as kala run "echo hello"' in ended.err
