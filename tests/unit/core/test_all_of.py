"""What is asked of many jobs happens to all of them or to none, and no job goes that was not named."""

import pytest

from kala_server.core.errors import ConflictError, NotFoundError
from kala_server.core.model import inputs
from tests.unit.core.simulation import World, id_of

LATER = "R/2031-01-01T08:00:00Z/P1D"


def a_family() -> World:
    world = World()
    for name in ("first", "second"):
        world.create(name, schedule=LATER)
    world.create("of both", parent_jobs=("first", "second"))
    return world


def names(world: World) -> list[str]:
    return [job.spec.name for job in world.state.jobs.values()]


def test_a_child_that_was_not_named_keeps_its_parents_from_being_deleted() -> None:
    world = a_family()
    both = tuple(inputs.DeleteJob(id=id_of(name)) for name in ("first", "second"))
    with pytest.raises(ConflictError, match="the job 'of both' would go as well"):
        world.tell(inputs.AllOf(wishes=both))
    assert names(world) == ["first", "second", "of both"]
    world.tell(inputs.AllOf(wishes=(*both, inputs.DeleteJob(id=id_of("of both")))))
    assert names(world) == []


def test_what_is_refused_of_one_is_refused_of_all() -> None:
    world = a_family()
    world.disable("second")
    start = tuple(inputs.StartJob(id=id_of(name), run_id=id_of(f"of {name}")) for name in ("first", "second"))
    with pytest.raises(ConflictError, match="'second' is disabled"):
        world.tell(inputs.AllOf(wishes=start))
    with pytest.raises(NotFoundError):
        world.tell(
            inputs.AllOf(wishes=(inputs.DisableJob(id=id_of("first")), inputs.DisableJob(id=id_of("none"))))
        )
    assert world.runs("first") == []
    assert not world.job("first").disabled
    world.tell(inputs.AllOf(wishes=(inputs.EnableJob(id=id_of("second")), *start)))
    assert world.states("first") == world.states("second") == ["succeeded"]


def test_jobs_are_disabled_and_enabled_together() -> None:
    world = a_family()
    for wish, disabled in ((inputs.DisableJob, True), (inputs.EnableJob, False)):
        world.tell(inputs.AllOf(wishes=tuple(wish(id=id_of(name)) for name in ("first", "second"))))
        assert {world.job(name).disabled for name in ("first", "second")} == {disabled}
