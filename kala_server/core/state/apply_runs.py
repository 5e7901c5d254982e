"""What records about runs, and about slots without one, do to the state: a part of the fold. Nothing here decides."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from kala_server.core.frozen import replace
from kala_server.core.model import records as r
from kala_server.core.model.job import Run, RunState
from kala_server.core.state import ledger
from kala_server.core.state.state import State
from kala_server.core.steps import Steps


def _run_queued(state: State, record: r.RunQueued) -> None:
    run = Run(
        id=record.run_id,
        job_id=record.job_id,
        scheduled_at=record.scheduled_at,
        trigger=record.trigger,
        state=RunState.WAITING,
        queued_at=record.at,
        reason=record.reason,
        cause=record.cause,
        parents=record.parents,
    )
    state.undo.put(state.active, run.job_id, (*state.active.get(run.job_id, ()), run.id))
    state.put_run(run)
    state.move_slot(record.job_id, record.next_at, taken=record.scheduled_at, offset=record.offset)


def _slots_skipped(state: State, record: r.SlotsSkipped) -> None:
    state.move_slot(record.job_id, record.next_at, taken=record.last, offset=record.offset)
    kept = state.kept.get(record.job_id, ())
    last = state.runs[kept[-1]] if kept else None
    if last is not None and ledger.continues(state, last, record):
        longer = replace(
            last, count=last.count + record.count, last_scheduled_at=record.last, finished_at=record.at
        )
        state.put_run(longer)
        return
    state.put_run(
        Run(
            id=record.run_id,
            job_id=record.job_id,
            scheduled_at=record.first,
            trigger=record.trigger,
            state=RunState.SKIPPED,
            queued_at=record.at,
            finished_at=record.at,
            reason=record.reason,
            cause=record.cause,
            parents=record.parents,
            count=record.count,
            last_scheduled_at=record.last if record.count > 1 else None,
        )
    )
    ledger.keep(state, record.job_id, record.run_id)


def _run_started(state: State, record: r.RunStarted) -> None:
    run = state.runs[record.run_id]
    state.put_run(
        replace(
            run,
            state=RunState.RUNNING,
            started_at=run.started_at or record.at,
            attempt_at=record.at,
            attempts=run.attempts + 1,
            timeout=state.jobs[run.job_id].spec.timeout,
            retry_at=None,
        )
    )
    state.count("running", 1)
    ledger.tally(state, run.job_id, last_attempted_run=record.at)
    state.undo.put(state.times, "last_attempted_run", record.at)


def _start_put_off(state: State, record: r.StartPutOff) -> None:
    run = state.runs[record.run_id]
    attempts = run.attempts - 1
    state.put_run(
        replace(
            run,
            state=RunState.WAITING,
            started_at=run.started_at if attempts else None,
            attempts=attempts,
            attempt_at=None,
            retry_at=record.retry_at,
            put_off=run.put_off + 1,
            put_off_for=record.reason,
        )
    )
    state.count("running", -1)


def _attempt_failed(state: State, record: r.AttemptFailed) -> None:
    run = state.runs[record.run_id]
    state.put_run(replace(run, state=RunState.WAITING, retry_at=record.retry_at, **_left_by(record)))
    state.count("running", -1)
    ledger.count_error(state, run.job_id, record.at, record.reason)


def _left_by(record: r.AttemptFailed | r.RunFinished) -> dict[str, Any]:
    """Return what an attempt leaves of itself in its run."""
    return {
        "put_off": 0,
        "put_off_for": "",
        "ending": None,
        "exit_code": record.exit_code,
        "signal": record.signal,
        "reason": record.reason,
        "output_size": record.output_size,
        "output_cut": record.output_cut,
    }


def _run_ending(state: State, record: r.RunEnding) -> None:
    run = state.runs[record.run_id]
    state.put_run(replace(run, ending=record.state, reason=record.reason, cause=record.cause or run.cause))


def _run_finished(state: State, record: r.RunFinished) -> None:
    run = state.runs[record.run_id]
    if run.state is RunState.RUNNING:
        state.count("running", -1)
    if run.job_id not in state.jobs:
        state.drop_run(run.id)
        return
    over = replace(run, state=record.state, finished_at=record.at, retry_at=None, **_left_by(record))
    state.put_run(over)
    ledger.count_finish(state, run, record)
    left = tuple(run_id for run_id in state.active[run.job_id] if run_id != run.id)
    if left:
        state.undo.put(state.active, run.job_id, left)
        state.place(state.runs[left[0]])
    else:
        state.undo.drop(state.active, run.job_id)
    ledger.keep(state, run.job_id, run.id)


def _run_corrected(state: State, record: r.RunCorrected) -> None:
    run = state.runs[record.run_id]
    corrected = replace(
        run,
        state=record.state,
        finished_at=record.at,
        exit_code=record.exit_code,
        signal=record.signal,
        reason=record.reason,
    )
    state.put_run(corrected)
    if run.job_id in state.jobs:
        ledger.correct(state, run, record)


def _runs_pruned(state: State, record: r.RunsPruned) -> Steps[None]:
    for job_id in list(state.kept):
        yield from ledger.pruning(state, job_id, record.before)
        yield


def _run_kept(state: State, record: r.RunKept) -> None:
    run = record.run
    known = run.job_id in state.jobs
    if known and not run.state.final:
        state.undo.put(state.active, run.job_id, (*state.active.get(run.job_id, ()), run.id))
    state.put_run(run)
    if run.state is RunState.RUNNING:
        state.count("running", 1)
    if known and run.state.final:
        ledger.keep(state, run.job_id, run.id)


def is_measured(run: Run) -> bool:
    """Whether something about the run is measured from an instant, which a step of the clock has to move."""
    return run.state is RunState.RUNNING or run.retry_at is not None


def _clock_stepped(state: State, record: r.ClockStepped) -> Steps[None]:
    """Move what is measured from an instant: it has taken, and is to take, as long as before the step."""
    by = timedelta(seconds=record.seconds)
    for run in (yield from state.finding_open(is_measured)):
        if run.state is RunState.RUNNING:
            assert run.started_at is not None
            assert run.attempt_at is not None
            state.put_run(replace(run, started_at=run.started_at + by, attempt_at=run.attempt_at + by))
        else:
            assert run.retry_at is not None
            state.put_run(replace(run, retry_at=run.retry_at + by))
        yield


OF_RUNS: dict[type, Callable[[State, Any], Steps[None] | None]] = {
    r.RunQueued: _run_queued,
    r.SlotsSkipped: _slots_skipped,
    r.RunStarted: _run_started,
    r.StartPutOff: _start_put_off,
    r.AttemptFailed: _attempt_failed,
    r.RunEnding: _run_ending,
    r.RunFinished: _run_finished,
    r.RunCorrected: _run_corrected,
    r.RunsPruned: _runs_pruned,
    r.ClockStepped: _clock_stepped,
    r.RunKept: _run_kept,
}
"""By the kind of record."""
