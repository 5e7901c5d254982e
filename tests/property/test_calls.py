"""Calls that are accepted, against the library that sends them: it must take them all, and find a host in them."""

import asyncio

import h11
import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kala_server.core.commands.http_calls import wrong_in
from kala_server.core.model.job import RemoteCall
from kala_server.runners.http.calls import request_of

PIECES = [
    "http",
    "https",
    "://",
    "a",
    "B.c",
    "1.2.3.4",
    "1",
    "[::1]",
    "[fe80::1%eth0]",
    "ä",
    "ß.de",
    "☃",
    "xn--",
    "-",
    "_",
]
MORE = [
    ".",
    ":",
    ":80",
    ":0",
    "@",
    "u:p@",
    "/",
    "?q=ü",
    "#f",
    "%41",
    "%",
    " ",
    "\t",
    "\n",
    "\x7f",
    "\u2028",
    "\u200b",
    "\\",
    "{x}",
]
URLS = st.builds(
    "{}{}".format, st.sampled_from(["http://", "HTTPS://h", ""]), st.text(st.sampled_from("aä1.:/@[]%- "))
)
URLS |= st.lists(st.sampled_from(PIECES + MORE), max_size=7).map("".join) | st.text(max_size=12).map(
    "http://{}".format
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
NAMES = (
    st.sampled_from(["Host", "host", "Content-Length", "transfer-encoding", "Expect", "Connection"]) | TEXT
)
VALUES = st.sampled_from([" x ", "\t", "5", "chunked", "close"]) | TEXT
CALLS = st.builds(
    RemoteCall,
    url=URLS,
    method=st.sampled_from(["GET", "post", "M-SEARCH", ""]) | TEXT,
    body=TEXT,
    headers=st.dictionaries(NAMES, VALUES | st.lists(VALUES, min_size=2, max_size=3).map(tuple), max_size=3),
)


@pytest.fixture(scope="module")
def client() -> httpx.AsyncClient:
    return httpx.AsyncClient()


def sent(call: RemoteCall, client: httpx.AsyncClient) -> httpx.Request:
    """Return the request, once what writes it to the connection has taken it."""
    request = request_of(call, client)
    connection = h11.Connection(h11.CLIENT)
    head = h11.Request(method=request.method, target=request.url.raw_path, headers=list(request.headers.raw))
    assert connection.send(head)
    connection.send(h11.Data(data=request.content))
    connection.send(h11.EndOfMessage())
    return request


@given(CALLS)
@example(RemoteCall(url="http://h/", headers={"Content-Length": "7", "Transfer-Encoding": "x"}, body="ab"))
@example(RemoteCall(url="http://xn--a/"))
def test_what_is_accepted_can_be_sent(client: httpx.AsyncClient, call: RemoteCall) -> None:
    if not list(wrong_in(call)):
        host = sent(call, client).url.raw_host.decode()
        assert host
        assert not set(host) & set(" %/\\@?#")
        host.encode("idna")  # as whoever looks it up does


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "h",
            "ftp://h/",
            "http:/h",
            "http://",
            "http:///x",
            "//h/",
            "http://:80/",
            "http://u@/",
            "mailto:a@h",
        ),
        *(
            " http://h/",
            "http://h/ ",
            "http://h/\n",
            "\thttp://h/",
            "\u00a0http://h/",
            "http://h/\u2003",
            "\ufeffhttp://h/",
        ),
        *(
            "http://h/a\nb",
            "http://h/a\r\nb",
            "http://h/a\tb",
            "ht\ntp://h/",
            "http://h\n/",
            "http://h/\x00",
            "http://h/\x7f",
        ),
        *(
            "http://a b/",
            "http://h /",
            "http://h%41/",
            "http://a..b/",
            "http://.a/",
            "http://a\\b/",
            "http://a,b/",
            "http://a{b}/",
        ),
        *(
            "http://h:0/",
            "http://h:65536/",
            "http://h:-1/",
            "http://h:+1/",
            "http://h:x/",
            "http://h: 80/",
            "http://h:８０/",
        ),
        *(
            "http://h:80:80/",
            "http://[::1/",
            "http://[::1]x/",
            "http://[::1]:x/",
            "http://[]/",
            "http://[::g]/",
            "http://::1/",
        ),
        *(
            "http://256.1.1.1/",
            "http://1.2.3.4.5/",
            "http://127.0.0.01/",
            "http://☃.net/",
            "http://xn--a/",
            "http://ä..de/",
        ),
        *(
            f"http://{'a' * 64}.de/",
            f"http://{'a.' * 127}de/",
            f"http://{'ä' * 60}.de/",
            f"http://h/{'a' * 65_536}",
        ),
        f"http://h:{'9' * 5000}/",
    ],
)
def test_a_url_that_leads_nowhere_is_refused(url: str) -> None:
    assert list(wrong_in(RemoteCall(url=url)))


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://h",
            "HTTPS://H:443/",
            "http://h:/",
            "http://a.b-c_d.example./x?y#z",
            "http://u:p@h/",
            "http://u%40:p w@h/",
        ),
        *(
            "http://127.0.0.1:9/x",
            "http://[::1]:8000/",
            "http://[fe80::1%25eth0]/",
            "http://127.1/",
            "http://a1.2/",
        ),
        *(
            "http://bücher.example/ä?ö",
            "http://xn--bcher-kva.example/",
            "http://h/a b",
            "http://h/{{.Name}}",
            "http://h?q",
        ),
    ],
)
def test_a_url_that_kala_would_call_is_accepted_and_can_be_sent(client: httpx.AsyncClient, url: str) -> None:
    assert not list(wrong_in(RemoteCall(url=url)))
    assert sent(RemoteCall(url=url), client)


def test_how_the_body_is_framed_is_not_for_the_job_to_say(client: httpx.AsyncClient) -> None:
    headers = {"content-length": "9", "Transfer-Encoding": "gzip", "Trailer": "x", "X-Mine": " 1\t"}
    request = sent(RemoteCall(url="http://h/", body="äb", headers=headers), client)
    assert request.headers["Content-Length"] == "3"
    assert request.headers["X-Mine"] == "1"
    assert not {"transfer-encoding", "trailer"} & set(request.headers)
    asyncio.run(client.aclose())
