"""docs/jobs.md: every field of a job, with its true default and an example that a server takes."""

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from typing import Any

import httpx
import pytest

from kala_client.fields import COUNTERS, FIELDS, OF_THE_SERVER, Since
from kala_server.core.model.job import Job, RemoteCall, RunState
from kala_server.runners.local import environment
from kala_server.testing import running_server
from kala_server.wire import answers
from kala_server.wire.requests import change_job, read_job
from tests.docs.blocks import DOCS, Block, blocks, codes, read, rows
from tests.docs.console import Session
from tests.eventually import PATIENCE

PAGE = read(DOCS / "jobs.md")
EXAMPLES = blocks(PAGE, "json")
ELSEWHERE = [example for example in EXAMPLES if "queue" in json.loads(example.text)]
"""Those that run on another machine."""
HERE = [example for example in EXAMPLES if example not in ELSEWHERE]
ROWS = {codes(field)[0]: (field, default) for field, default in rows(PAGE, "field", "default")}
VALUES = {codes(field)[0]: values for field, values, _ in rows(PAGE, "field", "values", "default")}
OWNED = {
    name for (field,) in rows(PAGE.partition("## What the server says")[2], "field") for name in codes(field)
}
SAID = {row.wire for row in FIELDS}
PLAIN = {"name": "plain", "command": "date", "schedule": "R/2035-06-04T03:00:00Z/P1D"}


@pytest.fixture(scope="module")
def http() -> Iterator[httpx.Client]:
    with running_server() as server, httpx.Client(base_url=f"{server.url}/api/v1") as client:
        yield client


def created(http: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """Create a job and return it as the server tells of it."""
    answer = http.post("/job/", json=job)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = http.get(f"/job/{answer.json()['id']}/").json()["job"]
    return found


def test_every_field_that_a_job_can_say_is_documented_and_no_other() -> None:
    assert ROWS.keys() == SAID


def test_every_field_that_the_server_owns_is_documented_and_no_other(http: httpx.Client) -> None:
    assert created(http, PLAIN).keys() == SAID | OWNED
    in_metadata = {"number_of_finished_runs"}
    assert {row.wire for row in (*COUNTERS, *OF_THE_SERVER)} == OWNED | in_metadata


def test_every_documented_default_is_the_real_one(http: httpx.Client) -> None:
    there = created(http, PLAIN)
    documented = {name: codes(default) for name, (_, default) in ROWS.items()}
    defaults = {name: json.loads(code[0]) for name, code in documented.items() if code}
    assert documented.keys() - defaults.keys() == {"name", "remote_properties"}
    unlike_the_plain_job = {"command": "", "schedule": ""}
    assert defaults == {name: there[name] for name in defaults} | unlike_the_plain_job


def test_choices_and_bounds_are_documented_as_they_are() -> None:
    for row in FIELDS:
        if row.choices:
            assert tuple(codes(VALUES[row.wire])) == row.choices
        elif "minimum" in row.bounds:
            least, most = row.bounds["minimum"], row.bounds.get("maximum")
            assert VALUES[row.wire] == (f"{least} to {most}" if most else f"{least} or more")


def test_the_fields_that_real_kala_passes_over_are_marked() -> None:
    marked = {name for name, (field, _) in ROWS.items() if "**+**" in field}
    assert marked == {row.wire for row in FIELDS if row.since is Since.OURS}


def test_every_field_is_in_an_example() -> None:
    shown = {name for example in EXAMPLES for name in json.loads(example.text)}
    assert shown == SAID


@pytest.mark.parametrize("example", ELSEWHERE, ids=lambda example: f"line-{example.line}")
def test_an_example_for_another_machine_is_refused_where_there_are_no_queues(
    http: httpx.Client, example: Block
) -> None:
    job = json.loads(example.text)
    answer = http.post("/job/", json=job)
    assert answer.status_code == 400
    assert "--jobDB=postgres" in answer.text
    batch = http.post("/job/batch/", json={"jobs": [PLAIN, job]})
    assert "jobs[1].queue" in batch.text
    in_a_set = http.put("/set/nightly/", json={"jobs": [{"key": "vacuum", **job}]})
    assert in_a_set.status_code == 400
    assert "jobs[0].queue" in in_a_set.text
    there = created(http, {**job, "queue": ""})
    assert http.patch(f"/job/{there['id']}/", json={"queue": "db"}).status_code == 400
    assert read_job(job)[0].queue == job["queue"]


@pytest.mark.parametrize("example", HERE, ids=lambda example: f"line-{example.line}")
def test_an_example_is_taken_and_kept_as_it_stands(http: httpx.Client, example: Block) -> None:
    job = with_real_ids(http, json.loads(example.text))
    there = created(http, job)
    assert {name: there[name] for name in job} == job


def with_real_ids(http: httpx.Client, job: dict[str, Any]) -> dict[str, Any]:
    """Put jobs that are there in the place of those that the example names."""

    @cache
    def stand_in(documented: str) -> str:
        return str(created(http, PLAIN | {"name": documented})["id"])

    real = dict(job)
    if parents := job.get("parent_jobs"):
        real["parent_jobs"] = [stand_in(parent) for parent in parents]
    if helper := job.get("on_failure_job"):
        real["on_failure_job"] = stand_in(helper)
    return real


def test_a_job_that_was_read_can_be_sent_back_as_it_is(http: httpx.Client) -> None:
    there = created(
        http, {"Name": "other", "COMMAND": "date", "Schedule": PLAIN["schedule"], "nonsense": 1, "env": None}
    )
    again = created(http, there | {"id": "mine", "success_count": 7})
    own = {"id", "created_at"}
    assert {name: again[name] for name in again.keys() - own} == {
        name: there[name] for name in there.keys() - own
    }


def test_every_member_of_an_http_call_is_documented() -> None:
    assert {codes(member)[0] for (member,) in rows(PAGE, "member")} == {
        field.name for field in fields(RemoteCall)
    }


def test_every_state_of_a_run_is_documented() -> None:
    assert [codes(state)[0] for (state,) in rows(PAGE, "state")] == list(RunState)


def test_the_variables_of_a_run_are_the_documented_ones(http: httpx.Client) -> None:
    documented = {name for (variables,) in rows(PAGE, "variable") for name in codes(variables)}
    run_it = PLAIN | {"name": "env", "command": "env"}
    job_id = created(http, run_it)["id"]
    run_id = http.post(f"/job/start/{job_id}/").headers["Kala-Run-Id"]
    printed = http.get(f"/run/{run_id}/output/", params={"follow": "true"}, timeout=PATIENCE).text
    assert {line.partition("=")[0] for line in printed.splitlines() if line.startswith("KALA_")} == documented


def test_the_variables_that_are_passed_on_are_the_documented_ones() -> None:
    [said] = re.findall(r"gets of the server's variables(.*?), and those", PAGE, re.DOTALL)
    assert codes(said) == list(environment.PASSED_ON)


def test_a_change_knows_the_same_names() -> None:
    spec, _ = read_job(PLAIN)
    job = Job(id="", spec=spec, created_at=answers.NEVER)
    changed, disabled = change_job(job, {"DISABLED": True, "templatedelimiters": "{{ }}"})
    assert (changed.template_delimiters, disabled) == ("{{ }}", True)


def test_the_sessions_are_answered_as_documented(session: Session) -> None:
    for block in blocks(PAGE, "console"):
        session.play(block)
