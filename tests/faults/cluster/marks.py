"""What commands have left in a file, held against the ledger: no start is doubled, and each slot is accounted for."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kala_client import JobNotFoundError, KalaClient, Run
from tests.eventually import eventually

SECOND = timedelta(seconds=1)


def soon() -> datetime:
    """Return a second that has not begun yet."""
    return datetime.now(UTC).replace(microsecond=0) + 2 * SECOND


@dataclass(frozen=True, slots=True)
class Mark:
    """The start of a command."""

    server: str
    """The address of the one that started it."""
    job_id: str
    slot: str
    run_id: str
    attempt: int


class Marks:
    """The file, and the jobs of each second whose commands leave something in it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.touch()
        self.command = f"echo $KALA_URL $KALA_JOB_ID $KALA_SCHEDULED_AT $KALA_RUN_ID $KALA_ATTEMPT >> {file}"
        self._begin = soon()
        self._again: dict[str, bool] = {}
        """The jobs of each second, and whether they run again what was interrupted."""

    def fill(self, kala: KalaClient) -> None:
        """Create jobs of each second: a missed slot is caught up with, or all are; and so is what was interrupted."""
        for number in range(4):
            again = number % 2 == 1
            job_id = kala.create_job(
                name="of each second",
                command=self.command,
                shell=True,
                schedule=f"R/{self._begin.isoformat()}/PT1S",
                catch_up="all" if number < 2 else "one",
                rerun_interrupted=again,
                overlap="allow",
                keep_runs=10_000,
                idempotency_key=f"of each second, {number}",
            )
            self._again[job_id] = again

    def expect_from(self, seconds: int) -> None:
        """Expect slots from so many seconds later on than the jobs have."""
        self._begin += seconds * SECOND

    def all(self) -> list[Mark]:
        """Return what there is."""
        return list(map(_read, self._file.read_text().splitlines()))

    def broken(self, kala: KalaClient) -> list[str]:
        """Wait until the ledger has come to now, and say what is wrong with it."""
        now = datetime.now(UTC)
        found = [*self._doubled()]
        for job_id in self._again:
            try:
                found += eventually(lambda: self._accounted(list(kala.runs(job_id)), now))  # noqa: B023
            except JobNotFoundError:
                found.append(f"{job_id} is lost")
        return [each for each in found if each]

    def _doubled(self) -> Iterator[str]:
        runs_of_slots = defaultdict[tuple[str, str], set[str]](set)
        for mark in self.all():
            runs_of_slots[mark.job_id, mark.slot].add(mark.run_id)
        yield from (f"{slot} has the runs {runs}" for slot, runs in runs_of_slots.items() if len(runs) > 1)
        starts = Counter((mark.run_id, mark.attempt) for mark in self.all())
        yield from (f"{attempt} was started {times} times" for attempt, times in starts.items() if times > 1)

    def _accounted(self, runs: Sequence[Run], now: datetime) -> list[str]:
        """Return what is wrong with the ledger of a job; nothing while it is not over."""
        slots = Counter(slot for run in runs for slot in _slots(run))
        due = [self._begin + number * SECOND for number in range((now - self._begin) // SECOND)]
        if not all(run.finished for run in runs) or not due or max(slots, default=self._begin) < due[-1]:
            return []
        started = defaultdict[str, int](int)
        for mark in self.all():
            started[mark.run_id] = max(started[mark.run_id], mark.attempt)
        known = {run.id: run for run in runs}
        job_id = runs[0].job_id
        return [
            "",
            *(f"{job_id} has nothing for {slot}" for slot in due if not slots[slot]),
            *(f"{job_id} has {slot} twice" for slot, times in slots.items() if times > 1),
            *(f"{run.id} succeeded and never ran" for run in runs if run.succeeded and not started[run.id]),
            *(
                f"{mark.run_id} ran and is not on record"
                for mark in self.all()
                if mark.job_id == job_id
                and (mark.run_id not in known or known[mark.run_id].attempts < mark.attempt)
            ),
            *(
                f"{run.id} was repeated, which was not asked for"
                for run in runs
                if run.attempts > 1 and not self._again[job_id]
            ),
        ]


def _read(line: str) -> Mark:
    server, job_id, slot, run_id, attempt = line.split()
    return Mark(server, job_id, slot, run_id, int(attempt))


def _slots(run: Run) -> Iterator[datetime]:
    """Give what an entry of the ledger stands for."""
    assert run.scheduled_at is not None
    for number in range(run.count):
        yield run.scheduled_at + number * SECOND
