"""What commands have left in a file, held against the ledger: no start is doubled, and each slot is accounted for."""

from collections import Counter
from collections.abc import Container, Iterator, Sequence
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
        until = max(datetime.now(UTC), self._begin + SECOND)
        found = []
        for job_id, again in self._again.items():
            try:
                found += eventually(lambda: self._looked_at(kala, job_id, until, again=again))  # noqa: B023
            except JobNotFoundError:
                found.append(f"{job_id} is lost")
        starts = Counter((mark.run_id, mark.attempt) for mark in self.all())
        return [
            *(each for each in found if each),
            *(f"{attempt} was started {times} times" for attempt, times in starts.items() if times > 1),
        ]

    def _looked_at(self, kala: KalaClient, job_id: str, until: datetime, *, again: bool) -> list[str]:
        """Return what is wrong with the ledger of a job, and nothing at all while it is not complete."""
        marks = [mark for mark in self.all() if mark.job_id == job_id]
        ledger = _Ledger({run.id: run for run in kala.runs(job_id)}, again=again)
        if not ledger.is_complete(until):
            return []
        ran = {mark.run_id for mark in self.all()}
        return ["", *ledger.lacks(self._begin, until), *ledger.unlike(marks), *ledger.never_ran(ran)]


@dataclass(frozen=True)
class _Ledger:
    """The entries of a job of each second."""

    runs: dict[str, Run]
    again: bool
    """Whether what was interrupted is run again: by one more run of the same slot."""

    def is_complete(self, until: datetime) -> bool:
        """Whether all of it is over, and all is there that was due by then."""
        return (
            all(run.finished for run in self.runs.values())
            and max(self._slots(), default=until) >= until - SECOND
        )

    def _repeats(self, run: Run) -> bool:
        """Whether a run is there because another one was interrupted."""
        first = self.runs.get(run.cause or "")
        return self.again and first is not None and first.state == "interrupted"

    def _slots(self) -> Counter[datetime]:
        """Return how often there is something about each slot."""
        return Counter(
            run.scheduled_at + number * SECOND
            for run in self.runs.values()
            if run.scheduled_at is not None and not self._repeats(run)
            for number in range(run.count)
        )

    def lacks(self, begin: datetime, until: datetime) -> Iterator[str]:
        """Say which slots are not there, and which are there twice."""
        slots = self._slots()
        for number in range((until - begin) // SECOND):
            if (slot := begin + number * SECOND) not in slots:
                yield f"nothing is known of {slot}"
        yield from (f"{slot} is there twice" for slot, times in slots.items() if times > 1)

    def unlike(self, marks: Sequence[Mark]) -> Iterator[str]:
        """Say what has run of which nothing is known."""
        for mark in marks:
            run = self.runs.get(mark.run_id)
            if run is None or run.attempts < mark.attempt:
                yield f"attempt {mark.attempt} of {mark.run_id} ran and is not on record"

    def never_ran(self, ran: Container[str]) -> Iterator[str]:
        """Say what is told to have succeeded and has left no mark."""
        yield from (
            f"{run.id} succeeded and never ran"
            for run in self.runs.values()
            if run.succeeded and run.id not in ran
        )


def _read(line: str) -> Mark:
    server, job_id, slot, run_id, attempt = line.split()
    return Mark(server, job_id, slot, run_id, int(attempt))
