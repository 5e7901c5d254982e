"""How the jobs went in each part of a time: how many, each once. It changes nothing."""

from collections.abc import Collection
from datetime import datetime, timedelta

from kala_server.core.frozen import value
from kala_server.core.model.job import Run, RunState
from kala_server.core.state.run_table import QUARTER, begin_of, quarter_of
from kala_server.core.state.state import State
from kala_server.core.steps import A_STEP, Steps

WORST_FIRST = (
    RunState.FAILED,
    RunState.TIMED_OUT,
    RunState.INTERRUPTED,
    RunState.CANCELLED,
    RunState.SKIPPED,
    RunState.SUCCEEDED,
)
_MANY = 8_192
"""Ids that are gathered in one go: it takes half a millisecond."""
_INSTANT = timedelta(microseconds=1)


@value(frozen=True, slots=True)
class Part:
    """A part of the time."""

    begin: datetime
    jobs: dict[RunState, int]
    """How many jobs had slots in it that are over, each job once: by the worst of their states."""


@value(frozen=True, slots=True)
class Timeline:
    """A time, in parts of one length."""

    parts: list[Part]
    slots: dict[RunState, int]
    """What became of how many slots. Of a row of skipped ones that is only in part in the time, as many are counted
    as there were if they had stood at equal distances."""


def timeline(state: State, since: datetime, until: datetime, step: timedelta) -> Steps[Timeline]:
    """Return how the jobs went from `since` to `until`, step by step.

    The time begins with a quarter of an hour, at or before `since`. Raises ValueError where `step` is not a number of
    quarters. A slot that is still to be decided on, waits or runs is not counted; a row of skipped slots counts in
    each part that it touches.
    """
    length, rest = divmod(step, QUARTER)
    if rest or length < 1:
        raise ValueError("a step is one or more quarters of an hour")
    first = quarter_of(since)
    last = max(first, quarter_of(until - _INSTANT))
    begins = range(first, last + 1, length)
    slots = dict.fromkeys(WORST_FIRST, 0)
    rows = yield from _rows(state, begins, slots)
    parts = []
    for begin, skipped in zip(begins, rows, strict=True):
        jobs = yield from _part(state, range(begin, begin + length), skipped, slots)
        parts.append(Part(begin_of(begin), jobs))
        yield
    return Timeline(parts, {kind: count for kind, count in slots.items() if count})


def _rows(state: State, begins: range, slots: dict[RunState, int]) -> Steps[list[set[str]]]:
    """Return of each part the jobs with a row of skipped slots that touches it; count the slots that lie elsewhere."""
    touched: list[set[str]] = [set() for _ in begins]
    run_ids = state.runs.long_in(begins[0], begins[-1] + begins.step - 1)
    for start in range(0, len(run_ids), A_STEP):
        for run_id in run_ids[start : start + A_STEP]:
            run = state.runs.get(run_id)
            if run is not None and run.last_scheduled_at is not None:
                for part in _parts_of(run, run.last_scheduled_at, begins):
                    touched[part].add(run.job_id)
                slots[run.state] += _moved(run, run.last_scheduled_at, begins)
        yield
    return touched


def _parts_of(row: Run, last_slot: datetime, begins: range) -> range:
    """Return which parts the row touches."""
    first = max(0, (quarter_of(row.scheduled_at) - begins[0]) // begins.step)
    last = min(len(begins) - 1, (quarter_of(last_slot) - begins[0]) // begins.step)
    return range(first, last + 1)


def _moved(row: Run, last_slot: datetime, begins: range) -> int:
    """Return how many slots of the row are in the time, less those that are counted there with its first one."""
    begin, end = begin_of(begins[0]), begin_of(begins[-1] + begins.step)
    length = (last_slot - row.scheduled_at) // _INSTANT

    def before(instant: datetime) -> int:
        """Return how many of its slots are before then: slot n is at first + n × length ÷ (count - 1)."""
        passed = (instant - row.scheduled_at) // _INSTANT
        return min(max(0, -(-passed * (row.count - 1) // length)), row.count)

    counted = row.count if begin <= row.scheduled_at < end else 0
    return before(end) - before(begin) - counted


def _part(
    state: State, quarters: range, skipped: set[str], slots: dict[RunState, int]
) -> Steps[dict[RunState, int]]:
    """Return how many jobs there are of each state, each under its worst; and count the slots."""
    kinds: list[tuple[RunState, list[Collection[str]]]] = []
    for kind in WORST_FIRST:
        found = [state.runs.quarters.get((quarter, kind)) for quarter in quarters]
        tables = [table for table in found if table]
        slots[kind] += sum(sum(table.values()) for table in tables)
        rows = [skipped] if kind is RunState.SKIPPED and skipped else []
        if tables or rows:
            kinds.append((kind, [*tables, *rows]))
    jobs = {}
    seen: set[str] = set()
    for number, (kind, collections) in enumerate(kinds, 1):
        jobs[kind] = yield from _not_seen(collections, seen, last=number == len(kinds))
    return {kind: count for kind, count in jobs.items() if count}


def _not_seen(collections: list[Collection[str]], seen: set[str], *, last: bool) -> Steps[int]:
    """Return how many ids there are that were not seen before; see them, where others follow."""
    if last and len(collections) == 1 and len(seen) < _MANY:
        [only] = collections
        return len(only) - sum(job_id in only for job_id in seen)
    before = len(seen)
    for job_ids in map(list, collections):
        for start in range(0, len(job_ids), _MANY):
            seen.update(job_ids[start : start + _MANY])
            yield
    return len(seen) - before
