"""HTTP calls, against a real server."""

import asyncio
import socket
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from kala_server.core.model.job import HTTP_CALL, JobSpec, RemoteCall
from kala_server.outputs.bounded import BoundedOutput
from kala_server.ports.runner import Attempt, Outcome
from kala_server.runners.dispatch import Runners
from kala_server.runners.http.calls import HttpRunner
from kala_server.runners.local.shell import ShellRunner
from tests.eventually import PATIENCE


class Echo(RequestHandler):
    """Says what it was asked, under the status that the path names."""

    def answer(self, status: str) -> None:
        self.set_status(int(status))
        self.set_header("Location", "/status/200")
        self.set_cookie("session", "canary")
        if status == "204":
            return
        asked = self.request
        for name in ("Content-Type", "X-Mine", "Cookie", "Accept-Encoding"):
            self.write(f"{name}: {' | '.join(asked.headers.get_list(name)) or None}\n")
        self.write(f"{asked.method} {asked.uri} {asked.body.decode()}")

    get = post = put = delete = answer


class Endless(RequestHandler):
    """Says a lot, for ever or up to so many chunks."""

    async def get(self, chunks: str) -> None:
        try:
            for _ in range(int(chunks)):
                self.write(b"x" * 100_000)
                await self.flush()
        except StreamClosedError:
            return


class Silent(RequestHandler):
    """Is asked, says so to the test, and never answers."""

    def initialize(self, asked: asyncio.Event) -> None:
        self.asked = asked

    async def get(self) -> None:
        self.asked.set()
        await asyncio.Event().wait()


