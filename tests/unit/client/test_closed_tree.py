"""Whatever a server answers, a call returns a value or raises an error of the tree; against both clients."""

import gzip
import itertools
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kala_client as kala
from kala_client._calls import builders, ledger
from kala_client._calls.answers import Answer, is_heap
from kala_client._calls.call import Call
from tests.unit.client.answers import ID, Streamed, answer

BEYOND = "9999-12-31T23:59:59-14:00"
CALLS: list[Call[Any]] = [
    builders.get_job(ID),
    builders.get_all_jobs(),
    builders.get_job_stats(ID),
    builders.get_kala_stats(),
    builders.start_job(ID),
    builders.start_run(ID),
    ledger.get_run(ID),
    ledger.explain(ID, at=None, zone=None),
    ledger.preview("@daily", timezone=None, count=1),
    builders.create_job(kala.Job(name="a"), key=None),
    builders.create_jobs([kala.Job(name="a")], key=None),
    ledger.runs_page(ID, state=None, limit=1, before=None),
    builders.jobs_page(limit=1, after=None),
    ledger.output(ID),
    builders.delete_job(ID),
    builders.get_pause(),
]
NAMES = sorted(
    {
        "job",
        "jobs",
        "job_stats",
        "Stats",
        "run",
        "runs",
        "slots",
        "next",
        "id",
        "ids",
        "errors",
        "detail",
        "at",
        "pause",
    }
    | set(kala.Job.model_fields)
    | set(kala.JobStat.model_fields)
    | set(kala.Run.model_fields)
    | set(kala.KalaStats.model_fields)
    | set(kala.Pause.model_fields)
    | {"execution_duration", "created", "field", "example", "message"}
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63, -(10**30), 1e308, "", "a", "9999-12-31T23:59:59Z", BEYOND])
    | st.sampled_from(["0001-01-01T00:00:00+14:00", "0002-01-01T00:00:00+14:00", "2035-06-04T03:00:00Z"])
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=20,
)
HEADERS = st.dictionaries(
    st.sampled_from(["location", "retry-after", "content-type", "date", "kala-server"]),
    st.sampled_from(
        ["http://[", "Mon, 01 Jan 99999 00:00:00 GMT", "9" * 50, "text/html", "kala-python/1", "\xff"]
    ),
)


@given(
    st.sampled_from(CALLS),
    st.sampled_from([200, 201, 204, 301, 304, 400, 404, 409, 422, 429, 500, 503, 599]),
    HEADERS,
    DOCUMENTS.map(lambda document: json.dumps(document).encode()) | st.binary(max_size=50),
)
def test_an_answer_is_a_value_or_an_error_of_the_tree(
    call: Call[Any], status: int, headers: dict[str, str], body: bytes
) -> None:
    got = Answer(call.method, "http://kala.test", status, headers, body)
    with suppress(kala.KalaError):
        value = call.decode(got)
        assert repr(value)
        for stat in value if isinstance(value, list) else []:
            assert str(getattr(stat, "execution_duration", stat))
    assert got.retry_after >= 0


@given(st.dictionaries(st.sampled_from(NAMES), DOCUMENTS, max_size=8))
def test_any_member_of_a_job_is_a_value_or_an_error_of_the_tree(members: dict[str, Any]) -> None:
    body = json.dumps({"job": {"name": "a", **members}}).encode()
    with suppress(kala.UnexpectedResponseError):
        builders.get_job(ID).decode(Answer("GET", "http://kala.test", 200, {}, body))


@pytest.mark.parametrize("moment", [BEYOND, "0001-12-31T23:59:59+00:00", "9999-12-31T23:59:59+14:00"])
@pytest.mark.parametrize("place", ["next_run_at", "created_at"])
def test_a_moment_that_no_datetime_can_be_is_no_answer_of_a_kala(
    connect: Any, serve: Any, moment: str, place: str
) -> None:
    client = connect(serve(answer({"job": {"name": "a", place: moment}})))
    if moment == BEYOND:
        with pytest.raises(
            kala.UnexpectedResponseError, match=rf"job\.{place}: .*in UTC it is not in the years"
        ):
            client.get_job(ID)
    else:
        assert getattr(client.get_job(ID), place) in {None, datetime(9999, 12, 31, 9, 59, 59, tzinfo=UTC)}


@pytest.mark.parametrize("body", [{"metadata": {"last_success": BEYOND}}, {"stats": [{"ran_at": BEYOND}]}])
def test_so_is_one_within(connect: Any, serve: Any, body: dict[str, Any]) -> None:
    with pytest.raises(kala.UnexpectedResponseError):
        connect(serve(answer({"job": {"name": "a", **body}}))).get_job(ID)


def test_a_moment_of_ones_own_that_no_datetime_can_be_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="in UTC it is not in the years 1 to 9999"):
        kala.Job(name="a", next_run_at=BEYOND)  # type: ignore[call-arg]


