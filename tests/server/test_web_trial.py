"""A dry run says what a job would be and when it would be due, as it then is, and changes nothing."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from kala_server.testing import Kit
from tests.server.at_home import fault_in

START = datetime(2035, 6, 4, 9, 0, tzinfo=UTC)
DAILY = {"name": "dump", "command": "dump", "schedule": "0 9 * * *", "timezone": "Europe/Berlin"}
BAD: list[tuple[dict[str, Any], str]] = [
    ({"schedule": "61 * * * *"}, "schedule"),
    ({"schedule": "R/2035-06-04T08:00:00Z/PT1H"}, "schedule"),
    ({"command": ""}, "command"),
    ({"parent_jobs": ["93b65499-b211-49ce-57e0-19e735cc5abd"]}, "parent_jobs"),
    ({"retries": "many"}, "retries"),
]


def ask(kit: Kit, method: str, path: str, body: Any, **query: Any) -> httpx.Response:
    params = {"dry_run": "true", **query}
    return httpx.request(method, f"{kit.url}/api/v1{path}", params=params, json=body, trust_env=False)


def told(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_job_that_would_be_created_is_told_with_its_next_times_and_not_created() -> None:
    with Kit(START) as kit:
        trial = told(ask(kit, "POST", "/job/", {**DAILY, "retry": 5}, count=2))
        assert trial["next"] == ["2035-06-05T07:00:00Z", "2035-06-06T07:00:00Z"]
        assert (trial["before"], trial["words"]) == ([], "every day at 09:00, Europe/Berlin")
        [warning] = trial["warnings"]
        assert "did you mean retries?" in warning
        assert kit.client.get_all_jobs() == {}
        created = kit.client.get_job(kit.client.create_job(**DAILY))  # type: ignore[arg-type]
        assert trial["job"]["id"] == ""
        same = {"name", "command", "schedule", "timezone", "next_run_at", "created_at", "retries", "is_done"}
        raw = httpx.get(f"{kit.url}/api/v1/job/{created.id}/", trust_env=False).json()["job"]
        assert {key: raw[key] for key in same} == {key: trial["job"][key] for key in same}
        assert raw.keys() == trial["job"].keys()


@pytest.mark.parametrize(("fields", "at_fault"), BAD)
def test_what_could_not_be_is_refused_as_it_would_be(fields: dict[str, Any], at_fault: str) -> None:
    with Kit(START) as kit:
        job_id = kit.client.create_job(**DAILY)  # type: ignore[arg-type]
        changed = {"schedule": "R1/2035-06-04T06:00:00Z/PT1H"} if "08:00" in str(fields) else fields
        for method, path, body in (
            ("POST", "/job/", {**DAILY, **fields}),
            ("PATCH", f"/job/{job_id}/", changed),
            ("PUT", f"/job/{job_id}/", {**DAILY, **changed}),
        ):
            answer = ask(kit, method, path, body)
            assert fault_in(answer)["field"] == at_fault
        assert kit.client.get_job(job_id).schedule == DAILY["schedule"]


@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": "*/20 * * * *"},
        {"schedule": "0 9 * * *"},
        {"timezone": "America/New_York"},
        {"retries": 3},
        {"schedule": "R/2035-06-04T08:10:00Z/PT1H"},
        {"schedule": "never"},
        {"disabled": True},
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_change_is_told_as_it_then_is_with_the_times_before_and_after(
    method: str, changes: dict[str, Any]
) -> None:
    with Kit(START) as kit:
        job_id = kit.client.create_job(**DAILY)  # type: ignore[arg-type]
        before = kit.client.preview("0 9 * * *", timezone="Europe/Berlin", count=3)
        body = changes if method == "PATCH" else {**DAILY, **changes}
        trial = told(ask(kit, method, f"/job/{job_id}/", body, count=3))
        assert trial["before"] == [at.isoformat().replace("+00:00", "Z") for at in before]
        assert kit.client.get_job(job_id).schedule == DAILY["schedule"]
        real = httpx.request(method, f"{kit.url}/api/v1/job/{job_id}/", json=body, trust_env=False).json()[
            "job"
        ]
        assert trial["job"] == real
        upcoming = [
            slot.at.isoformat().replace("+00:00", "Z") for slot in kit.client.upcoming(job_id, limit=3)
        ]
        assert trial["next"] == upcoming
        assert ask(kit, method, f"/job/{job_id}/", body, count=0).status_code == 400


def test_of_a_job_that_is_not_there_nothing_is_told() -> None:
    with Kit(START) as kit:
        assert ask(kit, "PATCH", "/job/none/", {"retries": 1}).status_code == 404


def test_a_job_without_a_schedule_would_be_due_at_once_and_one_that_follows_others_never() -> None:
    with Kit(START) as kit:
        once = told(ask(kit, "POST", "/job/", {"name": "a", "command": "true"}))
        assert (once["next"], once["words"]) == (["2035-06-04T09:00:00Z"], "")
        parent = kit.client.create_job(**DAILY)  # type: ignore[arg-type]
        child = told(ask(kit, "POST", "/job/", {"name": "a", "command": "true", "parent_jobs": [parent]}))
        assert child["next"] == []


def test_the_next_times_of_a_disabled_job_begin_now_once_it_would_be_enabled() -> None:
    with Kit(START) as kit:
        job_id = kit.client.create_job(name="tick", command="tick", schedule="*/10 * * * *", disabled=True)
        kit.advance("PT25M")
        trial = told(ask(kit, "PATCH", f"/job/{job_id}/", {"disabled": False}, count=2))
        assert trial["before"] == []
        assert trial["next"] == ["2035-06-04T09:30:00Z", "2035-06-04T09:40:00Z"]


@pytest.mark.parametrize("dry_run", ["true", "false"])
@pytest.mark.parametrize("count", ["0", "101", "many"])
def test_a_wrong_count_is_told_whether_or_not_it_would_count(dry_run: str, count: str) -> None:
    with Kit(START) as kit:
        job_id = kit.client.create_job(**DAILY)  # type: ignore[arg-type]
        for method, path in (("POST", "/job/"), ("PUT", f"/job/{job_id}/"), ("PATCH", f"/job/{job_id}/")):
            assert ask(kit, method, path, DAILY, count=count, dry_run=dry_run).status_code == 400
        assert list(kit.client.get_all_jobs()) == [job_id]
