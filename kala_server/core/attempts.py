"""The life of a run: it gets a place, its attempts succeed or fail, it is tried again, it ends.

What a run's end leads to elsewhere is in `followers.py`.
"""

from datetime import timedelta

from kala_server.core import durations, reasons
from kala_server.core import events as e
from kala_server.core import records as r
from kala_server.core.errors import ConflictError
from kala_server.core.followers import follow
from kala_server.core.job import Job, Run, RunState, Trigger
from kala_server.core.slots import end_run
from kala_server.core.steps import Steps
from kala_server.core.turn import Turn, run_id_for
from kala_server.core.values import replace

LONGEST_PUTTING_OFF = 5
"""Seconds until the next try of a start that was put off again and again; it is one more after each."""

_SECOND = timedelta(seconds=1)


def dispatch(turn: Turn) -> Steps[None]:
    """Start what waits, oldest slot first, while there is a free place, step by step."""
    while turn.limits.have_room(turn.state):
        run = turn.state.next_to_start(turn.now)
        if run is None:
            return
        turn.emit(r.RunStarted(run_id=run.id, at=turn.now))
        turn.ask(e.StartAttempt(run=turn.run(run.id), job=turn.job(run.job_id)))
        yield


def spawned(turn: Turn, event: e.Spawned) -> None:
    """Note which process carries out the run."""
    run = turn.state.runs.get(event.run_id)
    if run is not None and run.state is RunState.RUNNING:
        turn.emit(r.RunSpawned(run_id=event.run_id, pid=event.pid, pid_started=event.pid_started))


def put_off(turn: Turn, event: e.PutOff) -> Steps[None]:
    """Let a run wait for its start again, as if it had not been tried; one that is to end has come to its end."""
    run = turn.state.runs.get(event.run_id)
    if run is None or run.state is not RunState.RUNNING:
        return
    if run.ending or run.job_id not in turn.state.jobs:
        cancelled = e.Ended(run_id=run.id, succeeded=False, reason=event.reason, state=RunState.CANCELLED)
        yield from ended(turn, cancelled)
        return
    wait = min(run.put_off + 1, LONGEST_PUTTING_OFF) * _SECOND
    turn.emit(
        r.StartPutOff(run_id=run.id, at=turn.now, retry_at=turn.now + wait, reason=reasons.cut(event.reason))
    )


def ended(turn: Turn, event: e.Ended) -> Steps[None]:
    """Decide what an attempt's end means, step by step: success, another attempt, or the end of the run."""
    run = turn.state.runs.get(event.run_id)
    if run is None or run.state is not RunState.RUNNING:
        return
    if not (yield from turn.contain(run.job_id, _decide_on_end(turn, run, event))):
        # That the command has ended is a fact, whatever was to follow from it.
        reason = f"{event.reason}; {reasons.NOT_DECIDED}".removeprefix("; ")
        _emit_finish(turn, run, replace(event, reason=reason), _state_after(run, event))


def _decide_on_end(turn: Turn, run: Run, event: e.Ended) -> Steps[None]:
    job = turn.state.jobs.get(run.job_id)
    state = _state_after(run, event)
    retry = (
        job is not None and state in {RunState.FAILED, RunState.TIMED_OUT} and _retry(turn, job, run, event)
    )
    if retry:
        return
    yield from _finish(turn, run, event, state)
    if job is not None and state is RunState.INTERRUPTED and job.spec.rerun_interrupted:
        job = turn.job(job.id)
        turn.queue(
            job,
            run_id_for(job.id, run.id),
            run.scheduled_at,
            Trigger.CATCH_UP,
            next_at=job.next_at,
            reason=reasons.AGAIN,
            cause=run.id,
        )


def _state_after(run: Run, event: e.Ended) -> RunState:
    if run.ending:
        return run.ending
    return event.state or (RunState.SUCCEEDED if event.succeeded else RunState.FAILED)


def _retry(turn: Turn, job: Job, run: Run, event: e.Ended) -> bool:
    """Decide on another attempt, where one is left and its time lies within epsilon of the due time."""
    if run.attempts > job.spec.retries:
        return False
    retry_at = durations.grown(turn.now, job.spec.retry_delay, job.spec.retry_backoff, run.attempts - 1)
    # A manual start and a catch-up are due when they start: the slot of a catch-up may be long past.
    due = run.scheduled_at if run.trigger is Trigger.SCHEDULE else (run.started_at or turn.now)
    limit = durations.after(due, job.spec.epsilon)
    if limit is not None and retry_at > limit:
        return False
    turn.emit(
        r.AttemptFailed(
            run_id=run.id,
            at=turn.now,
            retry_at=retry_at,
            exit_code=event.exit_code,
            signal=event.signal,
            reason=run.reason if run.ending else reasons.cut(event.reason),
            output_size=event.output_size,
            output_cut=event.output_cut,
        )
    )
    return True


def _finish(turn: Turn, run: Run, event: e.Ended, state: RunState) -> Steps[None]:
    _emit_finish(turn, run, event, state)
    if run.job_id in turn.state.jobs:
        yield from follow(turn, turn.run(run.id))


def _emit_finish(turn: Turn, run: Run, event: e.Ended, state: RunState) -> None:
    turn.emit(
        r.RunFinished(
            run_id=run.id,
            at=turn.now,
            state=state,
            exit_code=event.exit_code,
            signal=event.signal,
            reason=run.reason if run.ending else reasons.cut(event.reason),
            output_size=event.output_size,
            output_cut=event.output_cut,
        )
    )


def cancel(turn: Turn, event: e.CancelRun) -> Steps[None]:
    """End the run because somebody asked for it."""
    run = turn.run(event.run_id)
    if run.state.final:
        raise ConflictError(
            f"the run {run.id} is over ({run.state}); only a waiting or running one can be cancelled"
        )
    yield from end_run(turn, run.id, RunState.CANCELLED, reasons.CANCELLED)


def timed_out(turn: Turn, run_id: str) -> Steps[None]:
    """End the run's command because it took too long."""
    yield from end_run(turn, run_id, RunState.TIMED_OUT, reasons.TIMED_OUT)


def interrupted(turn: Turn, run: Run, printed: e.Printed) -> Steps[None]:
    """Decide what becomes of a run whose command was cut off by the end of the server; as asked where it was."""
    state = None if run.ending else RunState.INTERRUPTED
    cut_off = e.Ended(
        run_id=run.id,
        succeeded=False,
        reason=reasons.INTERRUPTED,
        state=state,
        output_size=printed.size,
        output_cut=printed.cut,
    )
    yield from ended(turn, cut_off)


def end_everything(turn: Turn) -> Steps[None]:
    """End every running command because the server stops; what waits goes on waiting in the store."""
    for run in (yield from turn.state.finding_runs(lambda run: run.state is RunState.RUNNING)):
        yield from end_run(turn, run.id, RunState.INTERRUPTED, reasons.SERVER_STOPPED)
