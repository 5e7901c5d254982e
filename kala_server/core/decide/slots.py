"""What becomes of a job's slots as they pass: on time, late, missed, or in each other's way.

Every slot up to now ends up in the ledger, as a run or as a reason why there is none.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from kala_client.schedules.due import is_cron
from kala_server.core import reasons
from kala_server.core.decide.followers import follow
from kala_server.core.decide.transaction import Transaction
from kala_server.core.model import effects
from kala_server.core.model import records as r
from kala_server.core.model.job import CatchUp, Job, JobSpec, Overlap, RunState, Trigger
from kala_server.core.steps import Steps
from kala_server.core.time import durations
from kala_server.core.time.occurrences import (
    Timetable,
    first_at_or_after,
    first_of,
    latest,
    next_after_last,
    read_stored,
    start_of,
)

ON_TIME = timedelta(seconds=10)
"""A slot noticed within this is late, but not missed: a busy machine is no reason for a catch-up.

So a START that has passed by less is taken, too: a request takes its time, and who makes it may be held up as well.
"""

CATCH_UP_LIMIT = 100
"""How many missed slots `catch_up: all` runs at the most, the latest ones."""

AT_ONCE = 100
"""How many slots are decided on one by one; a period too short to keep up with is late for those before."""

OF_SLOTS = (Trigger.SCHEDULE, Trigger.CATCH_UP)
"""What a run is for that takes a slot."""

INSTANT = timedelta(microseconds=1)
"""The shortest time there is between two instants."""

WAITING_LIMIT = 100
"""How many runs of a job with `overlap: allow` wait for a free place before further slots are skipped."""


def bring_up_to_now(tx: Transaction, job_id: str, missed: str = "") -> Steps[None]:
    """Bring the job's ledger up to now, step by step. With `missed`, all that has passed was missed for that reason."""
    job = tx.job(job_id)
    if job.disabled or job.next_at is None or job.next_at > tx.now:
        return
    timetable = tx.timetable(job)
    if tx.state.pause is None:
        yield from _take(tx, job, job.next_at, timetable, missed)
    else:
        _pass_over(tx, job, timetable, missed, tx.state.pause)
    _find_next(tx, job_id, timetable)
    tx.unstick(job_id)


def _take(tx: Transaction, job: Job, first: datetime, timetable: Timetable, missed: str) -> Steps[None]:
    """Decide on each slot that has passed, the first of them on."""
    on_time = [] if missed else _on_time(tx, timetable, first)
    missed_until = on_time[0][0] - INSTANT if on_time else tx.now
    if first <= missed_until:
        yield from _catch_up(tx, job, timetable, missed_until, missed or reasons.LATE)
    for slot, following in on_time:
        yield from _due(tx, tx.job(job.id), slot, following)


def _pass_over(tx: Transaction, job: Job, timetable: Timetable, missed: str, pause: r.ServerPaused) -> None:
    """Skip what has passed, as the server is paused; what was missed before that keeps its own reason."""
    paused = reasons.paused(pause.reason)
    skip_until(tx, job, timetable, min(pause.at - INSTANT, tx.now), missed or paused)
    skip_until(tx, tx.job(job.id), timetable, tx.now, paused)


def look_anew(tx: Transaction, job_id: str, missed: str = "") -> Steps[None]:
    """Find the job's next slot by the rules of its zone as they are now, and bring its ledger up to now."""
    job = tx.job(job_id)
    following = _after_the_ledger(tx, job)
    if following != job.next_at:
        tx.emit(r.JobChanged(id=job.id, at=tx.now, spec=job.spec, disabled=job.disabled, next_at=following))
        if following is not None and (job.next_at is None or following < job.next_at):
            missed = missed and reasons.RULES
    tx.unstick(job_id)
    yield from bring_up_to_now(tx, job_id, missed)


def _after_the_ledger(tx: Transaction, job: Job) -> datetime | None:
    """Return the first slot that is not in the ledger, computed anew where that is known of the job."""
    timetable = tx.timetable(job)
    if job.begun_at is None or not job.spec.schedule:
        return job.next_at
    if job.last_slot is None:
        return first_of(job.spec, job.begun_at)
    return next_after_last(timetable, job.last_slot, job.last_offset)


