"""The blocking client's own connections: whatever a server does with its bytes, a call ends with its deadline."""

import gzip
import json
import ssl
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore
import httpx
import pytest

import kala_client as kala
from kala_client import KalaClient, RetryPolicy
from kala_client._http import deadline
from kala_client._http.transport import DeadlineTransport

ID = "7c58ea8f-3753-4428-77c5-ba6103933f1c"
BODY = b'{"jobs": {}}'
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n" + BODY
LONG_HEAD = b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100
# The name of the file in the head of a gzip stream: bytes come in, and nothing to decode comes out.
LONG_GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08" + b"\x00" * 6 + b"n" * 100


class Line(httpcore.NetworkStream, httpcore.NetworkBackend):
    """A server at the other end: `passes` seconds go by for each read or write, and a failure ends what it sends.

    It hands out one chunk for each read, and remembers the timeouts that it was given.
    """

    def __init__(self, clock: Any, chunks: Iterable[bytes | Exception], *, passes: float = 0.0) -> None:
        self.clock = clock
        self.chunks = iter(chunks)
        self.passes = passes
        self.timeouts: list[float | None] = []
        self.opened = self.written = 0
        self.closed = False

    def _wait(self, timeout: float | None) -> None:
        self.timeouts.append(timeout)
        self.clock.now += self.passes

    def connect_tcp(self, *_: Any, **options: Any) -> httpcore.NetworkStream:
        self._wait(options["timeout"])
        self.opened += 1
        return self

    def start_tls(self, *_: Any, **options: Any) -> httpcore.NetworkStream:
        self._wait(options["timeout"])
        return self

    def read(self, *_: Any, **options: Any) -> bytes:
        self._wait(options["timeout"])
        chunk = next(self.chunks)
        if isinstance(chunk, Exception):
            raise chunk
        return chunk

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._wait(timeout)
        self.written += len(buffer)

    def close(self) -> None:
        self.closed = True


Connect = Callable[..., KalaClient]


