"""Who follows whom: children after their parents, and a job for when another one fails."""

from collections.abc import Iterable

from kala_server.core import reasons
from kala_server.core.decide.transaction import Transaction, run_id_for
from kala_server.core.model import records as r
from kala_server.core.model.job import Job, JobSpec, Run, RunState, Trigger, WaitFor
from kala_server.core.state.state import State
from kala_server.core.steps import A_STEP, Steps

GENERATIONS_LIMIT = 100
"""How many ended runs of one parent wait for the other parents at the most."""


def follow(tx: Transaction, run: Run) -> Steps[None]:
    """Decide what a run that has just ended leads to, first in first out, step by step: it may have many children."""
    for child_id in tx.state.children.get(run.job_id, ()):
        _tell_child(tx, tx.job(child_id), run)
        yield
    if run.state not in {RunState.SUCCEEDED, RunState.CANCELLED}:
        _call_for_help(tx, run)


def _tell_child(tx: Transaction, child: Job, run: Run) -> None:
    succeeded = run.state is RunState.SUCCEEDED
    if child.disabled:
        tx.skip(child, run_id_for(child.id, run.id), Trigger.PARENT, reasons.DISABLED, parents=(run.id,))
    elif child.spec.wait_for is WaitFor.ALL and len(child.spec.parent_jobs) > 1:
        _join(tx, child, run)
    elif succeeded:
        _run(tx, child, run_id_for(child.id, run.id), Trigger.PARENT, parents=(run.id,))
    else:
        tx.skip(
            child,
            run_id_for(child.id, run.id),
            Trigger.PARENT,
            reasons.PARENT_FAILED,
            cause=run.id,
            parents=(run.id,),
        )


def _run(
    tx: Transaction,
    job: Job,
    run_id: str,
    trigger: Trigger,
    *,
    cause: str = "",
    parents: tuple[str, ...] = (),
) -> None:
    if tx.has_room(job):
        tx.queue(job, run_id, tx.now, trigger, next_at=job.next_at, cause=cause, parents=parents)
    else:
        tx.skip(job, run_id, trigger, reasons.NO_ROOM, cause=cause, parents=parents)


def _join(tx: Transaction, child: Job, run: Run) -> None:
    """Count the run for its generation; a complete one runs the child, or says whose failure it was."""
    if sum(arrival.parent_id == run.job_id for arrival in child.arrivals) >= GENERATIONS_LIMIT:
        tx.skip(
            child,
            run_id_for(child.id, run.id),
            Trigger.PARENT,
            reasons.TOO_MANY_GENERATIONS,
            cause=run.id,
            parents=(run.id,),
        )
        return
    succeeded = run.state is RunState.SUCCEEDED
    tx.emit(r.ParentEnded(job_id=child.id, parent_id=run.job_id, run_id=run.id, succeeded=succeeded))
    join_generations(tx, child.id)


def join_generations(tx: Transaction, child_id: str) -> None:
    """Decide on every generation of the child's parents that is complete."""
    while (generation := tx.job(child_id).generation()) is not None:
        child = tx.job(child_id)
        parents = tuple(arrival.run_id for arrival in generation)
        failed = next((arrival.run_id for arrival in generation if not arrival.succeeded), "")
        run_id = run_id_for(child_id, ",".join(parents))
        tx.emit(r.GenerationJoined(job_id=child_id))
        if failed:
            tx.skip(child, run_id, Trigger.PARENT, reasons.PARENT_FAILED, cause=failed, parents=parents)
        else:
            _run(tx, child, run_id, Trigger.PARENT, parents=parents)


def _call_for_help(tx: Transaction, run: Run) -> None:
    helper = tx.state.jobs.get(tx.job(run.job_id).spec.on_failure_job)
    if helper is None:
        return
    run_id = run_id_for(helper.id, f"failure of {run.id}")  # it may be a child of the same run as well
    if helper.disabled:
        tx.skip(helper, run_id, Trigger.ON_FAILURE, reasons.DISABLED, cause=run.id)
    else:
        _run(tx, helper, run_id, Trigger.ON_FAILURE, cause=run.id)


def deleted_with(state: State, job_ids: Iterable[str]) -> Steps[list[str]]:
    """Return the jobs and every descendant that has no other parent left, step by step: they go together."""
    gone = dict.fromkeys(job_ids)
    queue = list(gone)
    for parent_id in queue:
        for child_id in state.children.get(parent_id, ()):
            child = state.jobs[child_id]
            if child_id not in gone and all(other in gone for other in child.spec.parent_jobs):
                gone[child_id] = None
                queue.append(child_id)
            yield
        yield
    return queue


def would_start_itself(state: State, job_id: str, spec: JobSpec) -> Steps[bool]:
    """Find out, step by step, whether a run of the job, with what it now says, could lead to another one for ever."""
    if not spec.parent_jobs and job_id not in state.jobs:
        return False  # nothing leads to it
    leads_to_it = {job_id, *spec.parent_jobs}
    queue = [*state.children.get(job_id, ()), spec.on_failure_job]
    seen: set[str] = set()
    taken = 0
    while queue:
        taken += 1
        reached = queue.pop()
        if reached in leads_to_it:
            return True
        if reached not in seen and reached in state.jobs:
            seen.add(reached)
            queue += [*state.children.get(reached, ()), state.jobs[reached].spec.on_failure_job]
        if not taken % A_STEP:
            yield
    return job_id in spec.parent_jobs
