"""Questions across jobs are answered as by looking through everything, whatever is there and however it came about."""

from collections import Counter
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kala_server.core.frozen import replace
from kala_server.core.model.job import Job, JobSpec, Run, RunState, Trigger
from kala_server.core.questions.jobs import (
    JobOrder,
    JobState,
    Which,
    is_done,
    is_in,
    jobs_after,
    jobs_page,
)
from kala_server.core.questions.runs import Entries, runs_between
from kala_server.core.questions.timeline import WORST_FIRST, timeline
from kala_server.core.state.run_table import QUARTER, place_of
from kala_server.core.state.state import State
from kala_server.core.steps import to_the_end
from tests.property.a_state import CREATED, INSTANTS, put, states
from tests.unit.core import invariants
from tests.unit.core.simulation import START

TIMES = st.none() | INSTANTS
WHICH = st.builds(
    Which,
    q=st.sampled_from(["", "", "load", "it", "ops", "job-1", "nothing"]),
    name=st.sampled_from(["", "", "load", "Load"]),
    owner=st.sampled_from(["", "", "ops"]),
    tag=st.sampled_from(["", "", "night", "no tag"]),
    state=st.none() | st.sampled_from(JobState),
)


# -- the tables


@given(state=states(), gone=st.sets(st.integers(0, 30)))
def test_the_indexes_say_what_the_tables_do(state: State, gone: set[int]) -> None:
    invariants.check_jobs(state.jobs)
    invariants.check_runs(state.runs)
    mark = state.undo.mark()
    for number in gone & set(range(len(state.runs))):
        state.undo.drop(state.runs, f"run-{number}")
    for number in gone & set(range(len(state.jobs))):
        state.undo.drop(state.jobs, f"job-{number}")
    invariants.check_jobs(state.jobs)
    invariants.check_runs(state.runs)
    state.undo.roll_back(mark)
    invariants.check_jobs(state.jobs)
    invariants.check_runs(state.runs)
    for job_id in list(state.jobs):
        del state.jobs[job_id]
        assert state.jobs.pop(job_id, None) is None
        invariants.check_jobs(state.jobs)
    for run_id in list(state.runs):
        del state.runs[run_id]
        assert state.runs.pop(run_id, None) is None
        invariants.check_runs(state.runs)


# -- entries


def was_there(state: State, run: Run, asked: Entries) -> bool:
    if run.job_id not in state.jobs:
        return False
    tags = state.jobs[run.job_id].spec.tags
    checks = [
        asked.job_id in {"", run.job_id},
        not asked.tag or asked.tag in tags,
        not asked.states or run.state in asked.states,
        asked.until is None or run.scheduled_at < asked.until,
        asked.since is None or run.finished_at is None or asked.since <= run.finished_at,
        asked.before is None or place_of(run) < asked.before,
    ]
    return all(checks)


ASKED = st.builds(
    Entries,
    job_id=st.sampled_from(["", "", "job-0"]),
    tag=st.sampled_from(["", "", "night", "no tag"]),
    states=st.frozensets(st.sampled_from(RunState), max_size=3),
    since=TIMES,
    until=TIMES,
    before=st.none() | st.tuples(INSTANTS, INSTANTS, st.just("run-1")),
)


