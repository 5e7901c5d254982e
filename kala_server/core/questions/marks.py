"""What of a ledger is seen at a glance: a mark for each entry, or one for several that are too near to be told apart.

It changes nothing, and knows no pixels: how near is too near is for the one who draws.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from kala_server.core.frozen import value
from kala_server.core.model.job import Run, RunState
from kala_server.core.state.state import State


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


def last_mark(state: State, job_id: str) -> Mark | None:
    """Return the mark of the latest entry of a job's ledger."""
    newest: Iterator[Run] = state.job_runs(job_id)
    run = next(newest, None)
    return None if run is None else mark_of(run)
