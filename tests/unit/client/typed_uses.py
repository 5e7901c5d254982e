"""What programs write, for type checkers: it is checked by mypy and by pyright, and never run."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import assert_type
from zoneinfo import ZoneInfo

from kala_client import (
    Answer,
    AsyncKalaClient,
    Event,
    Job,
    JobStat,
    KalaClient,
    KalaError,
    KalaStats,
    NotSupportedError,
    Period,
    Preview,
    RemoteProperties,
    RetryPolicy,
    Run,
    Schedule,
    SlotExplanation,
)

NOON = datetime(2035, 6, 4, 12, tzinfo=UTC)


def models() -> None:
    call = RemoteProperties(
        url="https://example.com/hook", method="POST", headers={"A": ["b", "c"]}, timeout=5
    )
    Job(name="a")
    Job(
        name="a",
        command="date",
        schedule=Schedule.every(days=1),
        timeout=timedelta(minutes=5),
        epsilon="PT5S",
    )
    Job(
        name="a",
        type=1,
        remote_properties=call,
        timezone=ZoneInfo("Europe/Berlin"),
        retry_delay=Period(seconds=5),
    )
    Job(
        name="a",
        schedule=Schedule.cron("0 9 * * *"),
        overlap="skip",
        catch_up="all",
        tags=["x"],
        env={"A": "b"},
    )
    Run(id="r1", job_id="j1", state="succeeded")
    JobStat(job_id="j1", success=True)
    KalaStats(active_jobs=1, disabled_jobs=0, jobs=1)
    Event(data={"run": 5})
    Preview(next=[NOON])


def blocking() -> None:
    with KalaClient("http://127.0.0.1:8000", timeout=5, retry=RetryPolicy(attempts=1)) as kala:
        job_id = kala.create_job(name="a", command="date", schedule="@daily", timezone=ZoneInfo("UTC"))
        assert_type(job_id, str)
        assert_type(kala.create_job(Job(name="a"), idempotency_key="once"), str)
        assert_type(kala.create_jobs([Job(name="a"), Job(name="b")]), list[str])
        job = kala.get_job(job_id)
        assert_type(job.next_run_at, datetime | None)
        assert_type(job.env, dict[str, str] | None)
        assert_type(kala.get_job(job), Job)
        assert_type(kala.find_jobs(state="active", limit=5), dict[str, Job])
        assert_type(kala.update_job(job, retries=3, timeout=timedelta(hours=1)), Job)
        run = kala.run_job(job)
        assert_type(kala.wait(run, timeout=60), Run)
        assert_type(run.duration, timedelta | None)
        for line in kala.follow(run):
            assert_type(line, str)
        for each in kala.runs(since=NOON, state="failed"):
            assert_type(each, Run)
        for event in kala.events():
            assert_type(event, Event)
        assert_type(kala.explain(job, at=NOON), list[SlotExplanation])
        assert_type(kala.preview(Schedule.once(NOON), timezone="Europe/Berlin"), list[datetime])
        assert_type(kala.with_options(timeout=5), KalaClient)
        answer = kala.last_answer
        assert_type(answer, Answer | None)
        if answer:
            assert_type(answer.headers, Mapping[str, str])


async def asynchronous() -> None:
    several = ("http://127.0.0.1:8000", "http://127.0.0.1:8001")
    async with AsyncKalaClient(several, retry=RetryPolicy(attempts=5, cap=1)) as kala:
        job_id = await kala.create_job(name="a", argv=["date"], schedule=Schedule.every(timedelta(hours=1)))
        assert_type(job_id, str)
        assert_type(await kala.get_kala_stats(), KalaStats)
        run = await kala.wait(await kala.run_job(job_id))
        async for each in kala.runs(job_id, limit=5):
            assert_type(each, Run)
        async for line in kala.follow(run):
            assert_type(line, str)
        assert_type(await kala.with_options(timeout=5).get_job(run), Job)


def failures(error: KalaError) -> None:
    assert_type(error.status, int | None)
    if isinstance(error, NotSupportedError):
        for name in error.needs:
            assert_type(name, str)


def mistakes(kala: KalaClient, run: Run) -> None:
    """Each of these is one: mypy says so where it would not be."""
    Job(name="a", comand="date")  # type: ignore[call-arg]
    Job(name="a", overlap="maybe")  # type: ignore[arg-type]
    kala.create_job(name="a", retries="3")  # type: ignore[arg-type]
    kala.find_jobs(state="actve")  # type: ignore[arg-type]
    kala.bulk("strat", ["j1"])  # type: ignore[arg-type]
    kala.runs(state="suceeded")  # type: ignore[arg-type]
    str(run.state == "suceeded")  # type: ignore[comparison-overlap]