def close(tx: Transaction, job_id: str) -> Steps[None]:
    """Bring the job's ledger up to now before its schedule is given up; what passed while disabled is skipped."""
    job = tx.job(job_id)
    if not job.disabled:
        yield from bring_up_to_now(tx, job_id)
    elif job.next_at is not None and job.next_at <= tx.now:
        skip_until(tx, job, tx.timetable(job), tx.now, reasons.DISABLED)


def give_up(tx: Transaction, job: Job, reason: str = reasons.NO_TIMETABLE) -> None:
    """Close the ledger of a job whose slots cannot be computed: of those that have passed only the first is known."""
    if job.next_at is not None and job.next_at <= tx.now:
        tx.emit(
            r.SlotsSkipped(
                run_id=tx.id_for(job, job.next_at),
                job_id=job.id,
                at=tx.now,
                first=job.next_at,
                last=job.next_at,
                reason=reason,
            )
        )


def just_passed(tx: Transaction, job_id: str, spec: JobSpec) -> datetime | None:
    """Return START of a job's new schedule where it passed while the request was on its way; None elsewhere.

    Where a slot of the job has come since, its ledger is beyond START.
    """
    if not spec.schedule or is_cron(spec.schedule):
        return None
    start = start_of(read_stored(spec.schedule, spec.timezone))
    if start is None or not tx.now - ON_TIME < start <= tx.now:
        return None
    beyond = any(
        run.trigger in OF_SLOTS and (run.last_scheduled_at or run.scheduled_at) >= start
        for run in tx.state.job_runs(job_id)
    )
    return None if beyond else start


def _on_time(
    tx: Transaction, timetable: Timetable, first: datetime
) -> list[tuple[datetime, datetime | None]]:
    """Return the slots that are not late, each with the one after it; of more than `AT_ONCE` the latest."""
    begin = max(first, tx.noticed - ON_TIME + INSTANT)
    due = list(islice(_due_from(timetable, begin, tx.now), AT_ONCE + 1))
    if len(due) > AT_ONCE:
        [begin, *_] = latest(timetable, first, tx.now, AT_ONCE)
        due = list(_due_from(timetable, begin, tx.now))
    return due


def _due_from(
    timetable: Timetable, first: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime | None]]:
    slot = first_at_or_after(timetable, first)
    while slot is not None and slot <= until:
        following = timetable.next_after(slot)
        yield slot, following
        slot = following


def _find_next(tx: Transaction, job_id: str, timetable: Timetable) -> None:
    """Look for the next slot anew where the known one is none: a zone's rules may change with its data."""
    job = tx.job(job_id)
    if job.next_at is not None and job.next_at <= tx.now:
        go_on(tx, job_id, timetable)


def go_on(tx: Transaction, job_id: str, timetable: Timetable) -> None:
    """Let the next slot be the first one after now."""
    job, following = tx.job(job_id), timetable.next_after(tx.now)
    if job.next_at != following:
        tx.emit(r.JobChanged(id=job.id, at=tx.now, spec=job.spec, disabled=job.disabled, next_at=following))


def _catch_up(tx: Transaction, job: Job, timetable: Timetable, until: datetime, missed: str) -> Steps[None]:
    """Decide which missed slots still run, the latest ones, and skip those before."""
    first = job.next_at
    assert first is not None
    policy = job.spec.catching_up
    most = {CatchUp.ONE: 1, CatchUp.NONE: 0, CatchUp.ALL: CATCH_UP_LIMIT}[policy]
    candidates = latest(timetable, first, until, most)
    chosen = [slot for slot in candidates if not _beyond_grace(job.spec, slot, tx.noticed)]
    reason = reasons.BEYOND_GRACE if candidates and not chosen else missed
    following = timetable.next_after(until)
    last = timetable.last_until(chosen[0] - timedelta(microseconds=1) if chosen else until)
    if last is not None and last >= first:
        span = (first, last, timetable.count(first, last))
        _skip(tx, job, span, reason, chosen[0] if chosen else following)
    for slot, after in zip(chosen, [*chosen[1:], following], strict=False):  # none chosen, none to pair
        if policy is CatchUp.ALL:
            _run(tx, job, slot, Trigger.CATCH_UP, after, reason=missed)
            yield
        else:
            yield from _due(tx, tx.job(job.id), slot, after, trigger=Trigger.CATCH_UP, reason=missed)