@pytest.mark.parametrize("few", [0, 64])
@given(state=states(), asked=ASKED, most=st.integers(1, 40))
def test_entries_of_a_time_are_those_that_were_there_newest_first(
    few: int, state: State, asked: Entries, most: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kala_server.core.questions.runs.FEW", few)
        found = to_the_end(runs_between(state, asked, most))
    expected = [run for run in state.runs.values() if was_there(state, run, asked)]
    assert found == sorted(expected, key=place_of, reverse=True)[:most]


def test_of_many_entries_each_page_is_the_next_one_and_costs_what_it_shows() -> None:
    state = State()
    job = jobs_of(state, 3)[0]
    for number in range(3_000):
        at = START + timedelta(seconds=number)
        kind = RunState.FAILED if number % 100 == 0 else RunState.SUCCEEDED
        put(state, a_run(number, f"job-{number % 3}", at, kind))
    seen: list[str] = []
    before = None
    while found := to_the_end(runs_between(state, Entries(before=before), 701)):
        seen += [run.id for run in found]
        before = place_of(found[-1])
    assert seen == [f"run-{number}" for number in reversed(range(3_000))]
    failed = list(runs_between(state, Entries(states=frozenset({RunState.FAILED})), 30))
    assert len(failed) < 5, "steps"
    window = Entries(since=START + timedelta(seconds=100), until=START + timedelta(seconds=110))
    assert len(list(runs_between(state, window, 1_000))) < 12, "a quarter's entries, and no more"
    assert len(to_the_end(runs_between(state, Entries(job_id=job.id), 300))) == 300
    assert len(to_the_end(runs_between(state, Entries(job_id=job.id), 20))) == 20


# -- the timeline


def slots_of(run: Run) -> list[Fraction]:
    """Return the slots of the entry, in seconds since the beginning: those of a row at equal distances."""
    first = Fraction((run.scheduled_at - START) // timedelta(microseconds=1), 1_000_000)
    if run.last_scheduled_at is None:
        return [first]
    length = Fraction((run.last_scheduled_at - run.scheduled_at) // timedelta(microseconds=1), 1_000_000)
    return [first + number * length / (run.count - 1) for number in range(run.count)]


@settings(deadline=None)
@given(state=states(), since=INSTANTS, length=st.integers(1, 200), quarters=st.sampled_from([1, 2, 4, 96]))
def test_a_timeline_counts_each_job_once_in_each_part_by_its_worst_state(
    state: State, since: datetime, length: int, quarters: int
) -> None:
    step = quarters * QUARTER
    line = to_the_end(timeline(state, since, since + length * QUARTER, step))
    begin = since - (since - START) % QUARTER
    assert [part.begin for part in line.parts] == [begin + n * step for n in range(len(line.parts))]
    assert line.parts[-1].begin < since + length * QUARTER <= line.parts[-1].begin + step
    for part in line.parts:
        assert part.jobs == worst(state, part.begin, part.begin + step)
    end = line.parts[-1].begin + step
    count: Counter[RunState] = Counter()
    for run in state.runs.values():
        if run.state.final:
            low, high = (Fraction((one - START) // timedelta(seconds=1)) for one in (begin, end))
            count[run.state] += sum(low <= slot < high for slot in slots_of(run))
    assert line.slots == {kind: number for kind, number in count.items() if number}


def worst(state: State, begin: datetime, end: datetime) -> dict[RunState, int]:
    """Look through all entries for those of which a slot is in the part, or that touch it as a row."""
    states_of: dict[str, set[RunState]] = {}
    for run in state.runs.values():
        first = run.scheduled_at
        last = run.last_scheduled_at or first
        if run.state.final and first < end and last >= begin:
            states_of.setdefault(run.job_id, set()).add(run.state)
    return dict(Counter(min(kinds, key=WORST_FIRST.index) for kinds in states_of.values()))


def test_many_jobs_of_many_quarters_are_counted_in_small_steps() -> None:
    state = State()
    count = 9_000
    jobs_of(state, count)
    for number in range(count):
        for kind, minutes in ((RunState.SUCCEEDED, 1), (RunState.SUCCEEDED, 16), (RunState.FAILED, 2)):
            if kind is RunState.SUCCEEDED or not number % 2:
                at = START + timedelta(minutes=minutes)
                put(state, a_run(f"{number}-{minutes}", f"job-{number}", at, kind))
    line = timeline(state, START, START + timedelta(hours=1), 2 * QUARTER)
    assert to_the_end(line).parts[0].jobs == {RunState.FAILED: count // 2, RunState.SUCCEEDED: count // 2}
    each = to_the_end(timeline(state, START, START + timedelta(hours=1), QUARTER))
    assert [part.jobs for part in each.parts[1:]] == [{RunState.SUCCEEDED: count}, {}, {}]
    assert each.slots == {RunState.FAILED: count // 2, RunState.SUCCEEDED: 2 * count}


def test_a_job_with_a_row_and_slots_of_its_own_counts_once() -> None:
    state = State()
    jobs_of(state, 3)
    for number in range(3):
        row = replace(a_run(f"row-{number}", f"job-{number}", START, RunState.SKIPPED), count=9)
        put(state, replace(row, last_scheduled_at=START + 4 * QUARTER, finished_at=START + 4 * QUARTER))
    for number, kind in enumerate((RunState.FAILED, RunState.SKIPPED, RunState.SUCCEEDED)):
        put(state, a_run(number, f"job-{number}", START + QUARTER, kind))
    parts = to_the_end(timeline(state, START, START + 6 * QUARTER, QUARTER)).parts
    skipped = {RunState.SKIPPED: 3}
    assert [part.jobs for part in parts] == [
        skipped,
        {RunState.FAILED: 1, RunState.SKIPPED: 2},
        *[skipped] * 3,
        {},
    ]


@pytest.mark.parametrize("step", [timedelta(0), timedelta(minutes=10), timedelta(minutes=-15)])
def test_a_step_that_is_no_number_of_quarters_is_refused(step: timedelta) -> None:
    with pytest.raises(ValueError, match="quarters"):
        to_the_end(timeline(State(), START, START, step))


# -- jobs


def fits(state: State, job: Job, which: Which) -> bool:
    active = job.id in state.active
    is_so = {
        None: True,
        JobState.DISABLED: job.disabled,
        JobState.RUNNING: any(
            run.state is RunState.RUNNING for run in state.runs.values() if run.job_id == job.id
        ),
        JobState.FAILING: bool(
            job.tally.last_error
            and not (job.tally.last_success and job.tally.last_success >= job.tally.last_error)
        ),
        JobState.DONE: not job.disabled and is_done(job, active=active),
        JobState.ACTIVE: not job.disabled and not is_done(job, active=active),
    }
    texts = (job.spec.name, job.spec.command, job.spec.owner, job.id)
    return (
        is_so[which.state]
        and any(which.q in text.lower() for text in texts)
        and which.name in {"", job.spec.name}
        and which.owner in {"", job.spec.owner}
        and (not which.tag or which.tag in job.spec.tags)
    )


def key(state: State, job: Job, order: JobOrder) -> tuple[object, ...]:
    """Return what puts the job in its order."""
    by_name = job.spec.name.lower(), job.id
    due = job.next_at is not None and not job.disabled
    entries = [place_of(run) for run in state.runs.values() if run.job_id == job.id and run.state.final]
    newest = max(entries, default=None)
    kinds = (JobState.FAILING, JobState.RUNNING, JobState.ACTIVE, JobState.DISABLED, JobState.DONE)
    return {
        JobOrder.CREATED: (job.created_at, job.id),
        JobOrder.NAME: by_name,
        JobOrder.NEXT: (0, job.next_at, job.created_at, job.id) if due else (1, *by_name),
        JobOrder.LAST: (0, *_backwards(newest)) if newest else (1, *by_name),
        JobOrder.STATE: (
            next(n for n, kind in enumerate(kinds) if fits(state, job, Which(state=kind))),
            *by_name,
        ),
    }[order]


def _backwards(place: tuple[datetime, datetime, str]) -> tuple[Any, ...]:
    """Return what has the order of places the other way round, of their ids too."""
    queued_at, scheduled_at, run_id = place
    return START - queued_at, START - scheduled_at, *(-ord(character) for character in run_id), 1


@pytest.mark.parametrize("few", [0, 512])
@given(
    state=states(most_runs=12),
    which=st.just(Which()) | WHICH,
    order=st.sampled_from(JobOrder),
    offset=st.integers(0, 6),
    limit=st.integers(1, 6),
)
def test_a_page_of_jobs_is_a_part_of_all_that_are_meant_in_order(
    few: int, state: State, which: Which, order: JobOrder, offset: int, limit: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kala_server.core.questions.jobs.FEW", few)
        page, total = to_the_end(jobs_page(state, which, order, offset, limit))
    meant = [job for job in state.jobs.values() if fits(state, job, which)]
    assert total == len(meant)
    expected = sorted(meant, key=lambda job: key(state, job, order))
    assert page == expected[offset : offset + limit]


@pytest.mark.parametrize("few", [0, 512])
@given(
    state=states(most_runs=6),
    which=WHICH,
    after=st.none() | st.tuples(CREATED, st.sampled_from(["", "job-0", "job-1", "job-2"])),
)
def test_jobs_that_come_after_a_place_are_in_the_order_of_creation(
    few: int, state: State, which: Which, after: tuple[datetime, str] | None
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kala_server.core.questions.jobs.FEW", few)
        found = to_the_end(jobs_after(state, which, after, 3))
    meant = [job for job in state.jobs.values() if fits(state, job, which)]
    places = sorted((job.created_at, job.id) for job in meant)
    assert [(job.created_at, job.id) for job in found] == [
        place for place in places if after is None or place > after
    ][:3]


def test_jobs_are_found_by_how_they_are() -> None:
    state = State()
    plain, disabled, failing, running, done = jobs_of(state, 5)
    state.put_job(replace(disabled, disabled=True))
    state.put_job(replace(failing, tally=replace(failing.tally, last_error=START)))
    put(state, replace(a_run("now", running.id, START, RunState.RUNNING), finished_at=None))
    state.put_job(replace(done, next_at=None))
    expected = {
        JobState.DISABLED: [disabled],
        JobState.FAILING: [failing],
        JobState.RUNNING: [running],
        JobState.DONE: [done],
        JobState.ACTIVE: [plain, failing, running],
    }
    for kind, jobs in expected.items():
        page, total = to_the_end(jobs_page(state, Which(state=kind), JobOrder.CREATED, 0, 9))
        assert ([job.id for job in page], total) == ([job.id for job in jobs], len(jobs))
        assert [job for job in state.jobs.values() if is_in(state, job, kind)] == page


def test_a_page_of_many_jobs_costs_what_it_shows_and_a_search_is_made_in_small_steps() -> None:
    state = State()
    jobs_of(state, 3_000)
    page, total = to_the_end(jobs_page(state, Which(), JobOrder.NAME, 0, 20))
    assert (len(page), total) == (20, 3_000)
    for order in JobOrder:
        steps = sum(1 for _ in jobs_page(state, Which(), order, 0, 20))
        assert steps < 2 or order is JobOrder.STATE
    page, total = to_the_end(jobs_page(state, Which(name="a job"), JobOrder.CREATED, 2_990, 20))
    assert (len(page), total) == (10, 3_000)
    assert sum(1 for _ in jobs_page(state, Which(q="none"), JobOrder.NAME, 0, 20)) > 10


def test_what_comes_and_goes_while_a_question_is_answered_is_no_trouble() -> None:
    for order in JobOrder:
        state = State()
        some = jobs_of(state, 600)
        for number in range(600):
            put(state, a_run(number, f"job-{number}", START + timedelta(seconds=number), RunState.SKIPPED))
        steps = jobs_page(state, Which(q="job"), order, 0, 700)
        for _ in islice(steps, 4):
            for job in some[:300]:
                state.jobs.pop(job.id, None)
                state.runs.pop(job.id.replace("job", "run"), None)
        page, _ = to_the_end(steps)
        assert {job.id for job in some[300:]} <= {job.id for job in page}
    entries = runs_between(state, Entries(), 1_000)
    for _ in islice(entries, 1):
        for number in range(500):
            state.runs.pop(f"run-{number}", None)
    assert {f"run-{number}" for number in range(500, 600)} <= {run.id for run in to_the_end(entries)}


def jobs_of(state: State, count: int) -> list[Job]:
    """Put so many jobs into the state."""
    some = [
        Job(
            id=f"job-{number}",
            spec=JobSpec(name="a job", command="true"),
            created_at=START + timedelta(seconds=number),
            next_at=START + timedelta(days=9, seconds=number),
        )
        for number in range(count)
    ]
    for job in some:
        state.put_job(job)
    return some


def a_run(number: int | str, job_id: str, at: datetime, kind: RunState) -> Run:
    return Run(
        id=f"run-{number}",
        job_id=job_id,
        scheduled_at=at,
        trigger=Trigger.SCHEDULE,
        state=kind,
        queued_at=at,
        finished_at=at,
    )
