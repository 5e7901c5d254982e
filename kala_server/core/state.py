"""What the server knows: jobs, runs, and who waits for whom. `apply(record)` is the only way to change it.

State is a fold of records: the same records give the same state, at start and in operation. Nothing here decides,
reads a clock or parses more than a timeout.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from enum import IntEnum
from heapq import heappush
from itertools import count
from typing import Any

from kala_server.core import durations
from kala_server.core import records as r
from kala_server.core.job import Arrival, Job, Overlap, Run, RunState, Tally
from kala_server.core.tables import UndoLog

_ERRORS = {RunState.FAILED, RunState.TIMED_OUT, RunState.INTERRUPTED}


class Due(IntEnum):
    """What an instant is due for."""

    SLOT = 0
    RETRY = 1
    TIMEOUT = 2


DueEntry = tuple[datetime, int, Due, str]


class State:
    """Tables of frozen values, the indexes that follow from them, and two queues.

    An entry in a queue counts only while the tables agree with it, so that nothing has to be searched for removal.
    """

    def __init__(self) -> None:
        self.undo = UndoLog()
        self.jobs: dict[str, Job] = {}
        self.runs: dict[str, Run] = {}
        self.keys: dict[str, r.KeyKept] = {}
        self.kept: dict[str, tuple[str, ...]] = {}
        """A job's finished and skipped runs, oldest first."""
        self.active: dict[str, tuple[str, ...]] = {}
        """A job's waiting and running runs, in the order of their turn."""
        self.children: dict[str, tuple[str, ...]] = {}
        self.counts: dict[str, int] = {"running": 0, "disabled": 0, "succeeded": 0, "errors": 0}
        self.times: dict[str, datetime] = {}
        """`created_at` of this store and `last_attempted_run`."""
        self.due: list[DueEntry] = []
        self.ready: list[tuple[datetime, int, str]] = []
        self._numbers = count()
        self._apply: dict[type, Callable[[Any], None]] = {
            getattr(r, name.title().replace("_", "")): getattr(self, f"_{name}") for name in _RECORD_NAMES
        }

    def apply(self, record: r.Record) -> None:
        """Change the state as the record says."""
        self._apply[type(record)](record)

    def snapshot(self) -> list[r.Record]:
        """Return the records that build this very state; frozen values, safe to hand to a thread."""
        server = r.ServerKept(
            created_at=self.times["created_at"], last_attempted_run=self.times.get("last_attempted_run")
        )
        jobs: Iterable[r.Record] = (r.JobKept(job=job) for job in self.jobs.values())
        runs: Iterable[r.Record] = (r.RunKept(run=run) for run in self.runs.values())
        return [server, *jobs, *runs, *self.keys.values()]

    # -- reading

    def job_runs(self, job_id: str) -> Iterator[Run]:
        """Yield a job's ledger, newest first."""
        for run_id in reversed(self.active.get(job_id, ())):
            yield self.runs[run_id]
        for run_id in reversed(self.kept.get(job_id, ())):
            yield self.runs[run_id]

    def next_due(self) -> datetime | None:
        """Return when something is due next; stale entries are dropped on the way."""
        while self.due and not self._counts(self.due[0]):
            self.undo.pop_heap(self.due)
        return self.due[0][0] if self.due else None

    def next_run_at(self) -> datetime | None:
        """Return the earliest slot of all enabled jobs."""
        when = self.next_due()
        if when is None or self.due[0][2] is Due.SLOT:
            return when
        return min((job.next_at for job in self.jobs.values() if job.next_at and not job.disabled), default=None)

    def take_due(self, now: datetime) -> DueEntry | None:
        """Take the next thing that is due by now."""
        when = self.next_due()
        return self.undo.pop_heap(self.due) if when is not None and when <= now else None

    def take_ready(self) -> Run | None:
        """Take the run whose turn it is, oldest slot first."""
        while self.ready:
            run = self.runs.get(self.undo.pop_heap(self.ready)[2])
            if run is not None and self.startable(run):
                return run
        return None

    def startable(self, run: Run) -> bool:
        """Whether only a free place is missing for the run to start."""
        return run.state is RunState.WAITING and run.retry_at is None and self.has_turn(run)

    def has_turn(self, run: Run) -> bool:
        """Whether no earlier run of its job is in its way."""
        job = self.jobs.get(run.job_id)
        if job is None:
            return False
        return job.spec.overlap is Overlap.ALLOW or self.active[run.job_id][0] == run.id

    def make_ready(self, run: Run) -> None:
        """Put the run into the queue for a free place, where it has its turn."""
        if run.state is RunState.WAITING and self.has_turn(run):
            heappush(self.ready, (run.scheduled_at, next(self._numbers), run.id))

    def _counts(self, entry: DueEntry) -> bool:
        when, _, what, key = entry
        if what is Due.SLOT:
            job = self.jobs.get(key)
            return job is not None and not job.disabled and job.next_at == when
        run = self.runs.get(key)
        if run is None or run.job_id not in self.jobs:
            return False
        return run.retry_at == when if what is Due.RETRY else self._deadline(run) == when

    def _deadline(self, run: Run) -> datetime | None:
        """Return when the running attempt has taken too long."""
        if run.state is not RunState.RUNNING or run.ending or run.attempt_at is None:
            return None
        return durations.after(run.attempt_at, self.jobs[run.job_id].spec.timeout)

    # -- jobs

    def _job_created(self, record: r.JobCreated) -> None:
        self._add_job(
            Job(
                id=record.id,
                spec=record.spec,
                created_at=record.at,
                disabled=record.disabled,
                next_at=record.next_at,
            )
        )
        if record.key:
            known = self.keys.get(record.key)
            ids = (*known.ids, record.id) if known else (record.id,)
            key = r.KeyKept(key=record.key, digest=record.key_digest, ids=ids, at=record.at)
            self.undo.put(self.keys, record.key, key)

    def _job_kept(self, record: r.JobKept) -> None:
        self._add_job(record.job)

    def _add_job(self, job: Job) -> None:
        self._put_job(job)
        self._watch_slot(job)
        for parent_id in job.spec.parent_jobs:
            self.undo.put(self.children, parent_id, (*self.children.get(parent_id, ()), job.id))
        self._count("disabled", int(job.disabled))
        self._count("succeeded", job.tally.success_count)
        self._count("errors", job.tally.error_count)

    def _job_changed(self, record: r.JobChanged) -> None:
        job = self.jobs[record.id]
        for parent_id in set(job.spec.parent_jobs) - set(record.spec.parent_jobs):
            self._drop_child(parent_id, record.id)
        for parent_id in record.spec.parent_jobs:
            if parent_id not in job.spec.parent_jobs:
                self.undo.put(self.children, parent_id, (*self.children.get(parent_id, ()), record.id))
        self._set_disabled(job, disabled=record.disabled)
        changed = replace(
            self.jobs[record.id],
            spec=record.spec,
            next_at=record.next_at,
            arrivals=job.arrivals if job.spec.parent_jobs == record.spec.parent_jobs else (),
        )
        self._put_job(changed)
        self._watch_slot(changed)
        self._let_next_start(record.id)
        self._retire(changed)

    def _job_enabled(self, record: r.JobEnabled) -> None:
        self._set_disabled(self.jobs[record.id], disabled=False)
        self._watch_slot(self.jobs[record.id])

    def _job_disabled(self, record: r.JobDisabled) -> None:
        self._set_disabled(self.jobs[record.id], disabled=True)

    def _set_disabled(self, job: Job, *, disabled: bool) -> None:
        self._count("disabled", int(disabled) - int(job.disabled))
        # Generations that were half there when the job was disabled are over.
        self._put_job(replace(job, disabled=disabled, arrivals=() if disabled else job.arrivals))

    def _job_deleted(self, record: r.JobDeleted) -> None:
        job = self.jobs[record.id]
        self.undo.drop(self.jobs, record.id)
        self._count("disabled", -int(job.disabled))
        self._count("succeeded", -job.tally.success_count)
        self._count("errors", -job.tally.error_count)
        for parent_id in job.spec.parent_jobs:
            self._drop_child(parent_id, record.id)
        for child_id in self.undo.drop(self.children, record.id) or ():
            self._forget_parent(child_id, record.id)
        for run_id in self.undo.drop(self.kept, record.id) or ():
            self.undo.drop(self.runs, run_id)
        for run_id in self.undo.drop(self.active, record.id) or ():
            if self.runs[run_id].state is not RunState.RUNNING:
                self.undo.drop(self.runs, run_id)

    def _all_jobs_deleted(self, record: r.AllJobsDeleted) -> None:
        for job_id in list(self.jobs):
            self._job_deleted(r.JobDeleted(id=job_id, at=record.at))

    def _drop_child(self, parent_id: str, child_id: str) -> None:
        left = tuple(child for child in self.children.get(parent_id, ()) if child != child_id)
        if left:
            self.undo.put(self.children, parent_id, left)
        else:
            self.undo.drop(self.children, parent_id)

    def _forget_parent(self, child_id: str, parent_id: str) -> None:
        child = self.jobs.get(child_id)
        if child is None:
            return
        parents = tuple(parent for parent in child.spec.parent_jobs if parent != parent_id)
        arrivals = tuple(arrival for arrival in child.arrivals if arrival.parent_id != parent_id)
        self._put_job(replace(child, spec=replace(child.spec, parent_jobs=parents), arrivals=arrivals))

    # -- runs

    def _run_queued(self, record: r.RunQueued) -> None:
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
        self._put_run(run)
        self.undo.put(self.active, run.job_id, (*self.active.get(run.job_id, ()), run.id))
        self._move_slot(record.job_id, record.next_at)
        self.make_ready(run)

    def _slots_skipped(self, record: r.SlotsSkipped) -> None:
        self._move_slot(record.job_id, record.next_at)
        ledger = self.kept.get(record.job_id, ())
        last = self.runs[ledger[-1]] if ledger else None
        if last is not None and _continues(last, record):
            longer = replace(last, count=last.count + record.count, last_scheduled_at=record.last)
            self._put_run(longer)
            return
        self._put_run(
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
        self._keep(record.job_id, record.run_id)

    def _run_started(self, record: r.RunStarted) -> None:
        run = self.runs[record.run_id]
        self._put_run(
            replace(
                run,
                state=RunState.RUNNING,
                started_at=run.started_at or record.at,
                attempt_at=record.at,
                attempts=run.attempts + 1,
                retry_at=None,
                pid=None,
                pid_started=None,
            )
        )
        self._count("running", 1)
        self._tally(run.job_id, last_attempted_run=record.at)
        self.undo.put(self.times, "last_attempted_run", record.at)
        self._watch_deadline(self.runs[record.run_id])

    def _run_spawned(self, record: r.RunSpawned) -> None:
        run = self.runs.get(record.run_id)
        if run is not None and run.state is RunState.RUNNING:
            self._put_run(replace(run, pid=record.pid, pid_started=record.pid_started))

    def _attempt_failed(self, record: r.AttemptFailed) -> None:
        run = replace(
            self.runs[record.run_id],
            state=RunState.WAITING,
            retry_at=record.retry_at,
            ending=None,
            exit_code=record.exit_code,
            signal=record.signal,
            reason=record.reason,
        )
        self._put_run(run)
        self._count("running", -1)
        self._count_error(run.job_id, record.at)
        self._watch_retry(run)

    def _run_ending(self, record: r.RunEnding) -> None:
        run = self.runs[record.run_id]
        self._put_run(replace(run, ending=record.state, reason=record.reason, cause=record.cause or run.cause))

    def _run_finished(self, record: r.RunFinished) -> None:
        run = self.runs[record.run_id]
        if run.state is RunState.RUNNING:
            self._count("running", -1)
        if run.job_id not in self.jobs:
            self.undo.drop(self.runs, run.id)
            return
        self._put_run(
            replace(
                run,
                state=record.state,
                finished_at=record.at,
                retry_at=None,
                ending=None,
                exit_code=record.exit_code,
                signal=record.signal,
                reason=record.reason,
                output_size=record.output_size,
                output_cut=record.output_cut,
            )
        )
        self._count_finish(run, record)
        left = tuple(run_id for run_id in self.active[run.job_id] if run_id != run.id)
        if left:
            self.undo.put(self.active, run.job_id, left)
        else:
            self.undo.drop(self.active, run.job_id)
        self._keep(run.job_id, run.id)
        self._let_next_start(run.job_id)

    def _parent_ended(self, record: r.ParentEnded) -> None:
        job = self.jobs[record.job_id]
        arrival = Arrival(record.parent_id, record.run_id, record.succeeded)
        self._put_job(replace(job, arrivals=(*job.arrivals, arrival)))

    def _generation_joined(self, record: r.GenerationJoined) -> None:
        job = self.jobs[record.job_id]
        taken: set[str] = set()
        left = []
        for arrival in job.arrivals:
            if arrival.parent_id in taken:
                left.append(arrival)
            taken.add(arrival.parent_id)
        self._put_job(replace(job, arrivals=tuple(left)))

    def _runs_pruned(self, record: r.RunsPruned) -> None:
        for job_id, ledger in list(self.kept.items()):
            old = [run_id for run_id in ledger if (self.runs[run_id].finished_at or record.before) < record.before]
            self._unkeep(job_id, ledger, set(old))

    # -- the rest of a snapshot

    def _server_kept(self, record: r.ServerKept) -> None:
        self.undo.put(self.times, "created_at", record.created_at)
        if record.last_attempted_run is not None:
            self.undo.put(self.times, "last_attempted_run", record.last_attempted_run)

    def _run_kept(self, record: r.RunKept) -> None:
        run = record.run
        self._put_run(run)
        if run.state is RunState.RUNNING:
            self._count("running", 1)
        if run.job_id not in self.jobs:
            return
        if run.state.final:
            self._keep(run.job_id, run.id)
            return
        self.undo.put(self.active, run.job_id, (*self.active.get(run.job_id, ()), run.id))
        if run.retry_at is None:
            self.make_ready(run)
        else:
            self._watch_retry(run)
        self._watch_deadline(run)

    def _key_kept(self, record: r.KeyKept) -> None:
        self.undo.put(self.keys, record.key, record)

    def _keys_forgotten(self, record: r.KeysForgotten) -> None:
        for key, kept in list(self.keys.items()):
            if kept.at < record.before:
                self.undo.drop(self.keys, key)

    # -- small steps

    def _put_job(self, job: Job) -> None:
        self.undo.put(self.jobs, job.id, job)

    def _put_run(self, run: Run) -> None:
        self.undo.put(self.runs, run.id, run)

    def _count(self, what: str, difference: int) -> None:
        if difference:
            self.undo.put(self.counts, what, self.counts[what] + difference)

    def _watch_slot(self, job: Job) -> None:
        if job.next_at is not None and not job.disabled:
            heappush(self.due, (job.next_at, next(self._numbers), Due.SLOT, job.id))

    def _watch_retry(self, run: Run) -> None:
        if run.retry_at is not None:
            heappush(self.due, (run.retry_at, next(self._numbers), Due.RETRY, run.id))

    def _watch_deadline(self, run: Run) -> None:
        if run.job_id in self.jobs and (deadline := self._deadline(run)) is not None:
            heappush(self.due, (deadline, next(self._numbers), Due.TIMEOUT, run.id))

    def _move_slot(self, job_id: str, next_at: datetime | None) -> None:
        job = self.jobs[job_id]
        if job.next_at != next_at:
            self._put_job(replace(job, next_at=next_at))
            self._watch_slot(self.jobs[job_id])

    def _let_next_start(self, job_id: str) -> None:
        for run_id in self.active.get(job_id, ()):
            if self.startable(self.runs[run_id]):
                self.make_ready(self.runs[run_id])

    def _tally(self, job_id: str, **changes: int | datetime) -> None:
        job = self.jobs.get(job_id)
        if job is not None:
            tally: Tally = replace(job.tally, **changes)  # type: ignore[arg-type]
            self._put_job(replace(job, tally=tally))

    def _count_error(self, job_id: str, at: datetime, *, finished: int = 0) -> None:
        job = self.jobs.get(job_id)
        if job is not None:
            tally = job.tally
            self._tally(
                job_id,
                error_count=tally.error_count + 1,
                last_error=at,
                finished_runs=tally.finished_runs + finished,
            )
            self._count("errors", 1)

    def _count_finish(self, run: Run, record: r.RunFinished) -> None:
        tally = self.jobs[run.job_id].tally
        if record.state is RunState.SUCCEEDED:
            self._count("succeeded", 1)
            self._tally(
                run.job_id,
                success_count=tally.success_count + 1,
                last_success=record.at,
                finished_runs=tally.finished_runs + 1,
            )
        elif record.state in _ERRORS:
            self._count_error(run.job_id, record.at, finished=1)
        elif run.attempts:
            self._tally(run.job_id, finished_runs=tally.finished_runs + 1)

    def _keep(self, job_id: str, run_id: str) -> None:
        self.undo.put(self.kept, job_id, (*self.kept.get(job_id, ()), run_id))
        self._retire(self.jobs[job_id])

    def _retire(self, job: Job) -> None:
        """Let go of the oldest entries beyond `keep_runs`."""
        ledger = self.kept.get(job.id, ())
        self._unkeep(job.id, ledger, set(ledger[: max(0, len(ledger) - job.spec.keep_runs)]))

    def _unkeep(self, job_id: str, ledger: tuple[str, ...], gone: set[str]) -> None:
        if not gone:
            return
        for run_id in gone:
            self.undo.drop(self.runs, run_id)
        self.undo.put(self.kept, job_id, tuple(run_id for run_id in ledger if run_id not in gone))


def _continues(last: Run, record: r.SlotsSkipped) -> bool:
    """Whether slots were skipped for the very reason of those before them: one entry tells it all."""
    return (
        last.state is RunState.SKIPPED
        and (last.reason, last.cause, last.trigger) == (record.reason, record.cause, record.trigger)
        and not record.parents
        and record.first > (last.last_scheduled_at or last.scheduled_at)
    )


_RECORD_NAMES = [r.kind(record_type) for record_type in r.RECORD_TYPES]
