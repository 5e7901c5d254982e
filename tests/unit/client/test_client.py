"""What the clients send, how they read it, and what they make of failures; each test runs against both."""

import gzip
import itertools
import json
import math
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import kala_client as kala
from kala_client import Job, RetryPolicy
from tests.unit.client.answers import ID, JOB, answer, text


@pytest.mark.parametrize(
    ("method", "arguments", "asked", "body", "value"),
    [
        ("create_job", {"name": "a"}, "POST /api/v1/job/", {"id": ID}, ID),
        ("get_all_jobs", {}, "GET /api/v1/job/", {"jobs": None}, {}),
        ("delete_job", {"job_id": ID}, f"DELETE /api/v1/job/{ID}/", None, None),
        ("delete_all_jobs", {}, "DELETE /api/v1/job/all/", None, None),
        ("get_job_stats", {"job_id": ID}, f"GET /api/v1/job/stats/{ID}/", {"job_stats": [None]}, []),
        ("start_job", {"job_id": ID}, f"POST /api/v1/job/start/{ID}/", None, None),
        ("enable_job", {"job_id": ID}, f"POST /api/v1/job/enable/{ID}/", None, None),
        ("disable_job", {"job_id": ID}, f"POST /api/v1/job/disable/{ID}/", None, None),
    ],
)
def test_each_call_goes_to_its_slashed_route(
    connect: Any, serve: Any, method: str, arguments: dict[str, Any], asked: str, body: Any, value: Any
) -> None:
    server = serve(answer(body))
    assert getattr(connect(server), method)(**arguments) == value
    assert server.asked == [asked]


def test_a_job_is_got(connect: Any, serve: Any) -> None:
    assert connect(serve(answer({"job": JOB}))).get_job(ID).name == "a"
    assert connect(serve(answer({"jobs": {ID: JOB}}))).get_all_jobs()[ID].id == ID
    stats = {"active_jobs": 1, "disabled_jobs": 0, "jobs": 1}
    assert connect(serve(answer({"Stats": stats}))).get_kala_stats().jobs == 1


def test_a_creation_says_what_was_set_and_carries_a_key(connect: Any, serve: Any) -> None:
    server = serve(answer({"id": ID}, 201))
    client = connect(server)
    client.create_job(Job(name="a", retries=2))
    client.create_job(name="b", idempotency_key="mine")
    first, second = server.requests
    assert json.loads(first.content) == {"name": "a", "retries": 2}
    assert first.headers["Content-Type"] == "application/json"
    assert len(first.headers["Idempotency-Key"]) == 36
    assert second.headers["Idempotency-Key"] == "mine"


def test_a_mistake_in_a_job_is_told_before_anything_is_sent(connect: Any, serve: Any) -> None:
    server = serve(answer())
    client = connect(server)
    with pytest.raises(kala.InvalidJobError, match="nmae: there is no such field; is 'name' meant") as raised:
        client.create_job(nmae="a")
    assert {error.field for error in raised.value.errors} == {"name", "nmae"}
    with pytest.raises(kala.InvalidJobError, match="either a Job or its fields"):
        client.create_job()
    with pytest.raises(kala.InvalidJobError, match="either a Job or its fields"):
        client.create_job(Job(name="a"), name="b")
    with pytest.raises(kala.InvalidJobError, match="at least one field"):
        client.update_job(ID)
    assert server.asked == []


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"comand": "true"}, "comand: there is no such field; is 'command' meant?"),
        ({"colour": "red"}, "colour: there is no such field"),
        (
            {"remote_properties": {"headrs": {}}},
            "remote_properties.headrs: there is no such field; is 'headers' meant?",
        ),
        ({"remote_properties": {"headers": {"a": 5}}}, "remote_properties.headers.a: Input should be"),
    ],
)
def test_a_field_that_there_is_not_is_told_with_the_one_that_may_be_meant(
    connect: Any, serve: Any, fields: dict[str, Any], told: str
) -> None:
    client = connect(serve(answer()))
    with pytest.raises(kala.InvalidJobError) as created:
        client.create_job(name="a", **fields)
    with pytest.raises(kala.InvalidJobError) as updated:
        client.update_job(ID, **fields)
    for raised in (created, updated):
        [error] = raised.value.errors
        assert str(error).startswith(told)


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda client: client.create_job({"name": "a"}), "job must be a kala_client.Job, not of type dict"),
        (lambda client: client.create_job({}), "job must be a kala_client.Job"),
        (lambda client: client.replace_job(ID, {"name": "a"}), "job must be a kala_client.Job"),
        (lambda client: client.create_jobs([Job(name="a"), {}]), r"jobs\[1\] must be a kala_client.Job"),
        (lambda client: client.get_job(None), "the id of a job is text, not None"),
        (lambda client: client.delete_job(uuid.UUID(ID)), "the id of a job is text, not of type UUID"),
        (lambda client: client.get_run(None), "the id of a run is text, not None"),
        (lambda client: client.wait(7), "the id of a run is text, not of type int"),
    ],
)
def test_what_is_no_job_and_no_id_is_told_before_anything_is_sent(
    connect: Any, serve: Any, ask: Any, told: str
) -> None:
    server = serve(answer())
    with pytest.raises(kala.InvalidRequestError, match=told):
        ask(connect(server))
    assert server.asked == []


