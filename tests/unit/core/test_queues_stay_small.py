"""What is due later is kept in indexes; what no longer counts there is gone."""

from datetime import timedelta

from tests.unit.core.simulation import World, seconds


def test_deadlines_of_runs_that_are_over_do_not_pile_up() -> None:
    world = World()
    world.create("each second", schedule="R/2030-01-01T00:00:01Z/PT1S", timeout="P30D", keep_runs=10)
    world.advance(timedelta(hours=2))
    assert len(world.started("each second")) == 7_200
    state = world.state
    assert sum(len(index.places) for index in (state.slots, state.deadlines, state.retries, state.ready)) == 1
    world.advance(seconds(10))
    assert len(world.started("each second")) == 7_210
