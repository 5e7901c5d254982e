"""Every runner of ours, held against the contract that is shipped; and runners that break it are noticed."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from kala_server.clock import LoopClock
from kala_server.core.model.job import HTTP_CALL, JobSpec, RemoteCall
from kala_server.ports.runner import Attempt, Outcome, Runner
from kala_server.runners.dispatch import Runners
from kala_server.runners.http.calls import HttpRunner
from kala_server.runners.local.shell import ShellRunner
from kala_server.runners.local.worker_runner import WorkerRunner
from kala_server.testing.contracts import RunnerContract
from kala_server.testing.fakes import FakeRunner, Scripts


class Commands(RunnerContract):
    """What commands do."""

    succeeds = JobSpec(name="succeeds", command="true")
    fails = JobSpec(name="fails", command="false")
    lasts = JobSpec(name="lasts", command="sleep 1000")
    prints = JobSpec(name="prints", command="echo hello")


class TestShell(Commands):
    """Commands, started in this process."""

    def runner(self) -> Runner:
        return ShellRunner()


class TestWorker(Commands):
    """Commands, started by a worker."""

    def runner(self) -> Runner:
        return WorkerRunner()


class TestRunners(Commands):
    """Both kinds behind the face of one."""

    def runner(self) -> Runner:
        return Runners(shell=WorkerRunner(), http=HttpRunner({}))


class Answers(BaseHTTPRequestHandler):
    """Answers as the path says; `/lasts` when the test is over."""

    over: threading.Event

    def do_GET(self) -> None:
        if self.path == "/lasts":
            self.over.wait()
        body = b"hello" if self.path == "/prints" else b""
        self.send_response(500 if self.path == "/fails" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class TestHttp(RunnerContract):
    """HTTP calls."""

    @pytest.fixture(autouse=True)
    def _server(self) -> Iterator[None]:
        over = threading.Event()
        handler = type("Answering", (Answers,), {"over": over})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            for name in ("succeeds", "fails", "lasts", "prints"):
                url = f"http://127.0.0.1:{server.server_port}/{name}"
                call = RemoteCall(url=url, method="GET", timeout=60)
                setattr(self, name, JobSpec(name=name, type=HTTP_CALL, remote_properties=call))
            yield
            over.set()
            server.shutdown()

    def runner(self) -> Runner:
        return HttpRunner({})


class TestFakes(Commands):
    """Commands that are only told of."""

    def runner(self) -> Runner:
        return FakeRunner(LoopClock(), scripts())


def scripts() -> Scripts:
    """How the commands of the contract go."""
    found = Scripts()
    found.of("fails").then(exit_code=1)
    found.of("lasts").takes("PT1H")
    found.of("prints").then_ok("hello")
    return found


class Doubling(FakeRunner):
    """Planted bug: starts what is there already."""

    def start(self, attempt: Attempt) -> str:
        self._running.pop(attempt.handle, None)
        ended = partial(self._listener.ended, attempt.handle, Outcome(succeeded=False))
        self._clock.later(timedelta(0), ended)
        return super().start(attempt)


class Hasty(FakeRunner):
    """Planted bug: tells of the end within the call that asks for it."""

    def end(self, handle: str) -> None:
        if self._running.pop(handle, None):
            self._listener.ended(handle, Outcome(succeeded=False))


class Believing(FakeRunner):
    """Planted bug: adopts what never was."""

    async def adopt(self, handles: Any) -> frozenset[str]:
        return frozenset(handles)


@pytest.mark.parametrize("planted", [Doubling, Hasty, Believing])
def test_a_runner_that_breaks_the_contract_is_noticed(planted: type[FakeRunner]) -> None:
    class Broken(Commands):
        patience = 2.0

        def runner(self) -> Runner:
            return planted(LoopClock(), scripts())

    promises = [name for name in dir(Broken) if name.startswith("test_")]
    assert len(promises) > 5
    broken = []
    for promise in promises:
        try:
            getattr(Broken(), promise)()
        except (AssertionError, TimeoutError):
            broken.append(promise)
    assert broken
