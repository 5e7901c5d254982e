"""A job with the schedule `never` runs when somebody starts it, or when another job fails, and only then."""

from datetime import timedelta

from kala_server.core.questions.explain import explain
from kala_server.core.questions.jobs import is_done
from kala_server.core.time.occurrences import timetable_of
from tests.unit.core.simulation import FAILS, World


def test_it_is_not_due_at_its_creation_nor_ever_after() -> None:
    world = World()
    world.create("alarm", schedule="never")
    world.advance(timedelta(days=10_000))
    assert world.runs("alarm") == []
    [last] = explain(world.state, world.job("alarm"), world.now)
    assert (last.state, last.sentence) == ("none", "nothing more is due: it runs when it is started")
    assert not is_done(world.job("alarm"), active=False)


def test_it_runs_when_it_is_started_and_when_a_job_that_names_it_fails() -> None:
    world = World(script={"backup": [FAILS]})
    world.create("alarm", schedule=" Never ", timezone="Europe/Berlin")
    world.create("backup", on_failure_job="alarm")
    world.start("alarm")
    assert world.states("alarm") == ["succeeded", "succeeded"]
    assert {str(run.trigger) for run in world.runs("alarm")} == {"on_failure", "manual"}


def test_a_job_may_be_told_to_wait_for_nothing_any_more() -> None:
    world = World()
    world.create("hourly", schedule="R/2030-01-01T01:00:00Z/PT1H")
    world.advance(timedelta(hours=2))
    world.change("hourly", schedule="never")
    world.advance(timedelta(days=1))
    assert len(world.runs("hourly")) == 2


def test_a_failures_job_that_was_deleted_is_no_reason_to_refuse_a_change() -> None:
    world = World()
    world.create("alarm", schedule="never")
    world.create("backup", schedule="never", on_failure_job="alarm")
    world.delete("alarm")
    world.change("backup", schedule="never", on_failure_job="alarm", retries=2)
    assert world.job("backup").spec.retries == 2


def test_its_slots_are_counted_as_there_are_none() -> None:
    world = World()
    world.create("alarm", schedule="never")
    timetable = timetable_of(world.job("alarm").spec, world.job("alarm").created_at)
    assert timetable.counted
    assert timetable.last_until(world.now) is None
