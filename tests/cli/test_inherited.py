"""What a server was handed by whoever started it, and what its commands get of that."""

import os
import re
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from kala_client import KalaClient
from kala_server.testing import running_server
from tests.cli.command_line import serving, started
from tests.cli.one_run import ended, printed
from tests.eventually import PATIENCE, eventually
from tests.server.server_process import worker_of


def handed(code: str) -> list[str]:
    """Return a program that does something to itself and becomes another."""
    return [
        sys.executable,
        "-c",
        f"import os, resource, signal, sys; {code}; os.execvp(sys.argv[1], sys.argv[1:])",
    ]


def ignoring(*names: str) -> list[str]:
    """Return a program that has only these signals ignored, whatever the tests were started with."""
    return ["env", "--default-signal", *(f"--ignore-signal={name}" for name in names)]


def signals(status: str, which: str) -> set[int]:
    """Return the signals that a process has blocked or ignored; the C library's own two do not count."""
    [mask] = re.findall(rf"^{which}:\s*(\w+)$", status, re.MULTILINE)
    return {number for number in range(1, 65) if int(mask, 16) >> (number - 1) & 1} - {32, 33}


def test_a_directory_that_is_gone_keeps_no_server_from_its_work(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    data = tmp_path / "data"
    through = handed(f"os.chdir({str(gone)!r}); os.rmdir({str(gone)!r})")
    with (
        serving("serve", "-p", "0", "--data-dir", str(data), cwd=tmp_path, through=through) as server,
        KalaClient(server.url) as client,
    ):
        assert ended(client, command="true").state == "succeeded"


# -- signals


def test_exit_codes_are_had_where_sigchld_was_ignored(tmp_path: Path) -> None:
    with (
        serving("serve", "-p", "0", "--no-persist", cwd=tmp_path, through=ignoring("CHLD")) as server,
        KalaClient(server.url) as client,
    ):
        assert ended(client, command="true").state == "succeeded"
        failed = ended(client, command="exit 4", shell=True)
        assert (failed.state, failed.exit_code) == ("failed", 4)
    with started("run", "bash -c 'exit 4'", through=ignoring("CHLD")) as process:
        assert "exit code 4" in process.communicate(timeout=PATIENCE)[1]


def test_exit_codes_are_had_whatever_the_process_did_that_has_a_server_for_its_tests() -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        with running_server() as server, KalaClient(server.url) as client:
            assert ended(client, command="true").state == "succeeded"
            assert ended(client, command="exit 4", shell=True).exit_code == 4
        assert signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGCHLD, before)


@pytest.mark.parametrize("how", ["SIG_BLOCK", "ignored"])
def test_a_command_has_every_signal_at_its_default_and_a_server_can_be_asked_to_end(
    tmp_path: Path, how: str
) -> None:
    all_of_them = "signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGHUP}"
    code = (
        f"signal.pthread_sigmask(signal.SIG_BLOCK, {all_of_them})"
        if how == "SIG_BLOCK"
        else f"[signal.signal(number, signal.SIG_IGN) for number in {all_of_them}]"
    )
    with (
        serving("serve", "-p", "0", "--no-persist", cwd=tmp_path, through=handed(code)) as server,
        KalaClient(server.url) as client,
    ):
        status = printed(client, command="cat /proc/self/status")
        assert signals(status, "SigBlk") == set()
        assert signals(status, "SigIgn") <= {signal.SIGHUP}
        assert server.stop().code == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT])
def test_a_hangup_and_a_quit_ask_a_server_to_end_as_term_does(tmp_path: Path, number: signal.Signals) -> None:
    with (
        serving("serve", "-p", "0", "--data-dir", f"{tmp_path}/data", through=ignoring()) as server,
        KalaClient(server.url) as client,
    ):
        client.create_job(
            name="goes-on", command=f"touch {tmp_path}/begun; sleep 0.5; touch {tmp_path}/done", shell=True
        )
        eventually((tmp_path / "begun").exists)
        os.kill(worker_of(server.pid).pid, number)  # as for a whole group
        server.tell(number)
        stopped = server.wait()
    assert stopped.code == 0
    assert "stopping" in stopped.err
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT])
def test_what_was_ignored_from_the_start_is_no_wish(tmp_path: Path, number: signal.Signals) -> None:
    name = number.name.removeprefix("SIG")
    with (
        serving("serve", "-p", "0", "--no-persist", cwd=tmp_path, through=ignoring(name)) as server,
        KalaClient(server.url) as client,
    ):
        server.tell(number)
        ignored = signals(printed(client, command="cat /proc/self/status"), "SigIgn")
        assert ignored == ({signal.SIGHUP} if number == signal.SIGHUP else set())
        stopped = server.stop()
    assert stopped.code == 0
    assert stopped.err.count("stopping") == 1


# -- streams and limits


def test_streams_that_were_closed_are_no_files_of_the_server(tmp_path: Path) -> None:
    """The next files that are opened would get their numbers, and what is printed would go into the journal."""
    shell = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]
    socket = tmp_path / "socket"
    with started(
        "serve", "--unix-socket", str(socket), "--data-dir", f"{tmp_path}/data", through=shell
    ) as process:
        eventually(socket.exists)
        streams = {str(Path(f"/proc/{process.pid}/fd/{number}").readlink()) for number in range(3)}
        process.terminate()
        assert process.wait(PATIENCE) == 0
    assert streams == {os.devnull}
    assert (tmp_path / "data" / "journal.jsonl").read_bytes().startswith(b'{"v":')
    with started("run", "echo out", through=shell) as process:
        assert process.wait(PATIENCE) == 0


def test_a_server_whose_line_nobody_takes_serves_all_the_same(tmp_path: Path) -> None:
    socket = tmp_path / "socket"
    shell = ["sh", "-c", 'exec "$@" >/dev/full', "sh"]
    with started("serve", "--unix-socket", str(socket), "--no-persist", through=shell) as process:
        eventually(socket.exists)
        time.sleep(0.2)
        assert process.poll() is None
        process.terminate()
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("fields", [{}, {"cwd": "/"}, {"user": "nobody"}])
def test_as_many_commands_run_as_the_hard_limit_allows_and_each_gets_the_soft_one(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    if fields.get("user") and os.geteuid() != 0:
        pytest.skip("only root may run commands as another user")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1024:
        pytest.skip("the hard limit is low")
    many = 100
    limited = handed(f"resource.setrlimit(resource.RLIMIT_NOFILE, (64, {hard}))")
    with (
        serving(
            "serve",
            "-p",
            "0",
            "--no-persist",
            "--max-running",
            "200",
            "--grace",
            "0",
            cwd=tmp_path,
            through=limited,
        ) as server,
        KalaClient(server.url) as client,
    ):
        job_id = client.create_job(
            name="lasts",
            command="echo; exec sleep 1000",
            shell=True,
            overlap="allow",
            schedule="R/2035-06-04T19:25:16Z/P1D",
            **fields,
        )
        for _ in range(many):
            client.start_job(job_id)
        eventually(
            lambda: sum(run.output_size or run.state == "running" for run in client.runs(job_id)) == many
        )
        worker = worker_of(server.pid).pid
        eventually(lambda: len(list(Path(f"/proc/{worker}/fd").iterdir())) > 2 * many)
        assert printed(client, command="ulimit -Sn; ulimit -Hn", shell=True, **fields) == f"64\n{hard}\n"
        server.tell(signal.SIGTERM)
        assert server.wait().code == 0
