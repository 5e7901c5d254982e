"""A ledger at a glance: marks are where its entries are, and what is older than a time costs nothing."""

from datetime import datetime, timedelta

from kala_server.core.model.job import RunState
from kala_server.core.questions.marks import seen
from kala_server.core.steps import A_STEP, to_the_end
from tests.unit.core.simulation import FOR_EVER, START, World, lasting, utc

MINUTELY = "R/2030-01-01T00:01:00Z/PT1M"
NOTHING = timedelta(0)


def marks(world: World, since: datetime, until: datetime) -> list[tuple[datetime, datetime | None, str, int]]:
    found = to_the_end(seen(world.state, world.job("job").id, since, until, NOTHING))
    assert sum(found.counts.values()) == sum(mark.count for mark in found.marks)
    return [(mark.begin, mark.end, mark.state, mark.count) for mark in found.marks]


def test_a_run_is_where_it_ran_and_one_that_goes_on_has_no_end() -> None:
    world = World(script={"job": [lasting(90), FOR_EVER]})
    world.create("job", schedule="R/2030-01-01T01:00:00Z/PT1H")
    world.advance("2030-01-01 02:30")
    begun = utc("2030-01-01 01:00")
    assert marks(world, START, world.now) == [
        (begun, begun + timedelta(seconds=90), RunState.SUCCEEDED, 1),
        (utc("2030-01-01 02:00"), None, RunState.RUNNING, 1),
    ]


def test_of_a_long_ledger_each_part_is_seen_as_it_was_and_only_as_much_is_looked_at() -> None:
    world = World(script={"job": [lasting(1)]})
    world.create("job", schedule=MINUTELY, keep_runs=5_000)
    count = 4 * A_STEP
    world.advance(timedelta(minutes=count, seconds=30))
    slots = [START + timedelta(minutes=number) for number in range(1, count + 1)]
    assert [mark[0] for mark in marks(world, START, world.now)] == slots
    late = slots[-10] - timedelta(seconds=30)
    assert [mark[0] for mark in marks(world, late, world.now)] == slots[-10:]
    whole, recent = (
        sum(1 for _ in seen(world.state, world.job("job").id, since, world.now, NOTHING))
        for since in (START, late)
    )
    assert recent < whole
