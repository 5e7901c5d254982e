"""The scheduler: what happened and what time it is go in, what follows comes out.

`decide(state, event, now)` is a function of its arguments. It changes the state only by applying the records that
it returns, which the caller then makes durable (and commits) or not (and rolls back). `deciding` is the same step by
step, as some events are about a hundred thousand jobs or runs: who makes the steps must see to it that nobody takes the
state for what is decided before the last one.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from kala_server.core import reasons
from kala_server.core.decide import anew, attempts, followers, sets, slots, validation
from kala_server.core.decide.transaction import Limits, Transaction
from kala_server.core.errors import ChangedMeanwhileError, ConflictError, InvalidJobError, KeyReusedError
from kala_server.core.frozen import value
from kala_server.core.model import effects, inputs
from kala_server.core.model import records as r
from kala_server.core.model.job import Overlap, RunState, Trigger
from kala_server.core.state.apply_runs import is_measured
from kala_server.core.state.state import State
from kala_server.core.steps import Steps, to_the_end

MOST_AT_A_TICK = 100
"""How many slots, retries and timeouts are decided on in one go: some milliseconds. The others stay due."""


@value(frozen=True, slots=True)
class Decision:
    """What is to be made durable, and what is to be done after that."""

    records: list[r.Record]
    effects: list[effects.Effect]
    planned: Any = None
    """What is told of what would have happened, where that was the question."""


def decide(
    state: State, event: inputs.Input, now: datetime, limits: Limits, noticed: datetime | None = None
) -> Decision:
    """Return what follows from the event. Raises RefusedError, with the state as it was.

    `noticed` is when it was noticed that something is due, where the ticks since then have not come to all of it.
    """
    return to_the_end(deciding(state, event, now, limits, noticed))


def deciding(
    state: State, event: inputs.Input, now: datetime, limits: Limits, noticed: datetime | None = None
) -> Steps[Decision]:
    """Do the same step by step; a step takes a millisecond at the most."""
    tx = Transaction(state, now, limits, noticed or now)
    mark = state.undo.mark()
    try:
        steps = _HANDLERS[type(event)](tx, event)
        if steps is not None:
            yield from steps
        yield from attempts.dispatch(tx)
    except Exception:
        yield from state.undo.rolling_back(mark)
        state.take_dropped()
        raise
    if dropped := state.take_dropped():
        tx.ask(effects.DropOutputs(tuple(dropped)))
    return Decision(tx.records, tx.effects, tx.planned)


def _create(tx: Transaction, event: inputs.CreateJobs) -> Steps[None]:
    if came_before(tx.state, event.key, event.key_digest):
        return
    for number, new in enumerate(event.jobs):
        try:
            yield from _create_one(tx, new, event.asked_at)
        except InvalidJobError as error:
            raise error.within(f"{event.place}[{number}]" if event.place else "") from None
        yield
    if event.key:
        ids = tuple(new.id for new in event.jobs)
        tx.emit(r.KeyKept(key=event.key, digest=event.key_digest, ids=ids, at=tx.now))


def came_before(state: State, key: str, digest: str) -> bool:
    """Whether the very request that has this key created its jobs before. Raises KeyReusedError for another one."""
    known = state.keys.get(key)
    if known is not None and known.digest != digest:
        raise KeyReusedError(
            "this idempotency key came with another body before; each new request needs its own"
        )
    return known is not None


def _create_one(tx: Transaction, new: inputs.NewJob, asked_at: datetime | None) -> Steps[None]:
    first = yield from validation.new_job(tx.state, new.id, new.spec, tx.now, asked_at)
    tx.emit(r.JobCreated(id=new.id, at=tx.now, spec=new.spec, disabled=new.disabled, next_at=first))
    yield from slots.bring_up_to_now(tx, new.id)


def _change(tx: Transaction, event: inputs.ChangeJob) -> Steps[None]:
    job = tx.job(event.id)
    before = event.made_from
    if before is not None and (before.spec, before.disabled) != (job.spec, job.disabled):
        raise ChangedMeanwhileError(f"the job {job.spec.name!r} was changed by somebody else meanwhile")
    begins = anew.begins(job, event.spec, tx.now, anew=event.anew)
    yield from validation.check_job(tx.state, job.id, event.spec, begins=begins is not None)
    if begins is not None and not (yield from tx.contain(job.id, slots.close(tx, job.id))):
        slots.give_up(tx, job)
    if begins is not None:
        begins = slots.just_passed(tx, job.id, event.spec) or begins
    yield from tx.emitting(
        r.JobChanged(
            id=job.id,
            at=tx.now,
            spec=event.spec,
            disabled=event.disabled,
            next_at=tx.job(job.id).next_at if begins is None else anew.first_slot(job, event.spec, begins),
            begun_at=begins,
        )
    )
    if begins is not None:
        tx.unstick(job.id)
    followers.join_generations(tx, job.id)
    yield from _settle(tx, job.id, missed=reasons.DISABLED if job.disabled and begins is None else "")


def _settle(tx: Transaction, job_id: str, missed: str = "") -> Steps[bool]:
    """Bring the job's ledger up to now; what was stuck is looked at as a whole."""
    look = slots.look_anew if job_id in tx.state.stuck else slots.bring_up_to_now
    return tx.contain(job_id, look(tx, job_id, missed))


