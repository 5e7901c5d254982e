"""Whatever is said to a call, it is a value, an error of the tree or a ValueError; against both clients."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

import kala_client as kala
from kala_client import Job, KalaClient, Period, RetryPolicy, Run, Schedule
from kala_client.models import CLIENT_FIELDS
from tests.unit.client.answers import ID
from tests.unit.client.conftest import OURS

PLAIN: list[Any] = [None, True, 5, -1, 10**400, 1.5, float("nan"), float("inf"), b"x"]
TEXTS: list[Any] = ["", "x", "all", "../x", "\ud800", "a\0b", "a\nb", "é", "x" * 300, ID]
MANY: list[Any] = [[], [None], [5], [ID], {}, {"a": 1}, {5: 5}, {ID}, range(3)]
TIMES: list[Any] = [
    datetime(2035, 1, 1),
    datetime.max.replace(tzinfo=UTC),
    timedelta(days=1),
    timedelta.max,
    ZoneInfo("UTC"),
]
OURSELVES: list[Any] = [
    *(Job(name="a"), Job, Run(id="r1", job_id=ID, state="running"), Period(days=1), RetryPolicy()),
    *(Schedule.once(datetime(2035, 1, 1, tzinfo=UTC)), object(), print),
]
ODD = PLAIN + TEXTS + MANY + TIMES + OURSELVES
GOOD: dict[str, Any] = {
    "job_id": ID,
    "run": "r1",
    "job": Job(name="a"),
    "jobs": [Job(name="a")],
    "name": "billing",
    "action": "start",
    "schedule": "@daily",
}
SAID: dict[str, Any] = {
    "id": ID,
    "ids": [],
    "job": {"name": "a"},
    "jobs": {},
    "run": {"id": "r1", "job_id": ID, "state": "succeeded"},
    "runs": [],
    "slots": [],
    "job_stats": [],
    "Stats": {"active_jobs": 1, "disabled_jobs": 0, "jobs": 1},
    "next": None,
    "sets": [],
    "set": {"name": "billing", "applied_at": "2035-01-01T00:00:00Z", "jobs": [], "etag": "t"},
    "applied": {"set": "billing", "created": {}, "changed": [], "deleted": [], "unchanged": 0, "etag": "t"},
}
METHODS: dict[str, Callable[..., Any]] = {
    name: method
    for name, method in inspect.getmembers(KalaClient, inspect.isfunction)
    if not name.startswith("_") and name not in {"close", "with_options"}
}


def answers(request: httpx.Request) -> httpx.Response:
    if request.url.path.endswith("/preview/"):
        return httpx.Response(200, headers=OURS, json={"next": []})
    if request.url.path.endswith(("/output/", "/events/")):
        return httpx.Response(200, headers=OURS)
    return httpx.Response(200, headers=OURS | {"Kala-Run-Id": "r1"}, json=SAID)


def odd_calls(method: Callable[..., Any]) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """Yield arguments of which one is odd."""
    parameters = list(inspect.signature(method).parameters.values())[1:]
    needed = [one.name for one in parameters if one.default is one.empty and one.name in GOOD]
    good = [GOOD[name] for name in needed]
    for odd in ODD:
        for place in range(len(needed)):
            yield [*good[:place], odd, *good[place + 1 :]], {}
        for one in parameters:
            if one.kind is one.POSITIONAL_ONLY:
                yield [odd], {}
            elif one.kind is one.VAR_KEYWORD:
                first = {} if needed else {"name": "a"}
                yield from ((good, {**first, field: odd}) for field in (*CLIENT_FIELDS, "comand"))
            elif one.name not in needed:
                yield good, {one.name: odd}


@pytest.mark.parametrize("name", METHODS)
def test_whatever_is_said_is_a_value_or_an_error_that_is_promised(connect: Any, name: str) -> None:
    client = connect(answers, retry=RetryPolicy(attempts=1))
    for arguments, options in odd_calls(METHODS[name]):
        with suppress(kala.KalaError, ValueError):
            value = getattr(client, name)(*arguments, **options)
            if inspect.isgenerator(value):
                assert list(islice(value, 3)) == []


NONSENSE: list[tuple[Callable[[Any], Any], str]] = [
    (lambda client: client.find_jobs(limit="5"), "limit must be a whole number from 0 on, or None, not '5'"),
    (lambda client: list(client.runs(limit=1.5)), "limit must be a whole number"),
    (lambda client: list(client.upcoming(limit=-1)), "limit must be a whole number from 0 on"),
    (lambda client: client.wait("r1", timeout="5"), "timeout must be a number of seconds, or None, not '5'"),
    (lambda client: client.wait("r1", timeout=float("nan")), "timeout must be a number of seconds"),
    (lambda client: client.wait("r1", timeout=10**400), "timeout must be a number of seconds"),
    (lambda client: client.explain(ID, at="noon"), "at must be a datetime, not of type str"),
    (lambda client: list(client.runs(since="18:00")), "since must be a datetime, not of type str"),
    (lambda client: client.create_jobs(None), "jobs must be a list, not None"),
    (lambda client: client.create_jobs(Job(name="a")), "jobs must be a list, not of type Job"),
    (lambda client: client.bulk("delete", ID), "job_ids must be a list, not of type str"),
    (lambda client: client.bulk(b"start", [ID]), "this cannot be sent: Object of type bytes"),
    (lambda client: list(client.events(last_event_id=5)), "last_event_id must be 1 to 255 printable"),
]


@pytest.mark.parametrize(("ask", "told"), NONSENSE, ids=[told for _, told in NONSENSE])
def test_what_makes_no_sense_is_told_before_anything_is_sent(
    connect: Any, serve: Any, ask: Callable[[Any], Any], told: str
) -> None:
    server = serve(httpx.Response(500))
    with pytest.raises(kala.InvalidRequestError) as raised:
        ask(connect(server))
    assert told in str(raised.value)
    assert server.asked == []


@pytest.mark.parametrize("client", [KalaClient, kala.AsyncKalaClient])
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda client: client(max_body=0), "max_body must be a number of bytes above 0, not 0"),
        (lambda client: client(on_attempt=5), "on_attempt must be a function, not int"),
        (
            lambda client: client().with_options(retry=5),
            "retry must be of type kala_client.RetryPolicy, not int",
        ),
        (lambda client: client().with_options(timeout="5"), "timeout must be a number of seconds above 0"),
    ],
)
def test_an_option_that_makes_no_sense_is_told_when_it_is_given(
    client: Any, make: Callable[[Any], Any], told: str
) -> None:
    with pytest.raises((TypeError, ValueError)) as raised:
        make(client)
    assert told in str(raised.value)


@pytest.mark.parametrize("attempts", [0, -1, 1.5, "3", None])
def test_attempts_are_a_number_that_comes_to_an_end(attempts: Any) -> None:
    with pytest.raises(ValueError, match="attempts must be a whole number of at least 1, not"):
        RetryPolicy(attempts=attempts)


@pytest.mark.parametrize("name", ["base", "cap"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), 1e300, "1", None])
def test_a_wait_is_one_that_can_be_waited(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a number of at least 0 seconds, not"):
        RetryPolicy(**{name: value})
