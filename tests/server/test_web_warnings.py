"""A field that the server does not know is passed over, as in Kala, but named: in a header, and in the answer."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import ValidationError

from kala_client import KalaWarning
from kala_server.testing import running_server
from kala_server.wire.passed_over import BETWEEN, LONGEST, MOST
from kala_server.wire.shapes import SHAPES, Answers
from tests.blocking import KINDS, Kind, client_of
from tests.server.described import DOCUMENT, Described

JOB = {"name": "a", "command": "true", "schedule": "R/2035-06-04T19:25:16Z/P1D"}
RETRY = "retry: there is no such field, so it was passed over; did you mean retries?"
TIMEZONE = "timezon: there is no such field, so it was passed over; did you mean timezone?"


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with running_server() as server, httpx.Client(base_url=f"{server.url}/api/v1") as client:
        yield client


def test_a_field_that_there_is_not_is_named_with_the_one_that_may_be_meant(http: httpx.Client) -> None:
    answer = http.post("/job/", json={**JOB, "retry": 5, "timezon": "Europe/Berlin"})
    assert answer.status_code == 201
    assert answer.json()["warnings"] == [RETRY, TIMEZONE]
    assert answer.headers["kala-warning"] == f"{RETRY} | {TIMEZONE}"
    job = http.get(f"/job/{answer.json()['id']}/").json()["job"]
    assert (job["retries"], job["timezone"]) == (0, "")


def test_every_way_to_send_a_job_names_what_was_passed_over(http: httpx.Client) -> None:
    one = http.post("/job/", json=JOB).json()["id"]
    for method in (http.put, http.patch):
        answer = method(f"/job/{one}/", json={**JOB, "retry": 5})
        assert (answer.status_code, answer.json()["job"]["id"]) == (200, one)
        assert answer.json()["warnings"] == [RETRY]
        assert answer.headers["kala-warning"] == RETRY
    many = http.post("/job/batch/", json={"jobs": [JOB, {**JOB, "retry": 5}], "job": []})
    assert len(many.json()["ids"]) == 2
    assert many.json()["warnings"] == [
        f"jobs[1].{RETRY}",
        "job: there is no such field, so it was passed over; did you mean jobs?",
    ]
    call = http.post("/job/", json={**JOB, "remote_properties": {"url": "", "ulr": "http://a/"}})
    assert "remote_properties.ulr" in call.headers["kala-warning"]


@pytest.mark.parametrize("answers", Answers)
def test_what_either_kala_or_we_own_is_never_named(http: httpx.Client, answers: Answers) -> None:
    shape = SHAPES[answers]
    mine = http.get(f"/job/{http.post('/job/', json=JOB).json()['id']}/").json()["job"]
    sent_back = {name: mine[name] for name in (*shape.own, *shape.common)}
    for job in (sent_back, {name.upper(): value for name, value in sent_back.items()}):
        answer = http.post("/job/", json=job)
        assert answer.status_code == 201
        assert "kala-warning" not in answer.headers
        assert "warnings" not in answer.json()


@pytest.mark.parametrize("answers", [Answers.LATEST, Answers.KALA_2015])
def test_where_the_answers_are_those_of_one_kala_there_is_the_header_only(answers: Answers) -> None:
    with running_server(answers=answers) as server, httpx.Client(base_url=f"{server.url}/api/v1") as http:
        answer = http.post("/job/", json={**JOB, "retry": 5})
        assert answer.headers["kala-warning"] == RETRY
        assert list(answer.json()) == ["id"]
        changed = http.patch(f"/job/{answer.json()['id']}/", json={"retry": 5})
        assert changed.headers["kala-warning"] == RETRY
        assert list(changed.json()) == ["job"]


def test_a_warning_is_bounded_and_plain_whatever_the_names_are(http: httpx.Client) -> None:
    names: dict[str, Any] = {"a\r\nSet-Cookie: b": 1, "é\x7f\u2028": 1, "x" * 1_000: 1}
    answer = http.post("/job/", json={**JOB, **names, **{f"field-{number}": 1 for number in range(50)}})
    assert answer.status_code == 201
    told = answer.headers["kala-warning"]
    assert told.isascii()
    assert told.isprintable()
    assert "set-cookie" not in answer.headers
    assert len(told) < 4_000
    assert len(answer.json()["warnings"]) == MOST + 1
    assert answer.json()["warnings"][-1] == f"{53 - MOST} more fields were passed over"


# As long as they may be: what is escaped takes twelve characters for one.
LONG = {f"{'😀' * 60}{number}": 1 for number in range(50)}
FORGETFUL: list[dict[str, Any]] = [
    {**JOB, "retry": 5},
    {**JOB, "retry": 5, "a\n\x7f\x80é": 1},
    {**JOB, **LONG},
]


@pytest.mark.parametrize("job", FORGETFUL)
def test_what_is_told_is_as_described(http: httpx.Client, job: dict[str, Any]) -> None:
    described = Described(httpx.Client(base_url=str(http.base_url).partition("/api/")[0]))
    within = {**JOB, "remote_properties": {"ulr": 1, **job}}
    with described.http:
        made = described.ask("POST", "/job/", json=job)
        told = [
            made,
            described.ask("POST", "/job/batch/", json={"jobs": [*[JOB] * 5_000, within], "job": []}),
            described.ask("PUT", "/job/{id}/", made.json()["id"], json=within),
            described.ask("PATCH", "/job/{id}/", made.json()["id"], json=job),
        ]
    for answer in told:
        assert answer.headers["kala-warning"].split(BETWEEN) == answer.json()["warnings"]


@pytest.mark.parametrize(
    ("headers", "members"),
    [
        ({"Kala-Warning": "a" * 5_000}, {}),
        ({"Kala-Warning": "\x7f"}, {}),
        ({"Kala-Told": "a"}, {}),
        ({}, {"warnings": []}),
        ({}, {"warnings": ["a"] * (MOST + 2)}),
        ({}, {"warnings": ["a" * (LONGEST + 1)]}),
        ({}, {"warning": ["a"]}),
    ],
)
def test_what_is_told_in_another_way_is_noticed(
    http: httpx.Client, headers: dict[str, str], members: dict[str, Any]
) -> None:
    good = http.post("/job/", json=JOB)
    create = DOCUMENT["paths"]["/api/v1/job/"]["post"]
    described = Described(http)
    described.check(create, good)
    kept = {name: value for name, value in good.headers.items() if name != "content-length"}
    bad = httpx.Response(201, headers={**kept, **headers}, json={**good.json(), **members})
    with pytest.raises((AssertionError, ValidationError)):
        described.check(create, bad)


@pytest.mark.parametrize("kind", KINDS)
def test_both_clients_pass_on_what_a_server_tells(http: httpx.Client, kind: Kind) -> None:
    host = str(http.base_url.netloc, "ascii")

    def with_another_field(_: httpx.Request) -> httpx.Response:
        real = http.post("/job/", json={**JOB, "retry": 5}, headers={"Host": host})
        return httpx.Response(real.status_code, headers=real.headers, content=real.content)

    transport = httpx.MockTransport(with_another_field)
    with (
        client_of(kind, f"http://{host}", transport=transport) as client,
        pytest.warns(KalaWarning, match="did you mean retries"),
    ):
        assert http.get(f"/job/{client.create_job(name='a', command='true')}/").status_code == 200
