"""Lists of jobs come in slices of little work, and say what the jobs say one by one."""

import asyncio
import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kala_server.core.model import records as r
from kala_server.core.model.job import Job, JobSpec, RemoteCall, RunState, Trigger
from kala_server.core.state.apply import apply
from kala_server.core.state.state import State
from kala_server.core.steps import to_the_end
from kala_server.wire import answers
from kala_server.wire.listing import SLICE, JobsView, Listing, look, look_at
from kala_server.wire.requests import read_job
from kala_server.wire.shapes import WHOLE
from tests.every_field import EVERY, on_the_wire

NOW = datetime(2035, 6, 4, 19, 25, 16, tzinfo=UTC)


def a_state(jobs: int, *, runs: int = 0) -> State:
    """A state of so many jobs, each of which has run so often."""
    state = State()
    apply(state, r.ServerKept(created_at=NOW))
    for number in range(jobs):
        job_id = f"job-{number:04}"
        apply(state, r.JobCreated(id=job_id, at=NOW, spec=JobSpec(name=job_id, command="true")))
        for again in range(runs):
            run_id = f"{job_id}-run-{again}"
            at = NOW + timedelta(seconds=again)
            apply(
                state,
                r.RunQueued(run_id=run_id, job_id=job_id, at=at, scheduled_at=at, trigger=Trigger.MANUAL),
            )
            apply(state, r.RunStarted(run_id=run_id, at=at))
            apply(state, r.RunFinished(run_id=run_id, at=at, state=RunState.SUCCEEDED))
    return state


def slices(listing: Listing, view: JobsView, *wanted: Any, **more: Any) -> list[bytes]:
    async def written() -> list[bytes]:
        return [slice_ async for slice_ in listing.slices(view, *wanted, **more)]

    return asyncio.run(written())


def read(parts: list[bytes]) -> Any:
    return json.loads(b"".join(parts))


def expected(state: State, *, stats: bool = False) -> Any:
    return {"jobs": {job_id: said(state, job_id, stats=stats) for job_id in state.jobs}}


def said(state: State, job_id: str, *, stats: bool) -> Any:
    job, active = state.jobs[job_id], job_id in state.active
    finished = (state.runs[run_id] for run_id in state.kept.get(job_id, ()))
    told = answers.stats_of(finished, WHOLE) if stats else []
    common = answers.common_part(job, state.children.get(job_id), WHOLE, active=active, stuck="")
    return json.loads(
        answers.to_bytes({**answers.own_part(job, job.next_at, WHOLE), **common, "stats": told})
    )


@pytest.mark.parametrize("stats", [False, True])
@pytest.mark.parametrize("jobs", [0, 1, 2, SLICE, SLICE + 1])
def test_a_list_says_of_each_job_what_the_job_alone_says(jobs: int, stats: bool) -> None:
    state = a_state(jobs, runs=2)
    listing = Listing()
    for _ in range(2):
        assert read(slices(listing, look(state, NOW, stats=stats))) == expected(state, stats=stats)


OTHERWISE, _ = read_job(on_the_wire(EVERY))


def test_jobs_that_differ_in_one_field_have_only_the_others_in_common() -> None:
    plain = JobSpec(name="a", command="true")
    state = State()
    apply(state, r.ServerKept(created_at=NOW))
    apply(state, r.JobCreated(id="plain", at=NOW, spec=plain))
    apply(state, r.JobCreated(id="disabled", at=NOW, spec=plain, disabled=True))
    apply(state, r.JobCreated(id="due", at=NOW, spec=plain, next_at=NOW))
    for field in fields(JobSpec):
        other = getattr(OTHERWISE, field.name)
        assert other != getattr(plain, field.name)
        apply(state, r.JobCreated(id=field.name, at=NOW, spec=replace(plain, **{field.name: other})))
    assert read(slices(Listing(), look(state, NOW))) == expected(state)


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("runs", [0, 2])
def test_a_job_alone_comes_with_its_runs_and_changes_with_it(runs: int, listed: bool) -> None:
    state, listing = a_state(2, runs=runs), Listing()
    child = JobSpec(name="child", command="true", parent_jobs=("job-0000",))
    changes = (
        r.JobCreated(id="child", at=NOW, spec=child),
        r.RunQueued(run_id="run", job_id="job-0001", at=NOW, scheduled_at=NOW, trigger=Trigger.MANUAL),
        r.JobDisabled(id="job-0000", at=NOW),
    )
    if listed:
        slices(listing, look(state, NOW))
    for change in (None, *changes):
        if change is not None:
            apply(state, change)
        for job in state.jobs.values():
            assert alone(listing, state, job.id) == said(state, job.id, stats=True)
    assert alone(listing, state, "job-0000")["dependent_jobs"] == ["child"]
    assert alone(listing, state, "job-0001")["is_done"] is False


