"""A server as a process: where it listens, what it keeps, and why it may refuse to start."""

import socket
import stat
from pathlib import Path

import httpx
import pytest

from kala_client import KalaClient
from tests.cli.command_line import Ended, kala, serving
from tests.eventually import eventually

IN_2035 = "R/2035-06-04T19:25:16Z/P1D"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def refused(ended: Ended) -> str:
    """Return the one line in which a server says why it does not start."""
    assert ended.code == 1
    assert ended.out == ""
    assert ended.err.startswith("Error: ")
    assert ended.err.count("\n") == 1
    return ended.err.removeprefix("Error: ").strip()


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])


def test_a_server_says_where_it_listens_and_keeps_its_jobs_in_a_folder_of_its_owner(tmp_path: Path) -> None:
    with serving("serve", "-p", "0", cwd=tmp_path) as server, KalaClient(server.url) as client:
        assert server.url.startswith("http://127.0.0.1:")
        job_id = client.create_job(name="kept", command="true", schedule=IN_2035)
        assert mode(tmp_path / "kala-data") == 0o700
        assert mode(tmp_path / "kala-data" / "journal.jsonl") == 0o600

        second = kala("serve", "-p", "0", cwd=tmp_path)
        assert refused(second) == (
            f"kala-data is in use by process {server.pid}: one server for each data folder"
        )
        stopped = server.stop()
        assert stopped.code == 0
        assert stopped.out == server.ready_line
    with (
        serving("run", "-p", "0", "--data-dir", str(tmp_path / "kala-data")) as again,
        KalaClient(again.url) as client,
    ):
        assert client.get_all_jobs().keys() == {job_id}


def test_the_documented_kala_run_starts_a_server_on_the_port_that_it_is_told(tmp_path: Path) -> None:
    port = free_port()
    with serving("run", "-p", port, "--no-persist", cwd=tmp_path) as server:
        assert server.ready_line == f"listening on http://127.0.0.1:{port}\n"
        taken = kala("run", "-p", port, "--no-persist", cwd=tmp_path)
    assert (
        refused(taken) == f"port {port} of 127.0.0.1 is in use; choose another with -p (0 takes any free one)"
    )
    assert list(tmp_path.iterdir()) == []


FLAGS = [
    "--interface",
    "127.0.0.2",
    "-p",
    "0",
    "--no-persist",
    "--default-owner",
    "ops@example.com",
    "--allowed-host",
    "kala.example",
    "-v",
]
VARIABLES = {
    "KALA_HOST": "127.0.0.2",
    "KALA_PORT": "0",
    "KALA_NO_PERSIST": "1",
    "KALA_DEFAULT_OWNER": "ops@example.com",
    "KALA_ALLOWED_HOST": "kala.example",
    "KALA_VERBOSE": "1",
}


@pytest.mark.parametrize(
    ("words", "env"),
    [pytest.param(["run", *FLAGS], {}, id="flags"), pytest.param(["serve"], VARIABLES, id="environment")],
)
def test_a_server_does_what_its_flags_or_its_environment_say(
    tmp_path: Path, words: list[str], env: dict[str, str]
) -> None:
    with serving(*words, cwd=tmp_path, env=env) as server, KalaClient(server.url) as client:
        assert server.url.startswith("http://127.0.0.2:")
        job = client.get_job(client.create_job(name="told", command="echo a-secret"))
        assert job.owner == "ops@example.com"
        foreign = httpx.get(f"{server.url}/api/v1/stats/", headers={"Host": "kala.example"})
        assert foreign.status_code == 200
        eventually(lambda: client.get_job_stats(job.id))
        log = server.stop().err
    assert f"job_created id={job.id}" in log
    assert "run_finished" in log
    assert "a-secret" not in log
    assert list(tmp_path.iterdir()) == []


def test_a_host_beyond_this_machine_is_refused_and_the_ways_out_are_named(tmp_path: Path) -> None:
    why = refused(kala("serve", "--host", "0.0.0.0", "-p", "0", cwd=tmp_path))
    assert why.startswith("whoever reaches 0.0.0.0 could run commands on this machine")
    assert "--insecure-open-to-network" in why
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_is_not_of_this_machine_is_named(tmp_path: Path) -> None:
    ended = kala(
        "serve", "--host", "192.0.2.1", "-p", "0", "--insecure-open-to-network", "--no-persist", cwd=tmp_path
    )
    assert refused(ended) == "192.0.2.1 is no address of this machine; the default is 127.0.0.1"


def test_a_data_folder_that_cannot_be_made_is_named() -> None:
    ended = kala("serve", "-p", "0", "--data-dir", "/proc/kala-data")
    assert refused(ended) == "/proc/kala-data: No such file or directory"


def test_an_unknown_kind_of_store_is_refused_and_those_that_there_are_are_named() -> None:
    ended = kala("run", "--jobDB=consul", "--jobDBAddress=127.0.0.1:6379")
    assert ended.code == 2
    assert ended.out == ""
    assert "there is no store 'consul' here; there are journal" in ended.err
    assert "--data-dir" in ended.err
    assert "memory (as --no-persist)" in ended.err
