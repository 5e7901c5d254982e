"""Machines ask for the server's health by whatever name they have for it, and reach nothing else by that."""

from collections.abc import Iterator

import pytest

from tests.server.door import Door, door

PROBES = {
    "by its address": b"Host: 10.1.2.3:8000\r\n",
    "by a name that nobody told the server": b"Host: kala.internal\r\n",
    "by no name": b"",
}


@pytest.fixture(scope="module")
def at_the_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with door(tmp_path_factory.mktemp("marks")) as at_the_door:
        yield at_the_door


@pytest.mark.parametrize("who", PROBES)
@pytest.mark.parametrize("path", [b"/healthz", b"/readyz", b"/readyz/"])
def test_a_probe_is_answered_by_whatever_name_it_asks(at_the_door: Door, who: str, path: bytes) -> None:
    words = b'{"status":"ok"}\n'
    for version in (b"1.0", b"1.1") if PROBES[who] else (b"1.0",):
        for method in (b"GET", b"HEAD"):
            asked = b"%b %b HTTP/%b\r\n%bConnection: close\r\n\r\n" % (method, path, version, PROBES[who])
            head, _, body = at_the_door.send(asked).partition(b"\r\n\r\n")
            assert head.split()[1] == b"200", (asked, head)
            assert b"\r\nContent-Length: %d\r\n" % len(words) in head + b"\r\n"
            assert body == (words if method == b"GET" else b"")


def test_a_probe_by_whatever_name_reaches_nothing_else(at_the_door: Door) -> None:
    foreign = {"Host": "kala.internal"}
    for path in ("/metrics", "/api/v1/job/", "/healthz/x", "/"):
        assert at_the_door.http.get(path, headers=foreign).status_code == 403
    for path in ("/healthz", "/readyz"):
        assert at_the_door.http.post(path, headers=foreign).status_code == 405
        for page in ({"Origin": "http://kala.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert at_the_door.http.get(path, headers={**foreign, **page}).status_code == 403
