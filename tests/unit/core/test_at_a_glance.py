"""What is told at a glance of many jobs and long ledgers: remembered no longer than it holds, and made in steps."""

from datetime import timedelta

import pytest

from kala_server.core.frozen import replace
from kala_server.core.model.job import Job, JobSpec, Run, RunState, Tally, Trigger
from kala_server.core.questions import crowd as crowds
from kala_server.core.questions.attention import worst_first
from kala_server.core.questions.crowd import Crowd
from kala_server.core.questions.families import behind
from kala_server.core.questions.marks import mark_of, seen
from kala_server.core.state.run_table import quarter_of
from kala_server.core.state.state import State
from kala_server.core.steps import A_STEP, to_the_end
from kala_server.core.time.occurrences import forget_zones
from tests.unit.core.simulation import START

HOUR = timedelta(hours=1)


def known(count: int, zone: str = "") -> State:
    """Jobs, each with a minute of its own and each hour."""
    state = State()
    for number in range(count):
        spec = JobSpec(name="a", schedule=f"{number % 60} */{number // 60 + 1} * * *", timezone=zone)
        state.put_job(Job(id=f"job-{number:05}", spec=spec, created_at=START, next_at=START + HOUR))
    return state


def ahead(crowd: Crowd, state: State, days: int = 0) -> list[int]:
    first = quarter_of(START + timedelta(days=days))
    return to_the_end(crowd.ahead(state, range(first, first + 8, 4), START - timedelta(days=1)))


def test_what_a_crowd_remembers_is_forgotten_once_it_is_much_or_zones_have_other_rules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(crowds, "_SPARE", 1)
    monkeypatch.setattr(crowds, "_MOST_KNOWN", 60)
    crowd, many, few = Crowd(), known(A_STEP + 1), known(60)
    for _ in range(2):
        assert ahead(crowd, many)[0] == ahead(Crowd(), many)[0] > 60
        assert ahead(crowd, few) == [60, 60]
    assert [ahead(crowd, few, days) for days in (0, 10, 20, 0)] == [[60, 60]] * 4
    berlin = known(60, "Europe/Berlin")
    assert ahead(crowd, berlin) == [60, 60]
    forget_zones()
    assert ahead(crowd, berlin) == [60, 60]


def test_many_that_wait_behind_a_job_are_counted_in_steps_and_one_that_goes_meanwhile_is_left_out() -> None:
    state = known(A_STEP + 2)
    first, *others = state.jobs
    state.children[first] = tuple(others)
    assert len(list(behind(state, first))) > 1
    assert to_the_end(behind(state, first)).total == A_STEP + 1
    failing = Tally(last_error=START)
    for job_id in list(state.jobs)[:2]:
        state.put_job(replace(state.jobs[job_id], tally=failing))
    steps = worst_first(state)
    next(steps)
    for job_id in list(state.jobs.failing):
        state.drop_job(job_id)
    assert len(to_the_end(steps)) <= 1


def test_of_a_long_ledger_what_was_over_before_is_not_looked_through() -> None:
    state = known(1)
    [job_id] = state.jobs
    runs = [
        Run(
            id=f"run-{number}",
            job_id=job_id,
            scheduled_at=START + number * HOUR,
            trigger=Trigger.SCHEDULE,
            state=RunState.SUCCEEDED,
            queued_at=START + number * HOUR,
            started_at=START + number * HOUR,
            finished_at=START + number * HOUR + HOUR / 2,
        )
        for number in range(5 * A_STEP)
    ]
    for run in runs:
        state.put_run(run)
    state.kept[job_id] = tuple(run.id for run in runs)
    end = runs[-1].scheduled_at + HOUR
    some = seen(state, job_id, end - 10 * HOUR, end, timedelta(0))
    assert len(list(some)) < 5
    found = to_the_end(seen(state, job_id, end - 10 * HOUR, end, timedelta(0)))
    assert found.marks == [mark_of(run) for run in runs[-10:]]
    every = to_the_end(seen(state, job_id, START, end, HOUR))
    assert [(mark.begin, mark.count) for mark in every.marks] == [(START, 5 * A_STEP)]
