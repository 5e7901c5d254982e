"""Rows of skipped slots, each an entry of the ledger: which parts of a time they touch. It changes nothing."""

from collections.abc import Iterator, KeysView
from datetime import datetime, timedelta
from itertools import accumulate

from kala_server.core.model.job import Run, RunState
from kala_server.core.state.run_table import begin_of, quarter_of
from kala_server.core.state.state import State
from kala_server.core.steps import A_STEP, Steps

_INSTANT = timedelta(microseconds=1)


class Rows:
    """Those that are longer than a quarter of an hour."""

    def __init__(self, begins: range) -> None:
        self._begins = begins
        self._begin, self._end = begin_of(begins[0]), begin_of(begins[-1] + begins.step)
        self._touched: dict[str, list[range]] = {}
        """Of each job with rows, which parts these touch."""
        self.jobs: list[int] = []
        """Of each part, how many jobs have rows that touch it."""
        self.moved = 0
        """How many of their slots are in the time, less those that are counted there with the first one."""

    def gathering(self, state: State) -> Steps[None]:
        """Look at all of them, step by step."""
        run_ids = state.runs.long_in(
            [RunState.SKIPPED], self._begins[0], self._begins[-1] + self._begins.step - 1
        )
        for start in range(0, len(run_ids), A_STEP):
            for run_id in run_ids[start : start + A_STEP]:
                run = state.runs.get(run_id)
                if run is not None and run.last_scheduled_at is not None:
                    self._add(run, run.last_scheduled_at)
            yield
        changes = [0] * (len(self._begins) + 1)
        for number, ranges in enumerate(self._touched.values()):
            for parts in _without_overlap(ranges):
                changes[parts.start] += 1
                changes[parts.stop] -= 1
            if not number % A_STEP:
                yield
        self.jobs = list(accumulate(changes))

    def of(self, number: int, job_ids: KeysView[str]) -> set[str]:
        """Return which of these jobs have rows that touch a part."""
        known = job_ids & self._touched.keys()
        return {job_id for job_id in known if any(number in parts for parts in self._touched[job_id])}

    def _add(self, row: Run, last_slot: datetime) -> None:
        if row.scheduled_at < self._end and last_slot >= self._begin:
            first = self._part(row.scheduled_at) if row.scheduled_at >= self._begin else 0
            last = self._part(last_slot) if last_slot < self._end else len(self._begins) - 1
            self._touched.setdefault(row.job_id, []).append(range(first, last + 1))
            self.moved += self._moved(row, last_slot)

    def _part(self, instant: datetime) -> int:
        return (quarter_of(instant) - self._begins[0]) // self._begins.step

    def _moved(self, row: Run, last_slot: datetime) -> int:
        before = _slots_before(row, last_slot, self._begin) if row.scheduled_at < self._begin else 0
        until = _slots_before(row, last_slot, self._end) if last_slot >= self._end else row.count
        return until - before - (row.count if row.scheduled_at >= self._begin else 0)


def _slots_before(row: Run, last_slot: datetime, instant: datetime) -> int:
    """Return how many slots of the row are before then: slot n is at first + n × length ÷ (count - 1)."""
    length = (last_slot - row.scheduled_at) // _INSTANT
    passed = (instant - row.scheduled_at) // _INSTANT
    return -(-passed * (row.count - 1) // length)


def _without_overlap(ranges: list[range]) -> Iterator[range]:
    end = 0
    for one in sorted(ranges, key=lambda one: one.start):
        yield range(max(one.start, end), max(one.stop, end))
        end = max(one.stop, end)
