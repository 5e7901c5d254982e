"""How a server ends: its commands get the time that --grace says, and everything is recorded."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from kala_client import KalaClient
from tests.cli.command_line import Serving, serving
from tests.eventually import eventually
from tests.server.server_process import records


def until_told(folder: Path) -> str:
    """Return a command that says that it has begun, and goes on until it is told to end."""
    return f"bash -c 'touch {folder}/begun; until [ -e {folder}/enough ]; do sleep 0.02; done; touch {folder}/done'"


@contextmanager
def at_work(folder: Path, *options: str, **more: Any) -> Iterator[Serving]:
    """Serve, with a command that has begun and goes on until it is told to end."""
    with (
        serving("serve", "-p", "0", "--data-dir", f"{folder}/data", *options, **more) as server,
        KalaClient(server.url) as client,
    ):
        client.create_job(name="goes-on", command=until_told(folder))
        eventually((folder / "begun").exists)
        yield server


def is_refused(url: str) -> bool:
    try:
        httpx.get(f"{url}/api/v1/stats/", headers={"Connection": "close"})
    except httpx.ConnectError:
        return True
    return False


def the_end(folder: Path) -> tuple[str, str]:
    """Return how the journal says that the only run ended, and why."""
    (finished,) = records(folder / "data", "run_finished")
    return finished["state"], finished.get("reason", "")


def test_a_stopping_server_accepts_nothing_more_and_lets_a_command_finish(tmp_path: Path) -> None:
    with at_work(tmp_path, "--grace", "30") as server:
        server.tell(signal.SIGTERM)
        assert server.log_line_with("kala.cli: stopping").endswith(
            "INFO kala.cli: stopping; running commands have 30 s, a second signal ends them\n"
        )
        eventually(lambda: is_refused(server.url))
        (tmp_path / "enough").touch()
        assert server.wait().code == 0
    assert (tmp_path / "done").exists()
    assert the_end(tmp_path) == ("succeeded", "")


def test_a_command_that_needs_longer_than_the_grace_is_ended_and_recorded(tmp_path: Path) -> None:
    with at_work(tmp_path, env={"KALA_GRACE": "0.1"}) as server:
        assert server.stop().code == 0
    assert the_end(tmp_path) == ("interrupted", "the server was stopped")
    assert not (tmp_path / "done").exists()


def test_a_second_signal_ends_commands_at_once_and_records_them(tmp_path: Path) -> None:
    with at_work(tmp_path, "--grace", "3600") as server:
        server.tell(signal.SIGINT)
        server.log_line_with("kala.cli: stopping")
        server.tell(signal.SIGINT)
        ended = server.wait()
    assert ended.code == 0
    assert ended.err == ""
    assert the_end(tmp_path) == ("interrupted", "the server was stopped")
