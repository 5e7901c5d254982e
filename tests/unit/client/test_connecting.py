"""Where the clients connect to, what they show there and nowhere else, and what they close."""

import asyncio
import base64
import logging
from typing import Any

import httpx
import pytest

import kala_client as kala
from tests.blocking import KINDS, Kind
from tests.shown import shown
from tests.unit.client.answers import ID, answer

CLIENTS = [kala.KalaClient, kala.AsyncKalaClient]


def given(kind: Kind, server: Any, **options: Any) -> Any:
    """Make a client of httpx's, of the kind that ours takes."""
    transport = httpx.MockTransport(server)
    return {"sync": httpx.Client, "async": httpx.AsyncClient}[kind](transport=transport, **options)


def test_a_password_in_the_url_is_sent_and_never_shown(
    connect: Any, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(answer(status=500))
    seen: list[kala.CallAttempt] = []
    with caplog.at_level(logging.DEBUG), pytest.raises(kala.ServerError) as raised:
        connect(server, "http://kala:can%2Fary@kala.test/base/", on_attempt=seen.append).get_job(ID)
    credentials = base64.b64encode(b"kala:can/ary").decode()
    assert server.requests[0].headers["Authorization"] == f"Basic {credentials}"
    assert server.requests[0].url == f"http://kala.test/base/api/v1/job/{ID}/"
    shown = f"{caplog.text} {raised.value} {raised.value!r} {raised.value.url} {seen}"
    assert "ary" not in shown.replace("library", "")
    assert credentials not in shown


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_does_not_show_its_token(client: Any) -> None:
    made = client("http://u:canary@kala.test/api/v1", token="canary")
    assert repr(made) == f"{client.__name__}(url='http://kala.test')"
    assert "Target(" in str([*shown(made)])
    assert "canary" not in str([*shown(made)])


@pytest.mark.parametrize(("client", "kind"), list(zip(CLIENTS, KINDS, strict=True)))
def test_nor_does_one_over_connections_that_were_given(client: Any, kind: Kind, serve: Any) -> None:
    made = client("http://kala.test", token="canary", http_client=given(kind, serve(answer())))
    assert "canary" not in str([*shown(made)])


def test_address_and_token_come_from_the_environment(
    connect: Any, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KALA_URL", "https://kala.example:8443")
    monkeypatch.setenv("KALA_TOKEN", "t0ken")
    server = serve(answer({"jobs": {}}))
    connect(server, None).get_all_jobs()
    assert server.requests[0].url == "https://kala.example:8443/api/v1/job/"
    assert server.requests[0].headers["Authorization"] == "Bearer t0ken"
    assert server.requests[0].headers["User-Agent"].startswith("kala-client-python/")
    connect(server, "http://kala.test", token="mine").get_all_jobs()
    assert server.requests[1].headers["Authorization"] == "Bearer mine"


def test_without_a_token_none_is_sent(connect: Any, serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KALA_URL", raising=False)
    monkeypatch.delenv("KALA_TOKEN", raising=False)
    server = serve(answer({"jobs": {}}))
    connect(server, None).get_all_jobs()
    assert server.requests[0].url.host == "127.0.0.1"
    assert "Authorization" not in server.requests[0].headers


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    "url",
    [
        *("kala.test", "ftp://kala.test", "http://", "http://kala.test/?a=b", "http://x/#y", "http://x:port"),
        *("http://x:65536", "https://x:99999", "http://x:-1", "http://xn--zz"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused(client: Any, url: str) -> None:
    with pytest.raises(ValueError, match="the base URL must be such as"):
        client(url)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_token_with_a_newline_is_refused_without_being_shown(client: Any) -> None:
    with pytest.raises(ValueError, match="newline at its end") as raised:
        client(token="canary\n")
    assert "canary" not in str(raised.value)


def test_the_hook_is_told_about_each_attempt(connect: Any, serve: Any) -> None:
    seen: list[kala.CallAttempt] = []
    connect(serve(httpx.ReadError("cut"), answer({"jobs": {}})), on_attempt=seen.append).get_all_jobs()
    assert [(attempt.attempt, attempt.status, type(attempt.error)) for attempt in seen] == [
        (1, None, kala.KalaConnectionError),
        (2, 200, type(None)),
    ]
    assert seen[0].url == "http://kala.test/api/v1/job/"


def test_connections_that_were_given_keep_their_headers_and_say_ours_for_our_calls_alone(
    connect: Any, serve: Any, kind: Kind, runner: asyncio.Runner
) -> None:
    server = serve(answer({"jobs": {}}), answer({}))
    mine = given(kind, server, headers={"Via": "a proxy"})
    connect(server, token="t0ken", transport=None, http_client=mine).get_all_jobs()
    asked = mine.get("http://elsewhere.test")
    if kind == "async":
        runner.run(asked)
    ours, theirs = (request.headers for request in server.requests)
    assert ours["Via"] == theirs["Via"] == "a proxy"
    assert (ours["Authorization"], ours["Accept"]) == ("Bearer t0ken", "application/json")
    assert ours["User-Agent"].startswith("kala-client-python/")
    assert "Authorization" not in theirs
    assert not theirs["User-Agent"].startswith("kala-client-python/")


def test_a_client_that_was_given_is_not_closed_and_one_of_our_own_is(
    connect: Any, serve: Any, kind: Kind
) -> None:
    server = serve(answer({"jobs": {}}))
    mine = given(kind, server)
    for client in (connect(server, transport=None, http_client=mine), connect(server)):
        assert client.get_all_jobs() == {}
        client.close()
        with pytest.raises(kala.KalaConnectionError, match="closed"):
            client.get_all_jobs()
    assert not mine.is_closed


def test_a_hook_of_the_callers_may_read_the_answer_first(connect: Any, serve: Any, kind: Kind) -> None:
    def read(response: httpx.Response) -> None:
        response.read()

    async def read_too(response: httpx.Response) -> None:
        await response.aread()

    server = serve(answer({"jobs": {}}))
    mine = given(kind, server, event_hooks={"response": [read if kind == "sync" else read_too]})
    assert connect(server, transport=None, http_client=mine).get_all_jobs() == {}


def test_a_hung_server_cannot_hold_an_asyncio_client() -> None:
    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def call() -> None:
        async with kala.AsyncKalaClient(
            "http://x", transport=httpx.MockTransport(hang), timeout=0.001
        ) as client:
            await client.get_job(ID)

    with pytest.raises(kala.KalaTimeoutError):
        asyncio.run(call())


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ({"url": 5}, "url must be of type str or a sequence of such, not int"),
        ({"token": b"t"}, "token must be of type str, not bytes"),
        ({"retry": 3}, r"retry must be of type kala_client\.RetryPolicy, not int"),
        ({"max_body": "1"}, "max_body must be of type int, not str"),
        ({"transport": object()}, r"transport must be of type httpx\.\w+, not object"),
    ],
)
def test_an_argument_of_another_type_is_refused_when_it_is_given(
    client: Any, argument: dict[str, Any], told: str
) -> None:
    with pytest.raises(TypeError, match=told):
        client(**argument)
