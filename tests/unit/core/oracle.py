"""What a job's ledger has to say, worked out by walking from START one period at a time.

It shares no code with the scheduler: it neither reads schedules nor asks timetables, so a fault there shows here.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from kala_server.core import reasons
from kala_server.core.model import records as r
from kala_server.core.model.job import Job, Run, Trigger
from kala_server.core.state.state import State

_RUNS = UUID("50722e8a-75d0-4ed4-9771-8f6b6b2bc384")


@dataclass(frozen=True, slots=True)
class Plan:
    """When a job ought to be due."""

    start: datetime
    period: timedelta
    repeat: int | None = None

    @property
    def schedule(self) -> str:
        count = "" if self.repeat is None else self.repeat
        start = self.start.strftime("%Y-%m-%dT%H:%M:%S")
        return f"R{count}/{start}Z/PT{int(self.period.total_seconds())}S"

    def slots(self) -> Iterator[datetime]:
        slot, repeated = self.start, 0
        while self.repeat is None or repeated <= self.repeat:
            yield slot
            slot, repeated = slot + self.period, repeated + 1

    def slots_before(self, end: datetime | None) -> list[datetime]:
        """Every slot before the end; without an end, all of them."""
        assert end is not None or self.repeat is not None, "a schedule without end has no last slot"
        found = []
        for slot in self.slots():
            if end is not None and slot >= end:
                break
            found.append(slot)
        return found


def slots_in_ledger(ledger: list[Run], plan: Plan) -> Counter[datetime]:
    """How often each slot stands in the ledger, as a run or as a reason why there is none."""
    found: Counter[datetime] = Counter()
    for run in ledger:
        if run.id != slot_id(run.job_id, run.scheduled_at):
            continue  # a manual start, a child's run, a rerun: no slot of the schedule
        if run.count == 1:
            found[run.scheduled_at] += 1
            continue
        assert run.last_scheduled_at is not None
        span = [s for s in plan.slots_before(run.last_scheduled_at + plan.period) if s >= run.scheduled_at]
        assert len(span) == run.count, f"an entry for {run.count} slots spans {len(span)}"
        found.update(span)
    return found


def check_ledger(job: Job, ledger: list[Run], plan: Plan, now: datetime) -> None:
    """Fail where a slot is missing from a job's ledger, is there twice, or is none."""
    expected = Counter(plan.slots_before(job.next_at))
    found = slots_in_ledger(ledger, plan)
    assert found == expected, f"missing {expected - found}, too many {found - expected}"
    if job.next_at is not None:
        assert job.next_at in plan.slots_before(job.next_at + plan.period), "the next slot is no slot"
        assert job.disabled or job.next_at > now, "a slot has passed and is in no ledger"


def check_state(state: State, plans: dict[str, Plan], now: datetime) -> None:
    """Check the ledger of every planned job that is still there."""
    for job_id in plans.keys() & state.jobs.keys():
        check_ledger(state.jobs[job_id], list(state.job_runs(job_id)), plans[job_id], now)


def slot_id(job_id: str, slot: datetime) -> str:
    """The id of the run for a slot, which is the same however often the slot is looked at."""
    return str(uuid5(_RUNS, f"{job_id} {slot.isoformat()}"))


class StartCounter:
    """Watches a journal as it grows: no run exists twice, and none starts more often than it failed or was put off.

    While the server is paused, no slot becomes a run and nothing starts but what was started by hand.
    """

    def __init__(self) -> None:
        self.queued: set[str] = set()
        self.starts: Counter[str] = Counter()
        self.by_hand: set[str] = set()
        self.paused = False
        self.seen = 0

    def watch(self, history: list[r.Record]) -> None:
        for record in history[self.seen :]:
            self._note(record)
        self.seen = len(history)

    def _note(self, record: r.Record) -> None:
        if isinstance(record, r.RunQueued):
            assert record.run_id not in self.queued, "the same run was queued twice"
            assert not (self.paused and _is_of_a_slot(record)), "a slot became a run in a pause"
            self.queued.add(record.run_id)
            self.by_hand |= {record.run_id} if record.trigger is Trigger.MANUAL else set()
            self.starts[record.run_id] = 1
        elif isinstance(record, r.AttemptFailed | r.StartPutOff):
            self.starts[record.run_id] += 1
        elif isinstance(record, r.RunFinished):
            self.starts[record.run_id] = 0
        elif isinstance(record, r.ServerPaused | r.ServerResumed):
            self.paused = isinstance(record, r.ServerPaused)
        elif isinstance(record, r.RunStarted):
            assert not self.paused or record.run_id in self.by_hand, "a run started by itself in a pause"
            self.starts[record.run_id] -= 1
            assert self.starts[record.run_id] >= 0, "a run was started twice"


def _is_of_a_slot(record: r.RunQueued) -> bool:
    """Whether the run is there because a slot was due: a rerun is caught up as well, and names its cause."""
    again = record.trigger is Trigger.CATCH_UP and record.reason == reasons.AGAIN
    return record.trigger in {Trigger.SCHEDULE, Trigger.CATCH_UP} and not again
