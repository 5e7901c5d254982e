"""Which slots of a job are explained, at a time or in one, and why they ran or did not. It changes and decides nothing.

What is said of each is in `teller.py`.
"""

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from heapq import nsmallest

from kala_client.schedules.due import is_cron
from kala_server.core import reasons
from kala_server.core.frozen import value
from kala_server.core.model.job import Job, Run
from kala_server.core.questions.teller import MOST, Explanation, Teller, slot_of
from kala_server.core.state.state import State
from kala_server.core.steps import A_STEP, Steps, to_the_end
from kala_server.core.time.occurrences import first_at_or_after, timetable_of

__all__ = [
    "MOST",
    "Explanation",
    "Window",
    "explain",
    "explaining",
    "explaining_window",
    "sentence",
    "what_it_waits_for",
]

_MOST_RUNS = 1_000
"""How many runs are looked at for one answer: more may have been started by hand in a minute."""
_INSTANT = timedelta(microseconds=1)


def explain(
    state: State, job: Job, now: datetime, at: datetime | None = None, *, zone: tzinfo | None = None
) -> list[Explanation]:
    """Explain the slots in the minute of `at`, or in its second where it names one; else the last and the next.

    Times in the sentences are on the clock of `zone`, without one on the job's own.
    """
    return to_the_end(explaining(state, job, now, at, zone=zone))


def explaining(
    state: State, job: Job, now: datetime, at: datetime | None = None, *, zone: tzinfo | None = None
) -> Steps[list[Explanation]]:
    """Do the same step by step: a ledger may be long. What is told is of one instant, that of the last step."""
    teller = Teller(state, job, now, zone)
    if at is None:
        return teller.last_and_next()
    width = timedelta(seconds=1) if at.second or at.microsecond else timedelta(minutes=1)
    last = at if at.microsecond else at + width - timedelta(microseconds=1)
    there = yield from state.looking_through(
        job.id, lambda run: run.scheduled_at <= last and slot_of(run) >= at
    )
    runs = [state.runs[run.id] for run in nsmallest(_MOST_RUNS, there, slot_of) if run.id in state.runs]
    found = sorted(teller.at(at, last, runs), key=lambda one: one.at)
    return found[:MOST] or [teller.no_slot(at)]


def what_it_waits_for(state: State, run: Run, now: datetime) -> str:
    """Say what a waiting run waits for; its job must still be there."""
    return reasons.cut(Teller(state, state.jobs[run.job_id], now).waiting(run))


def sentence(state: State, run: Run, now: datetime, zone: tzinfo | None = None) -> str:
    """Say what became of an entry of the ledger; its job must still be there."""
    return Teller(state, state.jobs[run.job_id], now, zone).about(run, slot_of(run))


@value(frozen=True, slots=True)
class Window:
    """A time: from `since` to before `until`, of which the first `most` slots are told of."""

    since: datetime
    until: datetime
    most: int = MOST


@value(frozen=True, slots=True)
class Part:
    """A part of what there is to say of a time, and from when on there is more; None where that was all."""

    slots: list[Explanation]
    following: datetime | None


def explaining_window(
    state: State, job: Job, now: datetime, window: Window, *, zone: tzinfo | None = None
) -> Steps[Part]:
    """Explain the slots in a time, and what was started otherwise, in their order."""
    since, most = window.since, window.most
    last = window.until - _INSTANT
    there = yield from state.looking_through(
        job.id, lambda run: run.scheduled_at <= last and slot_of(run) >= since
    )
    runs = yield from _first(there, most + 1)
    slots = yield from _slots(job, since, last, runs, most + 1)
    places = sorted({*slots, *(max(since, run.scheduled_at) for run in runs)})
    following = places[most] if len(places) > most else None
    end = last if following is None else following - _INSTANT
    teller = Teller(state, job, now, zone)
    told = teller.at(
        since, end, [run for run in runs if run.scheduled_at <= end], [at for at in slots if at <= end]
    )
    return Part(sorted(told, key=lambda one: one.at), following)


def _first(runs: Sequence[Run], most: int) -> Steps[list[Run]]:
    """Return the first of these by their slots."""
    found: list[Run] = []
    for begin in range(0, len(runs), A_STEP):
        found = nsmallest(most, [*found, *runs[begin : begin + A_STEP]], lambda run: run.scheduled_at)
        yield
    return found


def _slots(
    job: Job, first: datetime, last: datetime, runs: Sequence[Run], most: int
) -> Steps[list[datetime]]:
    """Return the first slots of the timetable in a time; of those that a row of skipped ones stands for, its first."""
    timetable = timetable_of(job.spec, job.created_at)
    rows = deque(run for run in runs if run.last_scheduled_at is not None)
    found: list[datetime] = []
    slot = first_at_or_after(timetable, max(first, job.created_at))
    if slot == job.created_at and is_cron(job.spec.schedule):  # of a cron line slots count after its creation
        slot = timetable.next_after(slot)
    while slot is not None and slot <= last and len(found) < most:
        found.append(slot)
        while rows and slot_of(rows[0]) < slot:
            rows.popleft()
        slot = timetable.next_after(slot_of(rows[0]) if rows and rows[0].scheduled_at <= slot else slot)
        yield
    return found