def _delete(tx: Transaction, event: inputs.DeleteJob) -> Steps[None]:
    tx.job(event.id)
    gone = yield from followers.deleted_with(tx.state, [event.id])
    children: list[str] = []
    for job_id in gone:
        children += tx.state.children.get(job_id, ())
        yield from tx.emitting(r.JobDeleted(id=job_id, at=tx.now))
        yield
    for child_id in children:
        if child_id in tx.state.jobs:  # it may have waited for nobody but the one that is gone
            followers.join_generations(tx, child_id)
        yield


def _delete_all(tx: Transaction, _event: inputs.DeleteAllJobs) -> Steps[None]:
    yield from tx.emitting(r.AllJobsDeleted(at=tx.now))


def _enable(tx: Transaction, event: inputs.EnableJob) -> Steps[None]:
    if tx.job(event.id).disabled:
        tx.emit(r.JobEnabled(id=event.id, at=tx.now))
        yield from tx.contain(event.id, slots.look_anew(tx, event.id, missed=reasons.DISABLED))


def _disable(tx: Transaction, event: inputs.DisableJob) -> None:
    if not tx.job(event.id).disabled:
        tx.emit(r.JobDisabled(id=event.id, at=tx.now))
        tx.unstick(event.id)


def _start(tx: Transaction, event: inputs.StartJob) -> Steps[None]:
    job = tx.job(event.id)
    if job.disabled:
        raise ConflictError(f"the job {job.spec.name!r} is disabled: enable it, then start it")
    active = tx.state.active.get(job.id, ())
    if active and job.spec.overlap is Overlap.SKIP:
        raise ConflictError(f"an earlier run of {job.spec.name!r} is still there, and its overlap is skip")
    if not tx.has_room(job):
        raise ConflictError(
            f"{len(active):,} runs of {job.spec.name!r} wait already; cancel some, or let them run"
        )
    first = active[0] if active else ""
    tx.queue(job, event.run_id, tx.now, Trigger.MANUAL, next_at=job.next_at, cause=first)
    if job.spec.overlap is Overlap.REPLACE:
        for run_id in active:
            yield from slots.end_run(tx, run_id, RunState.CANCELLED, reasons.REPLACED, cause=event.run_id)


def _pause(tx: Transaction, event: inputs.PauseServer) -> Steps[None]:
    pause = tx.state.pause
    if pause is None or event.reason not in {"", pause.reason}:
        yield from tx.emitting(r.ServerPaused(at=pause.at if pause else tx.now, reason=event.reason))


def _resume(tx: Transaction, _event: inputs.ResumeServer) -> Steps[None]:
    """Bring every ledger up to now first: what was due in the pause is skipped for it, however late that is decided."""
    if tx.state.pause is None:
        return
    for steps in _due(tx):
        yield from steps
        yield
    yield from tx.emitting(r.ServerResumed(at=tx.now))


def _all_of(tx: Transaction, event: inputs.AllOf) -> Steps[None]:
    for wish in event.wishes:
        tx.job(wish.id)
        yield
    named = {wish.id: None for wish in event.wishes}
    going = [wish.id for wish in event.wishes if isinstance(wish, inputs.DeleteJob)]
    for job_id in (yield from followers.deleted_with(tx.state, going)):
        if job_id not in named:
            raise ConflictError(
                f"the job {tx.job(job_id).spec.name!r} would go as well: it is a child of these"
            )
    for wish in event.wishes:
        if wish.id in tx.state.jobs:  # it may have gone with its parent
            steps = _HANDLERS[type(wish)](tx, wish)
            if steps is not None:
                yield from steps
        yield


def _tick(tx: Transaction, _event: inputs.Tick) -> Steps[None]:
    for steps in islice(_due(tx), MOST_AT_A_TICK):
        yield from steps
        yield


