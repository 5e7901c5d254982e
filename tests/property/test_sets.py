"""Sets of jobs, whatever they say: a plan is what comes true, what is refused changes nothing, a replay is the same."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kala_server.core.decide.sets import tag_of_set
from kala_server.core.errors import RefusedError
from kala_server.core.model import inputs
from kala_server.core.model.job import JobSpec
from kala_server.core.model.records import Record
from kala_server.core.questions import plan
from kala_server.core.state.state import State
from kala_server.core.steps import Steps, to_the_end
from tests.unit.core import invariants
from tests.unit.core.simulation import World, rebuilt

KEYS = ("a", "b", "c", "d")
SCHEDULES = ("never", "0 3 * * *", "R/2029-01-01T01:00:00Z/PT7H", "")  # the last: at once


@st.composite
def said(draw: st.DrawFn, key: str, others: list[str]) -> inputs.SetJob:
    """A job that names others of its set, and now and then something that cannot be."""
    odd = draw(st.sampled_from(["", "", "", "", "", "", "parents", "retries", "circle"]))
    parents = draw(st.lists(st.sampled_from(others), unique=True, max_size=2)) if others else []
    if odd == "parents":
        parents = ["other/a"]
    spec = JobSpec(
        name=draw(st.sampled_from([key, "another name"])),
        command="true",
        schedule="" if parents else draw(st.sampled_from(SCHEDULES)),
        parent_jobs=tuple(parents),
        on_failure_job=key if odd == "circle" else draw(st.sampled_from(["", *others])),
        retries=-1 if odd == "retries" else draw(st.integers(0, 1)),
    )
    return inputs.SetJob(
        key=key,
        id=f"id-of-{key}-{draw(st.uuids())}",
        spec=spec,
        disabled=draw(st.sampled_from([None, None, True, False])),
        was=draw(st.sampled_from(["", "", "", *KEYS])),
    )


@st.composite
def applied(draw: st.DrawFn) -> inputs.ApplySet:
    keys = draw(st.lists(st.sampled_from(KEYS), unique=True, min_size=1))
    return inputs.ApplySet(
        name=draw(st.sampled_from(["billing", "billing", "other"])),
        jobs=tuple(draw(said(key, keys[:number])) for number, key in enumerate(keys)),
        prune=draw(st.booleans()),
        prune_children=draw(st.booleans()),
    )


STEPS = st.lists(
    st.one_of(applied(), st.sampled_from(["advance", "edit", "disable", "delete", "by hand", "let go"])),
    max_size=12,
)


def known(state: State) -> dict[str, Any]:
    """Everything that a state knows now, whatever becomes of it."""
    return {name: dict(table) for name, table in invariants.contents(state).items()}


def planned(world: World, event: inputs.ApplySet) -> list[Record]:
    """Return the records that there would be; nothing has changed."""
    before = known(world.state)
    seen: list[Record] = []

    def told(state: State, records: Sequence[Record]) -> Steps[Any]:
        seen.extend(records)
        steps = yield from plan.planned(state, records)
        return (yield from plan.changes(steps, world.now, world.now + timedelta(days=1)))

    decision = world.decide(inputs.PlanSet(of=event, told=told))
    assert {each.id for each in decision.planned} <= {getattr(record, "id", "") for record in seen}
    assert known(world.state) == before
    return seen


def take(world: World, step: inputs.ApplySet | str) -> None:
    jobs = list(world.state.jobs.values())
    job = jobs[len(world.journal) % len(jobs)] if jobs else None
    if isinstance(step, inputs.ApplySet):
        come_true(world, step)
    elif step == "advance":
        world.advance(timedelta(hours=5))
    elif step == "by hand":
        number = len(world.journal)
        parents = (job.id,) if job else ()
        spec = JobSpec(name=f"by hand {number}", command="true", schedule="never", parent_jobs=parents)
        world.decide(inputs.CreateJobs(jobs=(inputs.NewJob(id=f"by-hand-{number}", spec=spec),)))
    elif step == "let go" and "billing" in world.state.sets:
        world.decide(inputs.ReleaseSet(name="billing", keep_jobs=True))
    elif job is not None and step == "edit":
        world.decide(
            inputs.ChangeJob(id=job.id, spec=JobSpec(name="edited", command="edited", schedule="never"))
        )
    elif job is not None and step == "disable":
        world.decide(inputs.DisableJob(id=job.id))
    elif job is not None and step == "delete":
        world.decide(inputs.DeleteJob(id=job.id))


def come_true(world: World, event: inputs.ApplySet) -> None:
    before, journal = known(world.state), len(world.journal)
    try:
        expected = planned(world, event)
    except RefusedError as error:
        refused = str(error)
        with pytest.raises(RefusedError) as again:
            world.decide(event)
        assert str(again.value) == refused
        assert known(world.state) == before
        assert len(world.journal) == journal
        return
    records = world.decide(event).records
    assert records[: len(expected)] == expected  # after them come starts of what is ready
    assert planned(world, event) == [], "to apply it again would change something"
    tag = to_the_end(tag_of_set(world.state, event.name))
    world.advance(timedelta(minutes=1))
    assert to_the_end(tag_of_set(world.state, event.name)) == tag, "time alone has changed the set"


@settings(max_examples=150)
@given(STEPS)
def test_a_plan_is_what_comes_true_and_all_of_it_is_the_same_after_a_replay(
    steps: list[inputs.ApplySet | str],
) -> None:
    world = World()
    for step in steps:
        take(world, step)
        invariants.check(world.state)
    assert known(rebuilt(world.journal)) == known(world.state)
    if world.state.times:
        assert known(rebuilt(world.state.snapshot())) == known(world.state)
