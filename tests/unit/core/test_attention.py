"""Which jobs come first where something is wrong, and who waits behind them."""

from kala_server.core.model import inputs
from kala_server.core.questions.attention import worst_first
from kala_server.core.questions.families import behind, family
from kala_server.core.steps import A_STEP, to_the_end
from tests.unit.core.simulation import FAILS, World, id_of, new_job


def test_a_whole_crowd_behind_a_job_is_counted_in_steps() -> None:
    world = World()
    world.create("parent", schedule="never")
    children = tuple(new_job(f"child {number}", parent_jobs=("parent",)) for number in range(600))
    world.tell(inputs.CreateJobs(jobs=children))
    assert to_the_end(behind(world.state, id_of("parent"))).total == 600
    assert sum(1 for _ in behind(world.state, id_of("parent"))) >= 600 // A_STEP
    for most in (100, 1_000):
        whole = to_the_end(family(world.state, id_of("parent"), most))
        assert (len(whole.distances), whole.cut) == (min(most, 601), most < 601)


def test_a_job_that_goes_while_the_worst_are_looked_for_is_left_out() -> None:
    world = World(script={"bad": [FAILS], "worse": [FAILS]})
    for name in ("bad", "worse"):
        world.create(name)
    steps = worst_first(world.state)
    next(steps)
    for name in ("bad", "worse"):
        world.delete(name)
    world.create("later", schedule="never")
    assert len(to_the_end(steps)) == 1  # the one that was there when it was looked at
    assert to_the_end(worst_first(world.state)) == []
