"""Jobs that are created together: all of them or none, and once for each idempotency key."""

from datetime import timedelta
from typing import Any

import pytest

from kala_server.core.errors import InvalidJobError, KeyReusedError
from kala_server.core.model import inputs
from kala_server.core.model import records as r
from tests.unit.core.invariants import contents
from tests.unit.core.simulation import START, World, id_of, new_job, rebuilt

LATER = "R/2030-01-01T01:00:00Z/PT1H"


def batch(*names: str, key: str = "", digest: str = "") -> inputs.CreateJobs:
    jobs = tuple(new_job(name, schedule=LATER) for name in names)
    return inputs.CreateJobs(jobs=jobs, key=key, key_digest=digest)


def test_jobs_of_a_batch_are_all_there() -> None:
    world = World()
    decision = world.tell(batch("a", "b", "c"))
    assert [type(record) for record in decision.records] == [r.JobCreated] * 3
    assert list(world.state.jobs) == [id_of(name) for name in "abc"]


def test_a_job_of_a_batch_may_be_the_child_of_one_before_it() -> None:
    world = World()
    world.tell(inputs.CreateJobs(jobs=(new_job("parent"), new_job("child", parent_jobs=["parent"]))))
    assert world.states("child") == ["succeeded"]


def test_a_job_of_a_batch_cannot_be_the_child_of_one_after_it() -> None:
    world = World()
    with pytest.raises(InvalidJobError, match="there is no job with the id"):
        world.tell(inputs.CreateJobs(jobs=(new_job("child", parent_jobs=["parent"]), new_job("parent"))))
    assert world.state.jobs == {}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_bad_job_refuses_the_whole_batch_and_says_where_it_stands(place: int) -> None:
    world = World()
    jobs = [new_job(f"job {n}") for n in range(3)]
    jobs[place] = new_job("bad", command="")
    known = {name: dict(table) for name, table in contents(world.state).items()}
    with pytest.raises(InvalidJobError) as refused:
        world.tell(inputs.CreateJobs(jobs=tuple(jobs), place="jobs", key="key"))
    assert [problem.field for problem in refused.value.problems] == [f"jobs[{place}].command"]
    assert contents(world.state) == known
    assert world.state.take_dropped() == []


def test_a_start_that_has_passed_since_it_was_asked_about_is_late_and_not_refused() -> None:
    world = World()
    job = new_job("job", schedule=f"R0/{START + timedelta(seconds=30):%Y-%m-%dT%H:%M:%SZ}/PT1H")
    world.advance(timedelta(minutes=1))
    with pytest.raises(InvalidJobError, match="has passed"):
        world.tell(inputs.CreateJobs(jobs=(job,)))
    world.tell(inputs.CreateJobs(jobs=(job,), asked_at=START))
    assert world.states("job") == ["succeeded"]


@pytest.mark.parametrize("named", [{"parent_jobs": ["gone"]}, {"on_failure_job": "gone"}])
def test_a_job_that_has_gone_since_it_was_asked_about_is_still_missed(named: dict[str, Any]) -> None:
    world = World()
    with pytest.raises(InvalidJobError, match="there is no job with the id"):
        world.tell(inputs.CreateJobs(jobs=(new_job("job", schedule=LATER, **named),), asked_at=START))
    assert world.state.jobs == {}


def test_a_key_is_remembered_with_its_jobs() -> None:
    world = World()
    world.tell(batch("a", "b", key="key", digest="digest"))
    kept = r.KeyKept(key="key", digest="digest", ids=(id_of("a"), id_of("b")), at=START)
    assert world.state.keys == {"key": kept}
    assert rebuilt(world.journal).keys == rebuilt(world.state.snapshot()).keys == {"key": kept}


def test_a_known_key_creates_nothing_again() -> None:
    world = World()
    world.tell(batch("a", key="key", digest="digest"))
    world.advance(timedelta(hours=1))
    assert world.decide(batch("another", key="key", digest="digest")).records == []
    assert list(world.state.jobs) == [id_of("a")]
    assert world.state.keys["key"].at == START


def test_a_known_key_with_another_body_is_refused() -> None:
    world = World()
    world.tell(batch("a", key="key", digest="digest"))
    with pytest.raises(KeyReusedError, match="came with another body before"):
        world.tell(batch("a", key="key", digest="other"))


def test_without_a_key_nothing_is_remembered() -> None:
    world = World()
    world.tell(batch("a"))
    assert world.state.keys == {}


def test_a_key_is_remembered_when_its_job_is_gone() -> None:
    world = World()
    world.tell(batch("a", key="key", digest="digest"))
    world.delete("a")
    assert world.decide(batch("a", key="key", digest="digest")).records == []


def test_a_refused_batch_leaves_its_key_free() -> None:
    world = World()
    with pytest.raises(InvalidJobError):
        world.tell(inputs.CreateJobs(jobs=(new_job("bad", command=""),), key="key", key_digest="digest"))
    world.tell(batch("good", key="key", digest="other"))
    assert id_of("good") in world.state.jobs