class Site:
    """A web site for one test, and a runner that calls it."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        listening, self.port = bind_unused_port()
        self.server = HTTPServer(
            Application(
                [
                    ("/status/([0-9]+)", Echo),
                    ("/endless/([0-9]+)", Endless),
                    ("/silent", Silent, {"asked": self.asked}),
                ]
            )
        )
        self.server.add_socket(listening)
        self.http = HttpRunner()
        self.runner = Runners(shell=ShellRunner(), http=self.http)
        self.output = BoundedOutput()
        self.outcomes: dict[str, asyncio.Future[Outcome]] = {}
        self.runner.attach(self)

    def printed(self, _handle: str, chunk: bytes, _missing: int = 0) -> None:
        self.output.write(chunk)

    def ended(self, handle: str, outcome: Outcome) -> None:
        self.outcomes.pop(handle).set_result(outcome)

    def start(self, run_id: str, spec: JobSpec) -> asyncio.Future[Outcome]:
        attempt = Attempt(
            handle=run_id,
            run_id=run_id,
            job_id="job-1",
            number=1,
            scheduled_at=datetime(2024, 5, 1, 9, tzinfo=UTC),
            spec=spec,
        )
        outcome = self.outcomes[run_id] = asyncio.get_running_loop().create_future()
        self.runner.start(attempt)
        assert not outcome.done()
        return outcome

    def call(self, path: str, *, run_id: str = "run-1", **fields: Any) -> asyncio.Future[Outcome]:
        """Start a call; a path may be a whole address."""
        url = f"http://127.0.0.1:{self.port}{path}" if path.startswith("/") else path
        call = RemoteCall(url=url, **fields)
        return self.start(run_id, JobSpec(name="a call", type=HTTP_CALL, remote_properties=call))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def carry_out(scenario: Callable[[Site], Awaitable[None]]) -> None:
    async def whole() -> None:
        site = Site()
        try:
            async with asyncio.timeout(PATIENCE):
                await scenario(site)
        finally:
            site.runner.kill_all()
            await site.runner.close()
            site.server.stop()
            await site.server.close_all_connections()

    asyncio.run(whole())


def result(path: str, **fields: Any) -> tuple[Outcome, str]:
    found: list[tuple[Outcome, str]] = []

    async def scenario(site: Site) -> None:
        outcome = await site.call(path, **fields)
        found.append((outcome, site.output.text().decode()))

    carry_out(scenario)
    return found[0]


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_any_2xx_is_success(status: int) -> None:
    assert result(f"/status/{status}", method="POST")[0] == Outcome(succeeded=True)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500, 503])
def test_any_other_status_is_a_failure_and_a_redirect_is_not_followed(status: int) -> None:
    outcome, output = result(f"/status/{status}")
    assert not outcome.succeeded
    assert outcome.reason.endswith(f" answered {status}, expected 2xx")
    assert output.endswith(f"GET /status/{status} ")


@pytest.mark.parametrize(("status", "succeeded"), [(404, True), (302, True), (200, False), (500, False)])
def test_where_codes_are_expected_only_these_succeed(status: int, succeeded: bool) -> None:
    outcome, _ = result(f"/status/{status}", expected_response_codes=(302, 404))
    assert outcome.succeeded == succeeded
    assert succeeded or outcome.reason.endswith(f"answered {status}, expected 302 or 404")


def test_what_the_job_says_is_sent_and_the_answer_is_the_output() -> None:
    _, output = result("/status/200?q=1", method="put", body="héllo", headers={"X-Mine": "yes"})
    assert "Content-Type: application/json\nX-Mine: yes\nCookie: None\nAccept-Encoding: identity\n" in output
    assert output.endswith("PUT /status/200?q=1 héllo")
    assert "Content-Type: text/plain\n" in result("/status/200", headers={"content-type": "text/plain"})[1]


def test_several_values_of_a_header_are_sent_as_several() -> None:
    outcome, output = result("/status/200", headers={"X-Mine": ("1", " 2 "), "Accept-Encoding": "gzip"})
    assert outcome.succeeded
    assert "X-Mine: 1 | 2\n" in output
    assert "Accept-Encoding: gzip\n" in output


def test_a_call_carries_nothing_over_to_the_next() -> None:
    async def scenario(site: Site) -> None:
        await site.call("/status/200")
        await site.call("/status/200")
        assert b"canary" not in site.output.text()

    carry_out(scenario)


def test_a_server_that_does_not_answer_in_time_is_given_up() -> None:
    outcome, _ = result("/silent", timeout=0.1)
    assert not outcome.succeeded
    assert outcome.reason.endswith(" took longer than 0.1 s")


def test_the_timeout_is_for_the_whole_answer_and_what_came_is_kept() -> None:
    outcome, output = result("/endless/1000000000", timeout=1)
    assert outcome.reason.endswith(" took longer than 1 s")
    assert output.startswith("xxx")


def test_a_refused_connection_is_an_outcome() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        outcome, _ = result(f"http://127.0.0.1:{bound.getsockname()[1]}/")
    assert not outcome.succeeded
    assert " failed: " in outcome.reason


def test_a_long_answer_is_bounded() -> None:
    async def scenario(site: Site) -> None:
        tracemalloc.start()
        try:
            assert (await site.call("/endless/1000")).succeeded
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert site.output.size == 100_000_000
        assert len(site.output.text()) < 150_000
        assert peak < 10_000_000  # both ends of the connection

    carry_out(scenario)


@pytest.mark.parametrize(
    ("url", "fields"),
    [
        ("http://canary:canary@127.0.0.1:1/canary?canary=canary#canary", {}),
        ("http://canary:canary@127.0.0.1:canary/", {}),
        ("http://[/", {}),
        ("canary://127.0.0.1/", {}),
        ("http://127.0.0.1:1/", {"headers": {"Authorization": "canary\n"}}),
        ("http://127.0.0.1:1/", {"headers": {"Authorization": "canary é\u20ac"}}),
        ("http://127.0.0.1:1/", {"method": "GÉT"}),
        ("http://127.0.0.1:1/", {"body": "canary \ud800"}),
        ("http://" + "canary" * 20 + "@" + "a" * 70 + ".example/", {}),
        ("", {}),
    ],
)
def test_a_call_that_cannot_be_made_says_so_without_secrets(url: str, fields: dict[str, Any]) -> None:
    outcome, _ = result(url or "http://", **fields)
    assert not outcome.succeeded
    assert " failed: " in outcome.reason
    assert "canary" not in outcome.reason.replace("canary://", "")


def test_secrets_in_the_url_are_not_in_the_reason_of_an_answer_either() -> None:
    async def scenario(site: Site) -> None:
        outcome = await site.call(f"http://canary:canary@127.0.0.1:{site.port}/canary?canary#canary")
        assert outcome.reason == f"GET http://127.0.0.1:{site.port} answered 404, expected 2xx"

    carry_out(scenario)


def test_a_call_that_is_ended_is_given_up() -> None:
    async def scenario(site: Site) -> None:
        ended = site.call("/silent")
        await site.asked.wait()
        site.runner.end("run-1")
        site.runner.end("run-1")
        outcome = await ended
        assert outcome.reason == f"GET http://127.0.0.1:{site.port} was given up"
        site.runner.end("run-1")

    carry_out(scenario)


def test_one_that_is_ended_before_it_began_still_has_an_outcome() -> None:
    async def scenario(site: Site) -> None:
        ended = site.call("/silent")
        site.runner.end("run-1")
        assert not (await ended).succeeded
        assert not site.asked.is_set()

    carry_out(scenario)


def test_kill_all_gives_every_call_up() -> None:
    async def scenario(site: Site) -> None:
        calls = [site.call("/silent", run_id=f"run-{number}") for number in range(5)]
        await site.asked.wait()
        site.runner.kill_all()
        await site.runner.close()
        assert not any(call.result().succeeded for call in calls)

    carry_out(scenario)


def test_commands_and_calls_go_to_their_own_runner() -> None:
    async def scenario(site: Site) -> None:
        ended = site.start("run-2", JobSpec(name="a command", command="echo a"))
        assert (await ended).exit_code == 0
        assert (await site.call("/status/200")).exit_code is None

    carry_out(scenario)


def test_a_proxy_is_used_and_named_but_not_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        proxy = f"127.0.0.1:{nobody.getsockname()[1]}"
    monkeypatch.setenv("ALL_PROXY", f"http://kala:canary@{proxy}")
    monkeypatch.setenv("NO_PROXY", "10.0.0.1,fd00::/8")
    assert result("/status/200")[0] == Outcome(succeeded=True)
    outcome = result("http://kala.invalid/canary")[0]
    expected = f"GET http://kala.invalid through the proxy http://{proxy} of ALL_PROXY failed: "
    assert outcome.reason
    assert outcome.reason.startswith(expected)
    assert "canary" not in outcome.reason


@pytest.mark.parametrize(
    ("variable", "value", "url"),
    [
        ("SSL_CERT_FILE", "/no/such", "https://kala.invalid"),
        ("ALL_PROXY", "ftp://u:canary@proxy.test", "http://kala.invalid"),
    ],
)
def test_a_setting_at_fault_is_named_and_harms_no_call_that_does_without(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, url: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert result("/status/200")[0] == Outcome(succeeded=True)
    outcome = result(url)[0]
    assert outcome.reason
    assert f" failed: {variable} names " in outcome.reason
    assert "canary" not in outcome.reason
