"""The scheduler: what happened and what time it is go in, what follows comes out.

`decide(state, event, now)` is a function of its arguments. It changes the state only by applying the records that
it returns, which the caller then makes durable (and commits) or not (and rolls back). `deciding` is the same step by
step, as some events are about a hundred thousand jobs or runs: who makes the steps must see to it that nobody takes the
state for what is decided before the last one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from kala_server.core import attempts, followers, reasons, slots, validation
from kala_server.core import events as e
from kala_server.core import records as r
from kala_server.core.errors import ChangedMeanwhileError, ConflictError, InvalidJobError, KeyReusedError
from kala_server.core.fold_runs import is_measured
from kala_server.core.job import Job, JobSpec, Overlap, RunState, Trigger
from kala_server.core.occurrences import first_of
from kala_server.core.state import State
from kala_server.core.steps import Steps, to_the_end
from kala_server.core.turn import Limits, Turn

MOST_AT_A_TICK = 100
"""How many slots, retries and timeouts are decided on in one go: some milliseconds. The others stay due."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be made durable, and what is to be done after that."""

    records: list[r.Record]
    effects: list[e.Effect]


def decide(
    state: State, event: e.Event, now: datetime, limits: Limits, noticed: datetime | None = None
) -> Decision:
    """Return what follows from the event. Raises RefusedError, with the state as it was.

    `noticed` is when it was noticed that something is due, where the ticks since then have not come to all of it.
    """
    return to_the_end(deciding(state, event, now, limits, noticed))


def deciding(
    state: State, event: e.Event, now: datetime, limits: Limits, noticed: datetime | None = None
) -> Steps[Decision]:
    """Do the same step by step; a step takes a millisecond at the most."""
    turn = Turn(state, now, limits, noticed or now)
    mark = state.undo.mark()
    try:
        steps = _HANDLERS[type(event)](turn, event)
        if steps is not None:
            yield from steps
        yield from attempts.dispatch(turn)
    except Exception:
        yield from state.undo.rolling_back(mark)
        state.take_dropped()
        raise
    if dropped := state.take_dropped():
        turn.ask(e.DropOutputs(tuple(dropped)))
    return Decision(turn.records, turn.effects)


def _create(turn: Turn, event: e.CreateJobs) -> Steps[None]:
    known = turn.state.keys.get(event.key)
    if known is not None and known.digest != event.key_digest:
        raise KeyReusedError(
            "this idempotency key came with another body before; each new request needs its own"
        )
    if known is not None:
        return
    for number, new in enumerate(event.jobs):
        try:
            yield from _create_one(turn, new)
        except InvalidJobError as error:
            raise error.within(f"{event.place}[{number}]" if event.place else "") from None
        yield
    if event.key:
        ids = tuple(new.id for new in event.jobs)
        turn.emit(r.KeyKept(key=event.key, digest=event.key_digest, ids=ids, at=turn.now))


def _create_one(turn: Turn, new: e.NewJob) -> Steps[None]:
    validation.check(turn.state, new.id, new.spec)
    first = validation.first_slot(new.spec, turn.now, turn.now)
    turn.emit(r.JobCreated(id=new.id, at=turn.now, spec=new.spec, disabled=new.disabled, next_at=first))
    yield from slots.account(turn, new.id)


def _change(turn: Turn, event: e.ChangeJob) -> Steps[None]:
    job = turn.job(event.id)
    before = event.made_from
    if before is not None and (before.spec, before.disabled) != (job.spec, job.disabled):
        raise ChangedMeanwhileError(f"the job {job.spec.name!r} was changed by somebody else meanwhile")
    begins = _begins(turn, job, event)
    validation.check(turn.state, job.id, event.spec, begins=begins is not None)
    if begins is not None and not (yield from turn.contain(job.id, slots.close(turn, job.id))):
        slots.give_up(turn, job)
    if begins is not None:
        begins = slots.just_passed(turn, job.id, event.spec) or begins
    yield from turn.emitting(
        r.JobChanged(
            id=job.id,
            at=turn.now,
            spec=event.spec,
            disabled=event.disabled,
            next_at=turn.job(job.id).next_at if begins is None else _first_slot(job, event.spec, begins),
            begun_at=begins,
        )
    )
    if begins is not None:
        turn.unstick(job.id)
    followers.join_generations(turn, job.id)
    yield from _settle(turn, job.id, missed=reasons.DISABLED if job.disabled and begins is None else "")