@pytest.fixture
def over(clock: Any) -> Iterator[Connect]:
    """Make a blocking client of a line."""
    clients: list[KalaClient] = []

    def make(line: Line, url: str = "http://kala.test", **options: Any) -> KalaClient:
        transport = DeadlineTransport(ssl.create_default_context() if "https" in url else None, line)
        client = KalaClient(
            url, transport=transport, monotonic=clock.monotonic, sleep=clock.sleep, **{"timeout": 1} | options
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


def bytewise(answer: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in answer]


@pytest.mark.parametrize("answer", [LONG_HEAD, LONG_GZIP])
def test_an_answer_that_drips_from_its_head_on_ends_with_the_deadline(
    over: Connect, clock: Any, answer: bytes
) -> None:
    line = Line(clock, bytewise(answer), passes=0.3)
    with pytest.raises(kala.KalaTimeoutError, match="within 1 s"):
        over(line).get_all_jobs()
    assert clock.now == pytest.approx(1001.2)
    assert line.closed


def test_each_wait_for_bytes_is_as_long_as_what_is_left_of_the_call(over: Connect, clock: Any) -> None:
    line = Line(clock, [WHOLE[:5], WHOLE[5:-1], WHOLE[-1:]], passes=0.125)
    over(line).get_all_jobs()
    assert line.timeouts == [1.0, 0.875, 0.75, 0.625, 0.5]  # connect, write, and three times read


def test_a_request_that_is_taken_slowly_ends_with_the_deadline(over: Connect, clock: Any) -> None:
    line = Line(clock, [], passes=0.25)
    with pytest.raises(kala.KalaTimeoutError):
        over(line).create_job(name="a", command="x" * 1_000_000)
    assert clock.now == 1001
    assert 0 < line.written < 500_000


def test_a_handshake_is_part_of_the_call(over: Connect, clock: Any) -> None:
    line = Line(clock, [WHOLE], passes=0.2)
    assert over(line, "https://kala.test").get_all_jobs() == {}
    assert line.timeouts == pytest.approx([1.0, 0.8, 0.6, 0.4])  # connect, handshake, write, read


def test_a_call_that_ends_before_it_was_sent_says_so(over: Connect, clock: Any) -> None:
    with pytest.raises(kala.KalaConnectionError, match="no Kala can be reached") as raised:
        over(Line(clock, [], passes=1.5), "https://kala.test").get_all_jobs()
    assert raised.value.never_sent


def test_a_connection_serves_many_calls(over: Connect, clock: Any) -> None:
    line = Line(clock, [WHOLE, WHOLE])
    client = over(line)
    assert client.get_all_jobs() == client.get_all_jobs() == {}
    assert line.opened == 1


def test_a_request_goes_out_and_an_answer_comes_in_as_httpx_would_have_it(over: Connect, clock: Any) -> None:
    packed = gzip.compress(json.dumps({"id": ID}).encode())
    head = f"HTTP/1.1 201 Created\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    assert over(Line(clock, [head.encode(), packed])).create_job(name="a") == ID


@pytest.mark.parametrize(
    "chunks",
    [
        [httpcore.ReadError("reset")],
        [WHOLE[:10], b""],
        [WHOLE[:-5], httpcore.ReadError("reset")],
        [WHOLE[:-5], b""],
        [b"SSH-2.0\r\n\r\n"],
    ],
)
def test_a_connection_that_fails_is_a_connection_error(
    over: Connect, clock: Any, chunks: list[bytes | Exception]
) -> None:
    with pytest.raises(kala.KalaConnectionError) as raised:
        over(Line(clock, chunks), retry=RetryPolicy(attempts=1)).get_all_jobs()
    assert not raised.value.never_sent


def test_a_stream_that_may_last_is_not_held_to_the_deadline_of_a_call(over: Connect, clock: Any) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n"
    line = Line(clock, [head, b"one\n", b"two\n"], passes=60)
    assert list(over(line).follow("r1")) == ["one", "two"]
    assert line.timeouts[1:] == [None] * 4


def test_what_is_left_of_a_call_is_its_threads_own_and_is_forgotten_with_it() -> None:
    with ThreadPoolExecutor(1) as other, deadline.held(lambda: 2.0):
        assert other.submit(deadline.bound, 5.0).result() == 5.0
        with deadline.held(lambda: 1.0):
            assert deadline.bound(None) == 1.0
        assert deadline.bound(5.0) == 2.0
        assert deadline.bound(0.5) == 0.5
    assert deadline.bound(None) is None


def through_a_proxy(line: Line) -> DeadlineTransport:
    return DeadlineTransport(None, line, proxy=httpx.Proxy("http://u:p@proxy.test:3128"))


def test_a_call_through_a_proxy_is_held_to_its_deadline_too(clock: Any) -> None:
    line = Line(clock, bytewise(LONG_HEAD), passes=0.3)
    options: dict[str, Any] = {"monotonic": clock.monotonic, "timeout": 1}
    with (
        KalaClient("http://kala.test", transport=through_a_proxy(line), **options) as client,
        pytest.raises(kala.KalaTimeoutError),
    ):
        client.get_all_jobs()
    assert clock.now == pytest.approx(1001.2)


@pytest.mark.parametrize(
    ("answer", "told"),
    [(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407"), (b"", "disconnected")],
)
def test_a_proxy_that_refuses_is_a_connection_error(clock: Any, answer: bytes, told: str) -> None:
    with (
        KalaClient(
            "https://kala.test",
            transport=through_a_proxy(Line(clock, [answer])),
            retry=RetryPolicy(attempts=1),
        ) as client,
        pytest.raises(kala.KalaConnectionError, match=told),
    ):
        client.get_all_jobs()


def test_connections_are_abandoned_even_while_a_thread_that_a_fork_has_left_behind_holds_the_pool(
    clock: Any,
) -> None:
    line = Line(clock, [WHOLE])
    transport = DeadlineTransport(None, line)
    with KalaClient("http://kala.test", transport=transport) as client:
        client.get_all_jobs()
        with transport._pool._optional_thread_lock:  # noqa: SLF001 - httpcore's, which only a fork could leave held
            transport.abandon()
        assert line.closed
