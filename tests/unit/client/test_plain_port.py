"""An https address whose port may not speak TLS: what is asked there, and what is made of it; against both clients."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import kala_client as kala
from kala_client import AsyncKalaClient, KalaClient, RetryPolicy
from kala_client._http.route import Routes
from tests.blocking import Blocking, Kind
from tests.unit.client.answers import answer

SILENT = httpx.ConnectTimeout("the handshake timed out")
BROKEN = httpx.ConnectError("wrong version number")


def fine() -> httpx.Response:
    return answer({"jobs": {}})


class Port(httpx.MockTransport):
    """Answers in order what is asked over TLS, and in one way what is asked in the clear."""

    def __init__(self, *encrypted: httpx.Response | Exception, plain: httpx.Response | Exception) -> None:
        super().__init__(self.serve)
        self.encrypted = list(encrypted)
        self.plain = plain
        self.asked: list[httpx.Request] = []

    def serve(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.encrypted.pop(0) if request.url.scheme == "https" else self.plain
        if isinstance(answer, Exception):
            raise answer
        return answer

    def abandon(self) -> None:
        raise AssertionError

    @property
    def patience(self) -> list[tuple[str, float]]:
        return [(request.url.scheme, request.extensions["timeout"]["connect"]) for request in self.asked]


Over = Callable[[Port], Any]


@pytest.fixture
def over(kind: Kind, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch) -> Over:
    """Make a client whose own connections lead to a port."""

    def make(port: Port) -> Any:
        monkeypatch.setattr(Routes, "blocking", lambda *_: port)
        monkeypatch.setattr(Routes, "asynchronous", lambda *_: port)
        options: dict[str, Any] = {"token": "canary", "retry": RetryPolicy(attempts=2, base=0)}
        if kind == "sync":
            return KalaClient("https://kala.test:8000", **options)
        return Blocking(AsyncKalaClient("https://kala.test:8000", **options), runner)

    return make


@pytest.mark.parametrize("failure", [SILENT, BROKEN])
def test_a_port_that_answers_http_is_told_and_not_asked_again(over: Over, failure: Exception) -> None:
    port = Port(failure, plain=httpx.Response(404))
    with pytest.raises(kala.KalaConnectionError, match=r"http://kala\.test:8000 may be meant") as raised:
        over(port).get_all_jobs()
    assert raised.value.__cause__ is failure
    assert port.patience == [("https", 1.0), ("http", 1.0)]
    question = port.asked[1]
    assert (question.method, str(question.url)) == ("HEAD", "http://kala.test:8000/")
    assert "canary" not in str(question.headers.raw)


def test_a_server_that_is_slow_to_greet_is_given_the_time(over: Over) -> None:
    port = Port(SILENT, fine(), fine(), plain=httpx.Response(400))
    client = over(port)
    assert client.get_all_jobs() == client.get_all_jobs() == {}
    assert port.patience == [("https", 1.0), ("http", 1.0), ("https", 5.0), ("https", 5.0)]


def test_a_port_that_speaks_neither_fails_as_any_other(over: Over) -> None:
    port = Port(BROKEN, BROKEN, plain=httpx.ConnectError("refused"))
    with pytest.raises(kala.KalaConnectionError, match="wrong version number"):
        over(port).get_all_jobs()
    assert port.patience == [("https", 1.0), ("http", 1.0)] * 2


def test_a_certificate_that_is_not_trusted_is_told_and_not_asked_for_again(over: Over) -> None:
    untrusted = httpx.ConnectError("certificate verify failed")
    untrusted.__cause__ = ssl.SSLCertVerificationError("self-signed")
    port = Port(untrusted, plain=fine())
    with pytest.raises(kala.KalaConnectionError, match="certificate verify failed") as raised:
        over(port).get_all_jobs()
    assert raised.value.lasting
    assert port.patience == [("https", 1.0)]


def test_a_stream_is_asked_for_in_the_same_way(over: Over) -> None:
    port = Port(SILENT, plain=fine())
    with pytest.raises(kala.KalaConnectionError, match="speaks http"):
        list(over(port).follow("r1"))
    assert port.patience == [("https", 1.0), ("http", 1.0)]