def _begins(turn: Turn, job: Job, event: e.ChangeJob) -> datetime | None:
    """Return from when a changed job's slots count anew; None where they stay as they are."""
    if job.spec.timing != event.spec.timing:
        return turn.now
    # A slot of this very instant is in the ledger already.
    return turn.now + slots.INSTANT if event.anew and event.spec.schedule else None


def _first_slot(job: Job, spec: JobSpec, begins: datetime) -> datetime | None:
    """Return the first slot of a schedule that begins anew; START may be past, but something must be left of it."""
    if not spec.schedule:
        return None
    first = first_of(spec, begins)
    if first is None and job.spec.timing != spec.timing:
        validation.first_slot(spec, begins, begins)  # which says why
    return first


def _settle(turn: Turn, job_id: str, missed: str = "") -> Steps[bool]:
    """Bring the job's ledger up to now; what was stuck is looked at as a whole."""
    look = slots.look_anew if job_id in turn.state.stuck else slots.account
    return turn.contain(job_id, look(turn, job_id, missed))


def _delete(turn: Turn, event: e.DeleteJob) -> Steps[None]:
    turn.job(event.id)
    gone = yield from followers.deleted_with(turn.state, [event.id])
    children = [child_id for job_id in gone for child_id in turn.state.children.get(job_id, ())]
    for job_id in gone:
        yield from turn.emitting(r.JobDeleted(id=job_id, at=turn.now))
    for child_id in children:
        if child_id in turn.state.jobs:  # it may have waited for nobody but the one that is gone
            followers.join_generations(turn, child_id)
            yield


def _delete_all(turn: Turn, _event: e.DeleteAllJobs) -> Steps[None]:
    yield from turn.emitting(r.AllJobsDeleted(at=turn.now))


def _enable(turn: Turn, event: e.EnableJob) -> Steps[None]:
    if turn.job(event.id).disabled:
        turn.emit(r.JobEnabled(id=event.id, at=turn.now))
        yield from turn.contain(event.id, slots.look_anew(turn, event.id, missed=reasons.DISABLED))


def _disable(turn: Turn, event: e.DisableJob) -> None:
    if not turn.job(event.id).disabled:
        turn.emit(r.JobDisabled(id=event.id, at=turn.now))
        turn.unstick(event.id)


def _start(turn: Turn, event: e.StartJob) -> Steps[None]:
    job = turn.job(event.id)
    if job.disabled:
        raise ConflictError(f"the job {job.spec.name!r} is disabled: enable it, then start it")
    active = turn.state.active.get(job.id, ())
    if active and job.spec.overlap is Overlap.SKIP:
        raise ConflictError(f"an earlier run of {job.spec.name!r} is still there, and its overlap is skip")
    if not turn.has_room(job):
        raise ConflictError(
            f"{len(active):,} runs of {job.spec.name!r} wait already; cancel some, or let them run"
        )
    first = active[0] if active else ""
    turn.queue(job, event.run_id, turn.now, Trigger.MANUAL, next_at=job.next_at, cause=first)
    if job.spec.overlap is Overlap.REPLACE:
        for run_id in active:
            yield from slots.end_run(turn, run_id, RunState.CANCELLED, reasons.REPLACED, cause=event.run_id)


def _pause(turn: Turn, event: e.PauseServer) -> Steps[None]:
    pause = turn.state.pause
    if pause is None or event.reason not in {"", pause.reason}:
        yield from turn.emitting(r.ServerPaused(at=pause.at if pause else turn.now, reason=event.reason))


def _resume(turn: Turn, _event: e.ResumeServer) -> Steps[None]:
    """Bring every ledger up to now first: what was due in the pause is skipped for it, however late that is decided."""
    if turn.state.pause is None:
        return
    for steps in _due(turn):
        yield from steps
        yield
    yield from turn.emitting(r.ServerResumed(at=turn.now))


def _all_of(turn: Turn, event: e.AllOf) -> Steps[None]:
    for wish in event.wishes:
        turn.job(wish.id)
        yield
    named = {wish.id: None for wish in event.wishes}
    going = [wish.id for wish in event.wishes if isinstance(wish, e.DeleteJob)]
    for job_id in (yield from followers.deleted_with(turn.state, going)):
        if job_id not in named:
            raise ConflictError(
                f"the job {turn.job(job_id).spec.name!r} would go as well: it is a child of these"
            )
    for wish in event.wishes:
        if wish.id in turn.state.jobs:  # it may have gone with its parent
            steps = _HANDLERS[type(wish)](turn, wish)
            if steps is not None:
                yield from steps
        yield


