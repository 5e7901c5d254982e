"""What the server knows: jobs, runs, who waits for whom, and what is due.

Only `fold.py` changes it. Nothing here decides, reads a clock or parses more than a timeout.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from enum import IntEnum
from heapq import heappush
from itertools import chain, count, islice

from kala_server.core import durations
from kala_server.core import records as r
from kala_server.core.job import Job, Overlap, Run, RunState, Trigger
from kala_server.core.steps import A_STEP, Steps, to_the_end
from kala_server.core.tables import UndoLog
from kala_server.core.values import replace


class Due(IntEnum):
    """What an instant is due for."""

    SLOT = 0
    RETRY = 1
    TIMEOUT = 2


_FEW = 1_000
"""Entries that are not worth the trouble."""

DueEntry = tuple[datetime, int, Due, str]


class State:
    """Tables of frozen values, the indexes that follow from them, and two queues.

    An entry in a queue counts only while the tables agree with it, so that none has to be searched for.
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
        self.marks: dict[str, str] = {}
        """`store`: what the commands carry whose runs are running."""
        self.pauses: dict[str, r.ServerPaused] = {}
        """`server`: since when no job starts by itself, while that is so."""
        self.stuck: dict[str, str] = {}
        """Jobs about which nothing could be decided, and why. Not in the journal: each start finds it anew."""
        self.dropped: list[str] = []
        """Runs that are no longer kept since `take_dropped`."""
        self.due: list[DueEntry] = []
        self.ready: list[tuple[datetime, int, str]] = []
        self._numbers = count()

    def snapshot(self) -> Iterator[r.Record]:
        """Return the records that build this very state, made as they are asked for; safe to hand to a thread."""
        return to_the_end(self.taking_snapshot())

    def taking_snapshot(self) -> Steps[Iterator[r.Record]]:
        """Do the same step by step; meanwhile nothing else may be decided."""
        server = r.ServerKept(
            created_at=self.times["created_at"],
            last_attempted_run=self.times.get("last_attempted_run"),
            mark=self.mark,
        )
        jobs, children, keys = list(self.jobs.values()), dict(self.children), list(self.keys.values())
        yield
        # In the order of the ledgers, which is not that of the table: the first to be queued may be the last to end.
        run_ids = chain.from_iterable((*self.kept.values(), *self.active.values()))
        runs: list[Run] = []
        while some := [self.runs[run_id] for run_id in islice(run_ids, A_STEP)]:
            runs += some
            yield
        of_no_job = yield from self.finding_runs(lambda run: run.job_id not in self.jobs)
        runs += [self.runs[run_id] for run_id in of_no_job]
        return chain(
            [server],
            list(self.pauses.values()),
            (r.JobKept(job=job, children=children.get(job.id, ())) for job in jobs),
            (r.RunKept(run=run) for run in runs),
            keys,
        )

    # -- reading

    @property
    def mark(self) -> str:
        """The mark that the store had when its latest server started."""
        return self.marks.get("store", "")

    @property
    def pause(self) -> r.ServerPaused | None:
        """Since when no job starts by itself, and why; None where they do."""
        return self.pauses.get("server")

    @property
    def size(self) -> int:
        """How many records a snapshot has."""
        return 1 + len(self.pauses) + len(self.jobs) + len(self.runs) + len(self.keys)

    def job_runs(self, job_id: str) -> Iterator[Run]:
        """Yield a job's ledger, newest first."""
        for run_id in reversed(self.active.get(job_id, ())):
            yield self.runs[run_id]
        for run_id in reversed(self.kept.get(job_id, ())):
            yield self.runs[run_id]

    def looking_through(self, job_id: str, wanted: Callable[[Run], bool]) -> Steps[list[Run]]:
        """Return what is wanted of a job's ledger, newest first, step by step; not what is gone meanwhile."""
        found = []
        run_ids = chain(reversed(self.active.get(job_id, ())), reversed(self.kept.get(job_id, ())))
        for number, run_id in enumerate(run_ids, 1):
            run = self.runs.get(run_id)
            if run is not None and wanted(run):
                found.append(run)
            if not number % A_STEP:
                yield
        return found

    def finding_runs(self, wanted: Callable[[Run], bool]) -> Steps[list[str]]:
        """Return which runs of all jobs are wanted, step by step."""
        found = []
        for number, run in enumerate(list(self.runs.values()), 1):
            if wanted(run):
                found.append(run.id)
            if not number % A_STEP:
                yield
        return found

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
        slots = (job.next_at for job in self.jobs.values() if job.next_at and not job.disabled)
        return min(slots, default=None)

    def take_due(self, now: datetime) -> DueEntry | None:
        """Take the next thing that is due by now."""
        when = self.next_due()
        return self.undo.pop_heap(self.due) if when is not None and when <= now else None

    def taking_ready(self, now: datetime) -> Steps[Run | None]:
        """Take the run whose turn it is, oldest slot first; step by step, as many may be passed over in a pause."""
        passed_over = 0
        while self.ready:
            run = self.runs.get(self.undo.pop_heap(self.ready)[2])
            if run is not None and self.startable(run, now):
                return run
            passed_over += 1
            if not passed_over % A_STEP:
                yield
        return None

    def take_dropped(self) -> list[str]:
        """Take the runs that are no longer kept."""
        dropped, self.dropped = self.dropped, []
        return dropped

    def startable(self, run: Run, now: datetime) -> bool:
        """Whether only a free place is missing for the run to start."""
        in_time = run.retry_at is None or run.retry_at <= now
        return run.state is RunState.WAITING and in_time and not self.holds(run) and self.has_turn(run)

    def holds(self, run: Run) -> bool:
        """Whether a pause keeps the run from being started; what was started by hand it does not."""
        return bool(self.pauses) and run.trigger is not Trigger.MANUAL

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
        if run is None:
            return False
        return run.retry_at == when if what is Due.RETRY else self._deadline(run) == when

    def _deadline(self, run: Run) -> datetime | None:
        """Return when the running attempt has taken too long."""
        if run.state is not RunState.RUNNING or run.ending or run.attempt_at is None:
            return None
        return durations.after(run.attempt_at, run.timeout)

    def tidy(self) -> None:
        """Forget entries of the queue that no longer count, once they outnumber the others; only after a commit.

        A job that runs each second with a timeout of a day would else keep a day's worth of deadlines.
        """
        to_the_end(self.tidying())

    def tidying(self) -> Steps[None]:
        """Do the same step by step; meanwhile nothing else may be decided."""
        most = 2 * (len(self.jobs) + len(self.runs)) + _FEW
        if len(self.due) <= most:
            return
        counting = {}
        for number, entry in enumerate(list(self.due)):
            if self._counts(entry):
                counting[(entry[0], *entry[2:])] = entry
            if not number % A_STEP:
                yield
        self.due = sorted(counting.values())

    # -- the steps that fold.py is made of; each can be taken back

    def put_job(self, job: Job) -> None:
        """Set the job."""
        self.undo.put(self.jobs, job.id, job)

    def put_run(self, run: Run) -> None:
        """Set the run."""
        self.undo.put(self.runs, run.id, run)

    def dropping(self, run_ids: tuple[str, ...]) -> Steps[None]:
        """Keep the runs no longer, step by step."""
        for number, run_id in enumerate(run_ids, 1):
            self.drop_run(run_id)
            if not number % A_STEP:
                yield

    def drop_run(self, run_id: str) -> None:
        """Keep the run no longer."""
        self.undo.drop(self.runs, run_id)
        self.dropped.append(run_id)

    def count(self, what: str, difference: int) -> None:
        """Count up or down."""
        if difference:
            self.undo.put(self.counts, what, self.counts[what] + difference)

    def watch_slot(self, job: Job) -> None:
        """Wake up for the job's next slot."""
        if job.next_at is not None and not job.disabled:
            heappush(self.due, (job.next_at, next(self._numbers), Due.SLOT, job.id))

    def watch_retry(self, run: Run) -> None:
        """Wake up for the run's next attempt."""
        assert run.retry_at is not None
        heappush(self.due, (run.retry_at, next(self._numbers), Due.RETRY, run.id))

    def watch_deadline(self, run: Run) -> None:
        """Wake up when the running attempt takes too long."""
        if (deadline := self._deadline(run)) is not None:
            heappush(self.due, (deadline, next(self._numbers), Due.TIMEOUT, run.id))

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
        self.watch_slot(self.jobs[job_id])
