"""Every route answers with and without its slash, tells what it takes, and speaks JSON in both spellings."""

import re
from collections.abc import Iterator

import pytest

from kala_server.web.app import PREFIX, ROUTES
from tests.eventually import eventually
from tests.server.door import METHODS, UNKNOWN, Door, door

_NOW = re.compile(r'"(created|CreatedAt)":"[^"]*"')
"""When the figures of the server were taken."""
NO_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
ODD_IDS = [
    "no-such-id",
    "%2e%2e",
    "%00",
    "%0d%0aX: y",
    "a%2Fb",
    "%F0%9F%98%80",
    "x" * 5_000,
    "ALL",
    "' OR 1=1",
]


@pytest.fixture
def at_the_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with door(tmp_path_factory.mktemp("marks")) as opened:
        yield opened


@pytest.fixture(scope="module")
def one_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A server for whoever does not mind what others have done there."""
    with door(tmp_path_factory.mktemp("marks")) as opened:
        yield opened


@pytest.mark.parametrize("path", ["/job", "/stats", "/job/{id}", "/job/stats/{id}"])
def test_a_route_answers_with_and_without_its_slash_and_whatever_the_query(
    at_the_door: Door, path: str
) -> None:
    path = PREFIX + path.replace("{id}", at_the_door.job_id)
    answers = {
        _NOW.sub("", at_the_door.http.get(path + rest).text)
        for rest in ("", "/", "?", "?pretty=1", "/?a=%00&a=b&&=")
    }
    assert len(answers) == 1
    assert at_the_door.http.get(path).status_code == 200


def test_a_post_without_the_slash_is_carried_out_and_never_redirected(at_the_door: Door) -> None:
    job_id = at_the_door.http.post("/api/v1/job", json=at_the_door.a_job).json()["id"]
    for verb in ("disable", "enable", "start"):
        assert at_the_door.http.post(f"/api/v1/job/{verb}/{job_id}").status_code == 204
    assert at_the_door.http.delete(f"/api/v1/job/{job_id}").status_code == 204
    assert at_the_door.http.delete("/api/v1/job/all").status_code == 204


NOT_TAKEN = [
    pytest.param(method, PREFIX + re.sub(r"{\w+}", NO_ID, path), id=f"{method} {path}")
    for path, handler in ROUTES
    for method in [*METHODS, "BREW", "TRACE"]
    if method not in handler.methods()
]


@pytest.mark.parametrize(("method", "path"), NOT_TAKEN)
def test_a_method_that_a_route_does_not_take_is_405_and_told_which_it_takes(
    one_door: Door, path: str, method: str
) -> None:
    answer = one_door.http.request(method, path)
    assert answer.status_code == 405
    allowed = answer.headers["allow"].split(", ")
    assert allowed
    assert method not in allowed
    if method != "HEAD":
        assert set(answer.json()["detail"].split()) >= set(allowed)
    for name in allowed:
        assert one_door.status(name, path) != 405


@pytest.mark.parametrize("path", UNKNOWN)
def test_what_is_no_route_is_404_by_every_method_and_says_so(one_door: Door, path: str) -> None:
    for method in METHODS:
        answer = one_door.http.request(method, path, content=b"x" * 10)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    assert path in one_door.http.get(path).json()["detail"]


@pytest.mark.parametrize("job_id", ODD_IDS)
def test_an_id_that_never_was_is_404_or_400_and_never_a_file(one_door: Door, job_id: str) -> None:
    before = one_door.kept()
    answers = [
        one_door.http.get(f"/api/v1/job/{job_id}/"),
        one_door.http.get(f"/api/v1/job/stats/{job_id}/"),
        *(one_door.http.post(f"/api/v1/job/{verb}/{job_id}/") for verb in ("start", "enable", "disable")),
    ]
    assert {answer.status_code for answer in answers} <= {400, 404}
    assert one_door.kept() == before


def test_every_answer_says_who_gives_it_and_is_not_to_be_kept(at_the_door: Door) -> None:
    for path in ("/api/v1/job/", "/nope", f"/api/v1/job/{NO_ID}/"):
        headers = at_the_door.http.get(path).headers
        assert headers["kala-server"].startswith("kala-python/")
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


def test_a_start_is_answered_with_its_run_before_the_command_has_ended(at_the_door: Door) -> None:
    ends = at_the_door.marks / "ends"
    command = f"bash -c 'until [ -e {ends} ]; do sleep 0.02; done'"
    job_id = at_the_door.http.post("/api/v1/job/", json={"name": "waits", "command": command}).json()["id"]
    started = at_the_door.http.post(f"/api/v1/job/start/{job_id}/")
    assert started.status_code == 204
    assert started.content == b""
    assert re.fullmatch("[0-9a-f-]{36}", started.headers["kala-run-id"])
    assert at_the_door.http.get(f"/api/v1/job/stats/{job_id}/").json() == {"job_stats": []}
    ends.touch()
    runs = eventually(
        lambda: (
            len(stats := at_the_door.http.get(f"/api/v1/job/stats/{job_id}/").json()["job_stats"]) == 2
            and stats
        )
    )
    assert all(run["success"] and run["Success"] and run["JobId"] == job_id for run in runs)


def test_errors_are_problems_with_kalas_own_member_beside(at_the_door: Door) -> None:
    problem = at_the_door.http.get(f"/api/v1/job/{NO_ID}/").json()
    assert problem == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": f"there is no job with the id {NO_ID}",
        "errors": [],
        "error": f"there is no job with the id {NO_ID}",
    }
