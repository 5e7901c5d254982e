"""How the jobs went in each part of a time: how many, each once. It changes nothing."""

from datetime import datetime, timedelta

from kala_server.core.frozen import value
from kala_server.core.model.job import RunState
from kala_server.core.questions.rows import Rows
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
    rows = Rows(begins)
    yield from rows.gathering(state)
    slots[RunState.SKIPPED] += rows.moved
    parts = []
    for number, begin in enumerate(begins):
        jobs = yield from _part(state, range(begin, begin + length), rows, number, slots)
        parts.append(Part(begin_of(begin), jobs))
        yield
    return Timeline(parts, {kind: count for kind, count in slots.items() if count})


def _part(
    state: State, quarters: range, rows: Rows, number: int, slots: dict[RunState, int]
) -> Steps[dict[RunState, int]]:
    """Return how many jobs there are of each state, each under its worst; and count the slots."""
    kinds: list[tuple[RunState, list[dict[str, int]]]] = []
    both: set[str] = set()
    """Jobs with rows that have slots of their own here."""
    for kind in WORST_FIRST:
        found = [state.runs.quarters.get((quarter, kind)) for quarter in quarters]
        if tables := [table for table in found if table]:
            kinds.append((kind, tables))
        for table in tables:
            slots[kind] += sum(table.values())
            both |= rows.of(number, table.keys())
            yield
    jobs = dict.fromkeys(WORST_FIRST, 0)
    seen: set[str] = set()
    for place, (kind, tables) in enumerate(kinds, 1):
        jobs[kind] = yield from _not_seen(tables, seen, last=place == len(kinds))
    jobs[RunState.SKIPPED] += rows.jobs[number]
    for place, job_id in enumerate(both):
        counted = next(kind for kind, tables in kinds if any(job_id in table for table in tables))
        jobs[max(counted, RunState.SKIPPED, key=WORST_FIRST.index)] -= 1
        if not place % A_STEP:
            yield
    return {kind: count for kind, count in jobs.items() if count}


def _not_seen(tables: list[dict[str, int]], seen: set[str], *, last: bool) -> Steps[int]:
    """Return how many ids there are that were not seen before; see them, where others follow."""
    if last and len(tables) == 1 and len(seen) < _MANY:
        [only] = tables
        return len(only) - sum(job_id in only for job_id in seen)
    before = len(seen)
    for job_ids in map(list, tables):
        for start in range(0, len(job_ids), _MANY):
            seen.update(job_ids[start : start + _MANY])
            yield
    return len(seen) - before
