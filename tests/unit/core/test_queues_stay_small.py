"""What is due later is kept in a queue; what no longer counts there is forgotten in time."""

from datetime import timedelta

from tests.unit.core.simulation import World, seconds


def tidy(world: World) -> None:
    world.state.tidy()


def test_deadlines_of_runs_that_are_over_do_not_pile_up() -> None:
    world = World(on_records=tidy)
    world.create("each second", schedule="R/2030-01-01T00:00:01Z/PT1S", timeout="P30D", keep_runs=10)
    world.advance(timedelta(hours=2))
    assert len(world.started("each second")) == 7_200
    assert len(world.state.due) < 1_100
    world.advance(seconds(10))
    assert len(world.started("each second")) == 7_210


def test_tidying_forgets_nothing_that_counts() -> None:
    world = World()
    for number in range(3):
        world.create(f"job {number}", schedule=f"R/2030-01-01T00:00:0{number + 1}Z/PT10S")
    expected = world.state.next_due()
    entry = world.state.due[0]
    world.state.due += [entry] * 2_000
    world.state.tidy()
    assert len(world.state.due) == 3
    assert world.state.next_due() == expected
    world.advance(seconds(3))
    assert [len(world.started(f"job {number}")) for number in range(3)] == [1, 1, 1]