def _tick(turn: Turn, _event: e.Tick) -> Steps[None]:
    for steps in islice(_due(turn), MOST_AT_A_TICK):
        yield from steps
        yield


def _step_clock(turn: Turn, event: e.StepClock) -> Steps[None]:
    """Note the step where something is measured: slots need nothing, as they are counted from START."""
    if (yield from turn.state.finding_runs(is_measured)):
        yield from turn.emitting(r.ClockStepped(at=turn.now, seconds=event.seconds))


def _due(turn: Turn, missed: str = "") -> Iterator[Steps[None]]:
    """Yield what is to be done about attempts that take too long, then about slots, each in their order.

    What follows from one may make another due. An attempt that is due again is none of these: it starts once there is a
    place, as what is ready does.
    """
    state = turn.state
    while True:
        if (deadline := state.deadlines.first()) is not None and deadline[0][0] <= turn.now:
            yield attempts.timed_out(turn, deadline[1])
        elif (slot := state.slots.first()) is not None and slot[0][0] <= turn.now:
            yield _slot_has_come(turn, slot[1], missed)
        else:
            return


def _slot_has_come(turn: Turn, job_id: str, missed: str) -> Steps[None]:
    def accounted() -> Steps[None]:
        yield from slots.account(turn, job_id, missed)
        next_at = turn.job(job_id).next_at
        if next_at is not None and next_at <= turn.now:
            # It would be due for ever, and nothing else would ever have its turn.
            raise RuntimeError("its slots were accounted for, and one is still due")

    yield from turn.contain(job_id, accounted())


def _look_anew(turn: Turn, event: e.LookAnew) -> Steps[None]:
    for job_id in event.job_ids:
        if job_id in turn.state.jobs:  # it may have been deleted meanwhile
            yield from turn.contain(job_id, slots.look_anew(turn, job_id))
        yield


def _recover(turn: Turn, event: e.Recover) -> Steps[None]:
    _begin(turn, event.mark)
    for run in (yield from turn.state.finding_runs(lambda run: run.state is RunState.RUNNING)):
        if run.id not in event.still_running:
            yield from attempts.interrupted(turn, run, event.printed.get(run.id, e.Printed()))
        elif run.ending:  # whoever was asked to end it is gone
            turn.ask(e.EndAttempt(run_id=run.id))
    for job in list(turn.state.jobs.values()):
        stuck = job.id in turn.state.stuck
        turn.unstick(job.id)  # each start finds it anew, and says so
        if job.spec.timezone or stuck:
            yield from turn.contain(job.id, slots.look_anew(turn, job.id, missed=reasons.DOWN))
        yield
    for steps in _due(turn, reasons.DOWN):
        yield from steps
        yield


def _begin(turn: Turn, mark: str) -> None:
    """Note when this store began, and its mark, before anything is started that carries it."""
    if "created_at" not in turn.state.times or mark != turn.state.mark:
        _keep_server(turn, mark)


def _look_for_room(turn: Turn, _event: e.LookForRoom) -> None:
    _keep_server(turn, turn.state.mark)


def _keep_server(turn: Turn, mark: str) -> None:
    times = turn.state.times
    born, latest = times.get("created_at", turn.now), times.get("last_attempted_run")
    turn.emit(r.ServerKept(created_at=born, last_attempted_run=latest, mark=mark))


def _housekeep(turn: Turn, event: e.Housekeep) -> Steps[None]:
    if event.runs_before is not None:
        yield from turn.emitting(r.RunsPruned(before=event.runs_before))
    if any(kept.at < event.keys_before for kept in turn.state.keys.values()):
        turn.emit(r.KeysForgotten(before=event.keys_before))


_HANDLERS: dict[type, Callable[[Turn, Any], Steps[None] | None]] = {
    e.CreateJobs: _create,
    e.ChangeJob: _change,
    e.DeleteJob: _delete,
    e.DeleteAllJobs: _delete_all,
    e.EnableJob: _enable,
    e.DisableJob: _disable,
    e.StartJob: _start,
    e.AllOf: _all_of,
    e.CancelRun: attempts.cancel,
    e.PauseServer: _pause,
    e.ResumeServer: _resume,
    e.Tick: _tick,
    e.StepClock: _step_clock,
    e.Recover: _recover,
    e.LookForRoom: _look_for_room,
    e.LookAnew: _look_anew,
    e.EndEverything: lambda turn, _event: attempts.end_everything(turn),
    e.Housekeep: _housekeep,
    e.Spawned: attempts.spawned,
    e.PutOff: attempts.put_off,
    e.Ended: attempts.ended,
}