def _step_clock(tx: Transaction, event: inputs.StepClock) -> Steps[None]:
    """Note the step where something is measured: slots need nothing, as they are counted from START."""
    if (yield from tx.state.finding_open(is_measured)):
        yield from tx.emitting(r.ClockStepped(at=tx.now, seconds=event.seconds))


def _due(tx: Transaction, missed: str = "") -> Iterator[Steps[object]]:
    """Yield what is to be done about attempts that take too long, then about slots, each in their order.

    What follows from one may make another due. An attempt that is due again is none of these: it starts once there is a
    place, as what is ready does.
    """
    state = tx.state
    while True:
        if (deadline := state.deadlines.first()) is not None and deadline[0] <= tx.now:
            yield attempts.timed_out(tx, deadline[-1])
        elif (slot := state.slots.first()) is not None and slot[0] <= tx.now:
            yield tx.contain(slot[-1], _account(tx, slot[-1], missed))
        else:
            return


def _account(tx: Transaction, job_id: str, missed: str) -> Steps[None]:
    yield from slots.bring_up_to_now(tx, job_id, missed)
    next_at = tx.job(job_id).next_at
    if next_at is not None and next_at <= tx.now:
        # It would be due for ever, and nothing else would ever have its turn.
        raise RuntimeError("its slots were accounted for, and one is still due")


def _look_anew(tx: Transaction, event: inputs.LookAnew) -> Steps[None]:
    for job_id in event.job_ids:
        if job_id in tx.state.jobs:  # it may have been deleted meanwhile
            yield from tx.contain(job_id, slots.look_anew(tx, job_id))
        yield


def _recover(tx: Transaction, event: inputs.Recover) -> Steps[None]:
    _keep_server(tx, event.epoch)
    for run in (yield from tx.state.finding_open(lambda run: run.state is RunState.RUNNING)):
        if run.id not in event.still_running:
            yield from attempts.interrupted(tx, run, event.printed.get(run.id, inputs.Printed()))
        elif run.ending:  # whoever was asked to end it is gone
            tx.ask(effects.EndAttempt(handle=run.handle))
    for job in list(tx.state.jobs.values()):
        stuck = job.id in tx.state.stuck
        tx.unstick(job.id)  # each start finds it anew, and says so
        if job.spec.timezone or stuck:
            yield from tx.contain(job.id, slots.look_anew(tx, job.id, missed=reasons.DOWN))
        yield
    for steps in _due(tx, reasons.DOWN):
        yield from steps
        yield


def _look_for_room(tx: Transaction, _event: inputs.LookForRoom) -> None:
    _keep_server(tx, tx.state.epoch)


def _keep_server(tx: Transaction, epoch: int) -> None:
    """Note when this store began, and under which epoch the records are from here on."""
    times = tx.state.times
    born, latest = times.get("created_at", tx.now), times.get("last_attempted_run")
    tx.emit(r.ServerKept(created_at=born, last_attempted_run=latest, epoch=epoch))


def _housekeep(tx: Transaction, event: inputs.Housekeep) -> Steps[None]:
    if event.runs_before is not None:
        yield from tx.emitting(r.RunsPruned(before=event.runs_before))
    if any(kept.at < event.keys_before for kept in tx.state.keys.values()):
        tx.emit(r.KeysForgotten(before=event.keys_before))


_HANDLERS: dict[type, Callable[[Transaction, Any], Steps[None] | None]] = {
    inputs.CreateJobs: _create,
    inputs.ChangeJob: _change,
    inputs.DeleteJob: _delete,
    inputs.DeleteAllJobs: _delete_all,
    inputs.EnableJob: _enable,
    inputs.DisableJob: _disable,
    inputs.StartJob: _start,
    inputs.AllOf: _all_of,
    inputs.ApplySet: sets.apply_set,
    inputs.PlanSet: sets.plan_set,
    inputs.ReleaseSet: sets.release_set,
    inputs.CancelRun: attempts.cancel,
    inputs.PauseServer: _pause,
    inputs.ResumeServer: _resume,
    inputs.Tick: _tick,
    inputs.StepClock: _step_clock,
    inputs.Recover: _recover,
    inputs.LookForRoom: _look_for_room,
    inputs.LookAnew: _look_anew,
    inputs.EndEverything: lambda tx, _event: attempts.end_everything(tx),
    inputs.Housekeep: _housekeep,
    inputs.PutOff: attempts.put_off,
    inputs.Ended: attempts.ended,
    inputs.EndedAfterAll: attempts.ended_after_all,
}
