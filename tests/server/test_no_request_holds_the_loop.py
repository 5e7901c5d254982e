"""No request holds the event loop for long, whatever it asks, and several at once not for longer than one.

What is promised is 20 ms (docs/architecture.md); it is held with five times that in processor time of the loop's
thread, as it shares its core with others here. What a fault of this kind costs is a second.
"""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from kala_server.core.model.job import Run, RunState, Trigger
from kala_server.core.state.state import State
from kala_server.web.routes.health import Alive
from tests.server.turns_of_the_loop import Watched, watched

LONGEST = 0.1
MANY = 20_000
LATER = "R/2035-06-04T19:25:16Z/P1D"
THEN = datetime(2030, 1, 1, tzinfo=UTC)
AT_ONCE = 8

ASKED = [
    "/preview/?count=1000&schedule=0+0+29+2+*",
    "/preview/?count=1000&schedule=0+0+29+2+*&timezone=Europe/Berlin",
    "/preview/?count=1000&schedule=R/2035-06-04T19:25:16Z/P1M&timezone=Europe/Berlin",
    "/job/{id}/",
    "/job/stats/{id}/",
    "/job/{id}/runs/?limit=1000",
    "/job/{id}/runs/?limit=1000&state=failed",
    "/job/{id}/explain/",
    "/job/{id}/explain/?at=2030-01-01T00:10:00Z",
    "/job/{id}/runs/?limit=1000&explain=true&zone=Asia/Tokyo",
    "/job/{id}/explain/?from=2030-01-01T00:00:00Z&to=2040-01-01T00:00:00Z",
    "/job/{id}/family/",
    "/runs/?limit=1000&explain=true",
    "/runs/?limit=1000",
    "/runs/?tag=none&state=failed",
    "/upcoming/?limit=1000",
    "/upcoming/?limit=1000&from=2035-06-04T19:25:16Z",
    "/job/",
    "/job/?stats=true",
    "/job/?state=running",
    "/job/?name=none",
    "/job/?q=none",
    "/job/?view=row&limit=1000",
    "/job/?view=row&sort=state&offset=9000",
    "/job/?view=row&sort=last&q=none",
    "/timeline/",
    "/timeline/?limit=500&offset=9000",
    "/timeline/?q=none",
    "/timeline/?job={id}&from=2030-01-01T00:00:00Z&to=2030-01-02T00:00:00Z",
    "/summary/",
    "/summary/?from=2035-06-01T00:00:00Z&to=2035-07-01T00:00:00Z&step=3600",
    "/session/",
    "/stats/",
    "/openapi.json",
]

A_JOB = {"name": "a job", "command": "true", "schedule": LATER}
SENT: dict[str, dict[str, object]] = {
    "names that are near to none": {f"template_delimiter{number}": 1 for number in range(900)},
    "names inside a call": {
        "type": 1,
        "remote_properties": {"url": "http://h/", **{f"timeou{number}": 1 for number in range(900)}},
    },
    "tags that are none": {"tags": [1] * 9_900},
    "codes that are none": {
        "type": 1,
        "remote_properties": {"url": "http://h/", "expected_response_codes": ["x"] * 9_900},
    },
    "parents that are not there": {"parent_jobs": [str(number) for number in range(9_900)]},
    "a duration without an end": {"epsilon": "P" + "1" * 1_000_000 + "D"},
    "lines that go on and on": {"command": "true " + "\\\n" * 65_000},
    "lines without an end": {"command": "true" + "\n \r\n" * 26_000},
    "backslashes": {"command": "true " + "\\" * 130_000},
    "words and nothing else": {"command": "true" + " a" * 65_000},
    "substitutions": {"command": "echo " + "$(" * 65_000},
    "substitutions that end": {"command": "echo " + f"$({'a;' * 4_900})" * 13},
    "a mebibyte of backslashes": {"description": "\\" * 520_000},
    "a mebibyte of escapes": {"description": "a\n" * 340_000},
    "numbers out of range": {"tags": [10**99] * 9_900},
    "variables to be quoted": {"command": "`a`" + "$A " * 1_900, "env": {"A": "'" * 100_000}},
    "variables": {"command": "echo " + "$A " * 1_900, "env": {"A": "x" * 100_000}},
    "many variables": {"env": {f"A{number}": "x" * 900 for number in range(1_000)}},
    "a host of many labels": {"type": 1, "remote_properties": {"url": f"http://{'ü.' * 30_000}de/"}},
    "many headers": {
        "type": 1,
        "remote_properties": {
            "url": "http://h/",
            "headers": {f"h {number}": ["v"] * 8 for number in range(990)},
        },
    },
}


def ask(there: Watched, method: str, path: str, body: bytes | None = None) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", there.server.port, timeout=100)
    connection.request(method, f"/api/v1{path}", body=body)
    answer = connection.getresponse()
    told = answer.read()
    connection.close()
    assert answer.status < 300, told
    return told


