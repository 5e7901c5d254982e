"""Streams of several servers: where one goes away another one goes on, and tells nothing twice; of both clients."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kala_client as kala
from kala_client import RetryPolicy
from kala_client._http.lines import Lines, LinesOfMany
from tests.unit.client.answers import Streamed
from tests.unit.client.conftest import OURS

A, B = "http://a.test", "http://b.test"
RUN = {"run": {"id": "r1", "job_id": "j", "state": "succeeded", "trigger": "manual", "finished": True}}
STEADY = RetryPolicy(random=lambda: 1.0)


class Cut(Streamed):
    """A body that breaks off after its last chunk."""

    def __iter__(self) -> Iterator[bytes]:
        yield from self.chunks
        raise httpx.ReadError("cut")

    async def __aiter__(self) -> Any:
        for chunk in self.chunks:
            yield chunk
        raise httpx.ReadError("cut")


Said = Exception | httpx.AsyncByteStream | int


class Two:
    """Two servers; each stream is the next one of those that its server was prepared with."""

    def __init__(self, a: Sequence[Said], b: Sequence[Said], state: str = "succeeded") -> None:
        self.streams = {"a.test": list(a), "b.test": list(b)}
        self.state = state
        self.asked: list[str] = []
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        streams = request.url.path.endswith(("/output/", "/events/"))
        self.asked.append(request.url.host[0] if streams else f"{request.url.host[0]}?")
        self.requests.append(request)
        if not streams:
            return httpx.Response(200, headers=OURS, json={"run": RUN["run"] | {"state": self.state}})
        said = self.streams[request.url.host].pop(0)
        if isinstance(said, Exception):
            raise said
        if isinstance(said, int):
            return httpx.Response(said, headers=OURS, json={"detail": "no"})
        return httpx.Response(200, headers=OURS, stream=said)


Connect = Callable[..., Any]
GONE = httpx.ConnectError("refused")


def test_output_goes_on_at_another_server_and_no_line_is_told_twice(connect: Connect, clock: Any) -> None:
    two = Two([Cut(b"one\ntw"), Streamed(b"one\n", b"two\nthree\nfo", b"ur")], [Cut(b"one\ntwo\nth")])
    assert list(connect(two, [A, B], retry=STEADY).follow("r1")) == ["one", "two", "three", "four"]
    assert two.asked == ["a", "b", "a", "a?"]
    assert clock.sleeps == [0.2, 0.2]


@pytest.mark.parametrize("failure", [GONE, httpx.ReadError("cut"), 502, 503])
def test_a_server_that_gives_no_stream_is_left_for_the_next_one(connect: Connect, failure: Said) -> None:
    two = Two([failure], [Streamed(b"one\n")])
    assert list(connect(two, [A, B]).follow("r1")) == ["one"]
    assert two.asked == ["a", "b", "b?"]


def test_where_none_is_reached_the_last_one_is_told(connect: Connect) -> None:
    two = Two([GONE], [GONE])
    with pytest.raises(kala.KalaConnectionError, match=r"reached at http://b\.test"):
        list(connect(two, [A, B], retry=RetryPolicy(attempts=1)).follow("r1"))
    assert two.asked == ["a", "b"]


def test_output_that_ends_before_its_run_does_is_asked_for_again(connect: Connect) -> None:
    two = Two([Streamed(b"one\n")], [])

    def over(request: httpx.Request) -> httpx.Response:
        if len(two.asked) == 2:
            two.state = "succeeded"
            two.streams["a.test"] = [Streamed(b"one\n", b"two\n")]
        return two(request)

    two.state = "running"
    assert list(connect(over, [A, B]).follow("r1")) == ["one", "two"]
    assert two.asked == ["a", "a?", "a", "a?"]


def test_that_is_given_up_when_nothing_more_comes(connect: Connect) -> None:
    two = Two([Streamed(b"one\n") for _ in range(50)], [], state="running")
    with pytest.raises(kala.KalaConnectionError, match="the stream of output again and again") as raised:
        list(connect(two, [A, B]).follow("r1"))
    assert raised.value.url == "http://a.test/api/v1/run/r1/output/"
    assert two.asked.count("a") == STEADY.patience


def test_output_of_which_another_server_has_kept_less_ends_with_its_run(connect: Connect) -> None:
    two = Two([Cut(b"one\ntwo\nth")], [Streamed(b"one\n")])
    assert list(connect(two, [A, B]).follow("r1")) == ["one", "two", "th"]


def test_output_that_another_server_tells_otherwise_is_not_taken_up(connect: Connect) -> None:
    two = Two([Cut(b"one\ntwo\n")], [Streamed(b"one\n[", b"7 bytes cut]\nfive\nsix\n")])
    lines = iter(connect(two, [A, B]).follow("r1"))
    assert [next(lines), next(lines)] == ["one", "two"]
    with pytest.raises(kala.KalaConnectionError, match="is told otherwise now") as raised:
        next(lines)
    assert raised.value.lasting


def test_a_server_that_is_alone_is_asked_once_as_its_commands_end_with_it(connect: Connect) -> None:
    two = Two([Cut(b"one\n")], [])
    lines = iter(connect(two, A).follow("r1"))
    assert next(lines) == "one"
    with pytest.raises(kala.KalaConnectionError, match="broke off"):
        next(lines)
    assert two.asked == ["a"]


def test_events_go_on_at_another_server_which_hears_what_was_the_last_one(
    connect: Connect, clock: Any
) -> None:
    two = Two([Cut(b"id: x-1\ndata: 1\n\ndata: lo")], [Streamed(b"id: y-7\nevent: missed\ndata: 2\n\n")])
    events = connect(two, [A, B], retry=STEADY).events()
    assert [(event.event, event.data) for event in islice(events, 2)] == [("message", 1), ("missed", 2)]
    assert two.asked == ["a", "b"]
    assert two.requests[1].headers["Last-Event-ID"] == "x-1"
    assert clock.sleeps == [0.2]


def test_an_error_of_the_stream_names_the_server_that_it_is_of(connect: Connect) -> None:
    two = Two([GONE], [Streamed(b"data: " + b"x" * 200 + b"\n\n")])
    with pytest.raises(kala.UnexpectedResponseError, match="100 bytes") as raised:
        list(connect(two, [A, B], max_body=100).events())
    assert raised.value.url == "http://b.test/api/v1/events/"


def test_a_wait_goes_on_at_another_server(connect: Connect) -> None:
    asked = []

    def running(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host[0])
        if request.url.host == "a.test" and len(asked) > 1:
            raise GONE
        state = "running" if len(asked) < 5 else "failed"
        return httpx.Response(200, headers=OURS, json={"run": RUN["run"] | {"state": state}})

    assert connect(running, [A, B]).wait("r1").failed
    assert "".join(asked) == "aabbb"


@given(st.binary(max_size=40), st.lists(st.lists(st.integers(1, 9), max_size=8), max_size=5))
def test_a_text_has_the_same_lines_in_however_many_streams_it_comes(
    text: bytes, streams: list[list[int]]
) -> None:
    lines, alone = LinesOfMany(1000), Lines(1000)
    got: list[str] = []
    for sizes in [*streams, [len(text) or 1]]:
        lines.again()
        rest = text
        for size in sizes:
            got += lines.feed(rest[:size])
            rest = rest[size:]
    assert [*got, *lines.end()] == [*alone.feed(text), *alone.end()]
