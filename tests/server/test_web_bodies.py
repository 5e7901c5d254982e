"""Bad input gets a clear error that names the field, stores nothing, and the server goes on."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.server.door import IN_2035, Door, door

GOOD = {"name": "good", "command": "true", "schedule": IN_2035}
DEEP = "[" * 70 + "]" * 70
NOT_JSON: dict[str, bytes] = {
    "nothing": b"",
    "white space": b" \n",
    "not JSON": b"{nope",
    "half an object": b'{"name": "x", "command": "tr',
    "two documents": json.dumps(GOOD).encode() * 2,
    "a form": b"name=x&command=true",
    "multipart": b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n',
    "UTF-16": json.dumps(GOOD).encode("utf-16"),
    "Latin-1": '{"name": "ä", "command": "true"}'.encode("latin-1"),
    "NUL bytes": b"\0" * 100,
    "NaN": b'{"name": "x", "command": "true", "retries": NaN}',
    "Infinity": b'{"name": "x", "command": "true", "retry_backoff": Infinity}',
    "1e999": b'{"name": "x", "command": "true", "retry_backoff": 1e999}',
    "5,000 digits": b'{"name": "x", "command": "true", "retries": ' + b"1" * 5_000 + b"}",
    "a number that no 64 bits hold": b'{"name": "x", "command": "true", "retries": 9223372036854775808}',
    "a lone surrogate": b'{"name": "\\ud800", "command": "true"}',
    "a lone surrogate in an unknown field": b'{"name": "x", "command": "true", "colour": "\\udfff"}',
    "too deep": b'{"name": "x", "command": "true", "tags": ' + DEEP.encode() + b"}",
    "very deep": b"[" * 200_000,
    "a name twice": b'{"name": "x", "name": "y", "command": "true"}',
}
NO_OBJECT = {b"[]": "an array", b"null": "null", b'"x"': "a text", b"5": "a number", b"true": "a boolean"}
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "name"),
    ({"name": "  "}, "name"),
    ({"name": 5}, "name"),
    ({"name": ["x"]}, "name"),
    ({"Name": {}}, "name"),
    ({"command": ""}, "command"),
    ({"command": 5}, "command"),
    ({"command": "true\0"}, "command"),
    ({"command": "true 'unfinished"}, "command"),
    ({"COMMAND": True}, "command"),
    ({"owner": 5}, "owner"),
    ({"schedule": 5}, "schedule"),
    ({"schedule": "bbbbbbbb"}, "schedule"),
    ({"schedule": "2/2035-06-04T19:25:16Z/PT10S"}, "schedule"),
    ({"schedule": "Rx/2035-06-04T19:25:16Z/PT10S"}, "schedule"),
    ({"schedule": "R2/2035-06-04T19:25:16Z/nonsense"}, "schedule"),
    ({"schedule": "R2/2035-06-04T19:25:16Z/P"}, "schedule"),
    ({"schedule": "R2/2035-06-04T19:25:16Z/PT0S"}, "schedule"),
    ({"schedule": "R2/2035-06-04T19:25:16Z/-PT1S"}, "schedule"),
    ({"schedule": "R2/2035-02-30T19:25:16Z/PT1S"}, "schedule"),
    ({"schedule": "R2/2015-06-04T19:25:16Z/PT10S"}, "schedule"),
    ({"schedule": "R" + "9" * 5_000 + "/2035-06-04T19:25:16Z/PT10S"}, "schedule"),
    ({"schedule": "R/2035-06-04T19:25:16Z/P" + "9" * 5_000 + "D"}, "schedule"),
    ({"schedule": "61 * * * *"}, "schedule"),
    ({"schedule": "0 0 30 2 *"}, "schedule"),
    ({"retries": -1}, "retries"),
    ({"retries": "2"}, "retries"),
    ({"retries": 1.5}, "retries"),
    ({"retries": True}, "retries"),
    ({"epsilon": "soon"}, "epsilon"),
    ({"epsilon": 5}, "epsilon"),
    ({"disabled": "no"}, "disabled"),
    ({"disabled": 0}, "disabled"),
    ({"parent_jobs": ["no-such-id"], "schedule": ""}, "parent_jobs"),
    ({"parent_jobs": "no-such-id"}, "parent_jobs"),
    ({"parent_jobs": [5]}, "parent_jobs"),
    ({"parent_jobs": {}}, "parent_jobs"),
    ({"on_failure_job": "no-such-id"}, "on_failure_job"),
    ({"on_failure_job": 5}, "on_failure_job"),
    ({"resume_at_next_scheduled_time": "yes"}, "resume_at_next_scheduled_time"),
    ({"type": 2}, "type"),
    ({"type": "1"}, "type"),
    ({"type": 1}, "remote_properties"),
    ({"type": 1, "remote_properties": {"url": "ftp://example.com"}}, "remote_properties"),
    ({"type": 1, "remote_properties": {"url": 5}}, "remote_properties"),
    ({"type": 1, "remote_properties": {"url": "http://x", "method": "GET /"}}, "remote_properties"),
    ({"type": 1, "remote_properties": {"url": "http://x", "method": 5}}, "remote_properties"),
    ({"type": 1, "remote_properties": {"url": "http://x", "timeout": -1}}, "remote_properties"),
    ({"type": 1, "remote_properties": {"url": "http://x", "timeout": "5"}}, "remote_properties"),
    ({"type": 1, "remote_properties": {"url": "http://x", "timeout": 1.5}}, "remote_properties"),
    ({"type": 1, "remote_properties": {"url": "http://x", "headers": ["x"]}}, "remote_properties"),
    ({"type": 1, "remote_properties": {"url": "http://x", "headers": {"A": [5]}}}, "remote_properties"),
    (
        {"type": 1, "remote_properties": {"url": "http://x", "expected_response_codes": "200"}},
        "remote_properties",
    ),
    ({"remote_properties": 5}, "remote_properties"),
    ({"TemplateDelimiters": 5}, "TemplateDelimiters"),
    ({"timezone": "Mars/Olympus"}, "timezone"),
    ({"timezone": "../../etc/passwd"}, "timezone"),
    ({"timezone": 5}, "timezone"),
    ({"overlap": "perhaps"}, "overlap"),
    ({"overlap": 5}, "overlap"),
    ({"catch_up": "some"}, "catch_up"),
    ({"misfire_grace": "PT"}, "misfire_grace"),
    ({"timeout": 5}, "timeout"),
    ({"timeout": "-PT1S"}, "timeout"),
    ({"retry_delay": "1s"}, "retry_delay"),
    ({"retry_backoff": 0.5}, "retry_backoff"),
    ({"retry_backoff": "2"}, "retry_backoff"),
    ({"wait_for": "none"}, "wait_for"),
    ({"shell": "yes"}, "shell"),
    ({"argv": "true"}, "argv"),
    ({"argv": ["true"]}, "argv"),
    ({"command": "", "argv": ["true", "\0"]}, "argv"),
    ({"cwd": "relative"}, "cwd"),
    ({"cwd": "/a\0b"}, "cwd"),
    ({"env": []}, "env"),
    ({"env": {"A": 5}}, "env"),
    ({"env": {"": "x"}}, "env"),
    ({"env": {"A=B": "x"}}, "env"),
    ({"env": {"A": "\0"}}, "env"),
    ({"user": 5}, "user"),
    ({"tags": "night"}, "tags"),
    ({"tags": [5]}, "tags"),
    ({"description": 5}, "description"),
    ({"keep_runs": 0}, "keep_runs"),
    ({"keep_runs": 10**9}, "keep_runs"),
    ({"rerun_interrupted": 1}, "rerun_interrupted"),
]


@pytest.fixture(scope="module")
def at_the_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with door(tmp_path_factory.mktemp("marks")) as opened:
        yield opened


def refused(at_the_door: Door, body: bytes) -> dict[str, Any]:
    """Return the problem with which a body is refused, once nothing is found to be stored."""
    before = at_the_door.kept()
    answer = at_the_door.http.post("/api/v1/job/", content=body)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert at_the_door.kept() == before
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == 400
    assert problem["error"] == problem["detail"]
    return problem


@pytest.mark.parametrize("kind", NOT_JSON)
def test_what_is_no_good_json_is_refused_in_words(at_the_door: Door, kind: str) -> None:
    problem = refused(at_the_door, NOT_JSON[kind])
    assert 5 < len(problem["detail"]) < 200


@pytest.mark.parametrize("body", NO_OBJECT)
def test_what_is_no_object_is_called_what_it_is(at_the_door: Door, body: bytes) -> None:
    problem = refused(at_the_door, body)
    assert f"not {NO_OBJECT[body]}" in problem["detail"]
    assert problem["errors"][0]["example"]


@pytest.mark.parametrize(("wrong", "field"), WRONG, ids=lambda value: str(value)[:60])
def test_a_wrong_field_is_named_with_what_was_wrong_and_what_is_right(
    at_the_door: Door, wrong: dict[str, Any], field: str
) -> None:
    body = {name: value for name, value in GOOD.items() if name not in map(str.lower, wrong)} | wrong
    problem = refused(at_the_door, json.dumps(body).encode())
    assert [error["field"] for error in problem["errors"]] == [field]
    [error] = problem["errors"]
    assert 5 < len(error["message"]) < 400
    assert "example" in error
    assert error["message"] in problem["detail"]


def test_every_wrong_field_is_named_at_once(at_the_door: Door) -> None:
    body = {"name": " ", "command": "'", "schedule": "x", "epsilon": "y", "keep_runs": -1}
    problem = refused(at_the_door, json.dumps(body).encode())
    assert {error["field"] for error in problem["errors"]} == body.keys()


def test_a_field_in_two_spellings_is_refused(at_the_door: Door) -> None:
    problem = refused(at_the_door, b'{"name": "x", "command": "true", "Command": "false"}')
    assert [error["field"] for error in problem["errors"]] == ["command"]


def test_a_body_of_a_mebibyte_is_taken_and_one_byte_more_is_413(at_the_door: Door) -> None:
    body = json.dumps(GOOD).encode()
    fits = body + b" " * ((1 << 20) - len(body))
    before = at_the_door.kept()
    for content in (fits + b" ", iter([fits, b" "]), b"x" * (40 << 20), iter([b"x" * (1 << 20)] * 8)):
        answer = at_the_door.http.post("/api/v1/job/", content=content)
        assert answer.status_code == 413
        assert "1,048,576 bytes" in answer.json()["detail"]
    assert at_the_door.kept() == before
    created = at_the_door.http.post("/api/v1/job/", content=fits)
    assert created.status_code == 201
    assert at_the_door.http.post("/api/v1/job/", content=iter([fits])).status_code == 201


def test_a_long_name_is_kept_whole(at_the_door: Door) -> None:
    name = "ä😀" * 20_000  # a command gets it in its environment, where the kernel takes 128 KiB
    created = at_the_door.http.post("/api/v1/job/", json={**GOOD, "name": name})
    assert created.status_code == 201
    job_id = created.json()["id"]
    assert at_the_door.http.get(f"/api/v1/job/{job_id}/").json()["job"]["name"] == name


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "\xff"],
)
def test_the_content_type_is_not_looked_at(at_the_door: Door, content_type: str | None) -> None:
    headers = [] if content_type is None else [(b"Content-Type", content_type.encode("latin-1"))]
    answer = at_the_door.http.post("/api/v1/job/", content=json.dumps(GOOD).encode(), headers=headers)
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json;charset=UTF-8"