def _beyond_grace(spec: JobSpec, slot: datetime, noticed: datetime) -> bool:
    limit = durations.after(slot, spec.misfire_grace)
    return limit is not None and noticed > limit


def _due(
    tx: Transaction,
    job: Job,
    slot: datetime,
    following: datetime | None,
    *,
    trigger: Trigger = Trigger.SCHEDULE,
    reason: str = "",
) -> Steps[None]:
    """Decide what a slot does: it runs, unless it is too late or its policy lets an earlier run go first."""
    active = tx.state.active.get(job.id, ())
    if _beyond_grace(job.spec, slot, tx.noticed):
        _skip(tx, job, (slot, slot, 1), reasons.BEYOND_GRACE, following)
    elif active and job.spec.overlap is Overlap.SKIP:
        _skip(tx, job, (slot, slot, 1), reasons.OVERLAP, following, cause=active[0])
    elif job.spec.overlap is Overlap.QUEUE and (too_many := _too_many(tx, job)):
        _skip(tx, job, (slot, slot, 1), too_many, following, cause=active[0])
    elif job.spec.overlap is Overlap.ALLOW and len(active) >= tx.limits.max_running + WAITING_LIMIT:
        _skip(tx, job, (slot, slot, 1), reasons.NO_ROOM, following)
    elif active and job.spec.overlap is Overlap.REPLACE:
        successor = _run(tx, job, slot, trigger, following, reason=reason, cause=active[0])
        for run_id in active:
            yield from end_run(tx, run_id, RunState.CANCELLED, reasons.REPLACED, cause=successor)
    else:
        waits_for = active[0] if active and job.spec.overlap is Overlap.QUEUE else ""
        _run(tx, job, slot, trigger, following, reason=reason, cause=waits_for)
    yield


def _too_many(tx: Transaction, job: Job) -> str:
    """Say why no further slot of the job may wait for its turn; nothing where it may.

    Where so many runs were asked for, as with `R3`, each of them waits, as in both Kalas; of slots that go on, one.
    """
    if tx.timetable(job).counted:
        return "" if tx.has_room(job) else reasons.TOO_MANY_WAIT
    return reasons.ONE_WAITS if len(tx.state.active.get(job.id, ())) > 1 else ""


def end_run(tx: Transaction, run_id: str, state: RunState, reason: str, *, cause: str = "") -> Steps[None]:
    """Decide that a waiting run ends here, and that a running one is being ended, step by step."""
    run = tx.run(run_id)
    if run.state is RunState.WAITING:
        tx.emit(
            r.RunFinished(
                run_id=run_id,
                at=tx.now,
                state=state,
                reason=reason,
                exit_code=run.exit_code,
                signal=run.signal,
                output_size=run.output_size,
                output_cut=run.output_cut,
            )
        )
        yield from follow(tx, tx.run(run_id))
    elif not run.ending:
        tx.emit(r.RunEnding(run_id=run_id, at=tx.now, state=state, reason=reason, cause=cause))
        tx.ask(effects.EndAttempt(handle=run.handle))


def _run(
    tx: Transaction,
    job: Job,
    slot: datetime,
    trigger: Trigger,
    following: datetime | None,
    *,
    reason: str = "",
    cause: str = "",
) -> str:
    run_id = tx.id_for(job, slot)
    offset = tx.offset(job, slot)
    tx.queue(job, run_id, slot, trigger, next_at=following, reason=reason, cause=cause, offset=offset)
    return run_id


def skip_until(tx: Transaction, job: Job, timetable: Timetable, until: datetime, reason: str) -> None:
    """Skip every slot up to then that is not in the ledger."""
    first, last = job.next_at, timetable.last_until(until)
    if first is not None and last is not None and first <= last:
        _skip(tx, job, (first, last, timetable.count(first, last)), reason, timetable.next_after(until))


def _skip(
    tx: Transaction,
    job: Job,
    span: tuple[datetime, datetime, int],
    reason: str,
    following: datetime | None,
    *,
    cause: str = "",
) -> None:
    first, last, count = span
    tx.emit(
        r.SlotsSkipped(
            run_id=tx.id_for(job, first),
            job_id=job.id,
            at=tx.now,
            first=first,
            last=last,
            count=count,
            reason=reason,
            cause=cause,
            next_at=following,
            offset=tx.offset(job, last),
        )
    )
