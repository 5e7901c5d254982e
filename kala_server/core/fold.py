"""What each record does to the state: `apply(state, record)` is the only way to change it.

State is a fold of records: the same ones give the same state, at start and in operation. Nothing here decides.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from kala_server.core import ledger
from kala_server.core import records as r
from kala_server.core.job import NOTHING_YET, Arrival, Job, JobSpec, Run, RunState, WaitFor
from kala_server.core.state import State
from kala_server.core.steps import Steps, to_the_end
from kala_server.core.values import replace


def apply(state: State, record: r.Record) -> None:
    """Change the state as the record says."""
    steps = _APPLY[type(record)](state, record)
    if steps is not None:
        to_the_end(steps)


def applying(state: State, record: r.Record) -> Steps[None]:
    """Do the same step by step, where there are many."""
    steps = _APPLY[type(record)](state, record)
    if steps is not None:
        yield from steps


# -- jobs


def _job_created(state: State, record: r.JobCreated) -> None:
    _add_job(
        state,
        Job(
            id=record.id,
            spec=record.spec,
            created_at=record.at,
            disabled=record.disabled,
            next_at=record.next_at,
            # START may have passed while the request was on its way: slots count from it then.
            begun_at=min(record.at, record.next_at or record.at) if record.spec.timezone else None,
        ),
    )
    for parent_id in record.spec.parent_jobs:
        state.undo.put(state.children, parent_id, (*state.children.get(parent_id, ()), record.id))


def _job_kept(state: State, record: r.JobKept) -> None:
    _add_job(state, record.job)
    if record.children:
        state.undo.put(state.children, record.job.id, record.children)


def _add_job(state: State, job: Job) -> None:
    state.put_job(job)
    if job.disabled:
        state.count("disabled", 1)
    if job.tally is not NOTHING_YET:
        state.count("succeeded", job.tally.success_count)
        state.count("errors", job.tally.error_count)


def _job_changed(state: State, record: r.JobChanged) -> Steps[None]:
    job = state.jobs[record.id]
    for parent_id in set(job.spec.parent_jobs) - set(record.spec.parent_jobs):
        _drop_child(state, parent_id, record.id)
    for parent_id in record.spec.parent_jobs:
        if parent_id not in job.spec.parent_jobs:
            state.undo.put(state.children, parent_id, (*state.children.get(parent_id, ()), record.id))
    _set_disabled(state, job, disabled=record.disabled)
    changed = replace(
        state.jobs[record.id],
        spec=record.spec,
        next_at=record.next_at,
        arrivals=state.jobs[record.id].arrivals if _waits_for(job.spec) == _waits_for(record.spec) else (),
    )
    if record.begun_at is not None:
        begun_at = record.begun_at if record.spec.timezone else None
        changed = replace(changed, begun_at=begun_at, last_slot=None, last_offset=None)
    state.put_job(changed)
    for run_id in state.active.get(record.id, ()):
        state.put_run(replace(state.runs[run_id], timeout=record.spec.timeout))
    yield from ledger.retiring(state, changed)


def _waits_for(spec: JobSpec) -> tuple[tuple[str, ...], WaitFor]:
    return spec.parent_jobs, spec.wait_for


def _job_enabled(state: State, record: r.JobEnabled) -> None:
    _set_disabled(state, state.jobs[record.id], disabled=False)


def _job_disabled(state: State, record: r.JobDisabled) -> None:
    _set_disabled(state, state.jobs[record.id], disabled=True)


def _set_disabled(state: State, job: Job, *, disabled: bool) -> None:
    state.count("disabled", int(disabled) - int(job.disabled))
    # Generations that were half there when the job was disabled are over.
    state.put_job(replace(job, disabled=disabled, arrivals=() if disabled else job.arrivals))


def _job_deleted(state: State, record: r.JobDeleted) -> Steps[None]:
    job = state.drop_job(record.id)
    state.count("disabled", -int(job.disabled))
    state.count("succeeded", -job.tally.success_count)
    state.count("errors", -job.tally.error_count)
    for parent_id in job.spec.parent_jobs:
        _drop_child(state, parent_id, record.id)
    for child_id in state.undo.drop(state.children, record.id) or ():
        _forget_parent(state, child_id, record.id)
        yield
    yield from state.dropping(state.undo.drop(state.kept, record.id) or ())
    for run_id in state.undo.drop(state.active, record.id) or ():
        if state.runs[run_id].state is not RunState.RUNNING:
            state.drop_run(run_id)


def _all_jobs_deleted(state: State, record: r.AllJobsDeleted) -> Steps[None]:
    for job_id in list(state.jobs):
        yield from _job_deleted(state, r.JobDeleted(id=job_id, at=record.at))
        yield


def _drop_child(state: State, parent_id: str, child_id: str) -> None:
    children = state.children.get(parent_id, ())
    if child_id not in children:
        return
    at = children.index(child_id)
    left = (*children[:at], *children[at + 1 :])
    if left:
        state.undo.put(state.children, parent_id, left)
    else:
        state.undo.drop(state.children, parent_id)


def _forget_parent(state: State, child_id: str, parent_id: str) -> None:
    child = state.jobs[child_id]
    parents = tuple(parent for parent in child.spec.parent_jobs if parent != parent_id)
    arrivals = tuple(arrival for arrival in child.arrivals if arrival.parent_id != parent_id)
    state.put_job(replace(child, spec=replace(child.spec, parent_jobs=parents), arrivals=arrivals))


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
            pid=None,
            pid_started=None,
        )
    )
    state.count("running", 1)
    ledger.tally(state, run.job_id, last_attempted_run=record.at)
    state.undo.put(state.times, "last_attempted_run", record.at)


def _run_spawned(state: State, record: r.RunSpawned) -> None:
    run = state.runs.get(record.run_id)
    if run is not None and run.state is RunState.RUNNING:
        state.put_run(replace(run, pid=record.pid, pid_started=record.pid_started))


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
    run = replace(
        state.runs[record.run_id],
        state=RunState.WAITING,
        retry_at=record.retry_at,
        put_off=0,
        put_off_for="",
        ending=None,
        exit_code=record.exit_code,
        signal=record.signal,
        reason=record.reason,
        output_size=record.output_size,
        output_cut=record.output_cut,
    )
    state.put_run(run)
    state.count("running", -1)
    ledger.count_error(state, run.job_id, record.at, record.reason)


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
    state.put_run(
        replace(
            run,
            state=record.state,
            finished_at=record.at,
            retry_at=None,
            put_off=0,
            put_off_for="",
            ending=None,
            exit_code=record.exit_code,
            signal=record.signal,
            reason=record.reason,
            output_size=record.output_size,
            output_cut=record.output_cut,
        )
    )
    ledger.count_finish(state, run, record)
    left = tuple(run_id for run_id in state.active[run.job_id] if run_id != run.id)
    if left:
        state.undo.put(state.active, run.job_id, left)
        state.place(state.runs[left[0]])
    else:
        state.undo.drop(state.active, run.job_id)
    ledger.keep(state, run.job_id, run.id)


def _parent_ended(state: State, record: r.ParentEnded) -> None:
    job = state.jobs[record.job_id]
    arrival = Arrival(record.parent_id, record.run_id, record.succeeded)
    state.put_job(replace(job, arrivals=(*job.arrivals, arrival)))


def _generation_joined(state: State, record: r.GenerationJoined) -> None:
    job = state.jobs[record.job_id]
    taken: set[str] = set()
    left = []
    for arrival in job.arrivals:
        if arrival.parent_id in taken:
            left.append(arrival)
        taken.add(arrival.parent_id)
    state.put_job(replace(job, arrivals=tuple(left)))


def _runs_pruned(state: State, record: r.RunsPruned) -> Steps[None]:
    for job_id in list(state.kept):
        yield from ledger.pruning(state, job_id, record.before)
        yield


def is_measured(run: Run) -> bool:
    """Whether something about the run is measured from an instant, which a step of the clock has to move."""
    return run.state is RunState.RUNNING or run.retry_at is not None


def _clock_stepped(state: State, record: r.ClockStepped) -> Steps[None]:
    """Move what is measured from an instant: it has taken, and is to take, as long as before the step."""
    by = timedelta(seconds=record.seconds)
    for run_id in (yield from state.finding_runs(is_measured)):
        run = state.runs[run_id]
        if run.state is RunState.RUNNING:
            assert run.started_at is not None
            assert run.attempt_at is not None
            state.put_run(replace(run, started_at=run.started_at + by, attempt_at=run.attempt_at + by))
        elif run.retry_at is not None:
            state.put_run(replace(run, retry_at=run.retry_at + by))
        yield


def _server_paused(state: State, record: r.ServerPaused) -> Steps[None]:
    state.undo.put(state.pauses, "server", record)
    yield from _placing_all(state)


def _server_resumed(state: State, _record: r.ServerResumed) -> Steps[None]:
    state.undo.drop(state.pauses, "server")
    yield from _placing_all(state)


def _placing_all(state: State) -> Steps[None]:
    """Look anew which of the runs that are not over are held back."""
    for run_ids in list(state.active.values()):
        for run_id in run_ids:
            state.place(state.runs[run_id])
        yield


def _job_stuck(state: State, record: r.JobStuck) -> None:
    state.put_stuck(record.id, record.reason)


def _job_freed(state: State, record: r.JobFreed) -> None:
    state.put_stuck(record.id, "")


def _server_kept(state: State, record: r.ServerKept) -> None:
    state.undo.put(state.times, "created_at", record.created_at)
    if record.last_attempted_run is not None:
        state.undo.put(state.times, "last_attempted_run", record.last_attempted_run)
    state.undo.put(state.marks, "store", record.mark)


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


def _key_kept(state: State, record: r.KeyKept) -> None:
    state.undo.put(state.keys, record.key, record)


def _keys_forgotten(state: State, record: r.KeysForgotten) -> None:
    for key, kept in list(state.keys.items()):
        if kept.at < record.before:
            state.undo.drop(state.keys, key)


_APPLY: dict[type, Callable[[State, Any], Steps[None] | None]] = {
    r.JobCreated: _job_created,
    r.JobChanged: _job_changed,
    r.JobEnabled: _job_enabled,
    r.JobDisabled: _job_disabled,
    r.JobDeleted: _job_deleted,
    r.AllJobsDeleted: _all_jobs_deleted,
    r.RunQueued: _run_queued,
    r.SlotsSkipped: _slots_skipped,
    r.RunStarted: _run_started,
    r.RunSpawned: _run_spawned,
    r.StartPutOff: _start_put_off,
    r.AttemptFailed: _attempt_failed,
    r.RunEnding: _run_ending,
    r.RunFinished: _run_finished,
    r.ParentEnded: _parent_ended,
    r.GenerationJoined: _generation_joined,
    r.RunsPruned: _runs_pruned,
    r.KeysForgotten: _keys_forgotten,
    r.ClockStepped: _clock_stepped,
    r.JobStuck: _job_stuck,
    r.JobFreed: _job_freed,
    r.ServerPaused: _server_paused,
    r.ServerResumed: _server_resumed,
    r.ServerKept: _server_kept,
    r.JobKept: _job_kept,
    r.RunKept: _run_kept,
    r.KeyKept: _key_kept,
}
