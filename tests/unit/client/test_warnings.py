"""What a server says that it passed over is a warning at the line that called; against both clients."""

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

import kala_client as kala
from kala_client import Job, KalaWarning
from tests import blocking
from tests.blocking import Kind
from tests.unit.client.answers import ID, JOB, answer

TOLD = "retry: there is no such field, so it was passed over; did you mean retries?"
CALLS: dict[str, tuple[Callable[[Any], Any], dict[str, Any], Any]] = {
    "create_job": (lambda client: client.create_job(name="a"), {"id": ID}, ID),
    "create_jobs": (lambda client: client.create_jobs([Job(name="a")]), {"ids": [ID]}, [ID]),
    "update_job": (lambda client: client.update_job(ID, retries=1), {"job": JOB}, Job.model_validate(JOB)),
    "replace_job": (
        lambda client: client.replace_job(ID, Job(name="a")),
        {"job": JOB},
        Job.model_validate(JOB),
    ),
}


@contextmanager
def caught() -> Iterator[list[warnings.WarningMessage]]:
    """Gather every warning, however often it was told."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        yield told


@pytest.mark.parametrize("call", CALLS)
def test_each_call_that_takes_a_job_warns_at_the_line_that_called(
    connect: Any, serve: Any, kind: Kind, ours: dict[str, str], call: str
) -> None:
    ask, said, value = CALLS[call]
    answered = {**said, "warnings": [TOLD]}
    client = connect(serve(httpx.Response(200, headers={**ours, "Kala-Warning": TOLD}, json=answered)))
    with caught() as told:
        assert ask(client) == value
    [one] = told
    assert (one.category, str(one.message)) == (KalaWarning, TOLD)
    assert one.filename == (__file__ if kind == "sync" else blocking.__file__)


def test_without_anything_to_tell_there_is_no_warning(connect: Any, serve: Any, ours: dict[str, str]) -> None:
    client = connect(serve(httpx.Response(201, headers=ours, json={"id": ID, "warnings": []})))
    with caught() as told:
        client.create_job(name="a")
    assert told == []


def test_a_refusal_is_an_error_and_no_warning(connect: Any, serve: Any) -> None:
    client = connect(serve(answer({"detail": "no"}, 400, kala_warning=TOLD)))
    with caught() as told, pytest.raises(kala.InvalidJobError):
        client.create_job(name="a")
    assert told == []


def test_it_is_told_once_however_often_the_call_was_sent(
    connect: Any, serve: Any, ours: dict[str, str]
) -> None:
    created = httpx.Response(201, headers={**ours, "Kala-Warning": TOLD}, json={"id": ID})
    client = connect(serve(created, httpx.ReadError("cut"), created))
    with caught() as told:
        client.create_job(name="a")
        client.with_options(timeout=5).create_job(name="a", idempotency_key="k")
    assert [str(one.message) for one in told] == [TOLD, TOLD]


def test_a_program_may_make_it_an_error_or_pass_over_it(
    connect: Any, serve: Any, ours: dict[str, str]
) -> None:
    client = connect(serve(httpx.Response(201, headers={**ours, "Kala-Warning": TOLD}, json={"id": ID})))
    with warnings.catch_warnings():
        warnings.simplefilter("error", KalaWarning)
        with pytest.raises(KalaWarning, match="did you mean retries"):
            client.create_job(name="a")
        warnings.simplefilter("ignore", KalaWarning)
        assert client.create_job(name="a") == ID


def test_what_is_told_stays_in_the_answer(connect: Any, serve: Any) -> None:
    client = connect(serve(answer({"id": ID, "warnings": [TOLD]}, 201, kala_warning=TOLD)))
    with caught():
        client.create_job(name="a")
    assert json.loads(client.last_answer.body)["warnings"] == [TOLD]
    assert client.last_answer.headers["kala-warning"] == TOLD
