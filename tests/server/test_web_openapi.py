"""What a real server takes and answers is what its description says, to the last field."""

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest

from kala_server.testing import running_server
from kala_server.web.base import Handler
from kala_server.web.query import Query
from tests.eventually import eventually
from tests.server.described import DOCUMENT, Described

NO_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
TOKEN = "a-token-of-24-characters"
EVERYTHING = {
    "name": "everything",
    "command": "printf hello",
    "owner": "a@b.c",
    "schedule": "R/2035-06-04T19:25:16Z/P1D",
    "timezone": "Europe/Berlin",
    "retries": 1,
    "epsilon": "PT1M",
    "resume_at_next_scheduled_time": True,
    "TemplateDelimiters": "{{ }}",
    "overlap": "skip",
    "misfire_grace": "PT1H",
    "timeout": "PT1M",
    "retry_delay": "PT1S",
    "retry_backoff": 1.5,
    "wait_for": "all",
    "shell": True,
    "env": {"A": "b"},
    "tags": ["x"],
    "description": "all that can be said",
    "keep_runs": 3,
}


WAYS_TO_ASK = {
    "/api/v1/job/": [{"name": "x"}, {"view": "row"}],
    "/api/v1/preview/": [{"schedule": "* * * * *"}],
}
"""Of a route that does not read all of its parameters each time."""


@pytest.fixture(scope="module")
def described() -> Iterator[Described]:
    with running_server() as server, httpx.Client(base_url=server.url) as http:
        yield Described(http)


def ask_about_jobs(described: Described) -> None:
    plain = described.create(name="plain")
    helper = described.create(name="helper")
    everything = described.create(**EVERYTHING, on_failure_job=helper, parent_jobs=[plain])
    call = {
        "url": f"{described.http.base_url}/healthz",
        "headers": {"A": ["b"]},
        "expected_response_codes": [200],
    }
    over_http = described.create(name="call", command="", type=1, remote_properties=call)
    words = described.create(name="words", command="", argv=["true"], catch_up="all", cwd="/", user="")
    body = {"jobs": [{"name": "one", "command": "true"}, {"name": "two", "command": "true"}]}
    assert len(described.ask("POST", "/job/batch/", json=body).json()["ids"]) == 2
    for job_id in (plain, over_http, words):  # one that still runs is not started anew
        eventually(partial(described.stats, job_id))
    for job_id in (plain, everything, over_http, words):
        described.ask("GET", "/job/{id}/", job_id)
    assert described.ask("PATCH", "/job/{id}/", words, json={"tags": ["y"]}).json()["job"]["tags"] == ["y"]
    described.ask("PUT", "/job/{id}/", words, json=EVERYTHING)
    dry = {"dry_run": "true"}
    for method, path in (("POST", "/job/"), ("PUT", "/job/{id}/"), ("PATCH", "/job/{id}/")):
        tried = described.ask(method, path, words, json={**EVERYTHING, "retry": 1}, params=dry)
        assert tried.status_code == 200
        assert tried.json()["warnings"]
    many = {"action": "start", "ids": [words]}
    assert described.ask("POST", "/job/bulk/", json=many).json()["jobs"][0]["run_id"]
    every = {"action": "delete", "filter": {"state": "done"}, "dry_run": True}
    assert described.ask("POST", "/job/bulk/", json=every).json()["jobs"]
    for verb in ("disable", "enable"):
        described.ask("POST", f"/job/{verb}/{{id}}/", words)
    assert everything in described.ask("GET", "/job/").json()["jobs"]
    assert "next" in described.ask("GET", "/job/", params={"limit": 1, "stats": True}).json()
    described.ask("GET", "/job/", params={"name": "plain", "state": "done"})
    rows = described.ask("GET", "/job/", params={"view": "row", "sort": "last"}).json()["rows"]
    assert rows[0]["recent"]
    described.ask("GET", "/stats/")
    assert described.ask("GET", "/session/").json()["session"]["scope"] == "full"
    described.ask("DELETE", "/job/{id}/", words)
    ask_about_sets(described)
    described.ask("DELETE", "/job/all/")


