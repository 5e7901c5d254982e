"""HTTP calls to what may be called: a name is looked up once, and only what was checked is connected to."""

import asyncio
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from kala_server.core.model.job import HTTP_CALL, JobSpec, RemoteCall
from kala_server.outputs.bounded import BoundedOutput
from kala_server.ports.runner import Attempt, Outcome
from kala_server.runners.http.calls import HttpRunner
from kala_server.runners.http.reach import Reach

NAME = "hooks.test"


class Hook(RequestHandler):
    """Says by which name it was called."""

    def post(self) -> None:
        self.write(f"{self.request.headers['Host']} {self.request.body.decode()}")


class Names:
    """What names lead to, one answer after the other, and how often that was asked."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def look_up(self, host: str) -> list[str]:
        assert host == NAME
        self.asked += 1
        return self._answers.pop(0)


class OneCall:
    """Who hears what becomes of one call."""

    def __init__(self, output: BoundedOutput) -> None:
        self._output = output
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def printed(self, _handle: str, chunk: bytes, _missing: int = 0) -> None:
        self._output.write(chunk)

    def ended(self, _handle: str, outcome: Outcome) -> None:
        self.outcome.set_result(outcome)


async def called(runner: HttpRunner, remote: RemoteCall, output: BoundedOutput) -> Outcome:
    listening = OneCall(output)
    runner.attach(listening)
    attempt = Attempt(
        handle="run-1.1",
        run_id="run-1",
        job_id="job-1",
        number=1,
        scheduled_at=datetime(2024, 5, 1, 9, tzinfo=UTC),
        spec=JobSpec(name="a call", type=HTTP_CALL, remote_properties=remote),
    )
    runner.start(attempt)
    outcome = await listening.outcome
    await runner.close()
    return outcome


def outcome_of(
    reach: Reach,
    names: Names,
    *,
    tls: ssl.SSLContext | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[Outcome, str]:
    """Call a server of this machine by its name."""

    async def call() -> tuple[Outcome, str]:
        listening, port = bind_unused_port()
        server = HTTPServer(Application([("/hook", Hook)]), ssl_options=tls)
        server.add_socket(listening)
        runner = HttpRunner(environment or {}, reach=reach, look_up=names.look_up)
        output = BoundedOutput()
        url = f"{'https' if tls else 'http'}://{NAME}:{port}/hook"
        outcome = await called(runner, RemoteCall(url=url, method="POST", body="body"), output)
        server.stop()
        await server.close_all_connections()
        return outcome, output.text().decode().replace(str(port), "PORT")

    return asyncio.run(call())


def test_a_call_goes_to_the_address_that_was_checked_under_the_name() -> None:
    names = Names(["127.0.0.1"])
    outcome, said = outcome_of(Reach.read([NAME], []), names)
    assert outcome == Outcome(succeeded=True)
    assert said == f"{NAME}:PORT body"
    assert names.asked == 1


def test_a_name_that_is_made_to_lead_elsewhere_is_refused_with_the_rule() -> None:
    reach, names = Reach.read([NAME], ["127.0.0.0/8"]), Names(["127.0.0.1"])
    outcome, said = outcome_of(reach, names)
    assert not outcome.succeeded
    assert outcome.reason
    assert outcome.reason.endswith(f" failed: {NAME} (127.0.0.1) may not be called: --http-deny 127.0.0.0/8")
    assert (said, names.asked) == ("", 1)


def test_of_several_addresses_those_that_may_be_called_are_tried_until_one_answers() -> None:
    names = Names(["127.0.0.9", "127.0.0.8", "127.0.0.1"])
    outcome, said = outcome_of(Reach.read([], ["127.0.0.9"]), names)
    assert outcome == Outcome(succeeded=True)
    assert said == f"{NAME}:PORT body"


def test_tls_is_spoken_with_the_name(tmp_path: Path) -> None:
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(NAME).configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    environment = {"SSL_CERT_FILE": str(tmp_path / "ca.pem")}
    outcome, said = outcome_of(Reach.read([NAME], []), Names(["127.0.0.1"]), tls=tls, environment=environment)
    assert outcome == Outcome(succeeded=True)
    assert said == f"{NAME}:PORT body"


@pytest.mark.parametrize(("deny", "refused"), [(NAME, True), ("127.0.0.0/8", False)], ids=["name", "address"])
def test_through_a_proxy_the_name_is_checked_and_not_looked_up(*, deny: str, refused: bool) -> None:
    names = Names()
    outcome, _ = outcome_of(Reach.read([], [deny]), names, environment={"http_proxy": "http://127.0.0.1:9"})
    assert outcome.reason
    assert ("may not be called" in outcome.reason) is refused
    assert names.asked == 0


@pytest.mark.parametrize("environment", [{}, {"http_proxy": "http://127.0.0.1:9"}], ids=["directly", "proxy"])
@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "0.0.0.0"])
def test_an_address_is_known_in_whatever_way_it_is_written(host: str, environment: dict[str, str]) -> None:
    runner = HttpRunner(environment, reach=Reach.read([], ["127.0.0.0/8"]))
    outcome = asyncio.run(called(runner, RemoteCall(url=f"http://{host}/"), BoundedOutput()))
    assert outcome.reason
    assert outcome.reason.endswith("may not be called: --http-deny 127.0.0.0/8")