def test_what_a_job_says_is_never_taken_for_the_place_of_its_runs() -> None:
    state = a_state(1, runs=1)
    call = RemoteCall(url="http://localhost/", headers={"stats": ("a", "b"), "tags": ("stats", "[")})
    spec = replace(OTHERWISE, remote_properties=call, env={"stats": "[", '"stats":[': ""}, parent_jobs=())
    apply(state, r.JobChanged(id="job-0000", at=NOW, spec=spec, disabled=False))
    assert alone(Listing(), state, "job-0000") == said(state, "job-0000", stats=True)
    assert read(slices(Listing(), look(state, NOW, stats=True))) == expected(state, stats=True)


def alone(listing: Listing, state: State, job_id: str) -> Any:
    parts = to_the_end(listing.one(look_at(state, state.jobs[job_id], NOW)))
    return json.loads(b"".join(parts))["job"]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The jobs whose JSON was written, each time."""
    ids: list[str] = []
    own_part = answers.own_part

    def told(job: Job, *arguments: Any) -> Any:
        ids.append(job.id)
        return own_part(job, *arguments)

    monkeypatch.setattr(answers, "own_part", told)
    return ids


def test_what_was_listed_is_not_written_again(written: list[str]) -> None:
    state, listing = a_state(SLICE + 1), Listing()
    slices(listing, look(state, NOW))
    assert written == list(state.jobs)
    assert listing.remembered == state.jobs.keys()
    found = read(slices(listing, look(state, NOW)))
    assert written == list(state.jobs)
    assert found == expected(state)


def test_a_job_that_changes_again_and_again_and_is_looked_at_is_remembered_once(written: list[str]) -> None:
    state, listing = a_state(1), Listing()
    slices(listing, look(state, NOW))
    for number in range(10):
        spec = JobSpec(name="job", command="true", description=str(number))
        apply(state, r.JobChanged(id="job-0000", at=NOW, spec=spec))
        assert alone(listing, state, "job-0000") == said(state, "job-0000", stats=True)
        assert listing.remembered == state.jobs.keys()
    for times in (1, 0):
        written.clear()
        slices(listing, look(state, NOW))
        assert written == times * ["job-0000"]


def test_of_jobs_that_were_replaced_by_as_many_others_nothing_is_remembered() -> None:
    state, listing = a_state(2), Listing()
    slices(listing, look(state, NOW))
    apply(state, r.AllJobsDeleted(at=NOW))
    for name in ("a", "b"):
        apply(state, r.JobCreated(id=name, at=NOW, spec=JobSpec(name=name, command="true")))
    slices(listing, look(state, NOW))
    assert listing.remembered == {"a", "b"}


def test_of_jobs_that_are_gone_nothing_is_remembered() -> None:
    state, listing = a_state(3), Listing()
    slices(listing, look(state, NOW))
    apply(state, r.JobDeleted(id="job-0001", at=NOW))
    slices(listing, look(state, NOW))
    assert listing.remembered == state.jobs.keys()
    apply(state, r.AllJobsDeleted(at=NOW))
    slices(listing, look(state, NOW))
    assert not listing.remembered


def test_what_else_the_answer_says_comes_after_the_jobs() -> None:
    state = a_state(2)
    view = look(state, NOW)
    [first, second] = view.jobs
    for page, more in (([first], {"next": "a"}), ([second], {"next": None}), ([], {"next": None})):
        found = read(slices(Listing(), view, page, more=more))
        assert found == {"jobs": {job.id: expected(state)["jobs"][job.id] for job in page}, **more}


def test_no_slice_has_more_work_than_the_last_job_in_it_makes() -> None:
    state = a_state(100, runs=50)
    parts = slices(Listing(), look(state, NOW, stats=True))
    most = SLICE // 51 + 1
    assert len(parts) == 100 // most + 1 + 1
    assert all(part.count(b'"metadata"') <= most for part in parts)


def test_a_page_does_not_let_the_whole_list_be_forgotten() -> None:
    state, listing = a_state(3), Listing()
    view = look(state, NOW)
    slices(listing, view)
    slices(listing, view, view.jobs[:1], more={"next": None})
    assert listing.remembered == state.jobs.keys()


def test_a_run_that_is_no_longer_kept_is_left_out() -> None:
    state = a_state(1, runs=3)
    view = look(state, NOW, stats=True)
    apply(state, r.RunsPruned(before=NOW + timedelta(seconds=1)))
    assert len(read(slices(Listing(), view))["jobs"]["job-0000"]["stats"]) == 2
