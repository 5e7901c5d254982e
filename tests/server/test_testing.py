"""`running_server`: a real server for as long as a block lasts."""

import gc
import threading
from collections.abc import Iterator
from pathlib import Path
from weakref import ref

import httpx
import pytest

from kala_client import Job, KalaClient, KalaConnectionError, RetryPolicy
from kala_server.config import ConfigError
from kala_server.ports.store import StoreError
from kala_server.runners.local.processes import start_time
from kala_server.testing import running_server
from tests.eventually import eventually

IN_2035 = "R/2035-06-04T19:25:16Z/P1D"


def assert_nobody_answers(url: str) -> None:
    with (
        KalaClient(url, retry=RetryPolicy(attempts=1)) as client,
        pytest.raises(KalaConnectionError) as refused,
    ):
        client.get_kala_stats()
    assert refused.value.never_sent


def test_a_server_answers_at_its_url_until_the_block_ends() -> None:
    with running_server() as server:
        assert server.url.startswith("http://127.0.0.1:")
        with KalaClient(server.url) as client:
            job_id = client.create_job(name="hello", command="echo hello")
            eventually(lambda: client.get_job_stats(job_id))
    assert_nobody_answers(server.url)


def test_several_servers_know_nothing_of_each_other() -> None:
    with (
        running_server() as one,
        running_server() as other,
        KalaClient(one.url) as at_one,
        KalaClient(other.url) as at_other,
    ):
        assert one.url != other.url
        at_one.create_job(name="here", command="true", schedule=IN_2035)
        assert at_other.get_all_jobs() == {}


def test_commands_that_still_run_are_ended_with_the_block(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with running_server() as server, KalaClient(server.url) as client:
        client.create_job(name="endless", command=f"bash -c 'echo $$ > {pid_file}; exec sleep 1000'")
        pid = int(eventually(lambda: pid_file.read_text() if pid_file.exists() else ""))
        assert start_time(pid) is not None
    assert start_time(pid) is None


def test_jobs_stay_in_a_data_folder_and_nowhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with running_server(tmp_path / "data") as server, KalaClient(server.url) as client:
        job_id = client.create_job(name="kept", command="true", schedule=IN_2035)
    with running_server(tmp_path / "data") as again, KalaClient(again.url) as client:
        assert client.get_all_jobs().keys() == {job_id}
    with running_server() as forgetful, KalaClient(forgetful.url) as client:
        assert client.get_all_jobs() == {}
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_settings_are_those_of_the_server() -> None:
    with running_server(default_owner="ops@example.com", allowed_hosts=frozenset({"kala.example"})) as server:
        with KalaClient(server.url) as client:
            job_id = client.create_job(name="owned", command="true", schedule=IN_2035)
            assert client.get_job(job_id).owner == "ops@example.com"
        answer = httpx.get(f"{server.url}/api/v1/stats/", headers={"Host": "kala.example"})
        assert answer.status_code == 200


@pytest.fixture(autouse=True)
def no_server_is_left() -> Iterator[None]:
    """Fail a test that leaves a server's thread behind; those of other tests' fixtures may be there."""
    before = set(threading.enumerate())
    yield
    assert not [
        thread for thread in set(threading.enumerate()) - before if thread.name.startswith("kala-server")
    ]


def test_what_keeps_a_server_from_starting_is_raised_here(tmp_path: Path) -> None:
    entered = []
    with (
        running_server(tmp_path / "data"),
        pytest.raises(StoreError, match="is in use by"),
        running_server(tmp_path / "data") as second,
    ):
        entered.append(second)
    with pytest.raises(ConfigError, match="whoever reaches"), running_server(host="0.0.0.0") as open_to_all:
        entered.append(open_to_all)
    with pytest.raises(TypeError, match="no_such_setting"), running_server(no_such_setting=1) as unknown:
        entered.append(unknown)
    assert entered == []


def test_an_error_in_the_block_is_raised_and_the_server_stops_all_the_same() -> None:
    class BlockError(Exception):
        pass

    with pytest.raises(BlockError), running_server() as server:
        raise BlockError
    assert_nobody_answers(server.url)


def test_the_garbage_collector_of_the_program_is_left_as_it_is() -> None:
    class Node:
        def __init__(self) -> None:
            self.itself = self

    thresholds, frozen = gc.get_threshold(), gc.get_freeze_count()
    with running_server() as server, KalaClient(server.url) as kala:
        gone = ref(Node())
        kala.create_jobs([Job(name=f"job {n}", command="true", schedule="never") for n in range(2_000)])
        assert len(kala.get_all_jobs()) == 2_000
        assert gc.get_threshold() == thresholds
        assert gc.get_freeze_count() <= frozen  # what others have frozen may go
    gc.collect()
    assert gone() is None
