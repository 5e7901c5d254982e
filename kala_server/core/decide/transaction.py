"""One decision in the making: the state, the instant, and what was decided so far.

Each record is applied as it is emitted, so that a cascade sees its own steps; the caller commits or rolls back.
"""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha1
from typing import Any

from kala_server.core import reasons
from kala_server.core.errors import NotFoundError
from kala_server.core.model import records as r
from kala_server.core.model.effects import Effect, ReportStuck
from kala_server.core.model.job import Job, Run, Trigger
from kala_server.core.state.apply import apply, applying
from kala_server.core.state.state import State
from kala_server.core.steps import Steps
from kala_server.core.time.occurrences import Timetable, minutes_ahead, timetable_of

_RUNS = bytes.fromhex("50722e8a75d04ed497718f6b6b2bc384")
"""The name space of runs (RFC 9562, version 5): ours alone."""

MOST_OF_ONE_JOB = 1_000
"""How many runs of one job wait or run at the most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the whole server allows."""

    max_running: int = 64
    starting: bool = True
    """Whether anything is started; a server that stops only lets finish what runs."""

    def have_room(self, state: State) -> bool:
        """Return whether one more run may start."""
        return self.starting and state.counts["running"] < self.max_running


@dataclass(slots=True)
class Transaction:
    """What one event comes to."""

    state: State
    now: datetime
    limits: Limits
    noticed: datetime
    """When it was noticed that something is due; later than that is not the slot's fault, and not held against it."""
    records: list[r.Record] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    planned: Any = None
    """What is told of what would have happened, where that was all that somebody wanted to know."""

    def emit(self, record: r.Record) -> None:
        """Decide that this happens."""
        apply(self.state, record)
        self.records.append(record)

    def emitting(self, record: r.Record) -> Steps[None]:
        """Decide that this happens, step by step: it may be about much."""
        yield from applying(self.state, record)
        self.records.append(record)

    def ask(self, effect: Effect) -> None:
        """Ask the shell for this, once the records are durable."""
        self.effects.append(effect)

    def contain(self, job_id: str, steps: Steps[None]) -> Steps[bool]:
        """Take steps about one job, whose trouble is its own: where one fails all are taken back, and the job is stuck.

        Returns whether they went well.
        """
        mark = self.state.undo.mark()
        made = len(self.records), len(self.effects), len(self.state.dropped)
        try:
            yield from steps
        except Exception as error:  # noqa: BLE001 - whatever it is, the other jobs go on
            yield from self.state.undo.rolling_back(mark)
            del self.records[made[0] :], self.effects[made[1] :], self.state.dropped[made[2] :]
            self._is_stuck(job_id, error)
            return False
        return True

    def _is_stuck(self, job_id: str, error: Exception) -> None:
        reason = reasons.stuck(error)
        if job_id in self.state.jobs and self.state.stuck.get(job_id) != reason:
            self.emit(r.JobStuck(id=job_id, reason=reason))
            self.ask(ReportStuck(job_id, reason, error))

    def unstick(self, job_id: str) -> None:
        """Take note that something could be decided about the job."""
        if job_id in self.state.stuck:
            self.emit(r.JobFreed(id=job_id))

    def job(self, job_id: str) -> Job:
        """Return the job. Raises NotFoundError."""
        try:
            return self.state.jobs[job_id]
        except KeyError:
            raise NotFoundError(f"there is no job with the id {job_id}") from None

    def run(self, run_id: str) -> Run:
        """Return the run. Raises NotFoundError."""
        try:
            return self.state.runs[run_id]
        except KeyError:
            raise NotFoundError(f"there is no run with the id {run_id}, or it is no longer kept") from None

    def id_for(self, job: Job, slot: datetime) -> str:
        """Return the id of the job's run for a slot.

        With the clock put back, a schedule that is changed may have a slot anew that is in the ledger: it gets an id of
        its own, or one entry would take the other's place.
        """
        run_id = run_id_for(job.id, slot)
        while run_id in self.state.runs:
            run_id = run_id_for(job.id, run_id)
        return run_id

    def timetable(self, job: Job) -> Timetable:
        """Return when the job is due."""
        return timetable_of(job.spec, job.created_at)

    def offset(self, job: Job, slot: datetime) -> int | None:
        """Return by how many minutes the clock of the job's zone is ahead of UTC at the slot; None without a zone."""
        clock = self.timetable(job).clock if job.spec.timezone else None
        return None if clock is None else minutes_ahead(clock, slot)

    def has_room(self, job: Job) -> bool:
        """Whether one more run of the job may wait: else a job that is too slow for what starts it would pile up."""
        return len(self.state.active.get(job.id, ())) < MOST_OF_ONE_JOB

    def queue(
        self,
        job: Job,
        run_id: str,
        scheduled_at: datetime,
        trigger: Trigger,
        *,
        next_at: datetime | None,
        reason: str = "",
        cause: str = "",
        parents: tuple[str, ...] = (),
        offset: int | None = None,
    ) -> None:
        """Decide that there is a run; `next_at` is the job's next slot from here on, `offset` that of its clock."""
        self.emit(
            r.RunQueued(
                run_id=run_id,
                job_id=job.id,
                at=self.now,
                scheduled_at=scheduled_at,
                trigger=trigger,
                reason=reason,
                cause=cause,
                parents=parents,
                next_at=next_at,
                offset=offset,
            )
        )

    def skip(
        self,
        job: Job,
        run_id: str,
        trigger: Trigger,
        reason: str,
        *,
        cause: str = "",
        parents: tuple[str, ...] = (),
    ) -> None:
        """Decide that a run that was asked for does not happen; the job's slots stay as they are."""
        self.emit(
            r.SlotsSkipped(
                run_id=run_id,
                job_id=job.id,
                at=self.now,
                first=self.now,
                last=self.now,
                trigger=trigger,
                reason=reason,
                cause=cause,
                parents=parents,
                next_at=job.next_at,
            )
        )


def run_id_for(job_id: str, what: datetime | str) -> str:
    """Return the id of the job's run for a slot, or for what led to it: always the same for the same one."""
    text = what if isinstance(what, str) else what.isoformat()
    made = bytearray(
        sha1(b"%b%b %b" % (_RUNS, job_id.encode(), text.encode()), usedforsecurity=False).digest()
    )
    made[6], made[8] = made[6] & 0x0F | 0x50, made[8] & 0x3F | 0x80  # which kind of UUID it is
    digits = made.hex()  # `uuid5` makes an object of it: three times as long
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"
