"""Which entries of the ledgers of all jobs were there in a time, newest first. It changes nothing."""

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from heapq import nlargest
from itertools import chain

from kala_server.core.frozen import value
from kala_server.core.model.job import Run, RunState
from kala_server.core.state.ordered import Sorted
from kala_server.core.state.run_table import QUARTER, Place, begin_of, place_of, quarter_of
from kala_server.core.state.state import State
from kala_server.core.steps import A_STEP, Steps

FEW = 64
"""Jobs of a tag whose ledgers are looked through; of more of them enough entries are among the newest of all."""

_BEGINNING, _END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@value(frozen=True, slots=True, kw_only=True)
class Entries:
    """Which entries are asked for; what is empty says nothing."""

    job_id: str = ""
    tag: str = ""
    states: frozenset[RunState] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    before: Place | None = None
    """Only what comes after this one, newest first."""

    def kinds(self, state: State) -> Collection[RunState]:
        """Return which states entries that are over may have."""
        return self.states & state.runs.over.keys() if self.states else state.runs.over

    def has(self, state: State, run: Run) -> bool:
        """Whether the entry is one of them: it was due before the end of the time, and not over before it began."""
        job = state.jobs.get(run.job_id)
        return (
            job is not None
            and (not self.tag or self.tag in job.spec.tags)
            and (not self.states or run.state in self.states)
            and (self.until is None or run.scheduled_at < self.until)
            and (self.since is None or run.finished_at is None or run.finished_at >= self.since)
            and (self.before is None or place_of(run) < self.before)
            and (not self.job_id or run.job_id == self.job_id)
        )


def runs_between(state: State, asked: Entries, most: int) -> Steps[list[Run]]:
    """Return the newest entries that are asked for, newest first, step by step."""
    tagged = state.jobs.by_tag.get(asked.tag, set()) if asked.tag else None
    if asked.job_id:
        return (yield from _newest(state, asked, _of_jobs(state, [asked.job_id]), most))
    if tagged is not None and len(tagged) <= FEW:
        return (yield from _newest(state, asked, _of_jobs(state, tagged), most))
    found = yield from _newest(state, asked, list(state.runs.open), most)
    if asked.until is not None:  # what was due in the time, and queued after it
        end = _quarters_around(asked.until)[1]
        found += yield from _newest(state, asked, _long_at(state, asked, asked.until), most, first=end)
    found += yield from _walking(state, asked, most)
    if (
        asked.since is not None and len(found) < most
    ):  # what was queued before the time, and lasted until then
        begin = _quarters_around(asked.since)[0]
        found += yield from _newest(state, asked, _long_at(state, asked, asked.since), most, end=begin)
    return sorted(found, key=place_of, reverse=True)[:most]


def newest_first(
    kinds: Collection[Sorted[Place]], before: Place | tuple[datetime] | None = None
) -> Iterator[list[Place]]:
    """Yield what stands in all of these, newest first, some at a time; meanwhile some may come and go."""
    while True:
        newest = chain.from_iterable(kind.before(before, A_STEP) for kind in kinds)
        block = sorted(newest, reverse=True)[:A_STEP]
        if not block:
            return
        yield block
        before = block[-1]


def _of_jobs(state: State, job_ids: Iterable[str]) -> list[str]:
    ledgers = ((*state.active.get(job_id, ()), *state.kept.get(job_id, ())) for job_id in job_ids)
    return [*chain.from_iterable(ledgers)]


def _quarters_around(instant: datetime) -> tuple[datetime, datetime]:
    """Return where the quarter of an hour begins and ends that the instant is in."""
    begin = begin_of(quarter_of(instant))
    return begin, begin + QUARTER


def _long_at(state: State, asked: Entries, instant: datetime) -> list[str]:
    """Return what may have been there then, as well as in another quarter of an hour, and is over."""
    quarter = quarter_of(instant)
    return state.runs.long_in(asked.kinds(state), quarter, quarter)


def _newest(
    state: State,
    asked: Entries,
    run_ids: list[str],
    most: int,
    *,
    first: datetime = _BEGINNING,
    end: datetime = _END,
) -> Steps[list[Run]]:
    """Return the newest of these that are asked for, and were queued at or after `first` and before `end`."""
    found: list[Run] = []
    for begin in range(0, len(run_ids), A_STEP):
        runs = [state.runs[run_id] for run_id in run_ids[begin : begin + A_STEP] if run_id in state.runs]
        found += [run for run in runs if first <= run.queued_at < end and asked.has(state, run)]
        if len(found) > 2 * most + A_STEP:
            found = nlargest(most, found, key=place_of)
        yield
    return nlargest(most, found, key=place_of)


def _walking(state: State, asked: Entries, most: int) -> Steps[list[Run]]:
    """Return the newest entries that are over, and were queued in the time."""
    kinds = [state.runs.over[kind] for kind in asked.kinds(state)]
    begin = _quarters_around(asked.since)[0] if asked.since else _BEGINNING
    end: Place | tuple[datetime] | None = (_quarters_around(asked.until)[1],) if asked.until else None
    found: list[Run] = []
    for block in newest_first(kinds, min((one for one in (end, asked.before) if one), default=None)):
        there = [state.runs[run_id] for *_, run_id in block]
        found += [run for run in there if run.queued_at >= begin and asked.has(state, run)]
        if len(found) >= most or block[-1][0] < begin:
            break
        yield
    return found
