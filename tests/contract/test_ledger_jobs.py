"""One suite over both clients, against a real server: jobs changed, found, created in numbers, and only once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kala_client import (
    IdempotencyError,
    InvalidJobError,
    InvalidRequestError,
    Job,
    JobNotFoundError,
    KalaClient,
    Period,
    Schedule,
)
from kala_server.testing import running_server
from tests.blocking import Kind, client_of
from tests.eventually import eventually

NO_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
LATER = "R/2035-06-04T19:25:16Z/P1D"


def later(kala: KalaClient, **fields: Any) -> str:
    return kala.create_job(**{"name": "later", "command": "true", "schedule": LATER, **fields})


def a_job(**fields: Any) -> Job:
    return Job(**{"name": "one", "command": "true", "schedule": LATER, **fields})


# -- changing


def test_update_job_changes_what_is_given_and_returns_the_job_as_it_is_now(kala: KalaClient) -> None:
    job_id = later(kala, retries=1, tags=["a"], env={"A": "1"})
    before = kala.get_job(job_id)
    now = kala.update_job(job_id, retries=3, timeout=Period(hours=1), tags=["b"])
    assert now == kala.get_job(job_id)
    assert now == before.model_copy(update={"retries": 3, "timeout": "PT1H", "tags": ["b"]})


def test_update_job_resets_a_field_with_none(kala: KalaClient) -> None:
    job_id = later(kala, timezone="Europe/Berlin", timeout="PT1H", env={"A": "1"}, cwd="/")
    now = kala.update_job(job_id, timezone=None, timeout=None, env=None, cwd=None)
    assert (now.timezone, now.timeout, now.env, now.cwd) == ("", "", {}, "")
    assert now.schedule == LATER


def test_a_new_schedule_starts_anew(kala: KalaClient) -> None:
    job_id = later(kala)
    start = datetime(2036, 1, 1, tzinfo=UTC)
    assert kala.update_job(job_id, schedule=Schedule.once(start)).next_run_at == start


def test_a_start_that_passed_while_the_request_was_held_up_is_caught_up_with(kala: KalaClient) -> None:
    start = datetime.now(UTC) - timedelta(seconds=0.4)  # it was to be in a second
    soon = Schedule.once(start)
    changed = later(kala)
    kala.update_job(changed, schedule=soon)
    [one_of_many] = kala.create_jobs([a_job(schedule=soon)])
    for job_id in (later(kala, schedule=soon), one_of_many, changed):
        [run] = eventually(lambda job_id=job_id: kala.runs(job_id))  # type: ignore[misc]
        assert (run.trigger, run.scheduled_at) == ("schedule", start)


def test_replace_job_says_all_anew_and_keeps_the_id_and_the_history(kala: KalaClient) -> None:
    job_id = later(kala, tags=["a"], retries=2)
    kala.wait(kala.run_job(job_id))
    now = kala.replace_job(job_id, a_job(name="new", description="anew"))
    assert now == kala.get_job(job_id)
    assert (now.id, now.name, now.description, now.tags, now.retries) == (job_id, "new", "anew", [], 0)
    assert (now.success_count, len(now.stats), len(list(kala.runs(job_id)))) == (1, 1, 1)


def test_a_job_that_was_read_can_be_put_back(kala: KalaClient) -> None:
    job_id = later(kala, tags=["a"], env={"A": "1"}, timezone="Europe/Berlin")
    there = kala.get_job(job_id)
    assert kala.replace_job(job_id, there) == there


def test_a_change_that_makes_no_job_names_its_field_and_changes_nothing(kala: KalaClient) -> None:
    job_id = later(kala)
    before = kala.get_job(job_id)
    with pytest.raises(InvalidJobError) as raised:
        kala.update_job(job_id, schedule="R2/2015-06-04T19:25:16Z/P1D")
    assert [error.field for error in raised.value.errors] == ["schedule"]
    with pytest.raises(InvalidJobError, match="command"):
        kala.replace_job(job_id, a_job(command=" "))
    assert kala.get_job(job_id) == before


def test_a_change_of_what_is_not_there_is_not_found(kala: KalaClient) -> None:
    with pytest.raises(JobNotFoundError, match=NO_ID):
        kala.update_job(NO_ID, retries=1)
    with pytest.raises(JobNotFoundError, match=NO_ID):
        kala.replace_job(NO_ID, a_job())


# -- many at once


def test_create_jobs_creates_all_and_returns_their_ids_in_order(kala: KalaClient) -> None:
    ids = kala.create_jobs(a_job(name=str(number)) for number in range(200))
    jobs = kala.get_all_jobs()
    assert [jobs[job_id].name for job_id in ids] == [str(number) for number in range(200)]
    assert len(jobs) == 200


def test_create_jobs_creates_none_where_one_is_wrong_and_names_it(kala: KalaClient) -> None:
    jobs = [a_job() for _ in range(5)]
    jobs[3] = a_job(schedule="R/2015-06-04T19:25:16Z/P1D")
    with pytest.raises(InvalidJobError, match=r"jobs\[3\]\.schedule") as raised:
        kala.create_jobs(jobs)
    [error] = raised.value.errors
    assert error.field == "jobs[3].schedule"
    assert "has passed" in error.message
    assert kala.get_all_jobs() == {}


# -- finding


def test_find_jobs_finds_those_to_which_everything_applies(kala: KalaClient) -> None:
    big, small = (
        later(kala, name="a", owner="x", tags=["night", "big"]),
        later(kala, name="b", owner="x", tags=["night"]),
    )
    off = later(kala, name="a", disabled=True)
    assert list(kala.find_jobs()) == [big, small, off]
    assert list(kala.find_jobs(name="a")) == [big, off]
    assert list(kala.find_jobs(owner="x", tag="night")) == [big, small]
    assert list(kala.find_jobs(name="a", state="active")) == [big]
    assert list(kala.find_jobs(state="disabled")) == [off]
    assert list(kala.find_jobs(limit=2)) == [big, small]
    assert kala.find_jobs(name="none") == {}
    assert kala.find_jobs(name="b")[small] == kala.get_job(small)
    with pytest.raises(InvalidRequestError, match="state: one of active, disabled"):
        kala.find_jobs(state="over")  # type: ignore[arg-type]


def test_find_jobs_pages_by_itself(kala: KalaClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kala_client._calls.pages.MOST_JOBS", 2)
    ids = kala.create_jobs([a_job(name=str(number)) for number in range(5)])
    assert list(kala.find_jobs(limit=100)) == ids
    assert list(kala.find_jobs(limit=3)) == ids[:3]


# -- only once


def test_the_same_key_and_job_are_one_job_with_one_id(kala: KalaClient) -> None:
    first = kala.create_job(a_job(), idempotency_key="k")
    assert {kala.create_job(a_job(), idempotency_key="k") for _ in range(3)} == {first}
    assert kala.create_job(a_job(), idempotency_key="other") != first
    assert kala.create_job(a_job()) != kala.create_job(a_job())
    assert len(kala.get_all_jobs()) == 4


def test_the_same_key_and_jobs_are_the_same_jobs(kala: KalaClient) -> None:
    jobs = [a_job(), a_job(name="two")]
    first = kala.create_jobs(jobs, idempotency_key="k")
    assert kala.create_jobs(jobs, idempotency_key="k") == first
    assert kala.get_all_jobs().keys() == set(first)


def test_the_same_key_for_another_job_is_an_error_and_creates_nothing(kala: KalaClient) -> None:
    first = kala.create_job(a_job(), idempotency_key="k")
    with pytest.raises(IdempotencyError, match="another body") as raised:
        kala.create_job(a_job(name="two"), idempotency_key="k")
    assert raised.value.status == 422
    with pytest.raises(IdempotencyError):
        kala.create_jobs([a_job()], idempotency_key="k")
    assert kala.get_all_jobs().keys() == {first}


def test_a_key_is_remembered_by_the_next_server_on_the_same_folder(kind: Kind, tmp_path: Path) -> None:
    ids = set()
    for _ in range(3):
        with running_server(tmp_path / "data") as server, client_of(kind, server.url) as kala:
            ids.add(kala.create_job(a_job(), idempotency_key="k"))
            assert kala.get_all_jobs().keys() == ids
            with pytest.raises(IdempotencyError):
                kala.create_job(a_job(name="two"), idempotency_key="k")
    assert len(ids) == 1
