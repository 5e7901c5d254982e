"""What is no HTTP, or hardly: an answer or a closed connection, never a fault, and the server goes on."""

import json
import re
import socket
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.door import Door, door

HOST = b"Host: localhost\r\n"
POST = b"POST /api/v1/job/ HTTP/1.1\r\n" + HOST
GARBAGE: dict[str, bytes] = {
    "nothing": b"",
    "line ends": b"\r\n\r\n\r\n\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "a future version": b"GET / HTTP/9.9\r\n" + HOST + b"\r\n",
    "no words": b"\x00\xff" * 1_000 + b"\r\n\r\n",
    "a long line": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 30_000 + b"\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\n" + HOST + b"nonsense\r\n\r\n",
    "a header with NUL": b"GET / HTTP/1.1\r\n" + HOST + b"X: \0\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n",
    "a length that is none": POST + b"Content-Length: abc\r\n\r\n",
    "a negative length": POST + b"Content-Length: -5\r\n\r\n",
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
    "a length of 5,000 digits": POST + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n{}",
    "a length of other digits": POST + "Content-Length: ٣\r\n\r\n{}".encode(),
    "a length that is not kept": POST + b"Content-Length: 100\r\n\r\n{}",
    "a length and chunks": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks of no size": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "chunks that end early": POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}",
    "a chunk of a huge size": POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
    "an unknown encoding": POST + b"Transfer-Encoding: gzip\r\n\r\n{}",
    "a body that claims gzip": POST
    + b"Content-Encoding: gzip\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
    "a request in a request": POST + b"Content-Length: 0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "an absolute address": b"GET http://evil.test/api/v1/job/ HTTP/1.1\r\n"
    + HOST
    + b"Connection: close\r\n\r\n",
    "a proxy's request": b"CONNECT evil.test:443 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
    "bytes that are no UTF-8 in the path": b"GET /\xff\xfe/%ff%fe HTTP/1.1\r\n"
    + HOST
    + b"Connection: close\r\n\r\n",
    "an id that is no UTF-8": b"GET /api/v1/job/%ff/ HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n",
}


@pytest.fixture(scope="module")
def at_the_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with door(tmp_path_factory.mktemp("marks")) as opened:
        yield opened


def holds(at_the_door: Door, data: bytes) -> None:
    before = at_the_door.kept()
    answer = at_the_door.send(data, finish=True)
    assert not answer or answer.startswith(b"HTTP/1.1 4"), answer[:200]
    assert at_the_door.kept() == before


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_is_refused_or_dropped_and_the_server_goes_on(at_the_door: Door, kind: str) -> None:
    holds(at_the_door, GARBAGE[kind])


LINES = st.sampled_from(
    [
        b"GET /api/v1/job/ HTTP/1.1\r\n",
        POST,
        HOST,
        b"Origin: null\r\n",
        b"Content-Length: 7\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Expect: 100-continue\r\n",
        b"\r\n",
        b"0\r\n\r\n",
        b'{"name"',
        b"\xff",
    ]
) | st.binary(max_size=8)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(LINES, max_size=8).map(b"".join))
def test_no_mixture_of_pieces_of_http_stores_anything_or_is_a_fault(at_the_door: Door, data: bytes) -> None:
    before = at_the_door.kept()
    answer = at_the_door.send(data, finish=True)
    assert b"HTTP/1.1 5" not in answer
    assert at_the_door.kept() == before


def test_a_client_that_goes_away_in_the_middle_is_no_fault(at_the_door: Door) -> None:
    host, port = at_the_door.url.removeprefix("http://").split(":")
    whole = POST + b"Content-Length: 30\r\n\r\n" + b'{"name": "x", "command": "true'
    for cut in range(0, len(whole), 7):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(whole[:cut])
    assert len(at_the_door.kept()[0]) == 1


def test_requests_one_after_the_other_in_one_write_are_answered_in_their_order(at_the_door: Door) -> None:
    get = b"GET /api/v1/stats/ HTTP/1.1\r\n" + HOST
    bad = b"DELETE /api/v1/stats/ HTTP/1.1\r\n" + HOST
    data = get + b"\r\n" + bad + b"\r\n" + get + b"Connection: close\r\n\r\n"
    assert re.findall(rb"HTTP/1.1 (\d+)", at_the_door.send(data)) == [b"200", b"405", b"200"]


@pytest.mark.parametrize("asked", [b"", b"Connection: keep-alive\r\n", b"Connection: close\r\n"])
@pytest.mark.parametrize("version", [b"1.0", b"1.2"])
def test_a_client_that_knows_no_chunks_knows_the_end_of_a_stream_by_that_of_the_connection(
    at_the_door: Door, asked: bytes, version: bytes
) -> None:
    answer = at_the_door.send(b"GET /api/v1/job/ HTTP/%s\r\n" % version + HOST + asked + b"\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert not re.search(rb"keep-alive|chunked|content-length", head, re.IGNORECASE)
    assert json.loads(body) == at_the_door.http.get("/api/v1/job/").json()


def test_who_asks_to_be_told_to_go_on_is_told(at_the_door: Door) -> None:
    body = b'{"name": "x"}'
    head = POST + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    answer = at_the_door.send(head + body)
    assert answer.startswith(b"HTTP/1.1 100")
    assert b"HTTP/1.1 400" in answer
