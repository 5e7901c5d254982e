"""What records about jobs do to the state: a part of the fold. Nothing here decides."""

from collections.abc import Callable
from typing import Any

from kala_server.core.frozen import replace
from kala_server.core.model import records as r
from kala_server.core.model.job import NOTHING_YET, Arrival, Job, RunState
from kala_server.core.state import ledger
from kala_server.core.state.state import State
from kala_server.core.steps import Steps


def _job_created(state: State, record: r.JobCreated) -> None:
    _add_job(
        state,
        Job(
            id=record.id,
            spec=record.spec,
            created_at=record.at,
            disabled=record.disabled,
            next_at=record.next_at,
            set=record.set,
            key=record.key,
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
        arrivals=state.jobs[record.id].arrivals if job.spec.following == record.spec.following else (),
    )
    changed = replace(changed, **_membership(job, record))
    if record.begun_at is not None:
        begun_at = record.begun_at if record.spec.timezone else None
        changed = replace(changed, begun_at=begun_at, last_slot=None, last_offset=None)
    state.put_job(changed)
    for run_id in state.active.get(record.id, ()):
        state.put_run(replace(state.runs[run_id], timeout=record.spec.timeout))
    yield from ledger.retiring(state, changed)


def _membership(job: Job, record: r.JobChanged) -> dict[str, Any]:
    """Return whose the job is, and what its set says where somebody changed it by hand."""
    if record.set:
        return {"set": record.set, "key": record.key, "applied": None}
    said = job.applied or job.spec
    return {"applied": said if job.set and said != record.spec else None}


def _job_released(state: State, record: r.JobReleased) -> None:
    state.put_job(replace(state.jobs[record.id], set="", key="", applied=None))


def _set_applied(state: State, record: r.SetApplied) -> None:
    state.undo.put(state.sets, record.name, record)


def _set_forgotten(state: State, record: r.SetForgotten) -> None:
    state.undo.drop(state.sets, record.name)


def _job_enabled(state: State, record: r.JobEnabled) -> None:
    _set_disabled(state, state.jobs[record.id], disabled=False)


def _job_disabled(state: State, record: r.JobDisabled) -> None:
    _set_disabled(state, state.jobs[record.id], disabled=True)


def _set_disabled(state: State, job: Job, *, disabled: bool) -> None:
    # Generations that were half there when the job was disabled are over.
    state.put_job(replace(job, disabled=disabled, arrivals=() if disabled else job.arrivals))


def _job_deleted(state: State, record: r.JobDeleted) -> Steps[None]:
    job = state.drop_job(record.id)
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


def _job_stuck(state: State, record: r.JobStuck) -> None:
    state.put_stuck(record.id, record.reason)


def _job_freed(state: State, record: r.JobFreed) -> None:
    state.put_stuck(record.id, "")


OF_JOBS: dict[type, Callable[[State, Any], Steps[None] | None]] = {
    r.JobCreated: _job_created,
    r.JobChanged: _job_changed,
    r.JobReleased: _job_released,
    r.SetApplied: _set_applied,
    r.SetForgotten: _set_forgotten,
    r.JobEnabled: _job_enabled,
    r.JobDisabled: _job_disabled,
    r.JobDeleted: _job_deleted,
    r.AllJobsDeleted: _all_jobs_deleted,
    r.ParentEnded: _parent_ended,
    r.GenerationJoined: _generation_joined,
    r.JobStuck: _job_stuck,
    r.JobFreed: _job_freed,
    r.JobKept: _job_kept,
}
"""By the kind of record."""
