"""A fault of ours in the middle of an answer: told as no more than that, logged in full, never taken for the whole."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator
from typing import Any, NoReturn

import httpx
import pytest

from kala_server.testing import running_server
from kala_server.web.guard import Guard
from kala_server.wire import answers
from kala_server.wire.listing import Listing

SECRET = "canary-in-an-error"


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with running_server() as server, httpx.Client(base_url=server.url) as client:
        yield client


def breaks(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError(SECRET)


def is_cancelled(*_: Any) -> NoReturn:
    raise asyncio.CancelledError


async def is_cancelled_after_a_while(*_: Any, **__: Any) -> AsyncGenerator[bytes, None]:
    yield b'{"jobs":{'
    raise asyncio.CancelledError


async def breaks_off(*_: Any, **__: Any) -> AsyncGenerator[bytes, None]:
    yield b'{"jobs":{'
    raise RuntimeError(SECRET)


def test_a_fault_is_a_500_that_tells_nothing_and_a_log_that_tells_all(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(answers, "server_stats", breaks)
    answer = http.get("/api/v1/stats/")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["error"]
    assert SECRET not in answer.text
    [told] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert told.name == "kala.web"
    assert SECRET in caplog.text
    assert http.get("/healthz").status_code == 200


def test_a_fault_at_the_door_is_told_as_well(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as planted:
        planted.setattr(Guard, "refusal", breaks)
        answer = http.get("/api/v1/stats/")
    assert answer.status_code == 500
    assert SECRET not in answer.text
    assert SECRET in caplog.text
    assert http.get("/healthz").status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/stats/", "/api/v1/job/"])
def test_what_is_never_answered_is_not_waited_for(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(answers, "server_stats", is_cancelled)
    monkeypatch.setattr(Listing, "slices", is_cancelled_after_a_while)
    with pytest.raises(httpx.RemoteProtocolError):
        http.get(path)
    assert http.get("/healthz").status_code == 200


def test_an_answer_that_breaks_off_is_not_taken_for_the_whole(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Listing, "slices", breaks_off)
    with pytest.raises(httpx.RemoteProtocolError):
        http.get("/api/v1/job/")
    assert SECRET in caplog.text
    assert http.get("/healthz").status_code == 200
