"""What comes as a stream: the output of a run, and events; bounded, and only what was asked for; of both clients."""

from collections.abc import Callable
from itertools import islice
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kala_client as kala
from kala_client import RetryPolicy
from kala_client._http.lines import Lines
from tests.unit.client.answers import Streamed, answer
from tests.unit.client.conftest import OURS

EVENTS_URL = "http://kala.test/api/v1/events/"


def stream(*chunks: bytes, kind: str = "") -> httpx.Response:
    named = {"Content-Type": kind} if kind else {}
    return httpx.Response(200, headers=OURS | named, content=b"".join(chunks))


def dripping(body: bytes, size: int) -> Callable[[httpx.Request], httpx.Response]:
    """Serve a body in chunks of that many bytes."""
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    return lambda _: httpx.Response(200, headers=OURS, stream=Streamed(*chunks))


def test_output_is_text_even_where_it_is_not(connect: Any, serve: Any) -> None:
    server = serve(stream(b"one\ntwo \xff"))
    assert connect(server).output("r1") == "one\ntwo \ufffd"
    assert server.asked == ["GET /api/v1/run/r1/output/"]


def test_lines_are_followed_as_they_come(connect: Any, serve: Any) -> None:
    server = serve(stream(b"one\ntw", b"o\x0b\n\n", b"rest"))
    assert list(connect(server).follow("r1")) == ["one", "two\x0b", "", "rest"]
    assert server.asked == ["GET /api/v1/run/r1/output/?follow=true"]


def test_a_follow_of_nothing_is_an_error(connect: Any, serve: Any) -> None:
    with pytest.raises(kala.RunNotFoundError):
        list(connect(serve(answer({"detail": "no such run"}, 404, **OURS))).follow("r1"))
    with pytest.raises(kala.KalaConnectionError):
        list(connect(serve(httpx.ReadError("cut"))).follow("r1"))


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    lines = Lines(4)
    assert [*lines.feed(b"abc"), *lines.feed(b"de"), *lines.feed(b"f\n"), *lines.end()] == ["abcde", "f"]


def test_events_are_read_and_taken_up_where_they_ended(connect: Any, serve: Any, clock: Any) -> None:
    server = serve(
        stream(b': hello\r\nid: 1\r\nevent: run_started\r\ndata: {"run":\r\ndata: 5}\r\n\r\nid: 2\n\n'),
        httpx.ReadError("cut"),
        stream(b"data: plain\n\ndata: lost\n", b"id: 9\nid: \0\nretry: 5\n"),
    )
    client = connect(server, retry=RetryPolicy(random=lambda: 1.0))
    first, second = islice(client.events(last_event_id="0"), 2)
    assert (first.id, first.event, first.data) == ("1", "run_started", {"run": 5})
    assert (second.id, second.event, second.data) == ("2", "message", "plain")
    assert [request.headers["Last-Event-ID"] for request in server.requests] == ["0", "2", "2"]
    assert clock.sleeps == pytest.approx([0.2, 0.4])


def test_a_place_in_the_events_that_no_header_can_carry_is_told(connect: Any, serve: Any) -> None:
    server = serve(stream(b""))
    with pytest.raises(kala.InvalidRequestError, match="last_event_id must be"):
        list(connect(server).events(last_event_id="a\nb"))
    assert server.asked == []


def test_a_stream_that_brings_nothing_again_and_again_is_an_error(connect: Any, serve: Any) -> None:
    server = serve(stream(b""))
    with pytest.raises(kala.KalaConnectionError, match="again and again"):
        list(connect(server).events())
    assert len(server.requests) == 30
    with pytest.raises(kala.ServerError):
        list(connect(serve(answer({}, 503, **OURS))).events())


