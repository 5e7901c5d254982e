"""What the server knows: jobs, runs, who waits for whom, and what is due.

Only the fold changes it. Nothing here decides, reads a clock or parses more than a timeout.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain, islice
from typing import Any

from kala_server.core.frozen import replace
from kala_server.core.model import records as r
from kala_server.core.model.job import Job, Run, RunState, Trigger
from kala_server.core.state.job_table import Jobs
from kala_server.core.state.ordered import Ordered
from kala_server.core.state.run_table import Runs
from kala_server.core.state.undo import UndoLog
from kala_server.core.steps import A_STEP, Steps, to_the_end
from kala_server.core.time import durations


class State:
    """Tables of frozen values, and the indexes that follow from them.

    Whoever sets a job or a run sees to the indexes by it, so that they are the same after a replay.
    """

    def __init__(self) -> None:
        self.undo = UndoLog()
        self.jobs = Jobs()
        self.runs = Runs()
        self.keys: dict[str, r.KeyKept] = {}
        self.kept: dict[str, tuple[str, ...]] = {}
        """A job's finished and skipped runs, oldest first."""
        self.active: dict[str, tuple[str, ...]] = {}
        """A job's waiting and running runs, in the order of their turn."""
        self.children: dict[str, tuple[str, ...]] = {}
        self.counts: dict[str, int] = {"running": 0, "succeeded": 0, "errors": 0}
        self.times: dict[str, datetime] = {}
        """`created_at` of this store and `last_attempted_run`."""
        self.epochs: dict[str, int] = {}
        """`server`: under which epoch the latest records were appended."""
        self.pauses: dict[str, r.ServerPaused] = {}
        """`server`: since when no job starts by itself, while that is so."""
        self.sets: dict[str, r.SetApplied] = {}
        """The sets that were applied, and when that was done last."""
        self.stuck: dict[str, str] = {}
        """Jobs about which nothing could be decided, and why."""
        self.slots: Ordered[tuple[datetime, datetime]] = Ordered()
        """The next slot of each job that has one, and is neither disabled nor stuck; of equal ones the older job's."""
        self.deadlines: Ordered[tuple[datetime]] = Ordered()
        """When an attempt that is running will have taken too long."""
        self.retries: Ordered[tuple[datetime, datetime]] = Ordered()
        """When the next attempt of a run is due, where nothing else is in its way; and its own time."""
        self.ready: Ordered[tuple[datetime, datetime, datetime, str]] = Ordered()
        """Runs that only a free place is missing for: the oldest slot first, of equal ones that which came first."""
        self.dropped: list[str] = []
        """Runs that are no longer kept since `take_dropped`, of which there may be output."""

    def snapshot(self) -> Iterator[r.Record]:
        """Return the records that build this very state, made as they are asked for; safe to hand to a thread."""
        return to_the_end(self.taking_snapshot())

    def taking_snapshot(self) -> Steps[Iterator[r.Record]]:
        """Do the same step by step; meanwhile nothing else may be decided."""
        server = r.ServerKept(
            created_at=self.times["created_at"],
            last_attempted_run=self.times.get("last_attempted_run"),
            epoch=self.epoch,
        )
        jobs, children, keys = list(self.jobs.values()), dict(self.children), list(self.keys.values())
        yield
        # In the order of the ledgers, which is not that of the table: the first to be queued may be the last to end.
        run_ids = chain.from_iterable((*self.kept.values(), *self.active.values()))
        runs: list[Run] = []
        while some := [self.runs[run_id] for run_id in islice(run_ids, A_STEP)]:
            runs += some
            yield
        runs += yield from self.finding_open(lambda run: run.job_id not in self.jobs)
        return chain(
            [server],
            list(self.pauses.values()),
            list(self.sets.values()),
            (r.JobKept(job=job, children=children.get(job.id, ())) for job in jobs),
            [r.JobStuck(id=job_id, reason=reason) for job_id, reason in self.stuck.items()],
            (r.RunKept(run=run) for run in runs),
            keys,
        )

    # -- reading

    @property
    def epoch(self) -> int:
        """The epoch under which the latest server of this store appends; 0 where none ever did."""
        return self.epochs.get("server", 0)

    @property
    def pause(self) -> r.ServerPaused | None:
        """Since when no job starts by itself, and why; None where they do."""
        return self.pauses.get("server")

    @property
    def size(self) -> int:
        """How many records a snapshot has."""
        return (
            1
            + len(self.pauses)
            + len(self.sets)
            + len(self.stuck)
            + len(self.jobs)
            + len(self.runs)
            + len(self.keys)
        )

    def job_runs(self, job_id: str) -> Iterator[Run]:
        """Yield a job's ledger, newest first."""
        for run_id in reversed(self.active.get(job_id, ())):
            yield self.runs[run_id]
        for run_id in reversed(self.kept.get(job_id, ())):
            yield self.runs[run_id]

    def looking_through(self, job_id: str, wanted: Callable[[Run], bool]) -> Steps[list[Run]]:
        """Return what is wanted of a job's ledger, newest first, step by step; not what is gone meanwhile."""
        run_ids = chain(reversed(self.active.get(job_id, ())), reversed(self.kept.get(job_id, ())))
        return self._finding(run_ids, wanted)

    def finding_open(self, wanted: Callable[[Run], bool]) -> Steps[list[Run]]:
        """Return which of the runs that are not over are wanted, of all jobs, step by step."""
        return self._finding(list(self.runs.open), wanted)

    def _finding(self, run_ids: Iterable[str], wanted: Callable[[Run], bool]) -> Steps[list[Run]]:
        found = []
        for number, run_id in enumerate(run_ids, 1):
            run = self.runs.get(run_id)
            if run is not None and wanted(run):
                found.append(run)
            if not number % A_STEP:
                yield
        return found

    def next_due(self, *, room: bool = True) -> datetime | None:
        """Return when something is due next; an attempt that could not be started for want of `room` waits for that."""
        firsts = [self.slots.first(), self.deadlines.first(), self.retries.first() if room else None]
        return min((first[0] for first in firsts if first), default=None)

    def next_run_at(self) -> datetime | None:
        """Return the earliest slot of all enabled jobs."""
        first = self.slots.first()
        return first[0] if first else None

    def next_to_start(self, now: datetime) -> Run | None:
        """Return the run whose turn it is: that with the oldest slot of those that are ready, or to be tried again."""
        ready, retry = self.ready.first(), self.retries.first()
        if retry is not None and retry[0] <= now and (ready is None or retry[1] < ready[0]):
            return self.runs[retry[-1]]
        return self.runs[ready[-1]] if ready else None

    def take_dropped(self) -> list[str]:
        """Take the runs that are no longer kept."""
        dropped, self.dropped = self.dropped, []
        return dropped

    def holds(self, run: Run) -> bool:
        """Whether a pause keeps the run from being started; what was started by hand it does not."""
        return bool(self.pauses) and run.trigger is not Trigger.MANUAL

    def has_turn(self, run: Run) -> bool:
        """Whether no earlier run of its job is in its way."""
        job = self.jobs.get(run.job_id)
        if job is None:
            return False
        return job.spec.side_by_side or self.active[run.job_id][0] == run.id

    def _deadline(self, run: Run) -> tuple[datetime] | None:
        """Return when the running attempt has taken too long."""
        if run.state is not RunState.RUNNING or not run.timeout or run.ending or run.attempt_at is None:
            return None
        deadline = durations.after(run.attempt_at, run.timeout)
        return (deadline,) if deadline else None

    # -- the steps that apply.py is made of; each can be taken back

    def put_job(self, job: Job) -> None:
        """Set the job."""
        self.undo.put(self.jobs, job.id, job)
        self._watch(job)

    def drop_job(self, job_id: str) -> Job:
        """Know the job no longer."""
        job = self.undo.drop(self.jobs, job_id)
        assert job is not None
        self.undo.drop(self.stuck, job_id)
        self.undo.drop(self.slots, job_id)
        return job

    def put_stuck(self, job_id: str, reason: str) -> None:
        """Say why nothing can be decided about the job; nothing where it can."""
        if reason:
            self.undo.put(self.stuck, job_id, reason)
        else:
            self.undo.drop(self.stuck, job_id)
        self._watch(self.jobs[job_id])

    def put_run(self, run: Run) -> None:
        """Set the run."""
        self.undo.put(self.runs, run.id, run)
        self.place(run)

    def dropping(self, run_ids: tuple[str, ...]) -> Steps[None]:
        """Keep the runs no longer, step by step."""
        for number, run_id in enumerate(run_ids, 1):
            self.drop_run(run_id)
            if not number % A_STEP:
                yield

    def drop_run(self, run_id: str) -> None:
        """Keep the run no longer."""
        run = self.runs[run_id]
        self.undo.drop(self.runs, run_id)
        for index in (self.ready, self.retries, self.deadlines):
            self._set(index, run_id, None)
        if run.output_size or not run.state.final:
            self.dropped.append(run_id)

    def count(self, what: str, difference: int) -> None:
        """Count up or down."""
        if difference:
            self.undo.put(self.counts, what, self.counts[what] + difference)

    def _watch(self, job: Job) -> None:
        """Wake up for the job's next slot."""
        due = job.next_at is not None and not job.disabled and job.id not in self.stuck
        slot = (job.next_at, job.created_at) if due else None
        if self.slots.get(job.id) != slot:
            self._set(self.slots, job.id, slot)

    def place(self, run: Run) -> None:
        """Put the run where it belongs: to those that are ready, that are tried again, or that may take too long."""
        ready = retry = None
        if run.state is RunState.WAITING and not self.holds(run) and self.has_turn(run):
            if run.retry_at is None:
                ready = run.scheduled_at, run.queued_at, self.jobs[run.job_id].created_at, run.job_id
            else:
                retry = run.retry_at, run.scheduled_at
        deadline = self._deadline(run)
        if self.ready.get(run.id) != ready:
            self._set(self.ready, run.id, ready)
        if self.retries.get(run.id) != retry:
            self._set(self.retries, run.id, retry)
        if self.deadlines.get(run.id) != deadline:
            self._set(self.deadlines, run.id, deadline)

    def _set(self, index: Ordered[Any], key: str, entry: tuple[Any, ...] | None) -> None:
        if entry is None:
            self.undo.drop(index, key)
        else:
            self.undo.put(index, key, entry)

    def move_slot(
        self, job_id: str, next_at: datetime | None, *, taken: datetime, offset: int | None
    ) -> None:
        """Say which slot of the job is the next, where the one that was has been taken."""
        job = self.jobs[job_id]
        if job.next_at == next_at:
            return
        if job.spec.timezone:
            job = replace(job, last_slot=taken, last_offset=offset)
        self.put_job(replace(job, next_at=next_at))