@pytest.mark.parametrize("key", ["", "a\nb", "ü", " a", "a ", "x" * 256, 5])
def test_a_key_that_no_header_can_carry_is_told_before_anything_is_sent(
    connect: Any, serve: Any, key: Any
) -> None:
    server = serve(answer())
    client = connect(server)
    told = "idempotency_key must be 1 to 255 printable ASCII"
    with pytest.raises(kala.InvalidRequestError, match=told):
        client.create_job(name="a", idempotency_key=key)
    with pytest.raises(kala.InvalidRequestError, match=told):
        client.create_jobs([Job(name="a")], idempotency_key=key)
    assert server.asked == []


@pytest.mark.parametrize("key", ["k", "order 4711", "~" * 255])
def test_any_other_key_goes_out_as_it_is(connect: Any, serve: Any, key: str) -> None:
    server = serve(answer({"id": ID}, 201))
    connect(server).create_job(name="a", idempotency_key=key)
    assert server.requests[0].headers["Idempotency-Key"] == key


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "all", "ALL", "stats", "batch", "a?b", "a%2Fb", "a\n", "x" * 129]
)
def test_an_id_cannot_change_the_path(connect: Any, serve: Any, name: str) -> None:
    server = serve(answer())
    client = connect(server)
    with pytest.raises(kala.JobNotFoundError, match="no job can have the id"):
        client.delete_job(name)
    with pytest.raises(kala.RunNotFoundError, match="no run can have the id"):
        client.get_run(name)
    assert server.asked == []


@pytest.mark.parametrize(
    ("response", "kind", "words"),
    [
        (answer(status=404), kala.JobNotFoundError, "there is no such job"),
        (answer({"error": "no job has this id"}, 404), kala.JobNotFoundError, "no job has this id"),
        (text("404 page not found\n", 404), kala.UnexpectedResponseError, "is the base URL right"),
        (httpx.Response(404, html="<p>nginx"), kala.UnexpectedResponseError, "an HTML page"),
        (
            answer(status=301, location="http://u:secret@x/y/"),
            kala.UnexpectedResponseError,
            "redirects to http://x/y/",
        ),
        (answer(status=304), kala.UnexpectedResponseError, "does not answer 304"),
        (answer(status=401), kala.AuthenticationError, "wants a token"),
        (answer({"detail": "read-only token"}, 403), kala.PermissionDeniedError, "read-only token"),
        (answer(status=409), kala.ConflictError, "the state of the job"),
        (answer(status=422), kala.InvalidRequestError, "answered 422"),
        (answer(status=429), kala.RateLimitError, "too many requests"),
        (answer({"title": "Full"}, 507), kala.ServerError, "Full"),
        (answer(status=500), kala.ServerError, "answered 500"),
        (answer([1], 400), kala.InvalidRequestError, "1"),
        (text("[" * 200_000, 400), kala.InvalidRequestError, "["),
        (text("not json", 200), kala.UnexpectedResponseError, "not an answer of a Kala"),
        (answer({"jobs": {}}), kala.UnexpectedResponseError, "job: Field required"),
        (
            httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=b""),
            kala.UnexpectedResponseError,
            "",
        ),
    ],
)
def test_no_failure_is_disguised_as_another(
    connect: Any, serve: Any, response: httpx.Response, kind: type[kala.KalaError], words: str
) -> None:
    with pytest.raises(kala.KalaError) as raised:
        connect(serve(response), retry=RetryPolicy(attempts=1)).get_job(ID)
    error = raised.value
    assert type(error) is kind
    assert words in str(error)
    assert (error.method, error.url, error.status) == (
        "GET",
        f"http://kala.test/api/v1/job/{ID}/",
        response.status_code,
    )


def test_a_refused_job_names_its_fields(connect: Any, serve: Any) -> None:
    problem = {
        "detail": "the job is not valid",
        "errors": [
            {"field": "retries", "message": "is negative", "example": 3},
            {"field": "name", "message": "empty"},
            5,
        ],
    }
    with pytest.raises(kala.InvalidJobError) as raised:
        connect(serve(answer(problem, 400))).create_job(name="a")
    assert [str(error) for error in raised.value.errors] == [
        "retries: is negative (such as 3)",
        "name: empty",
    ]


def test_a_used_key_is_told(connect: Any, serve: Any) -> None:
    with pytest.raises(kala.IdempotencyError):
        connect(serve(answer({"detail": "another body"}, 422))).create_job(name="a")


def test_words_of_a_server_cannot_forge_lines(connect: Any, serve: Any) -> None:
    with pytest.raises(kala.KalaError) as raised:
        connect(serve(text("one\r\ntwo\x1b[31m" + "x" * 5000, 400))).get_job(ID)
    assert "\n" not in str(raised.value)
    assert "\x1b" not in str(raised.value)
    assert len(str(raised.value)) < 600