@pytest.mark.parametrize("nanoseconds", [2**63, -(2**63) - 1, 10**30])
def test_a_duration_that_go_cannot_send_is_no_answer_of_a_kala(nanoseconds: int) -> None:
    with pytest.raises(ValueError, match="execution_duration"):
        kala.JobStat(job_id="a", success=True, execution_duration_ns=nanoseconds)
    longest = kala.JobStat(job_id="a", success=True, execution_duration_ns=2**63 - 1)
    assert longest.execution_duration == timedelta(microseconds=(2**63 - 1) // 1000)


def packed(body: bytes, coding: str = "gzip") -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(200, headers={"Content-Encoding": coding}, stream=Streamed(body))


JOBS = b'{"jobs": {}}'


@pytest.mark.parametrize(
    ("body", "coding", "told"),
    [
        (
            gzip.compress(gzip.compress(JOBS, mtime=0), mtime=0),
            "gzip, gzip",
            "coded as gzip, gzip, and not as gzip",
        ),
        (JOBS, "br", "coded as br"),
        (gzip.compress(JOBS, mtime=0)[:-8] + bytes(8), "gzip", "cannot be read: .*incorrect data check"),
        (gzip.compress(JOBS, mtime=0)[:-3], "gzip", "cut off"),
        (gzip.compress(JOBS, mtime=0) + b"x", "gzip", "after its end"),
        (gzip.compress(bytes(10**8), mtime=0), "gzip", "larger than the 1000000 bytes"),
    ],
)
def test_a_compressed_answer_is_whole_and_within_its_bounds(
    connect: Any, body: bytes, coding: str, told: str
) -> None:
    client = connect(packed(body, coding), max_body=1_000_000)
    with pytest.raises(kala.UnexpectedResponseError, match=told) as raised:
        client.get_all_jobs()
    assert raised.value.url == "http://kala.test/api/v1/job/"


@pytest.mark.parametrize(
    ("body", "coding", "told"),
    [
        (gzip.compress(gzip.compress(JOBS, mtime=0), mtime=0), "gzip, gzip", "coded as gzip, gzip"),
        (gzip.compress(JOBS, mtime=0)[:-8] + bytes(8), "gzip", "incorrect data check"),
        (gzip.compress(JOBS, mtime=0)[:-3], "gzip", "cut off"),
    ],
)
def test_so_is_a_compressed_stream(connect: Any, body: bytes, coding: str, told: str) -> None:
    with pytest.raises(kala.UnexpectedResponseError, match=told):
        list(connect(packed(body, coding)).follow("r1"))


def test_the_deadline_holds_while_an_answer_is_unpacked(connect: Any) -> None:
    client = connect(
        packed(gzip.compress(bytes(10**8), mtime=0)), timeout=100, monotonic=itertools.count().__next__
    )
    with pytest.raises(kala.KalaTimeoutError):
        client.get_all_jobs()


def test_a_compressed_stream_is_followed(connect: Any) -> None:
    assert list(connect(packed(gzip.compress(b"one\ntwo\n", mtime=0))).follow("r1")) == ["one", "two"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"jobs":{' + b",".join(b'"%d":[]' % (number % 10) for number in range(300_000)) + b"}}",
        b'{"jobs":{},"more":[' + b",".join([b"[]"] * 500_000) + b"]}",
        b"[" + b",".join([b"[]"] * 500_000) + b"]",
    ],
    ids=["jobs", "unknown", "bare"],
)
@pytest.mark.parametrize("status", [200, 400, 503])
def test_a_heap_of_tiny_values_is_not_read(status: int, body: bytes) -> None:
    got = Answer("GET", "http://kala.test", status, {}, body)
    assert is_heap(body)
    with pytest.raises(kala.KalaError):
        builders.get_all_jobs().decode(got)


def test_faults_are_told_by_the_first_one_of_many() -> None:
    body = json.dumps({"job_stats": [{"success": 5}] * 20_000}).encode()
    with pytest.raises(kala.UnexpectedResponseError, match=r"job_stats\.0\.job_id"):
        builders.get_job_stats(ID).decode(Answer("GET", "http://kala.test", 200, {}, body))


def test_what_a_job_says_in_its_texts_makes_no_heap() -> None:
    body = json.dumps({"job": {"name": "a", "description": ',"\\,' * 100_000}}).encode()
    got = Answer("GET", "http://kala.test", 200, {}, body)
    assert not is_heap(body)
    assert builders.get_job(ID).decode(got).description == ',"\\,' * 100_000


def test_what_a_run_has_printed_may_be_anything(connect: Any) -> None:
    printed = b"," * 1_000_000
    assert connect(lambda _: httpx.Response(200, content=printed)).output("r1") == printed.decode()


def test_a_redirect_to_no_address_is_told(connect: Any, serve: Any) -> None:
    with pytest.raises(kala.UnexpectedResponseError, match="redirects to an address that is none"):
        connect(serve(answer(status=302, location="http://["))).get_job(ID)


def test_what_asyncios_connections_raise_in_groups_is_named_by_the_first_of_them(
    connect: Any, serve: Any
) -> None:
    several = ExceptionGroup(
        "several", [ExceptionGroup("addresses", [OSError("no route"), OSError("no port")])]
    )
    client = connect(serve(several))
    for ask in (lambda: client.get_job(ID), lambda: list(client.follow("r1"))):
        with pytest.raises(kala.KalaConnectionError, match="no route") as raised:
            ask()
        assert raised.value.__cause__ is several


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: list(client.runs(tag="\ud800")),
        lambda client: client.preview("\udcff"),
        lambda client: client.preview("x" * 100_000),
    ],
    ids=["half a character in a filter", "half a character in a schedule", "a query without end"],
)
def test_what_cannot_be_written_as_a_request_is_not_told_as_a_connection_that_broke(
    connect: Any, serve: Any, ours: dict[str, str], ask: Callable[[Any], Any]
) -> None:
    server = serve(httpx.Response(200, headers=ours, json={}))
    with pytest.raises(kala.InvalidRequestError, match="this cannot be sent: "):
        ask(connect(server))
    assert server.asked == []
