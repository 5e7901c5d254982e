"""Our clients, answered as two real Kalas answered: every call of theirs that a method makes."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import respx

from kala_client import (
    InvalidJobError,
    Job,
    JobNotFoundError,
    JobStat,
    KalaClient,
    KalaError,
    KalaStats,
    KalaTimeoutError,
    NotSupportedError,
    UnexpectedResponseError,
)
from tests.blocking import KINDS, Kind, client_of
from tests.compat.differences import NEVER
from tests.compat.recorded import NAMES, Answer, Call, recording

URL = "http://kala.test"
METHODS: list[tuple[str, str, str]] = [
    ("POST", "/job/?", "create_job"),
    ("GET", "/job/?", "get_all_jobs"),
    ("DELETE", "/job/all/", "delete_all_jobs"),
    ("GET", "/job/stats/(?P<id>[^/]+)/", "get_job_stats"),
    ("POST", "/job/start/(?P<id>[^/]+)/", "start_job"),
    ("POST", "/job/enable/(?P<id>[^/]+)/", "enable_job"),
    ("POST", "/job/disable/(?P<id>[^/]+)/", "disable_job"),
    ("GET", "/job/(?P<id>[^/]+)/?", "get_job"),
    ("DELETE", "/job/(?P<id>[^/]+)/", "delete_job"),
    ("PUT", "/job/(?P<id>[^/]+)/", "replace_job"),
    ("PATCH", "/job/(?P<id>[^/]+)/", "update_job"),
    ("GET", "/stats/", "get_kala_stats"),
]
NO_METHOD = {
    "unknown route",
    "root",
    "HEAD on a job",
    "OPTIONS on a job",
    "start: GET instead of POST",
    "enable: GET instead of POST",
    "disable: GET instead of POST",
}
REFUSED_HERE = {"create: unknown fields", "create: field names in another case", "create: empty interval P"}
THE_SERVERS_OWN = {"id", "metadata", "next_run_at"}
A_JOB = Job(name="a job", command="true")
ERRORS: dict[int, type[KalaError]] = {
    301: UnexpectedResponseError,
    400: InvalidJobError,
    404: JobNotFoundError,
    405: NotSupportedError,
}


def calls() -> list[Any]:
    return [
        pytest.param(call, id=f"{name}: {call.note}")
        for name in NAMES
        for call in recording(name).calls
        if call.note not in NO_METHOD
    ]


def method_of(call: Call) -> tuple[str, str]:
    path = call.path.removeprefix("/api/v1")
    for method, pattern, name in METHODS:
        if method == call.method and (found := re.fullmatch(pattern, path)):
            return name, found.groupdict().get("id", "")
    raise AssertionError(f"no method makes the call {call.note!r}")


def asked(client: KalaClient, call: Call) -> Any:
    """Make the call with the method that is there for it."""
    name, job_id = method_of(call)
    method: Callable[..., Any] = getattr(client, name)
    if name == "create_job":
        good = call.answer is not None and call.answer.status == 201 and call.note not in REFUSED_HERE
        return method(**call.document) if good else method(A_JOB)
    arguments = [job_id] if job_id else []
    if name == "replace_job":
        return method(*arguments, A_JOB)
    return method(*arguments, retries=1) if name == "update_job" else method(*arguments)


def reply(answer: Answer | None) -> Any:
    if answer is None:
        return httpx.ReadTimeout("no answer")
    return httpx.Response(answer.status, headers=answer.headers, content=answer.body.encode())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", calls())
def test_a_recorded_answer_becomes_a_value_or_an_error_of_its_class(call: Call, kind: Kind) -> None:
    with respx.mock, client_of(kind, URL) as client:
        respx.route().mock(side_effect=[reply(call.answer)])
        if call.answer is None:
            with pytest.raises(KalaTimeoutError):
                asked(client, call)
        elif call.answer.status < 300:
            holds(asked(client, call), call.answer.document)
        else:
            with pytest.raises(KalaError) as raised:
                asked(client, call)
            assert type(raised.value) is expected_error(call)
            assert raised.value.status == call.answer.status


def expected_error(call: Call) -> type[KalaError]:
    assert call.answer is not None
    added = method_of(call)[0] in {"delete_all_jobs", "replace_job", "update_job"}
    return NotSupportedError if added else ERRORS[call.answer.status]


def holds(value: Any, document: Any) -> None:
    """Check a typed result against the body that it was read from."""
    if document is None:
        assert value is None
        return
    [(name, content)] = document.items()
    if name == "id":
        assert value == content
    elif name == "jobs":
        assert value.keys() == content.keys()
        for job_id, job in value.items():
            holds_job(job, content[job_id])
    elif name == "job":
        holds_job(value, content)
    elif name == "job_stats":
        holds_stats(value, content)
    else:
        assert name == "Stats"
        assert isinstance(value, KalaStats)
        assert holds_fields(value, content) == content.keys()


def holds_job(job: Job, sent: dict[str, Any]) -> None:
    assert isinstance(job, Job)
    holds_stats(job.stats, sent["stats"])
    counters = holds_fields(job, sent["metadata"])
    assert counters == sent["metadata"].keys()
    elsewhere = {"metadata", "stats", "remote_properties"}
    assert holds_fields(job, sent) == sent.keys() - elsewhere
    if "remote_properties" in sent:
        assert job.remote_properties is not None
        assert job.remote_properties.model_dump() == sent["remote_properties"]


def holds_stats(stats: list[JobStat], sent: list[dict[str, Any] | None] | None) -> None:
    runs = [run for run in sent or [] if run]
    assert [type(stat) for stat in stats] == [JobStat] * len(runs)
    for stat, run in zip(stats, runs, strict=True):
        assert stat.execution_duration_ns == run["execution_duration"]
        assert holds_fields(stat, run) == run.keys() - {"execution_duration"}


def holds_fields(value: Any, sent: dict[str, Any]) -> set[str]:
    """Compare the fields that are plain values, and return their names."""
    names = {"created": "created_at", "TemplateDelimiters": "template_delimiters"}
    compared = set()
    for name, content in sent.items():
        field = getattr(value, names.get(name, name), None)
        if isinstance(content, dict) or name in {"stats", "execution_duration"}:
            continue
        compared.add(name)
        if content == NEVER:
            assert field is None
        elif isinstance(content, str) and content.startswith("20") and content.endswith("Z"):
            assert field is not None
            assert field.isoformat()[:19] == content[:19]
        else:
            assert field == (content if content is not None else []), name
    return compared


CREATED = [
    param
    for param in calls()
    if (answer := param.values[0].answer)
    and answer.status == 201
    and param.values[0].note not in REFUSED_HERE
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", CREATED)
def test_a_job_is_sent_as_it_was_recorded_but_for_what_is_the_servers_own(call: Call, kind: Kind) -> None:
    with respx.mock, client_of(kind, URL) as client:
        route = respx.post(f"{URL}/api/v1/job/").mock(return_value=reply(call.answer))
        asked(client, call)
    sent = json.loads(route.calls.last.request.content)
    assert sent == {name: value for name, value in call.document.items() if name not in THE_SERVERS_OWN}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("note", sorted(REFUSED_HERE))
def test_a_field_that_no_kala_knows_and_a_length_of_nothing_are_refused_before_they_are_sent(
    note: str, kind: Kind
) -> None:
    call = next(call for name in NAMES for call in recording(name).calls if call.note == note)
    with client_of(kind, URL) as client, pytest.raises(InvalidJobError, match="nothing was sent"):
        client.create_job(**call.document)
