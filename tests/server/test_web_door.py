"""No web page runs a command: headers that browsers send, against every route and method."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.server.door import METHODS, Door, door

PORT = "{port}"
FOREIGN = {
    "another site": {"Origin": "http://evil.test"},
    "a sandboxed frame or a file": {"Origin": "null"},
    "an empty origin": {"Origin": ""},
    "another local port": {"Origin": "http://127.0.0.1:1"},
    "the same port by another name": {"Origin": f"http://localhost:{PORT}"},
    "the same name, encrypted": {"Origin": f"https://127.0.0.1:{PORT}"},
    "another site's form": {"Sec-Fetch-Site": "cross-site"},
    "a neighbour's form": {"Sec-Fetch-Site": "same-site"},
    "a form of both kinds": {"Sec-Fetch-Site": "same-origin, cross-site"},
    "an honest origin, a foreign site": {
        "Origin": f"http://127.0.0.1:{PORT}",
        "Sec-Fetch-Site": "cross-site",
    },
    "a rebound name": {"Host": f"evil.test:{PORT}"},
    "a rebound name of its own origin": {
        "Host": f"evil.test:{PORT}",
        "Origin": f"http://evil.test:{PORT}",
        "Sec-Fetch-Site": "same-origin",
    },
    "a name that looks local": {"Host": f"127.0.0.1.nip.io:{PORT}"},
    "the address of nobody": {"Host": f"0.0.0.0:{PORT}"},
    "a page of one address at another": {"Host": f"10.1.2.3:{PORT}", "Origin": f"http://127.0.0.1:{PORT}"},
    "an empty name": {"Host": ""},
    "a garbled name": {"Host": "localhost:80:80"},
}
OURS = {
    "a script, curl, the Go client": {},
    "our own page": {"Origin": f"http://127.0.0.1:{PORT}", "Sec-Fetch-Site": "same-origin"},
    "our own page by another name": {"Host": f"localhost:{PORT}", "Origin": f"http://localhost:{PORT}"},
    "the address line": {"Sec-Fetch-Site": "none"},
    "no port": {"Host": "localhost"},
    "the other family": {"Host": f"[::1]:{PORT}"},
    "a page of ours by an address": {"Host": f"10.1.2.3:{PORT}", "Origin": f"http://10.1.2.3:{PORT}"},
    "a script that has an address": {"Host": f"[2001:db8::7]:{PORT}"},
}


@pytest.fixture(scope="module")
def at_the_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with door(tmp_path_factory.mktemp("marks")) as at_the_door:
        yield at_the_door


def filled(headers: dict[str, str], url: str) -> dict[str, str]:
    port = url.rpartition(":")[2]
    return {name: value.replace(PORT, port) for name, value in headers.items()}


def status(at_the_door: Door, method: str, path: str, headers: dict[str, str]) -> int:
    return at_the_door.status(method, path, headers, at_the_door.a_job)


@pytest.mark.parametrize("who", FOREIGN)
def test_no_page_of_another_site_reaches_any_route_by_any_method(at_the_door: Door, who: str) -> None:
    headers = filled(FOREIGN[who], at_the_door.url)
    before = at_the_door.kept()
    answers = {
        (method, path): status(at_the_door, method, path, headers)
        for method in METHODS
        for path in at_the_door.paths()
    }
    malformed = {400} if headers.get("Host") == "localhost:80:80" else set()
    assert set(answers.values()) <= {403} | malformed, answers
    assert at_the_door.kept() == before
    assert not list(at_the_door.marks.iterdir())


def test_a_refused_page_is_told_why_and_gets_no_leave_to_read(at_the_door: Door) -> None:
    answer = at_the_door.http.get("/api/v1/job/", headers={"Origin": "http://evil.test"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Origin" in answer.json()["detail"]
    assert "another origin" in answer.json()["error"]
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_no_method_that_http_does_not_know_reaches_a_route(at_the_door: Door) -> None:
    before = at_the_door.kept()
    for path in at_the_door.paths():
        assert status(at_the_door, "BREW", path, {"Origin": "http://evil.test"}) in {403, 405}
    assert at_the_door.kept() == before


def test_a_request_without_a_host_is_refused(at_the_door: Door) -> None:
    for version in (b"1.0", b"1.1"):
        answer = at_the_door.send(b"GET /api/v1/job/ HTTP/" + version + b"\r\nConnection: close\r\n\r\n")
        assert answer.split()[1] in {b"400", b"403"}


def test_a_request_with_two_hosts_is_refused(at_the_door: Door) -> None:
    answer = at_the_door.send(
        b"GET /api/v1/job/ HTTP/1.1\r\nHost: localhost\r\nHost: evil.test\r\nConnection: close\r\n\r\n"
    )
    assert answer.split()[1] in {b"400", b"403"}


@pytest.mark.parametrize("who", OURS)
def test_whoever_is_no_foreign_page_is_let_in_everywhere(tmp_path: Path, who: str) -> None:
    with door(tmp_path) as opened:
        headers = filled(OURS[who], opened.url)
        assert opened.http.post("/api/v1/job/", headers=headers, json=opened.a_job).status_code == 201
        for method in METHODS:
            for path in opened.paths():
                assert status(opened, method, path, headers) != 403, (method, path)


def test_a_refused_request_does_not_spoil_the_next_one_of_its_client(at_the_door: Door) -> None:
    with httpx.Client(base_url=at_the_door.url) as client:
        for path in ("/api/v1/nope/", "/api/v1/job/", "/"):
            client.post(path, json={"name": "x"}, headers={"Origin": "http://evil.test"})
            client.post("/api/v1/nope/", content=b"x" * 100_000)
            assert client.get("/api/v1/stats/").status_code == 200
