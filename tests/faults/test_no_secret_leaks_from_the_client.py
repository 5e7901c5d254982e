"""No secret leaks from the client: not in a repr, an error with all that it came from, or a log of what it uses."""

import asyncio
import logging
import traceback
from collections.abc import Callable, Iterator

import httpx
import pytest

from kala_client import AsyncKalaClient, Job, KalaClient, KalaError, RetryPolicy
from kala_client._http.target import Target
from tests.faults import canaries as c
from tests.shown import shown

BASE = f"http://kala:{c.PASSWORD}@127.0.0.1:1"
ELSEWHERE = f"https://kala:{c.PASSWORD}@127.0.0.1:2/kala"
REMOTE = {
    "url": f"http://kala:{c.PASSWORD}@example.test/",
    "headers": {"Authorization": [c.HEADER]},
    "body": c.BODY,
}
ANSWERS: dict[str, httpx.Response | Exception] = {
    "a job": httpx.Response(
        200, json={"job": {"name": "a job", "env": {"SAID": c.ENV}, "remote_properties": REMOTE}}
    ),
    "unauthorized": httpx.Response(401, json={"detail": "no"}),
    "unknown": httpx.Response(404, json={"error": "no such job"}),
    "a redirect": httpx.Response(
        301, headers={"Location": f"http://kala:{c.PASSWORD}@example.test/?{c.TOKEN}"}
    ),
    "a leader": httpx.Response(
        503,
        headers={
            "Kala-Server": "kala-python/1",
            "Kala-Leader": f"http://kala:{c.PASSWORD}@example.test/?{c.TOKEN}",
        },
    ),
    "no JSON": httpx.Response(200, text="<html>"),
    "another type": httpx.Response(
        200, json={"job": {"name": ["a job"], "env": {"SAID": [c.ENV]}, "command": 7}}
    ),
    "too late": httpx.ReadTimeout("timed out"),
    "cut": httpx.RemoteProtocolError("peer closed connection"),
    "broken": httpx.Response(500, text="Traceback"),
}


def clients(answer: httpx.Response | Exception) -> Iterator[Callable[[], object]]:
    """Yield calls of both clients, with both kinds of credentials, that get this answer."""

    def respond(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"].startswith(("Basic ", f"Bearer {c.TOKEN}"))
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    for url, token in ((BASE, None), (BASE, c.TOKEN), (f"{BASE},{ELSEWHERE}", None)):
        transport = httpx.MockTransport(respond)
        attempts: list[object] = []
        once = RetryPolicy(attempts=1)
        one = KalaClient(url, token=token, transport=transport, on_attempt=attempts.append, retry=once)

        def call(one: KalaClient = one, attempts: list[object] = attempts) -> object:
            with one:
                return [
                    one,
                    vars(one),
                    *shown(one),
                    attempts,
                    _outcome(lambda: one.get_job("x")),
                    attempts,
                ]

        def call_async(url: str = url, token: str | None = token) -> object:
            async def got() -> object:
                async with AsyncKalaClient(url, token=token, transport=transport, retry=once) as other:  # noqa: B023
                    try:
                        return other, await other.get_job("x")
                    except KalaError as error:
                        return other, _told(error)

            return asyncio.run(got())

        yield call
        yield call_async


def _outcome(call: Callable[[], object]) -> object:
    try:
        return call()
    except Exception as error:  # noqa: BLE001 - whatever a program may print
        return _told(error)


def _told(error: BaseException) -> list[str]:
    """Return everything that a program prints of an error."""
    return [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]


WRONG: dict[str, Callable[[], object]] = {
    "a URL with a query": lambda: KalaClient(f"{BASE}/?token={c.TOKEN}"),
    "another scheme": lambda: KalaClient(f"ftp://kala:{c.PASSWORD}@example.test"),
    "another scheme, of one of several": lambda: KalaClient(
        f"{BASE},ftp://kala:{c.PASSWORD}@example.test,{ELSEWHERE}"
    ),
    "a port that is none, of one of several": lambda: KalaClient([BASE, f"{ELSEWHERE[:-5]}99999"]),
    "nobody there, at several": lambda: KalaClient(
        [BASE, ELSEWHERE], token=c.TOKEN, retry=RetryPolicy(attempts=1)
    ).delete_job("x"),
    "a port that is none": lambda: KalaClient(f"http://kala:{c.PASSWORD}@example.test:port"),
    "a host that is none": lambda: KalaClient(f"http://kala:{c.PASSWORD}@[example.test"),
    "a token with a newline": lambda: KalaClient(token=f"{c.TOKEN}\n"),
    "a token that is no text": lambda: KalaClient(token=f"{c.TOKEN}é"),
    "a job with a wrong type": lambda: Job(name="secret", env={"SAID": [c.ENV]}),  # type: ignore[dict-item]
    "a job with a wrong field": lambda: Job(name="secret", comand=c.COMMAND),  # type: ignore[call-arg]
    "fields of a wrong type": lambda: KalaClient(BASE).create_job(name="secret", env={"SAID": [c.ENV]}),  # type: ignore[dict-item]
    "nobody there": lambda: KalaClient(BASE, retry=RetryPolicy(attempts=1)).get_job("x"),
    "nobody there, from asyncio": lambda: asyncio.run(
        AsyncKalaClient(BASE, retry=RetryPolicy(attempts=1)).get_job("x")
    ),
    "a program's own target": lambda: Target.choose(BASE, c.TOKEN, {}),
}


def leaks(call: Callable[[], object], logged: pytest.LogCaptureFixture) -> set[str]:
    logged.clear()
    with logged.at_level(logging.DEBUG):
        text = repr(_outcome(call))
    return c.found(text + logged.text, c.EVERY)


@pytest.mark.parametrize("answer", ANSWERS)
def test_no_secret_leaks_from_a_client_whatever_is_answered(
    answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    for call in clients(ANSWERS[answer]):
        assert leaks(call, caplog) == set()


@pytest.mark.parametrize("wrong", WRONG)
def test_no_secret_leaks_from_a_client_that_is_used_wrongly(
    wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert leaks(WRONG[wrong], caplog) == set()


def test_a_client_that_shows_its_authorization_is_noticed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(
        Target, "__repr__", lambda target: f"Target({target.url!r}, {target.authorization!r})"
    )
    shown = [leaks(call, caplog) for call in clients(ANSWERS["unknown"])]
    assert {c.TOKEN} in shown


def test_a_client_that_lets_httpx_log_passwords_is_noticed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("kala_client._http.target.safe_url", lambda url: url)
    assert {c.PASSWORD} in [leaks(call, caplog) for call in clients(ANSWERS["unknown"])]
