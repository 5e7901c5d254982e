"""States with jobs and entries of every kind, at any times: more than a history of minutes would come to."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from kala_server.core.model.job import Job, JobSpec, Run, RunState, Tally, Trigger
from kala_server.core.state.state import State
from tests.unit.core.simulation import START

MINUTES = st.integers(0, 60 * 24 * 3).map(lambda minutes: timedelta(minutes=minutes))
INSTANTS = st.one_of(MINUTES, st.integers(0, 290).map(lambda quarter: timedelta(minutes=15 * quarter))).map(
    lambda passed: START + passed
)
"""Many of them on the edge of a quarter of an hour."""
SHORT = st.integers(0, 600).map(lambda seconds: timedelta(seconds=seconds))
LENGTHS = st.one_of(SHORT, SHORT, MINUTES)
CREATED = st.sampled_from([START + timedelta(seconds=second) for second in (0, 1, 1, 2)])
TAGS = st.lists(st.sampled_from(["night", "big", "x"]), max_size=2, unique=True).map(tuple)
SPECS = st.builds(
    JobSpec,
    name=st.sampled_from(["load", "Load", "LOAD marts", "ex tract", "poll"]),
    command=st.sampled_from(["true", "LOAD-it", "echo poll " + "x" * 5_000]),
    owner=st.sampled_from(["", "ops", "Loa"]),
    schedule=st.sampled_from(["", "never", "* * * * *"]),
    tags=TAGS,
    on_failure_job=st.sampled_from(["", "", "job-0", "a job that is gone"]),
)
TALLIES = st.builds(Tally, last_error=st.none() | INSTANTS, last_success=st.none() | INSTANTS)
FINAL = [state for state in RunState if state.final]


@st.composite
def jobs(draw: st.DrawFn, number: int) -> Job:
    next_at = draw(st.none() | INSTANTS)
    return Job(
        id=f"job-{number}",
        spec=draw(SPECS),
        created_at=draw(CREATED),
        disabled=draw(st.booleans()),
        next_at=next_at,
        tally=draw(TALLIES),
    )


@st.composite
def runs(draw: st.DrawFn, number: int, job_id: str) -> Run:
    """A run at any time: the clock may have been set back before it was queued, or over."""
    scheduled_at = draw(INSTANTS)
    queued_at = scheduled_at + draw(LENGTHS) * draw(st.sampled_from([1, 1, 1, -1]))
    finished_at = queued_at + draw(LENGTHS) * draw(st.sampled_from([1, 1, 1, 1, -1]))
    kind = draw(
        st.sampled_from([RunState.WAITING, RunState.RUNNING, *FINAL, RunState.SKIPPED, RunState.SKIPPED])
    )
    last = draw(LENGTHS) if kind is RunState.SKIPPED and draw(st.booleans()) else None
    return Run(
        id=f"run-{number}",
        job_id=job_id,
        scheduled_at=scheduled_at,
        trigger=Trigger.SCHEDULE,
        state=kind,
        queued_at=queued_at,
        finished_at=finished_at if kind.final else None,
        reason=draw(st.sampled_from(["", "a reason", "another one"])),
        count=draw(st.integers(2, 40)) if last else 1,
        last_scheduled_at=scheduled_at + last if last else None,
    )


@st.composite
def states(draw: st.DrawFn, most_jobs: int = 5, most_runs: int = 15) -> State:
    state = State()
    for number in range(draw(st.integers(0, most_jobs))):
        state.put_job(draw(jobs(number)))
    owners: Any = st.sampled_from([*state.jobs, "a job that is gone"])
    for number in range(draw(st.integers(0, most_runs))):
        put(state, draw(runs(number, draw(owners))))
    return state


def put(state: State, run: Run) -> None:
    """Put the run into the table, and into the ledger of its job where that is there."""
    state.runs[run.id] = run
    if run.job_id in state.jobs:
        table = state.kept if run.state.final else state.active
        table[run.job_id] = (*table.get(run.job_id, ()), run.id)
