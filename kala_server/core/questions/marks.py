"""What of a ledger is seen at a glance: a mark for each entry, or one for several that are too near to be told apart.

It changes nothing, and knows no pixels: how near is too near is for the one who draws.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice

from kala_server.core.frozen import replace, value
from kala_server.core.model.job import Run, RunState
from kala_server.core.state.state import State
from kala_server.core.steps import A_STEP, Steps


@value(frozen=True, slots=True)
class Mark:
    """A stretch of time with a state; `end` is None while the run waits or runs."""

    begin: datetime
    end: datetime | None
    state: RunState
    count: int
    """How many slots it stands for."""
    run_id: str
    """The latest of its entries."""
    reason: str


@value(frozen=True, slots=True)
class Seen:
    """What is seen of a ledger in a time."""

    marks: list[Mark]
    counts: Mapping[RunState, int]
    """How many slots its entries stand for, by their states."""


def mark_of(run: Run) -> Mark:
    """Return the mark of an entry: when it ran, or when the slots were that did not run."""
    reason = "" if run.state is RunState.SUCCEEDED else run.reason
    begin = run.started_at or run.scheduled_at
    if not run.state.final:
        end = None
    elif run.started_at is None:
        end = run.last_scheduled_at or run.scheduled_at
    else:
        end = max(begin, run.finished_at or begin)
    return Mark(begin, end, run.state, run.count, run.id, reason)


def latest(state: State, job_id: str, most: int) -> list[Run]:
    """Return the latest entries of a job's ledger, oldest first."""
    return [*islice(state.job_runs(job_id), most)][::-1]


def seen(state: State, job_id: str, since: datetime, until: datetime, near: timedelta) -> Steps[Seen]:
    """Return what is seen of a job's ledger from `since` to before `until`, where what is nearer than `near` is one."""
    found: list[Mark] = []
    looked_at = 0
    for block in _ledger(state, job_id):
        there = [mark for mark in map(mark_of, block) if _touches(mark, since, until)]
        found += there
        looked_at += len(block)
        if looked_at > A_STEP and not there and all(mark_of(run).begin < since for run in block):
            break  # what is older was over before
        yield
    found.sort(key=lambda mark: mark.begin)
    counts: Counter[RunState] = Counter()
    for mark in found:
        counts[mark.state] += mark.count
    return Seen((yield from joined(found, near)), counts)


def joined(marks: Iterable[Mark], near: timedelta) -> Steps[list[Mark]]:
    """Join marks of one state that are nearer to each other, and have one reason or are within that length as a whole.

    They come in the order of their begin, as they do here.
    """
    found: list[Mark] = []
    last: dict[RunState, int] = {}
    """Where the latest mark of each state is."""
    mixed: set[int] = set()
    """Where marks of several reasons are one: that tells the latest of them, and so grows no longer than is near."""
    for number, mark in enumerate(marks, 1):
        at = last.get(mark.state)
        alike = at is not None and at not in mixed and found[at].reason == mark.reason
        both = None if at is None else _both(found[at], mark, near, alike=alike)
        if at is None or both is None:
            last[mark.state] = len(found)
            found.append(mark)
        else:
            found[at] = both
            if not alike:
                mixed.add(at)
        if not number % A_STEP:
            yield
    return found


def _both(one: Mark, other: Mark, near: timedelta, *, alike: bool) -> Mark | None:
    """Return both marks as one; None where they are to be told apart."""
    if one.end is None or other.end is None or other.begin - one.end >= near:
        return None
    end = max(one.end, other.end)
    if not alike and end - one.begin >= near:
        return None
    return replace(other, begin=one.begin, end=end, count=one.count + other.count)


def _touches(mark: Mark, since: datetime, until: datetime) -> bool:
    return mark.begin < until and (mark.end is None or mark.end >= since)


def _ledger(state: State, job_id: str) -> Iterable[list[Run]]:
    """Yield a job's ledger, newest first, some entries at a time, as it is when the first are asked for."""
    run_ids = (*state.kept.get(job_id, ()), *state.active.get(job_id, ()))
    for end in range(len(run_ids), 0, -A_STEP):
        ids = reversed(run_ids[max(0, end - A_STEP) : end])
        yield [state.runs[run_id] for run_id in ids if run_id in state.runs]
