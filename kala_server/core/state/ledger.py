"""What a job's ledger keeps, and what its runs have come to: steps that `apply.py` is made of. Nothing here decides."""

from datetime import datetime

from kala_server.core.frozen import replace
from kala_server.core.model import records as r
from kala_server.core.model.job import Job, Run, RunState, Tally
from kala_server.core.state.state import State
from kala_server.core.steps import A_STEP, Steps, to_the_end

_ERRORS = {RunState.FAILED, RunState.TIMED_OUT, RunState.INTERRUPTED}


def tally(state: State, job_id: str, **changes: int | str | datetime) -> None:
    """Change what the job's runs have come to."""
    job = state.jobs[job_id]
    changed: Tally = replace(job.tally, **changes)  # type: ignore[arg-type]
    state.undo.put(state.jobs, job_id, replace(job, tally=changed))  # when it is due is as before


def count_error(state: State, job_id: str, at: datetime, reason: str, *, finished: int = 0) -> None:
    """Count an attempt that failed."""
    so_far = state.jobs[job_id].tally
    tally(
        state,
        job_id,
        error_count=so_far.error_count + 1,
        last_error=at,
        last_error_reason=reason,
        finished_runs=so_far.finished_runs + finished,
    )
    state.count("errors", 1)


def count_finish(state: State, run: Run, record: r.RunFinished) -> None:
    """Count a run that is over."""
    so_far = state.jobs[run.job_id].tally
    if record.state is RunState.SUCCEEDED:
        state.count("succeeded", 1)
        tally(
            state,
            run.job_id,
            success_count=so_far.success_count + 1,
            last_success=record.at,
            finished_runs=so_far.finished_runs + 1,
        )
    elif record.state in _ERRORS:
        count_error(state, run.job_id, record.at, record.reason, finished=1)
    elif run.attempts:
        tally(state, run.job_id, finished_runs=so_far.finished_runs + 1)


def correct(state: State, run: Run, record: r.RunCorrected) -> None:
    """Count a run that was counted as interrupted as what it was."""
    so_far = state.jobs[run.job_id].tally
    if record.state is not RunState.SUCCEEDED:
        if so_far.last_error == run.finished_at:
            tally(state, run.job_id, last_error_reason=record.reason)
        return
    tally(
        state,
        run.job_id,
        error_count=so_far.error_count - 1,
        success_count=so_far.success_count + 1,
        last_success=record.at,
    )
    state.count("errors", -1)
    state.count("succeeded", 1)


def keep(state: State, job_id: str, run_id: str) -> None:
    """Add an entry, in place of the oldest where there are enough."""
    state.undo.put(state.kept, job_id, (*state.kept.get(job_id, ()), run_id))
    to_the_end(retiring(state, state.jobs[job_id]))


def retiring(state: State, job: Job) -> Steps[None]:
    """Let go of the oldest entries beyond `keep_runs`, step by step."""
    kept, most = state.kept.get(job.id, ()), job.spec.keep_runs
    if len(kept) > most:
        state.undo.put(state.kept, job.id, kept[-most:])
        yield from state.dropping(kept[:-most])


def pruning(state: State, job_id: str, before: datetime) -> Steps[None]:
    """Let go of the entries that ended before then, step by step."""
    left: list[str] = []
    gone: list[str] = []
    for number, run_id in enumerate(state.kept[job_id], 1):
        ended = state.runs[run_id].finished_at
        (gone if ended is not None and ended < before else left).append(run_id)
        if not number % A_STEP:
            yield
    if not gone:
        return
    if left:
        state.undo.put(state.kept, job_id, tuple(left))
    else:
        state.undo.drop(state.kept, job_id)
    yield from state.dropping(tuple(gone))


def continues(state: State, last: Run, record: r.SlotsSkipped) -> bool:
    """Whether slots were skipped right after others and for their very reason: one entry tells it all."""
    until = last.last_scheduled_at or last.scheduled_at
    active = (state.runs[run_id] for run_id in state.active.get(record.job_id, ()))
    return (
        last.state is RunState.SKIPPED
        and (last.reason, last.cause, last.trigger) == (record.reason, record.cause, record.trigger)
        and not record.parents
        and record.first > until
        and not any(until < run.scheduled_at < record.first for run in active)
    )
