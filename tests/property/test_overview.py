"""What is told at a glance is what is told by looking at every job, entry and slot, whatever is there."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kala_server.core.frozen import replace
from kala_server.core.model.job import Job, JobSpec, RunState
from kala_server.core.questions.attention import ByAttention, worst_first
from kala_server.core.questions.crowd import Crowd
from kala_server.core.questions.families import behind, family
from kala_server.core.questions.jobs import Which, page_of
from kala_server.core.questions.marks import Mark, joined, latest, mark_of, seen
from kala_server.core.state.run_table import QUARTER, begin_of, quarter_of
from kala_server.core.state.state import State
from kala_server.core.steps import to_the_end
from kala_server.core.time.occurrences import between, timetable_of
from tests.property.a_state import INSTANTS, LENGTHS, states
from tests.unit.core.simulation import START

NOTHING = timedelta(0)
NEAR = st.one_of(st.just(NOTHING), LENGTHS)
SCHEDULES = st.sampled_from([
    ("* * * * *", ""), ("*/20 * * * *", ""), ("0 9 * * MON-FRI", "Europe/Berlin"),
    ("30 2 * * *", "Australia/Lord_Howe"),
    ("R/2029-12-31T23:59:59Z/PT7H", ""), ("R2/2030-01-01T05:00:00Z/PT1H", ""), ("R/2030-01-02T00:00:00Z/PT1S", ""),
    ("R/2029-12-31T02:30:00/P1D", "Europe/Berlin"), ("R/2029-12-30T23:59:59.999999Z/P1D", ""),
    ("R3/2029-12-31T00:00:00+05:30/P1DT7H", ""), ("R/2029-10-31T12:00:00/P1M", "Pacific/Apia"),
    ("R/2029-12-27T10:00:00/P1W", "UTC"), ("R9/2030-01-01T05:00:00Z/PT15M", ""), ("R2/2030-01-02T00:00:00Z/PT5M", ""),
    ("0 0 29 2 *", ""), ("", ""), ("R0/2030-01-01T00:15:00Z/", ""), ("no schedule", ""), ("0 9 * * *", "No/Place"),
])  # fmt: skip


# -- marks


def there(state: State, job_id: str, since: datetime, until: datetime) -> list[Mark]:
    marks = [mark_of(run) for run in state.runs.values() if run.job_id == job_id]
    return sorted(
        (mark for mark in marks if mark.begin < until and (mark.end is None or mark.end >= since)),
        key=lambda mark: (mark.begin, mark.run_id),
    )


@given(state=states(), since=INSTANTS, length=LENGTHS)
def test_all_that_touches_a_time_is_seen_once_in_the_order_of_its_begin(
    state: State, since: datetime, length: timedelta
) -> None:
    for job_id in state.jobs:
        found = to_the_end(seen(state, job_id, since, since + length, NOTHING))
        expected = there(state, job_id, since, since + length)
        assert sorted(found.marks, key=lambda mark: (mark.begin, mark.run_id)) == expected
        assert [mark.begin for mark in found.marks] == [mark.begin for mark in expected]
        counts = Counter[RunState]()
        for mark in expected:
            counts[mark.state] += mark.count
        assert found.counts == counts


@given(state=states(most_jobs=1), near=NEAR)
def test_what_is_joined_stands_for_as_many_slots_and_covers_the_same_times(
    state: State, near: timedelta
) -> None:
    marks = sorted((mark_of(run) for run in state.runs.values()), key=lambda mark: mark.begin)
    found = to_the_end(joined(marks, near))
    for kind in RunState:
        before = [mark for mark in marks if mark.state is kind]
        after = [mark for mark in found if mark.state is kind]
        assert sum(mark.count for mark in after) == sum(mark.count for mark in before)
        for mark in before:
            around = [one for one in after if one.begin <= mark.begin and covers(one, mark)]
            assert around
            assert any(
                one.reason == mark.reason or one.end is None or one.end - one.begin < near for one in around
            )
        ends = [mark.end for mark in before if mark.end]
        assert all(one.end is None or one.end in ends for one in after)
    assert [mark.begin for mark in found] == sorted(mark.begin for mark in found)


def covers(one: Mark, mark: Mark) -> bool:
    return one.end == mark.end if mark.end is None or one.end is None else one.end >= mark.end


@given(state=states(most_jobs=1, most_runs=40), near=NEAR)
def test_for_one_reason_no_marks_are_left_that_cannot_be_told_apart(state: State, near: timedelta) -> None:
    over = [replace(mark_of(run), reason="") for run in state.runs.values() if run.state.final]
    found = to_the_end(joined(sorted(over, key=lambda mark: mark.begin), near))
    for kind in RunState:
        kinds = [mark for mark in found if mark.state is kind]
        assert all(one.end is not None and other.begin - one.end >= near for one, other in pairwise(kinds))


@given(state=states(), most=st.integers(0, 20))
def test_the_latest_entries_are_the_last_of_the_ledger(state: State, most: int) -> None:
    for job_id in state.jobs:
        assert latest(state, job_id, most) == (list(state.job_runs(job_id))[:most])[::-1]


# -- who waits, and what wants attention


@st.composite
def families(draw: st.DrawFn) -> State:
    """Some states with jobs that follow others: later ones, so that there is no ring, as the server sees to."""
    state = draw(states(most_jobs=7))
    ids = list(state.jobs)
    for number, job_id in enumerate(ids):
        children = draw(st.sets(st.sampled_from(ids[number + 1 :]))) if ids[number + 1 :] else set()
        if children:
            state.children[job_id] = tuple(sorted(children))
        for child_id in children:
            child = state.jobs[child_id]
            spec = replace(child.spec, parent_jobs=(*child.spec.parent_jobs, job_id))
            state.put_job(replace(child, spec=spec))
    return state


def descendants(state: State, job_id: str) -> set[str]:
    found = set()
    for child in state.children.get(job_id, ()):
        if not state.jobs[child].disabled:
            found |= {child} | descendants(state, child)
    return found


@given(state=families())
def test_behind_a_job_are_all_that_follow_it_however_far_but_no_disabled_ones(state: State) -> None:
    for job_id in state.jobs:
        found = to_the_end(behind(state, job_id))
        assert {job.id for job in found.jobs} == descendants(state, job_id)
        assert found.total == len(found.jobs)


def steps_away(state: State, job_id: str) -> dict[str, int]:
    """How far each job is, by looking at all of them again and again."""
    found = {job_id: 0}
    while True:
        there = dict(found)
        for other in state.jobs:
            near = [
                sign * (abs(at) + 1) for known, at in found.items() for sign in sides(state, known, at, other)
            ]
            if other not in there and near:
                there[other] = min(near, key=abs)
        if there == found:
            return found
        found = there


def sides(state: State, known: str, at: int, other: str) -> list[int]:
    spec = state.jobs[known].spec
    before = (at <= 0 and other in spec.parent_jobs) or (
        at == 0 and state.jobs[other].spec.on_failure_job == known
    )
    after = at >= 0 and (known in state.jobs[other].spec.parent_jobs or spec.on_failure_job == other)
    return [-1] * before + [1] * after


@given(state=families(), most=st.integers(1, 8))
def test_a_family_is_all_that_leads_to_a_job_and_all_to_which_it_leads(state: State, most: int) -> None:
    for job_id in state.jobs:
        every = to_the_end(family(state, job_id, 100))
        expected = steps_away(state, job_id)
        assert {key: abs(at) for key, at in every.distances.items()} == {
            key: abs(at) for key, at in expected.items()
        }
        assert not every.cut
        away = [abs(at) for at in every.distances.values()]
        assert away == sorted(away)
        some = to_the_end(family(state, job_id, most))
        assert list(some.distances) == list(every.distances)[:most]
        assert some.cut is (most < len(every.distances))
        for found in (every, some):
            assert {(edge.begin, edge.end, edge.for_failure) for edge in found.edges} == {
                (parent, child, False)
                for child in found.distances
                for parent in state.jobs[child].spec.parent_jobs
                if parent in found.distances
            } | {
                (caller, helper, True)
                for caller in found.distances
                if (helper := state.jobs[caller].spec.on_failure_job) in found.distances
            }


@given(state=families())
def test_of_those_that_fail_the_first_are_those_behind_which_the_most_wait(state: State) -> None:
    found = to_the_end(worst_first(state))
    assert set(found) == {job.id for job in state.jobs.values() if job.tally.failing}
    places = [(len(descendants(state, job_id)), state.jobs[job_id].tally.last_error) for job_id in found]
    assert places == sorted(places, reverse=True)


@given(state=families(), since=INSTANTS, length=LENGTHS, at=st.integers(0, 7), limit=st.integers(1, 8))
def test_every_job_is_on_one_page_in_the_order_of_attention(
    state: State, since: datetime, length: timedelta, at: int, limit: int
) -> None:
    failing = to_the_end(worst_first(state))
    order = ByAttention(failing, since, since + length)
    every, total = to_the_end(page_of(state, Which(), order.blocks(state), 0, 100))
    assert total == len(every) == len(state.jobs)
    assert {job.id for job in every} == state.jobs.keys()
    assert [kind(state, job, order) for job in every] == sorted(kind(state, job, order) for job in every)
    page, _ = to_the_end(page_of(state, Which(), order.blocks(state), at, limit))
    assert page == every[at : at + limit]


def kind(state: State, job: Job, order: ByAttention) -> int:
    runs = [run for run in state.runs.values() if run.job_id == job.id]
    unlucky = [run for run in runs if run.state.final and run.state is not RunState.SUCCEEDED]
    tests = [
        job.tally.failing,
        any(order.since <= run.queued_at < order.until for run in unlucky),
        any(run.state is RunState.RUNNING for run in runs),
        job.id in state.slots,
        True,
    ]
    return tests.index(True)


# -- where it will be crowded


@st.composite
def timed(draw: st.DrawFn) -> State:
    state = State()
    for number, (schedule, zone) in enumerate(draw(st.lists(SCHEDULES, max_size=6))):
        spec = JobSpec(name="a", schedule=schedule, timezone=zone)
        job = Job(id=f"job-{number}", spec=spec, created_at=START, disabled=draw(st.booleans()))
        state.put_job(replace(job, next_at=slot_after(job, START)))
        if draw(st.integers(0, 5)) == 0:
            state.put_stuck(job.id, "a reason")
    return state


def slot_after(job: Job, instant: datetime) -> datetime | None:
    try:
        return timetable_of(job.spec, job.created_at).next_after(instant)
    except ValueError:
        return START  # it is due, and cannot be computed any more


def has_slots(state: State, job: Job, begin: datetime, end: datetime) -> bool:
    if job.disabled or job.id in state.stuck:
        return False
    try:
        return any(between(timetable_of(job.spec, job.created_at), begin, end - timedelta(microseconds=1)))
    except ValueError:
        return False


@given(
    state=timed(),
    first=st.integers(-4, 200),
    length=st.sampled_from([1, 2, 3, 8, 96]),
    parts=st.integers(1, 130),
    hours=st.integers(0, 60),
)
def test_jobs_with_slots_to_come_are_counted_once_in_each_part(
    state: State, first: int, length: int, parts: int, hours: int
) -> None:
    now = START + timedelta(hours=hours)
    for job in list(state.jobs.values()):
        state.put_job(replace(job, next_at=slot_after(job, now)))
    begin = (quarter_of(START) // length + first) * length
    begins = range(begin, begin + parts * length, length)
    crowd = Crowd()
    for _ in range(2):  # the second time from what is remembered
        found = to_the_end(crowd.ahead(state, begins, now))
        for part, count in zip(begins, found, strict=True):
            since, until = begin_of(part), begin_of(part) + length * QUARTER
            if since > now:
                expected = sum(has_slots(state, job, since, until) for job in state.jobs.values())
            else:
                expected = sum(slot[0] < until for slot in state.slots.values()) if until > now else 0
            assert count == expected