def create(there: Watched, count: int, **fields: object) -> list[str]:
    cron = [f"{number % 60} {number // 60 % 24} * * {number // 1440 % 7}" for number in range(count)]
    jobs = [{"name": "a job", "command": "true", "schedule": line, **fields} for line in cron]
    ids: list[str] = json.loads(ask(there, "POST", "/job/batch/", json.dumps({"jobs": jobs}).encode()))["ids"]
    return ids


def remember(state: State, job_id: str) -> None:
    """Let the job have a long history."""
    runs = [
        Run(
            id=str(UUID(int=number)),
            job_id=job_id,
            scheduled_at=THEN + timedelta(seconds=number),
            trigger=Trigger.SCHEDULE,
            state=RunState.SUCCEEDED,
            queued_at=THEN + timedelta(seconds=number),
            started_at=THEN + timedelta(seconds=number),
            finished_at=THEN + timedelta(seconds=number + 1),
            attempts=1,
        )
        for number in range(MANY)
    ]
    for run in runs:
        state.runs[run.id] = run
    state.kept[job_id] = tuple(run.id for run in runs)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched(data_dir=tmp_path_factory.mktemp("data")) as server:
        create(server, 10_000, timezone="Europe/Berlin")
        yield server


@pytest.fixture(scope="module")
def job_id(there: Watched) -> str:
    [job_id] = create(there, 1, keep_runs=100_000)
    there.call(lambda: remember(there.server.service.state, job_id))
    return job_id


@pytest.mark.parametrize("path", ASKED)
def test_nothing_that_is_asked_holds_the_loop(there: Watched, job_id: str, path: str) -> None:
    there.begin()
    ask(there, "GET", path.format(id=job_id))
    assert there.longest < LONGEST


@pytest.mark.parametrize("path", ASKED)
def test_several_that_ask_at_once_share(there: Watched, job_id: str, path: str) -> None:
    asking = [
        threading.Thread(target=ask, args=(there, "GET", path.format(id=job_id))) for _ in range(AT_ONCE)
    ]
    there.begin()
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert there.longest < LONGEST


@pytest.mark.parametrize("what", SENT)
@pytest.mark.parametrize("path", ["/job/", "/job/batch/"])
def test_nothing_that_is_sent_holds_the_loop(there: Watched, path: str, what: str) -> None:
    job = {**A_JOB, **SENT[what]}
    body = json.dumps(job if path == "/job/" else {"jobs": [job]}).encode()
    there.begin()
    connection = http.client.HTTPConnection("127.0.0.1", there.server.port, timeout=100)
    connection.request("POST", f"/api/v1{path}", body=body)
    answer = connection.getresponse()
    assert answer.status in {201, 400}, answer.read()
    connection.close()
    assert there.longest < LONGEST / 2


def test_a_job_that_follows_many_and_calls_one_whom_many_follow_holds_the_loop_no_longer() -> None:
    with watched() as there:
        helper, *parents = create(there, 5_000)
        create(there, 5_000, schedule="", parent_jobs=[helper])
        job = {"name": "a job", "command": "true", "parent_jobs": parents, "on_failure_job": helper}
        there.begin()
        ask(there, "POST", "/job/", json.dumps(job).encode())
        ask(there, "GET", f"/job/{helper}/family/?limit=1000")
        ask(there, "GET", "/timeline/")
        assert there.longest < LONGEST


def test_a_job_that_is_deleted_with_many_that_follow_it_holds_the_loop_no_longer() -> None:
    with watched() as there:
        [parent] = create(there, 1)
        for _ in range(2):
            create(there, 10_000, schedule="", parent_jobs=[parent])
        there.begin()
        ask(there, "DELETE", f"/job/{parent}/")
        assert there.longest < LONGEST / 2


def test_no_change_holds_the_loop(tmp_path: Path) -> None:
    with watched(data_dir=tmp_path / "data") as there:
        for _ in range(2):
            there.begin()
            first, *_ = create(there, 10_000, timezone="Europe/Berlin", keep_runs=100_000)
            assert there.longest < LONGEST
        there.call(lambda: remember(there.server.service.state, first))
        for method, path, body in (
            ("PATCH", f"/job/{first}/", b'{"keep_runs": 1000}'),
            ("DELETE", f"/job/{first}/", None),
            ("DELETE", "/job/all/", None),
        ):
            there.begin()
            ask(there, method, path, body)
            assert there.longest < LONGEST, path


def test_a_request_that_holds_the_loop_is_noticed(there: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    async def computes(handler: Alive) -> None:
        until = time.thread_time() + 1.5 * LONGEST
        while time.thread_time() < until:
            pass
        handler.answer({})

    monkeypatch.setattr(Alive, "get", computes)
    connection = http.client.HTTPConnection("127.0.0.1", there.server.port)
    there.begin()
    connection.request("GET", "/healthz")
    connection.getresponse().read()
    connection.close()
    assert there.longest > LONGEST
