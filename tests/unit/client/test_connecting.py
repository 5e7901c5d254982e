"""Where the clients connect to, what they show there and nowhere else, and what they close."""

import asyncio
import base64
import logging
from typing import Any

import httpx
import pytest

import kala_client as kala
from tests.unit.client.answers import ID, answer


def test_a_password_in_the_url_is_sent_and_never_shown(
    connect: Any, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(answer(status=500))
    seen: list[kala.Attempt] = []
    with caplog.at_level(logging.DEBUG), pytest.raises(kala.ServerError) as raised:
        connect(server, "http://kala:can%2Fary@kala.test/base/", on_attempt=seen.append).get_job(ID)
    credentials = base64.b64encode(b"kala:can/ary").decode()
    assert server.requests[0].headers["Authorization"] == f"Basic {credentials}"
    assert server.requests[0].url == f"http://kala.test/base/api/v1/job/{ID}/"
    shown = f"{caplog.text} {raised.value} {raised.value!r} {raised.value.url} {seen}"
    assert "ary" not in shown.replace("library", "")
    assert credentials not in shown


def test_a_client_does_not_show_its_token() -> None:
    with kala.KalaClient("http://u:canary@kala.test/api/v1", token="canary") as client:
        assert repr(client) == "KalaClient(url='http://kala.test')"
        assert "canary" not in repr(client._engine.wire)
    with httpx.Client() as mine, kala.KalaClient(token="canary", http_client=mine) as client:
        assert "canary" not in repr(client._engine.wire)
    assert repr(kala.AsyncKalaClient("http://kala.test")) == "AsyncKalaClient(url='http://kala.test')"


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


@pytest.mark.parametrize(
    "url",
    ["kala.test", "ftp://kala.test", "http://", "http://kala.test/?a=b", "http://x/#y", "http://x:port"],
)
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="the base URL must be such as"):
        kala.KalaClient(url)


def test_a_token_with_a_newline_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="newline at its end") as raised:
        kala.KalaClient(token="canary\n")
    assert "canary" not in str(raised.value)


def test_the_hook_is_told_about_each_attempt(connect: Any, serve: Any) -> None:
    seen: list[kala.Attempt] = []
    connect(serve(httpx.ReadError("cut"), answer({"jobs": {}})), on_attempt=seen.append).get_all_jobs()
    assert [(attempt.attempt, attempt.status, type(attempt.error)) for attempt in seen] == [
        (1, None, kala.KalaConnectionError),
        (2, 200, type(None)),
    ]
    assert seen[0].url == "http://kala.test/api/v1/job/"


def test_connections_that_were_given_keep_their_headers_and_say_ours_for_our_calls_alone(serve: Any) -> None:
    server = serve(answer({"jobs": {}}), answer({}))
    with httpx.Client(transport=httpx.MockTransport(server), headers={"Via": "a proxy"}) as mine:
        kala.KalaClient("http://kala.test", token="t0ken", http_client=mine).get_all_jobs()
        mine.get("http://elsewhere.test")
    ours, theirs = (request.headers for request in server.requests)
    assert ours["Via"] == theirs["Via"] == "a proxy"
    assert (ours["Authorization"], ours["Accept"]) == ("Bearer t0ken", "application/json")
    assert ours["User-Agent"].startswith("kala-client-python/")
    assert "Authorization" not in theirs
    assert not theirs["User-Agent"].startswith("kala-client-python/")


def test_a_client_that_was_given_is_not_closed(serve: Any) -> None:
    with httpx.Client(transport=httpx.MockTransport(serve(answer({"jobs": {}})))) as mine:
        with kala.KalaClient("http://kala.test", http_client=mine) as client:
            assert client.get_all_jobs() == {}
        assert not mine.is_closed


async def use(http: httpx.AsyncClient | None, transport: httpx.MockTransport) -> None:
    async with kala.AsyncKalaClient("http://kala.test", http_client=http, transport=transport) as client:
        assert await client.get_all_jobs() == {}


def test_an_asyncio_client_closes_only_its_own_connections(serve: Any) -> None:
    transport = httpx.MockTransport(serve(answer({"jobs": {}})))

    async def both() -> None:
        await use(None, transport)
        async with httpx.AsyncClient(transport=transport) as mine:
            await use(mine, transport)
            assert not mine.is_closed

    asyncio.run(both())


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


@pytest.mark.parametrize("client", [kala.KalaClient, kala.AsyncKalaClient])
@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ({"url": 5}, "url must be of type str, not int"),
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