@given(st.lists(st.binary(max_size=5)), st.integers(1, 20))
def test_lines_are_the_same_however_they_come(chunks: list[bytes], longest: int) -> None:
    lines = Lines(longest)
    got = [line for chunk in chunks for line in lines.feed(chunk)] + list(lines.end())
    text = b"".join(chunks)
    if all(len(line) <= longest for line in text.split(b"\n")):
        assert got == [
            line.decode("utf-8", "replace") for line in text.removesuffix(b"\n").split(b"\n") if text
        ]
    assert all(len(line.encode()) <= 3 * (longest + 5) for line in got)


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
@pytest.mark.parametrize(
    "body",
    [
        b"data: " + b"x" * 200 + b"\n\n",
        b"data: " + "\U0001f600".encode() * 50 + b"\n\n",
        b"data: xxxxxxxx\n" * 20 + b"\n",
        b"data\n" * 200 + b"\n",
        b"data: x\n" * 100_000,
        b"event: " + b"x" * 200 + b"\ndata: x\n\n",
        b": " + b"x" * 200 + b"\n",
    ],
    ids=lambda body: body[:9].decode(errors="replace"),
)
def test_an_event_is_bounded_as_an_answer_is(connect: Any, body: bytes, size: int) -> None:
    client = connect(dripping(body, size), max_body=100)
    with pytest.raises(kala.UnexpectedResponseError, match="an event is larger than the 100 bytes") as raised:
        list(client.events())
    assert (raised.value.method, raised.value.url) == ("GET", EVENTS_URL)


@pytest.mark.parametrize("size", [1, 64, 100_000])
def test_no_number_of_events_and_comments_is_too_much(connect: Any, size: int) -> None:
    body = b": still there\n" * 50 + b"id: 1\ndata: " + b"x" * 80 + b"\n\n" + b"data: 5\n\n" * 50
    events = connect(dripping(body, size), max_body=100).events()
    assert [event.data for event in islice(events, 51)] == ["x" * 80] + [5] * 50


@pytest.mark.parametrize("name", ["\xe9", "9" * 300, " 7"])
def test_an_id_after_which_no_stream_can_take_up_again_is_no_answer_of_a_kala(
    connect: Any, serve: Any, name: str
) -> None:
    server = serve(stream(f"id:  {name}\ndata: 1\n\n".encode()))
    with pytest.raises(kala.UnexpectedResponseError, match="no Kala gives an event such an id") as raised:
        list(connect(server).events())
    assert raised.value.url == EVENTS_URL
    assert len(server.asked) == 1


def test_an_empty_id_takes_up_from_now_on(connect: Any, serve: Any) -> None:
    server = serve(stream(b"id: 1\ndata: 1\n\nid:\ndata: 2\n\n"), stream(b"data: 3\n\n"))
    assert [event.data for event in islice(connect(server).events(last_event_id=""), 3)] == [1, 2, 3]
    assert ["Last-Event-ID" in request.headers for request in server.requests] == [False, False]


@pytest.mark.parametrize("text", ["[" * 200_000, f"[{','.join(['[]'] * 500_000)}]"], ids=["deep", "heap"])
def test_data_of_an_event_that_nobody_can_read_is_text(connect: Any, serve: Any, text: str) -> None:
    client = connect(serve(stream(f"data: {text}\n\n".encode())))
    assert next(iter(client.events())).data == text


def test_data_of_several_lines_is_one_text(connect: Any, serve: Any) -> None:
    client = connect(serve(stream(b"data\n\ndata:\ndata: \n\ndata: a\ndata:b\n\n")))
    assert [event.data for event in islice(client.events(), 3)] == ["", "\n", "a\nb"]


STREAMS: list[Callable[[Any], Any]] = [
    lambda client: client.output("r1"),
    lambda client: list(client.follow("r1")),
    lambda client: list(client.events()),
]


@pytest.mark.parametrize("ask", STREAMS)
def test_a_web_page_is_no_output_and_brings_no_events(connect: Any, serve: Any, ask: Any) -> None:
    server = serve(stream(b"<html>\n", kind="Text/HTML; charset=utf-8"))
    with pytest.raises(kala.UnexpectedResponseError, match="not an answer of a Kala: text/html") as raised:
        ask(connect(server))
    assert raised.value.url is not None
    assert len(server.asked) == 1


def test_the_kind_of_an_answer_may_be_said_in_any_case_and_with_parameters(connect: Any, serve: Any) -> None:
    client = connect(serve(stream(b"one\n", kind="Text/Plain ;charset=utf-8")))
    assert (client.output("r1"), list(client.follow("r1"))) == ("one\n", ["one"])
    client = connect(serve(stream(b"data: 5\n\n", kind="text/event-stream")))
    assert next(iter(client.events())).data == 5


def test_what_brings_nothing_again_and_again_says_which_call_it_was(connect: Any, serve: Any) -> None:
    with pytest.raises(kala.KalaConnectionError, match="again and again") as raised:
        list(connect(serve(stream(b""))).events())
    assert raised.value.url == EVENTS_URL