def ask_about_sets(described: Described) -> None:
    jobs = [{"key": "dump", "command": "true", "schedule": "0 3 * * *"}]
    for dump in (jobs, [{**jobs[0], "retries": 2}]):
        plan = described.ask(
            "PUT", "/set/{name}/", "billing", json={"jobs": dump}, params={"dry_run": "true"}
        )
        assert plan.json()["plan"]["changes"]
        applied = described.ask(
            "PUT",
            "/set/{name}/",
            "billing",
            json={"jobs": dump},
            headers={"If-Match": plan.headers["etag"]},
        )
        assert applied.json()["applied"]["etag"]
    assert described.ask("GET", "/set/").json()["sets"]
    assert described.ask("GET", "/set/{name}/", "billing").json()["set"]["jobs"]
    stale: dict[str, Any] = {"json": {"jobs": jobs}, "headers": {"If-Match": '"other"'}}
    assert described.ask("PUT", "/set/{name}/", "billing", **stale).status_code == 412
    described.ask("DELETE", "/set/{name}/", "billing", params={"keep_jobs": "true"})
    assert described.ask("DELETE", "/set/{name}/", "billing").status_code == 404


def ask_about_runs(described: Described) -> None:
    there = described.create(**EVERYTHING)
    run_id = described.ask("POST", "/job/start/{id}/", there).headers["kala-run-id"]
    fails = described.create(
        name="fails", command="sh -c 'kill -9 $$'", schedule="R/2035-06-04T19:25:16Z/P1D"
    )
    child = described.create(name="child", parent_jobs=[fails])
    waits = described.create(name="waits", command="sleep 60", overlap="queue", timeout="PT1M")
    described.ask("POST", "/job/start/{id}/", fails)
    described.ask("POST", "/job/start/{id}/", waits)
    for job_id, states in (
        (there, {"succeeded"}),
        (fails, {"failed"}),
        (child, {"skipped"}),
        (waits, {"running", "waiting"}),
    ):
        eventually(lambda job_id=job_id, states=states: described.states(job_id) == states)  # type: ignore[misc]
        assert described.ask("GET", "/job/{id}/explain/", job_id).json()["slots"]
        described.ask("GET", "/job/{id}/", job_id)
    at = "2035-06-04T19:25:16+00:00"
    assert described.ask("GET", "/job/{id}/explain/", there, params={"at": at}).json()["slots"]
    described.ask("GET", "/run/{id}/", run_id)
    told = {"explain": "true", "zone": "Asia/Tokyo", "state": "succeeded,failed"}
    assert described.ask("GET", "/job/{id}/runs/", there, params=told).json()["runs"][0]["sentence"]
    future = {"from": "2035-06-01T00:00:00Z", "to": "2036-06-01T00:00:00Z", "limit": 3}
    assert described.ask("GET", "/job/{id}/explain/", there, params=future).json()["next"]
    page = described.ask("GET", "/job/{id}/runs/", waits, params={"limit": 1}).json()
    assert described.ask("GET", "/job/{id}/runs/", waits, params={"before": page["next"]}).json()["runs"]
    assert described.ask("GET", "/run/{id}/output/", run_id).text == "hello"
    assert described.ask("GET", "/run/{id}/output/", run_id, headers={"Range": "bytes=-2"}).text == "lo"
    described.ask("GET", "/run/{id}/output/", run_id, headers={"Range": "bytes=9-"})
    described.ask("POST", "/run/{id}/cancel/", described.runs(waits)[0]["id"])
    assert described.ask("POST", "/run/{id}/cancel/", run_id).status_code == 409
    night = {"from": "2026-01-01T00:00:00Z", "state": "succeeded"}
    assert run_id in {run["id"] for run in described.ask("GET", "/runs/", params=night).json()["runs"]}
    assert described.ask("GET", "/upcoming/", params={"limit": 1}).json()["next"]
    family = described.ask("GET", "/job/{id}/family/", child).json()
    assert (len(family["nodes"]), len(family["edges"])) == (2, 1)
    timeline = described.ask(
        "GET", "/timeline/", params={"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    )
    assert timeline.json()["rows"]
    now = described.ask("GET", "/timeline/", params={"job": there}).json()
    assert now["rows"][0]["marks"]
    assert described.ask("GET", "/summary/").json()["failing"]["total"]
    schedule = {"schedule": "0 9 * * MON-FRI", "count": 3}
    assert len(described.ask("GET", "/preview/", params=schedule).json()["next"]) == 3


def test_refusals_are_as_described(described: Described) -> None:
    refused: list[tuple[str, str, int, dict[str, Any]]] = [
        ("POST", "/job/", 400, {"json": {"name": "", "retries": -1}}),
        ("POST", "/job/", 413, {"content": b" " * 2_000_000}),
        ("POST", "/job/", 403, {"headers": {"Origin": "http://evil.test"}}),
        ("POST", "/job/batch/", 400, {"json": {"jobs": [{}]}}),
        ("GET", "/job/", 400, {"params": {"limit": "0"}}),
        ("POST", "/job/bulk/", 400, {"json": {"action": "start"}}),
        ("POST", "/job/bulk/", 404, {"json": {"action": "start", "ids": [NO_ID]}}),
        ("POST", "/job/bulk/", 409, {"json": {"action": "start", "filter": {"name": "none"}, "expect": 9}}),
        ("GET", "/job/{id}/", 404, {}),
        ("PATCH", "/job/{id}/", 400, {"content": b"{"}),
        ("PUT", "/job/{id}/", 404, {"json": EVERYTHING}),
        ("GET", "/run/{id}/", 404, {}),
        ("GET", "/job/{id}/explain/", 400, {"params": {"at": "noon"}}),
        ("GET", "/preview/", 400, {}),
        ("GET", "/runs/", 400, {"params": {"from": "noon"}}),
        ("GET", "/runs/", 404, {"params": {"job": NO_ID}}),
        ("GET", "/upcoming/", 400, {"params": {"after": "x"}}),
        ("POST", "/pause/", 400, {"json": {"reason": "x" * 201}}),
        ("GET", "/events/", 400, {"headers": {"Last-Event-ID": "x"}}),
    ]
    for method, path, status, rest in refused:
        assert described.ask(method, path, NO_ID, **rest).status_code == status
    key = {"Idempotency-Key": "the same"}
    statuses = [
        described.ask("POST", "/job/", headers=key, json={"name": name, "command": "true"}).status_code
        for name in ("one", "one", "two")
    ]
    assert statuses == [201, 201, 422]


def test_every_good_answer_is_as_described(described: Described) -> None:
    ask_about_runs(described)
    ask_about_jobs(described)
    described.ask("GET", "/openapi.json")
    described.ask("GET", "/workers/")
    described.ask("GET", "/pause/")
    described.ask("POST", "/pause/", json={"reason": "ask Ana"})
    described.ask("POST", "/pause/")
    described.ask("POST", "/resume/")
    for path in ("/healthz", "/readyz", "/metrics"):
        described.ask("GET", path, api="")
    good = {
        (method.upper(), path, int(status))
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        for status in operation["responses"]
        if status < "3"
    }
    assert good - described.seen == {
        ("GET", "/api/v1/events/", 200),  # it never ends, and is tried below
        ("POST", "/api/v1/workers/{name}/drain/", 204),  # of a real worker: test_queues.py
    }


def test_the_stream_of_events_is_as_described(described: Described) -> None:
    with described.http.stream("GET", "/api/v1/events/") as response:
        kinds = DOCUMENT["paths"]["/api/v1/events/"]["get"]["responses"]["200"]["content"]
        assert [response.headers["content-type"].partition(";")[0]] == list(kinds)


def test_the_description_is_served_to_who_may_look_and_to_nobody_else() -> None:
    with running_server(token=TOKEN) as server, httpx.Client(base_url=server.url) as http:
        assert Described(http).ask("GET", "/openapi.json").status_code == 401
        http.headers["Authorization"] = f"Bearer {TOKEN}"
        answer = Described(http).ask("GET", "/openapi.json")
        assert answer.json() == json.loads(json.dumps(DOCUMENT))
        assert http.get("/api/v1/openapi.json/").content == answer.content


def test_every_parameter_that_is_read_is_described_and_no_other(
    described: Described, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: dict[str, set[str]] = defaultdict(set)

    def watched(handler: Handler) -> Query:
        class Watched(Query):
            def text(self, name: str) -> str:
                read[handler.request.path].add(name)
                return super().text(name)

        return Watched(handler.request.query_arguments)

    job_id = described.create(name="there", schedule=EVERYTHING["schedule"])
    run_id = described.ask("POST", "/job/start/{id}/", job_id).headers["kala-run-id"]
    described.ask(
        "PUT", "/set/{name}/", "billing", json={"jobs": [{"key": "a", "command": "a", "schedule": "never"}]}
    )
    monkeypatch.setattr(Handler, "query", property(watched))
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if method != "get":
                continue
            url = path.replace("{id}", run_id if "/run/" in path else job_id).replace("{name}", "billing")
            for params in WAYS_TO_ASK.get(path, [{}]):
                with described.http.stream("GET", url, params=params) as response:
                    assert response.status_code == 200
            names = {one["name"] for one in operation["parameters"] if one["in"] == "query"}
            assert read[url] == names, path
