"""What can be kept of records that lie behind lost ones: each that is whole in itself, where the fold can apply it.

A later record was decided on a state that included the lost ones. So nothing is believed that does not fit what is
known, and then what may have happened unseen is closed, so that **no slot starts twice**: a run of which the end is not
known never starts again, and every slot up to now that is not in the ledger is skipped: in its place where a later
record has left it behind, else at the end. So each is accounted for.

A job is not dropped on a guess: one whose parents are all gone is kept, though it may have gone with them. Nothing
starts it but its owner. Nothing here does I/O.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from kala_server.core.decide import slots
from kala_server.core.decide.transaction import Limits, Transaction, run_id_for
from kala_server.core.frozen import replace
from kala_server.core.model import records as r
from kala_server.core.model.job import Job, RunState, Trigger
from kala_server.core.state.apply import apply
from kala_server.core.state.state import State

UNKNOWN = "what became of it was lost with the damaged part of the journal"
SKIPPED = "it may have run: what was noted of it was lost with the damaged part of the journal"


class Salvage:
    """A state in the making: first of the good records, then of those that were offered behind the damage."""

    def __init__(self) -> None:
        self.state = State()
        self.kept = 0
        self.refused: Counter[str] = Counter()
        """By job, the empty text for what is of none that is known: how many records could not be kept."""
        self._job_of_run: dict[str, str] = {}
        self._latest: datetime | None = None

    def believe(self, record: r.Record) -> None:
        """Apply a record of the good part."""
        apply(self.state, record)
        self.state.undo.commit()
        self._learn(record)

    def offer(self, record: r.Record) -> None:
        """Apply a record from behind the damage, if it fits what is known."""
        self._learn(record)
        if isinstance(record, r.JobChanged) and record.id not in self.state.jobs:
            # It says all of the job but what the job was before.
            record = r.JobCreated(
                id=record.id, at=record.at, spec=record.spec, disabled=record.disabled, next_at=record.next_at
            )
        dropped = len(self.state.dropped)
        if self._fits(record):
            try:
                self._bridge(record)
                self._end_what_it_follows(record)
                apply(self.state, record)
            except (LookupError, AssertionError):
                self.state.undo.roll_back()
                del self.state.dropped[dropped:]
            else:
                self.state.undo.commit()
                self.kept += 1
                return
        self.refused[self._job_of(record)] += 1

    def close(self, now: datetime) -> None:
        """Close what may have happened unseen, until now."""
        self._keep_the_server(now)
        until = max(now, self._latest or now)
        for run in list(self.state.runs.values()):
            if run.state is RunState.WAITING:
                self._do(_lost_end(run.id, now))
            elif run.state is RunState.RUNNING and not run.ending:
                # As interrupted it could be asked to run again; as ending, a command that goes on is ended.
                self._do(r.RunEnding(run_id=run.id, at=now, state=RunState.CANCELLED, reason=UNKNOWN))
        for job in list(self.state.jobs.values()):
            if job.next_at is not None:
                self._skip(job, until)

    def records(self) -> Iterator[r.Record]:
        """Return the snapshot of what is kept."""
        jobs = self.state.jobs
        for record in self.state.snapshot():
            if isinstance(record, r.JobKept):
                # Arrivals may have been taken unseen, and relatives may be lost.
                parents = tuple(one for one in record.job.spec.parent_jobs if one in jobs)
                spec = replace(record.job.spec, parent_jobs=parents)
                children = tuple(one for one in record.children if one in jobs)
                yield r.JobKept(job=replace(record.job, spec=spec, arrivals=()), children=children)
            else:
                yield record

    def _do(self, record: r.Record) -> None:
        apply(self.state, record)
        self.state.undo.commit()

    def _fits(self, record: r.Record) -> bool:
        fits = _FITS.get(type(record))
        return fits is None or fits(self.state, record)

    def _bridge(self, record: Any) -> None:
        """Skip the slots that a record has left behind: what was decided of them is lost."""
        job = self.state.jobs.get(self._job_of(record))
        until = None if job is None else _left_behind(self.state, job, record)
        if job is not None and until is not None:
            tx = _transaction(self.state, record.at)
            with suppress(ValueError):
                slots.skip_until(tx, job, tx.timetable(job), until, SKIPPED)

    def _end_what_it_follows(self, record: Any) -> None:
        """End the runs that were over when the record came: else what follows them would follow them again."""
        for run_id in _followed(record):
            run = self.state.runs.get(run_id)
            if run is not None and not run.state.final:
                apply(self.state, _lost_end(run_id, self._latest or run.queued_at))

    def _skip(self, job: Job, until: datetime) -> None:
        """Take every slot until then out of the way, and go on with the next one; without a timetable there is none."""
        tx = _transaction(self.state, until)
        try:
            timetable = tx.timetable(job)
            slots.skip_until(tx, job, timetable, until, SKIPPED)
            slots.go_on(tx, job.id, timetable)
        except ValueError:
            slots.give_up(tx, job, SKIPPED)
        self.state.undo.commit()

    def _keep_the_server(self, now: datetime) -> None:
        if "created_at" not in self.state.times:
            born = min((job.created_at for job in self.state.jobs.values()), default=now)
            latest = self.state.times.get("last_attempted_run")
            self._do(r.ServerKept(created_at=born, last_attempted_run=latest, epoch=self.state.epoch))

    def _learn(self, record: r.Record) -> None:
        at = getattr(record, "at", None)
        if isinstance(at, datetime):
            self._latest = max(at, self._latest or at)
        if isinstance(record, r.RunQueued | r.SlotsSkipped):
            self._job_of_run[record.run_id] = record.job_id
        elif isinstance(record, r.RunKept):
            self._job_of_run[record.run.id] = record.run.job_id

    def _job_of(self, record: r.Record) -> str:
        if isinstance(record, r.JobKept):
            return record.job.id
        if isinstance(record, r.RunKept):
            return record.run.job_id
        own = getattr(record, "job_id", None) or getattr(record, "id", "")
        return own or self._job_of_run.get(getattr(record, "run_id", ""), "")


def _transaction(state: State, now: datetime) -> Transaction:
    return Transaction(state=state, now=now, limits=Limits(), noticed=now)


def _left_behind(state: State, job: Job, record: r.Record) -> datetime | None:
    """Return until when the job's slots were decided on before the record; None where it does not tell."""
    if not isinstance(record, r.RunQueued | r.SlotsSkipped | r.JobChanged):
        return None
    if not isinstance(record, r.JobChanged):
        slot = record.first if isinstance(record, r.SlotsSkipped) else record.scheduled_at
        own = run_id_for(job.id, slot)
        # What is run again is at the slot of a run before it, and not a slot of its own.
        if record.trigger in slots.OF_SLOTS and (record.run_id == own or own in state.runs):
            return slot - slots.INSTANT
    elif record.spec.timing != job.spec.timing:
        return record.at
    return record.at if record.next_at is None else min(record.next_at - slots.INSTANT, record.at)