def test_a_success_may_say_something_but_a_web_page_is_none(connect: Any, serve: Any) -> None:
    connect(serve(answer({"deleted": True}))).delete_job(ID)
    with pytest.raises(kala.UnexpectedResponseError):
        connect(serve(httpx.Response(200, html="<p>log in"))).delete_job(ID)


@pytest.mark.parametrize(
    ("failure", "kind", "tries"),
    [
        (httpx.ConnectError("refused"), kala.KalaConnectionError, 3),
        (httpx.ConnectTimeout(""), kala.KalaConnectionError, 3),
        (httpx.ReadError(""), kala.KalaConnectionError, 3),
        (httpx.RemoteProtocolError("cut"), kala.KalaConnectionError, 3),
        (httpx.PoolTimeout(""), kala.KalaTimeoutError, 1),
        (httpx.ReadTimeout(""), kala.KalaTimeoutError, 1),
        (httpx.DecodingError("zlib"), kala.UnexpectedResponseError, 1),
        (UnicodeError("label too long"), kala.KalaConnectionError, 3),
        (RuntimeError("Event loop is closed"), kala.KalaConnectionError, 3),
        (OSError("bad descriptor"), kala.KalaConnectionError, 3),
    ],
)
def test_a_failure_of_the_transport_is_in_the_tree(
    connect: Any, serve: Any, failure: Exception, kind: type[kala.KalaError], tries: int
) -> None:
    server = serve(failure)
    with pytest.raises(kala.KalaError) as raised:
        connect(server).get_job(ID)
    assert type(raised.value) is kind
    assert raised.value.__cause__ is failure
    assert len(server.requests) == tries


def test_a_creation_is_repeated_once_kala_server_has_answered(
    connect: Any, serve: Any, ours: dict[str, str]
) -> None:
    cut = httpx.RemoteProtocolError("cut")
    server = serve(cut, httpx.Response(200, headers=ours, json={"jobs": {}}), cut, answer({"id": ID}, 201))
    client = connect(server)
    with pytest.raises(kala.KalaConnectionError):
        client.create_job(name="a")
    client.get_all_jobs()
    assert client.create_job(name="a") == ID
    keys = [request.headers["Idempotency-Key"] for request in server.requests if request.method == "POST"]
    assert keys[1] == keys[2] != keys[0]


def test_a_deletion_whose_outcome_was_unknown_counts_as_done(connect: Any, serve: Any) -> None:
    connect(serve(httpx.ReadError("cut"), answer(status=404))).delete_job(ID)


class Dripping(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in chunks, between which time passes."""

    def __init__(
        self, clock: Any, chunks: list[bytes], seconds: float = 0.0, end: Exception | None = None
    ) -> None:
        self.clock, self.chunks, self.seconds, self.end = clock, chunks, seconds, end

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self.clock.now += self.seconds
            yield chunk
        if self.end:
            raise self.end

    async def __aiter__(self) -> Any:
        for chunk in self:
            yield chunk


def test_a_dripping_answer_ends_with_the_deadline(connect: Any, clock: Any) -> None:
    body = Dripping(clock, [b" "] * 100, 0.3)
    client = connect(lambda _: httpx.Response(200, stream=body), timeout=1.0)
    with pytest.raises(kala.KalaTimeoutError, match="within 1 s"):
        client.get_job(ID)
    assert clock.now == pytest.approx(1001.2)


def test_no_attempt_begins_after_the_deadline(connect: Any, serve: Any) -> None:
    server = serve(answer())
    with pytest.raises(kala.KalaTimeoutError):
        connect(server, timeout=0.5, monotonic=itertools.count().__next__).get_job(ID)
    assert server.asked == []


@pytest.mark.parametrize("client", [kala.KalaClient, kala.AsyncKalaClient])
@pytest.mark.parametrize("timeout", [0, -1, math.inf, math.nan, None, "30"])
def test_a_timeout_that_no_call_could_keep_is_refused(client: Any, timeout: Any) -> None:
    with pytest.raises(ValueError, match="a number of seconds above 0, such as 30"):
        client(timeout=timeout)


def test_a_bomb_is_not_unpacked(connect: Any) -> None:
    bomb = gzip.compress(b" " * 1_000_000)
    server = lambda _: httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=bomb)  # noqa: E731
    with pytest.raises(kala.UnexpectedResponseError, match="larger than the 1000 bytes"):
        connect(server, max_body=1000).get_job(ID)


def test_a_job_is_named_by_its_id_by_itself_and_by_a_run_of_it(connect: Any, serve: Any) -> None:
    server = serve(answer({"job": JOB}))
    client = connect(server)
    job = client.get_job(ID)
    client.get_job(job)
    client.get_job(kala.Run(id="r1", job_id=ID, state="failed"))
    assert server.asked == [f"GET /api/v1/job/{ID}/"] * 3
    with pytest.raises(kala.InvalidRequestError, match="no id"):
        client.get_job(Job(name="a"))
