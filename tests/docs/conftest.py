"""A server for a page, and a folder to play in."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import pytest

from kala_server.testing import running_server
from tests.docs.console import LOOKS, Session
from tests.server.server_process import server_process, worker_of

HELD_UP = 1.2
"""Seconds for which commands do not begin and do not end on a machine that is busy: so runs take more than one."""


@pytest.fixture
def url() -> Iterator[str]:
    with running_server() as server:
        yield server.url


@pytest.fixture(params=["idle", "busy"])
def session(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Session]:
    """One at a server that does all at once, and one at a server whose commands are held up."""
    if request.param == "idle":
        with running_server() as server:
            yield Session(server.url, tmp_path)
        return
    (folder := tmp_path / "here").mkdir()
    with server_process(tmp_path / "data") as process:
        held_up = HeldUp(process.url, folder, worker_of(process.pid).pid)
        yield held_up
        held_up.go_on()


class HeldUp(Session):
    """Whose commands are held up after each one that does something."""

    def __init__(self, url: str, folder: Path, worker: int) -> None:
        super().__init__(url, folder)
        self._worker = worker
        self._timer = Timer(0, self.go_on)

    def run(self, command: str) -> str:
        if not LOOKS.match(command):
            self._timer.cancel()
            os.kill(self._worker, signal.SIGSTOP)
            self._timer = Timer(HELD_UP, self.go_on)
            self._timer.start()
        return super().run(command)

    def go_on(self) -> None:
        self._timer.cancel()
        os.kill(self._worker, signal.SIGCONT)
