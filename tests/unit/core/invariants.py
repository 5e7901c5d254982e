"""What is true of every state, whatever happened, and when two states are the same."""

from collections import Counter
from datetime import datetime
from typing import Any

from kala_server.core.model.job import Overlap, Run, RunState, Trigger
from kala_server.core.state.job_table import Jobs, text_of
from kala_server.core.state.run_table import Runs, place_of, quarter_of
from kala_server.core.state.state import State
from kala_server.core.time.durations import after


def contents(state: State) -> dict[str, Any]:
    """Everything that a state knows."""
    return {
        "jobs": state.jobs,
        "runs": state.runs,
        "keys": state.keys,
        "kept": state.kept,
        "active": state.active,
        "children": state.children,
        "counts": state.counts,
        "times": state.times,
        "pauses": state.pauses,
        "sets": state.sets,
        "stuck": state.stuck,
        "slots": state.slots,
        "deadlines": state.deadlines,
        "retries": state.retries,
        "ready": state.ready,
    }


def check(state: State) -> None:
    """Fail where an index says something else than the tables that it follows from."""
    _check_ledgers(state)
    _check_children(state)
    _check_indexes(state)
    check_jobs(state.jobs)
    check_runs(state.runs)
    jobs, runs = state.jobs.values(), state.runs.values()
    assert state.counts == {
        "running": sum(run.state is RunState.RUNNING for run in runs),
        "succeeded": sum(job.tally.success_count for job in jobs),
        "errors": sum(job.tally.error_count for job in jobs),
    }


def _check_indexes(state: State) -> None:
    """Compare with what the tables say, looked through as a whole."""
    jobs, runs = state.jobs, state.runs.values()
    assert state.slots == {
        job.id: (job.next_at, job.created_at)
        for job in jobs.values()
        if job.next_at and not job.disabled and job.id not in state.stuck
    }
    assert state.stuck.keys() <= jobs.keys()
    assert state.deadlines == {
        run.id: (after(run.attempt_at, run.timeout),)
        for run in runs
        if run.attempt_at and run.state is RunState.RUNNING and run.timeout and not run.ending
    }
    startable = [
        run
        for run in runs
        if run.state is RunState.WAITING
        and (jobs[run.job_id].spec.overlap is Overlap.ALLOW or state.active[run.job_id][0] == run.id)
        and (state.pause is None or run.trigger is Trigger.MANUAL)
    ]
    assert state.retries == {run.id: (run.retry_at, run.scheduled_at) for run in startable if run.retry_at}
    assert state.ready == {
        run.id: (run.scheduled_at, run.queued_at, jobs[run.job_id].created_at, run.job_id)
        for run in startable
        if not run.retry_at
    }


def _check_ledgers(state: State) -> None:
    listed = [
        (job_id, run_id, final)
        for table, final in ((state.kept, True), (state.active, False))
        for job_id, run_ids in table.items()
        for run_id in run_ids
    ]
    assert not [run_id for run_id, n in Counter(run_id for _, run_id, _ in listed).items() if n > 1]
    for job_id, run_id, final in listed:
        run = state.runs[run_id]
        assert run.job_id == job_id
        assert job_id in state.jobs
        assert run.state.final is final
    of_deleted_jobs = state.runs.keys() - {run_id for _, run_id, _ in listed}
    for run_id in of_deleted_jobs:
        assert state.runs[run_id].state is RunState.RUNNING
        assert state.runs[run_id].job_id not in state.jobs
    for job_id, kept in state.kept.items():
        assert 0 < len(kept) <= state.jobs[job_id].spec.keep_runs
    assert all(state.active.values())


def _check_children(state: State) -> None:
    links = {(parent, job.id) for job in state.jobs.values() for parent in job.spec.parent_jobs}
    assert links == {(parent, child) for parent, children in state.children.items() for child in children}
    assert all(len(set(children)) == len(children) > 0 for children in state.children.values())
    assert all(parent in state.jobs for parent, _ in links)


def check_jobs(jobs: Jobs) -> None:
    """Compare the indexes of the table of jobs with the table."""
    there = jobs.values()
    assert list(jobs.by_creation) == sorted((job.created_at, job.id, text_of(job)) for job in there)
    assert list(jobs.by_name) == sorted((job.spec.name.lower(), job.id) for job in there)
    tags = {tag for job in there for tag in job.spec.tags}
    assert jobs.by_tag == {tag: {job.id for job in there if tag in job.spec.tags} for tag in tags}
    sets = {job.set for job in there} - {""}
    assert jobs.by_set == {name: {job.key: job.id for job in there if job.set == name} for name in sets}
    assert len({(job.set, job.key) for job in there if job.set}) == sum(map(len, jobs.by_set.values()))
    assert all(bool(job.set) is bool(job.key) for job in there)
    assert jobs.disabled == {job.id for job in there if job.disabled}
    assert jobs.failing == {
        job.id
        for job in there
        if job.tally.last_error
        and not (job.tally.last_success and job.tally.last_success >= job.tally.last_error)
    }
    helpers = {job.spec.on_failure_job for job in there} - {""}
    assert jobs.called_by == {
        helper: {job.id for job in there if job.spec.on_failure_job == helper} for helper in helpers
    }
    due = [job.spec.timing for job in there if job.next_at is not None and not job.disabled]
    assert jobs.timings == Counter(due)


def check_runs(runs: Runs) -> None:
    """Compare the indexes of the table of runs with the table."""
    there = runs.values()
    over = [run for run in there if run.state.final]
    assert runs.open.keys() == {run.id for run in there if not run.state.final}
    assert runs.running == Counter(run.job_id for run in there if run.state is RunState.RUNNING)
    for state, places in runs.over.items():
        assert list(places) == sorted(place_of(run) for run in over if run.state is state)
    found: dict[tuple[int, RunState], Counter[str]] = {}
    for run in over:
        found.setdefault((quarter_of(run.scheduled_at), run.state), Counter())[run.job_id] += run.count
    assert runs.quarters == found
    long = {run.id for run in over if _first(run) != _last(run)}
    assert {run_id for run_ids in runs.long.values() for run_id in run_ids} == long
    assert sum(map(len, runs.long.values())) == len(long)
    assert all(runs.long.values())
    for run_id in long:
        for quarter in {_first(runs[run_id]), _last(runs[run_id])}:
            assert run_id in runs.long_in([runs[run_id].state], quarter, quarter)


def _first(run: Run) -> int:
    return quarter_of(min(_times(run)))


def _last(run: Run) -> int:
    return quarter_of(max(_times(run)))


def _times(run: Run) -> list[datetime]:
    assert run.finished_at
    return [run.scheduled_at, run.queued_at, run.finished_at, run.last_scheduled_at or run.finished_at]
