"""A job that is too slow for what starts it does not pile up: further runs are skipped, or refused, and say why."""

import pytest

from kala_server.core.decide.transaction import MOST_OF_ONE_JOB
from kala_server.core.errors import ConflictError
from kala_server.core.model import inputs
from kala_server.core.model.records import ServerKept
from kala_server.core.reasons import NO_ROOM
from tests.unit.core.simulation import FAILS, FOR_EVER, World


def full(world: World, name: str) -> None:
    """Let as many runs of the job wait as may."""
    while len(world.runs(name)) < MOST_OF_ONE_JOB:
        world.start(name)


def test_a_start_by_hand_is_refused_and_changes_nothing() -> None:
    world = World(script={"slow": [FOR_EVER]})
    world.create("slow", schedule="never", keep_runs=10)
    full(world, "slow")
    with pytest.raises(ConflictError, match="1,000 runs of 'slow' wait already"):
        world.start("slow")
    assert len(world.runs("slow")) == MOST_OF_ONE_JOB


def test_a_child_and_a_failures_job_are_skipped_and_the_ledger_says_so() -> None:
    world = World(script={"slow": [FOR_EVER], "parent": [FAILS, FAILS]})
    world.create("slow", schedule="never")
    world.create("parent", schedule="never", on_failure_job="slow")
    full(world, "slow")
    world.start("parent")
    newest = world.state.runs[world.state.kept[world.job("slow").id][-1]]
    assert (newest.state, newest.reason, newest.trigger) == ("skipped", NO_ROOM, "on_failure")


def test_to_look_whether_the_store_has_room_again_is_a_record_that_changes_nothing() -> None:
    world = World()
    world.create("job", schedule="never")
    before = list(world.state.snapshot())
    assert [type(record) for record in world.decide(inputs.LookForRoom()).records] == [ServerKept]
    assert list(world.state.snapshot()) == before
