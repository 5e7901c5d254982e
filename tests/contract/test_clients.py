"""One suite over both clients, against a real server: what Kala's own API offers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kala_client import (
    ConflictError,
    InvalidJobError,
    Job,
    JobNotFoundError,
    KalaClient,
    KalaConnectionError,
    Period,
    PermissionDeniedError,
    RemoteProperties,
    RetryPolicy,
    Schedule,
)
from kala_server.testing import running_server
from tests.blocking import Kind, client_of
from tests.eventually import eventually
from tests.every_field import OF_A_COMMAND

NO_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
IN_2035 = datetime(2035, 6, 4, 19, 25, 16, tzinfo=UTC)
NIGHTLY = Schedule(start=IN_2035, repeat=5, period=Period.parse("P1D"))


def waiting(kala: KalaClient, **fields: Any) -> str:
    """Create a job that is not due for years."""
    return kala.create_job(**{"name": "waits", "command": "true", "schedule": NIGHTLY, **fields})


def test_create_job_takes_its_fields_or_a_job_and_returns_its_id(kala: KalaClient) -> None:
    by_fields = waiting(kala)
    by_job = kala.create_job(Job(name="waits", command="true", schedule=str(NIGHTLY)))
    assert by_fields != by_job
    assert kala.get_job(by_fields).schedule == kala.get_job(by_job).schedule == str(NIGHTLY)


def test_get_job_returns_all_that_was_said_and_what_the_server_knows(kala: KalaClient) -> None:
    said = OF_A_COMMAND | {"schedule": str(NIGHTLY), "description": "ä 😀"}
    job = kala.get_job(kala.create_job(**said))
    assert job.model_dump(include=set(said)) == said
    assert not job.model_extra
    assert job.next_run_at == IN_2035
    assert job.created_at is not None
    assert not job.is_done


def test_a_job_that_was_read_creates_the_same_again(kala: KalaClient) -> None:
    first = kala.get_job(waiting(kala, tags=["a"], env={"A": "1"}))
    second = kala.get_job(kala.create_job(first))
    assert second.id != first.id
    assert second.creation_body() == first.creation_body()


def test_an_http_job_is_kept_with_its_call(kala: KalaClient) -> None:
    call = RemoteProperties(
        url="http://127.0.0.1:9/",
        method="POST",
        body="x",
        headers={"A": ["1"]},
        timeout=5,
        expected_response_codes=[201],
    )
    assert kala.get_job(waiting(kala, command="", type=1, remote_properties=call)).remote_properties == call


def test_get_all_jobs_returns_them_by_their_ids(kala: KalaClient) -> None:
    assert kala.get_all_jobs() == {}
    ids = {waiting(kala), waiting(kala)}
    jobs = kala.get_all_jobs()
    assert jobs.keys() == ids
    assert all(job.id == job_id for job_id, job in jobs.items())


def test_delete_job_takes_the_job_and_its_only_children(kala: KalaClient) -> None:
    parent = waiting(kala)
    child = kala.create_job(name="child", command="true", parent_jobs=[parent])
    other = waiting(kala)
    kala.delete_job(parent)
    assert kala.get_all_jobs().keys() == {other}
    with pytest.raises(JobNotFoundError):
        kala.get_job(child)


def test_delete_all_jobs_leaves_none(kala: KalaClient) -> None:
    waiting(kala)
    waiting(kala)
    kala.delete_all_jobs()
    assert kala.get_all_jobs() == {}
    kala.delete_all_jobs()


def test_a_job_of_no_schedule_runs_at_once_and_get_job_stats_tells_how_it_went(kala: KalaClient) -> None:
    before = datetime.now(UTC)
    job_id = kala.create_job(name="now", command="sleep 0.05")
    [stat] = eventually(lambda: kala.get_job_stats(job_id))
    assert (stat.job_id, stat.success, stat.number_of_retries) == (job_id, True, 0)
    assert stat.ran_at is not None
    assert before - timedelta(seconds=1) < stat.ran_at < datetime.now(UTC) + timedelta(seconds=1)
    assert stat.execution_duration >= timedelta(milliseconds=50)
    job = kala.get_job(job_id)
    assert job.stats == [stat]
    assert job.is_done
    assert (job.success_count, job.error_count, job.number_of_finished_runs) == (1, 0, 1)
    assert job.last_attempted_run == stat.ran_at


def test_a_failing_job_is_tried_again_as_often_as_it_says(kala: KalaClient) -> None:
    job_id = kala.create_job(name="fails", command="false", retries=2)
    [stat] = eventually(lambda: kala.get_job_stats(job_id))
    assert (stat.success, stat.number_of_retries) == (False, 2)
    job = kala.get_job(job_id)
    assert (job.success_count, job.error_count) == (0, 3)
    assert job.last_error is not None


def test_start_job_runs_it_now_and_shifts_nothing(kala: KalaClient) -> None:
    job_id = waiting(kala)
    assert kala.start_job(job_id)
    assert len(eventually(lambda: kala.get_job_stats(job_id))) == 1
    assert kala.get_job(job_id).next_run_at == IN_2035


def test_disable_job_keeps_it_from_running_until_enable_job(kala: KalaClient) -> None:
    job_id = waiting(kala)
    for _ in range(2):
        kala.disable_job(job_id)
        assert kala.get_job(job_id).disabled
    with pytest.raises(ConflictError, match="enable it"):
        kala.start_job(job_id)
    for _ in range(2):
        kala.enable_job(job_id)
        assert not kala.get_job(job_id).disabled
    kala.start_job(job_id)
    assert len(eventually(lambda: kala.get_job_stats(job_id))) == 1


def test_get_kala_stats_counts_jobs_and_runs(kala: KalaClient) -> None:
    empty = kala.get_kala_stats()
    assert (empty.jobs, empty.active_jobs, empty.disabled_jobs) == (0, 0, 0)
    assert empty.next_run_at is empty.last_attempted_run is None
    waiting(kala)
    waiting(kala, disabled=True)
    job_id = kala.create_job(name="fails", command="false")
    eventually(lambda: kala.get_job_stats(job_id))
    stats = kala.get_kala_stats()
    assert (stats.jobs, stats.active_jobs, stats.disabled_jobs) == (3, 2, 1)
    assert (stats.success_count, stats.error_count) == (0, 1)
    assert stats.next_run_at == IN_2035
    assert stats.last_attempted_run == kala.get_job(job_id).last_attempted_run
    assert stats.created_at
    assert empty.created_at
    assert stats.created_at > empty.created_at  # as in both Kalas, it is the time of the answer


ASKED_FOR_A_JOB: list[Callable[[KalaClient], object]] = [
    lambda kala: kala.get_job(NO_ID),
    lambda kala: kala.get_job_stats(NO_ID),
    lambda kala: kala.start_job(NO_ID),
    lambda kala: kala.enable_job(NO_ID),
    lambda kala: kala.disable_job(NO_ID),
    lambda kala: kala.delete_job(NO_ID),
]


@pytest.mark.parametrize("ask", ASKED_FOR_A_JOB)
def test_a_job_that_is_not_there_is_job_not_found(
    kala: KalaClient, ask: Callable[[KalaClient], object]
) -> None:
    with pytest.raises(JobNotFoundError, match=NO_ID) as raised:
        ask(kala)
    assert raised.value.status == 404
    assert raised.value.method
    assert NO_ID in (raised.value.url or "")


def test_a_job_that_the_server_refuses_names_its_fields_and_stores_nothing(kala: KalaClient) -> None:
    with pytest.raises(InvalidJobError) as raised:
        kala.create_job(name=" ", command="true", epsilon="soon", parent_jobs=[NO_ID])
    assert {error.field for error in raised.value.errors} == {"name", "epsilon", "parent_jobs"}
    assert all(error.example for error in raised.value.errors)
    assert raised.value.status == 400
    assert kala.get_all_jobs() == {}


def test_a_job_that_is_no_job_is_refused_before_it_is_sent(kala: KalaClient) -> None:
    with pytest.raises(InvalidJobError, match="nothing was sent") as raised:
        kala.create_job(name="x", comand="true")  # type: ignore[call-arg]
    assert [error.field for error in raised.value.errors] == ["comand"]


def test_a_server_that_is_not_there_is_a_connection_error_that_was_never_sent(kind: Kind) -> None:
    with running_server() as server:
        url = server.url
    with (
        client_of(kind, url, retry=RetryPolicy(attempts=1)) as gone,
        pytest.raises(KalaConnectionError, match=url) as raised,
    ):
        gone.create_job(name="x", command="true")
    assert raised.value.never_sent


def test_a_name_that_is_not_the_servers_is_permission_denied(kind: Kind) -> None:
    with (
        running_server() as server,
        client_of(kind, server.url.replace("127.0.0.1", "0.0.0.0")) as stranger,
        pytest.raises(PermissionDeniedError, match="allowed-host") as raised,
    ):
        stranger.delete_all_jobs()
    assert raised.value.status == 403
