"""What our clients promise against every Kala: a live one by --kala-url, else a server of our own.

Other people's jobs may be there: these tests delete what they created and nothing else, and count only their own.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Unpack
from uuid import uuid4

import httpx
import pytest

from kala_client import (
    ConflictError,
    InvalidJobError,
    Job,
    JobNotFoundError,
    KalaClient,
    NotFoundError,
    Period,
    Schedule,
)
from kala_client._model.fields import JobFields
from tests.blocking import KINDS, client_of
from tests.eventually import eventually

pytestmark = pytest.mark.live

IN_2035 = datetime(2035, 6, 4, 19, 25, 16, tzinfo=UTC)
NIGHTLY = Schedule(start=IN_2035, repeat=5, period=Period.parse("P1D"))


class Guest:
    """A client that takes its jobs away again."""

    def __init__(self, kala: KalaClient) -> None:
        self.kala = kala
        self.created: list[str] = []

    def create(self, **fields: Unpack[JobFields]) -> str:
        """Create a job, by default one that is not due for years."""
        wanted: JobFields = {"name": f"compat-{uuid4()}", "command": "true", "schedule": NIGHTLY}
        wanted.update(fields)
        job_id = self.kala.create_job(**wanted)
        self.created.append(job_id)
        return job_id

    def leave(self) -> None:
        for job_id in reversed(self.created):
            with suppress(NotFoundError):
                self.kala.delete_job(job_id)


@pytest.fixture(params=KINDS)
def guest(request: pytest.FixtureRequest, kala_url: str) -> Iterator[Guest]:
    with client_of(request.param, kala_url) as client:
        guest = Guest(client)
        try:
            yield guest
        finally:
            guest.leave()
            # The newest Kala takes children away only some time after its answer.
            assert not guest.created or eventually(
                lambda: not set(client.get_all_jobs()) & set(guest.created)
            )


@pytest.fixture
def kala(guest: Guest) -> KalaClient:
    return guest.kala


def test_a_job_is_kept_as_it_was_created(guest: Guest, kala: KalaClient) -> None:
    job_id = guest.create(command="bash -c date", owner="ops@example.com", retries=2, epsilon="PT5S")
    job = kala.get_job(job_id)
    assert (job.id, job.command, job.owner) == (job_id, "bash -c date", "ops@example.com")
    assert (job.retries, job.epsilon) == (2, "PT5S")
    assert Schedule.parse(job.schedule) == NIGHTLY
    assert not job.disabled
    assert job.success_count == job.error_count == 0
    assert job.last_success is job.last_error is None
    assert job.next_run_at is not None
    assert abs(job.next_run_at - IN_2035) < timedelta(seconds=1)


def test_all_jobs_are_listed_by_their_ids(guest: Guest, kala: KalaClient) -> None:
    ids = {guest.create(), guest.create()}
    jobs = kala.get_all_jobs()
    assert ids <= jobs.keys()
    assert all(jobs[job_id].id == job_id for job_id in ids)


def test_a_job_that_has_never_run_has_no_stats(guest: Guest, kala: KalaClient) -> None:
    assert kala.get_job_stats(guest.create()) == []


def test_a_started_job_runs_and_leaves_its_figures(guest: Guest, kala: KalaClient) -> None:
    job_id = guest.create()
    kala.start_job(job_id)
    [stat] = eventually(lambda: kala.get_job_stats(job_id))
    assert stat.job_id == job_id
    assert stat.success
    assert stat.number_of_retries == 0
    assert stat.execution_duration > timedelta()
    job = eventually(lambda: has_run(kala.get_job(job_id)))
    assert job.success_count == 1
    assert job.error_count == 0
    assert job.last_success is not None


def has_run(job: Job) -> Job | None:
    return job if job.success_count or job.error_count else None


def test_a_job_without_a_schedule_runs_at_once_and_failures_are_counted(
    guest: Guest, kala: KalaClient
) -> None:
    job_id = guest.create(schedule="", command="bash -c 'exit 3'", retries=2)
    [stat] = eventually(lambda: kala.get_job_stats(job_id))
    assert not stat.success
    assert stat.number_of_retries == 2
    assert kala.get_job(job_id).error_count == 3


def test_a_child_runs_after_its_parent_and_goes_with_it(guest: Guest, kala: KalaClient) -> None:
    parent = guest.create()
    child = guest.create(schedule="", parent_jobs=[parent])
    assert kala.get_job(parent).dependent_jobs == [child]
    assert kala.get_job(child).parent_jobs == [parent]
    kala.start_job(parent)
    [stat] = eventually(lambda: kala.get_job_stats(child))
    assert stat.success
    kala.delete_job(parent)
    assert eventually(lambda: is_gone(kala, child))


def is_gone(kala: KalaClient, job_id: str) -> bool:
    try:
        kala.get_job(job_id)
    except JobNotFoundError:
        return True
    return False


def test_a_disabled_job_is_kept_and_does_not_run_until_it_is_enabled(guest: Guest, kala: KalaClient) -> None:
    job_id = guest.create()
    kala.disable_job(job_id)
    assert kala.get_job(job_id).disabled
    with suppress(ConflictError):  # real Kala says yes, and does nothing
        kala.start_job(job_id)
    assert kala.get_job_stats(job_id) == []
    kala.enable_job(job_id)
    assert not kala.get_job(job_id).disabled
    kala.start_job(job_id)
    assert len(eventually(lambda: kala.get_job_stats(job_id))) == 1


def test_a_deleted_job_is_gone(guest: Guest, kala: KalaClient) -> None:
    job_id = guest.create()
    kala.delete_job(job_id)
    assert job_id not in kala.get_all_jobs()
    for ask in (kala.get_job, kala.get_job_stats, kala.delete_job, kala.start_job):
        with pytest.raises(JobNotFoundError):
            ask(job_id)


@pytest.mark.parametrize(
    "method", ["get_job", "get_job_stats", "start_job", "enable_job", "disable_job", "delete_job"]
)
def test_a_job_that_never_was_is_not_found(kala: KalaClient, method: str) -> None:
    with pytest.raises(JobNotFoundError) as raised:
        getattr(kala, method)(str(uuid4()))
    assert raised.value.status == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"command": ""},
        {"schedule": "R2/2015-06-04T19:25:16Z/PT10S"},
        {"epsilon": "soon"},
    ],
)
def test_a_job_that_cannot_be_is_refused(guest: Guest, wrong: JobFields) -> None:
    with pytest.raises(InvalidJobError) as raised:
        guest.create(**wrong)
    assert raised.value.status == 400


@pytest.mark.parametrize("schedule", ["nonsense", "R2/2035-06-04T19:25:16Z/nonsense"])
def test_a_schedule_that_the_client_would_not_send_is_refused_by_the_server_too(
    kala_url: str, schedule: str
) -> None:
    job = {"name": f"compat-{uuid4()}", "command": "true", "schedule": schedule}
    assert httpx.post(f"{kala_url}/api/v1/job/", json=job).status_code == 400


@pytest.mark.parametrize("schedule", ["2/2035-06-04T19:25:16Z/PT10S", "r2/2035-06-04T19:25:16Z/PT10S"])
def test_a_schedule_that_would_end_a_real_kala_is_not_sent(
    guest: Guest, kala: KalaClient, schedule: str
) -> None:
    with pytest.raises(InvalidJobError, match=r"nothing was sent.*begins with R"):
        guest.create(schedule=schedule)
    assert kala.get_kala_stats().created_at is not None


def test_the_figures_of_the_server_count_a_job_and_whether_it_is_disabled(
    guest: Guest, kala: KalaClient
) -> None:
    job_id = guest.create()
    kala.disable_job(job_id)
    stats = kala.get_kala_stats()
    assert stats.jobs == stats.active_jobs + stats.disabled_jobs
    assert stats.disabled_jobs >= 1
    assert stats.created_at is not None