def _followed(record: r.Record) -> tuple[str, ...]:
    """Return the runs to whose ends the record is due."""
    if isinstance(record, r.ParentEnded):
        return (record.run_id,)
    if not isinstance(record, r.RunQueued | r.SlotsSkipped):
        return ()
    return (record.cause,) if record.trigger is Trigger.ON_FAILURE else record.parents


def _lost_end(run_id: str, at: datetime) -> r.RunFinished:
    return r.RunFinished(run_id=run_id, at=at, state=RunState.INTERRUPTED, reason=UNKNOWN)


def _is_new_job(state: State, record: Any) -> bool:
    return (record.job.id if isinstance(record, r.JobKept) else record.id) not in state.jobs


def _is_new_run(state: State, record: Any) -> bool:
    return record.run_id not in state.runs and record.job_id in state.jobs


def _in(*states: RunState) -> Callable[[State, Any], bool]:
    def fits(state: State, record: Any) -> bool:
        run = state.runs.get(record.run_id)
        return run is not None and run.state in states

    return fits


_FITS: dict[type, Callable[[State, Any], bool]] = {
    r.JobCreated: _is_new_job,
    r.JobKept: _is_new_job,
    r.RunKept: lambda state, record: record.run.id not in state.runs and record.run.job_id in state.jobs,
    r.RunQueued: _is_new_run,
    r.SlotsSkipped: _is_new_run,
    r.RunStarted: _in(RunState.WAITING),
    r.StartPutOff: _in(RunState.RUNNING),
    r.AttemptFailed: _in(RunState.RUNNING),
    r.RunEnding: _in(RunState.RUNNING),
    r.RunFinished: _in(RunState.WAITING, RunState.RUNNING),
    r.RunCorrected: _in(RunState.INTERRUPTED),
}
"""What must be so for a record to mean what it meant. Others fit wherever the fold can apply them."""
