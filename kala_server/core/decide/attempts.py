"""The life of a run: it gets a place, its attempts succeed or fail, it is tried again, it ends.

What a run's end leads to elsewhere is in `followers.py`.
"""

from datetime import timedelta

from kala_server.core import reasons
from kala_server.core.decide.followers import follow
from kala_server.core.decide.slots import end_run
from kala_server.core.decide.transaction import Transaction, run_id_for
from kala_server.core.errors import ConflictError
from kala_server.core.frozen import replace
from kala_server.core.model import effects, inputs
from kala_server.core.model import records as r
from kala_server.core.model.job import Job, Run, RunState, Trigger
from kala_server.core.steps import Steps
from kala_server.core.time import durations

LONGEST_PUTTING_OFF = 5
"""Seconds until the next try of a start that was put off again and again; it is one more after each."""

_SECOND = timedelta(seconds=1)


def dispatch(tx: Transaction) -> Steps[None]:
    """Start what waits, oldest slot first, while there is a free place, step by step."""
    while tx.limits.have_room(tx.state):
        run = tx.state.next_to_start(tx.now)
        if run is None:
            return
        tx.emit(r.RunStarted(run_id=run.id, at=tx.now))
        tx.ask(effects.StartAttempt(run=tx.run(run.id), job=tx.job(run.job_id)))
        yield


def put_off(tx: Transaction, event: inputs.PutOff) -> Steps[None]:
    """Let a run wait for its start again, as if it had not been tried; one that is to end has come to its end."""
    run = tx.state.runs.get(event.run_id)
    if run is None or run.state is not RunState.RUNNING:
        return
    if run.ending or run.job_id not in tx.state.jobs:
        cancelled = inputs.Ended(
            run_id=run.id, succeeded=False, reason=event.reason, state=RunState.CANCELLED
        )
        yield from ended(tx, cancelled)
        return
    wait = min(run.put_off + 1, LONGEST_PUTTING_OFF) * _SECOND
    tx.emit(r.StartPutOff(run_id=run.id, at=tx.now, retry_at=tx.now + wait, reason=reasons.cut(event.reason)))


def ended(tx: Transaction, event: inputs.Ended) -> Steps[None]:
    """Decide what an attempt's end means, step by step: success, another attempt, or the end of the run."""
    run = tx.state.runs.get(event.run_id)
    if run is None or run.state is not RunState.RUNNING:
        return
    if not (yield from tx.contain(run.job_id, _decide_on_end(tx, run, event))):
        # That the command has ended is a fact, whatever was to follow from it.
        reason = f"{event.reason}; {reasons.NOT_DECIDED}".removeprefix("; ")
        _emit_finish(tx, run, replace(event, reason=reason), _state_after(run, event))


def ended_after_all(tx: Transaction, event: inputs.EndedAfterAll) -> Steps[None]:
    """Correct the ledger; nothing else follows, as what follows from an interrupted run has followed."""
    run = tx.state.runs.get(event.run_id)
    if run is None or run.handle != event.handle or run.state is not RunState.INTERRUPTED:
        return
    reason = f"{event.reason}; {reasons.HEARD_LATE}".removeprefix("; ")
    tx.emit(
        r.RunCorrected(
            run_id=run.id,
            at=tx.now,
            state=RunState.SUCCEEDED if event.succeeded else RunState.FAILED,
            exit_code=event.exit_code,
            signal=event.signal,
            reason=reasons.cut(reason),
        )
    )
    yield


def _decide_on_end(tx: Transaction, run: Run, event: inputs.Ended) -> Steps[None]:
    job = tx.state.jobs.get(run.job_id)
    state = _state_after(run, event)
    retry = job is not None and state in {RunState.FAILED, RunState.TIMED_OUT} and _retry(tx, job, run, event)
    if retry:
        return
    yield from _finish(tx, run, event, state)
    again = state is RunState.INTERRUPTED and not event.may_go_on
    if again and job is not None and job.spec.rerun_interrupted:
        job = tx.job(job.id)
        tx.queue(
            job,
            run_id_for(job.id, run.id),
            run.scheduled_at,
            Trigger.CATCH_UP,
            next_at=job.next_at,
            reason=reasons.AGAIN,
            cause=run.id,
        )


def _state_after(run: Run, event: inputs.Ended) -> RunState:
    if run.ending:
        return run.ending
    return event.state or (RunState.SUCCEEDED if event.succeeded else RunState.FAILED)


def _retry(tx: Transaction, job: Job, run: Run, event: inputs.Ended) -> bool:
    """Decide on another attempt, where one is left and its time lies within epsilon of the due time."""
    if run.attempts > job.spec.retries:
        return False
    retry_at = durations.grown(tx.now, job.spec.retry_delay, job.spec.retry_backoff, run.attempts - 1)
    # A manual start and a catch-up are due when they start: the slot of a catch-up may be long past.
    due = run.scheduled_at if run.trigger is Trigger.SCHEDULE else (run.started_at or tx.now)
    limit = durations.after(due, job.spec.epsilon)
    if limit is not None and retry_at > limit:
        return False
    tx.emit(
        r.AttemptFailed(
            run_id=run.id,
            at=tx.now,
            retry_at=retry_at,
            exit_code=event.exit_code,
            signal=event.signal,
            reason=run.reason if run.ending else reasons.cut(event.reason),
            output_size=event.output_size,
            output_cut=event.output_cut,
        )
    )
    return True


def _finish(tx: Transaction, run: Run, event: inputs.Ended, state: RunState) -> Steps[None]:
    _emit_finish(tx, run, event, state)
    if run.job_id in tx.state.jobs:
        yield from follow(tx, tx.run(run.id))


def _emit_finish(tx: Transaction, run: Run, event: inputs.Ended, state: RunState) -> None:
    tx.emit(
        r.RunFinished(
            run_id=run.id,
            at=tx.now,
            state=state,
            exit_code=event.exit_code,
            signal=event.signal,
            reason=run.reason if run.ending else reasons.cut(event.reason),
            output_size=event.output_size,
            output_cut=event.output_cut,
        )
    )


def cancel(tx: Transaction, event: inputs.CancelRun) -> Steps[None]:
    """End the run because somebody asked for it."""
    run = tx.run(event.run_id)
    if run.state.final:
        raise ConflictError(
            f"the run {run.id} is over ({run.state}); only a waiting or running one can be cancelled"
        )
    yield from end_run(tx, run.id, RunState.CANCELLED, reasons.CANCELLED)


def timed_out(tx: Transaction, run_id: str) -> Steps[None]:
    """End the run's command because it took too long."""
    yield from end_run(tx, run_id, RunState.TIMED_OUT, reasons.TIMED_OUT)


def interrupted(tx: Transaction, run: Run, printed: inputs.Printed) -> Steps[None]:
    """Decide what becomes of a run whose command was cut off by the end of the server; as asked where it was."""
    state = None if run.ending else RunState.INTERRUPTED
    cut_off = inputs.Ended(
        run_id=run.id,
        succeeded=False,
        reason=reasons.INTERRUPTED,
        state=state,
        output_size=printed.size,
        output_cut=printed.cut,
    )
    yield from ended(tx, cut_off)


def end_everything(tx: Transaction) -> Steps[None]:
    """End every running command because the server stops; what waits goes on waiting in the store."""
    for run in (yield from tx.state.finding_open(lambda run: run.state is RunState.RUNNING)):
        yield from end_run(tx, run.id, RunState.INTERRUPTED, reasons.SERVER_STOPPED)
