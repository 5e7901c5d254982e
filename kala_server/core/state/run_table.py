"""The table of runs, with the indexes by time and by state, across all jobs.

Whoever sets an entry or takes it back sees to the indexes by it. They say nothing that the table does not: what is no
longer kept is in none of them.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from kala_server.core.model.job import Run, RunState
from kala_server.core.state.ordered import Sorted

QUARTER = timedelta(minutes=15)
_EPOCH = datetime.min.replace(tzinfo=UTC)
_LEVELS = 11
"""A block of the last one is longer than the calendar."""

Place = tuple[datetime, datetime, str]
"""Where a run is in the ledger of all jobs. It does not change when the run ends."""
Block = tuple[RunState, int, int]
"""A stretch of 8ⁿ quarters of an hour, by n and its number, for the entries of a state."""


def quarter_of(instant: datetime) -> int:
    """Return the number of the quarter of an hour in which the instant lies."""
    since = instant - _EPOCH
    return since.days * 96 + since.seconds // 900  # a third of the time that a division by QUARTER takes


def begin_of(quarter: int) -> datetime:
    """Return when a quarter of an hour begins."""
    return _EPOCH + quarter * QUARTER


def place_of(run: Run) -> Place:
    """Return where the run is in the ledger of all jobs."""
    # Runs of one instant, such as those of a catch-up, are in the order of their slots.
    return run.queued_at, run.scheduled_at, run.id


class Runs(dict[str, Run]):
    """Entries of the ledger by their ids."""

    def __init__(self) -> None:
        super().__init__()
        self.open: dict[str, None] = {}
        """Those that wait or run, in the order in which they came."""
        self.over: dict[RunState, Sorted[Place]] = {state: Sorted() for state in RunState if state.final}
        """Those that are over."""
        self.long: dict[Block, set[str]] = {}
        """Those that are over and were there in more than one quarter of an hour, by the smallest block around them."""
        self.quarters: dict[tuple[int, RunState], dict[str, int]] = {}
        """Which jobs have entries that are over, by the quarter of an hour of the first slot; and of how many slots."""
        self.running: dict[str, int] = {}
        """Which jobs have runs that are running, and how many."""

    def __setitem__(self, run_id: str, run: Run) -> None:
        before = self.get(run_id)
        dict.__setitem__(self, run_id, run)
        if before is None:
            self._add(run)
        elif (before.state, before.finished_at, before.count) != (run.state, run.finished_at, run.count):
            self._change(before, run)

    def __delitem__(self, run_id: str) -> None:
        self._remove(self[run_id])
        super().__delitem__(run_id)

    def pop(self, run_id: str, *default: Any) -> Any:
        """Remove a run and return it."""
        run = super().pop(run_id, *default)
        if isinstance(run, Run):
            self._remove(run)
        return run

    def long_in(self, kinds: Iterable[RunState], first: int, last: int) -> list[str]:
        """Return those of the `long` ones that may have been there in these quarters of an hour: others were not."""
        found: list[str] = []
        for kind in kinds:
            for level in range(1, _LEVELS):
                for number in range(first >> 3 * level, (last >> 3 * level) + 1):
                    found += self.long.get((kind, level, number), ())
        return found

    def _add(self, run: Run) -> None:
        if run.state in self.over:
            self._put_over(run)
        else:
            self.open[run.id] = None
            self._count_running(run, 1)

    def _remove(self, run: Run) -> None:
        if run.state in self.over:
            self._drop_over(run)
        else:
            del self.open[run.id]
            self._count_running(run, -1)

    def _change(self, before: Run, run: Run) -> None:
        if before.id in self.open and run.state not in self.over:  # it keeps its place
            self._count_running(before, -1)
            self._count_running(run, 1)
        else:
            self._remove(before)
            self._add(run)

    def _count_running(self, run: Run, by: int) -> None:
        if run.state is RunState.RUNNING:
            _count(self.running, run.job_id, by)

    def _put_over(self, run: Run) -> None:
        self.over[run.state].add(place_of(run))
        slot, block = _times_of(run)
        jobs = self.quarters.get((slot, run.state))
        if jobs is None:
            jobs = self.quarters[slot, run.state] = {}
        _count(jobs, run.job_id, run.count)
        if block is not None:
            self.long.setdefault(block, set()).add(run.id)

    def _drop_over(self, run: Run) -> None:
        self.over[run.state].remove(place_of(run))
        slot, block = _times_of(run)
        jobs = self.quarters[slot, run.state]
        _count(jobs, run.job_id, -run.count)
        if not jobs:
            del self.quarters[slot, run.state]
        if block is not None:
            self.long[block].remove(run.id)
            if not self.long[block]:
                del self.long[block]


def _times_of(run: Run) -> tuple[int, Block | None]:
    """Return the quarter of its slot, and the smallest block around all of its times; None if that is a quarter."""
    first, last = run.scheduled_at, run.finished_at or run.queued_at
    slot = begin = quarter_of(first)
    end = quarter_of(last)
    if (
        run.last_scheduled_at is not None or not first <= run.queued_at <= last
    ):  # a row; or the clock was set back
        times = [begin, end, quarter_of(run.queued_at), quarter_of(run.last_scheduled_at or last)]
        begin, end = min(times), max(times)
    level = ((begin ^ end).bit_length() + 2) // 3
    return slot, (run.state, level, begin >> 3 * level) if level else None


def _count(table: dict[str, int], key: str, by: int) -> None:
    count = table.get(key, 0) + by
    if count:
        table[key] = count
    else:
        del table[key]
