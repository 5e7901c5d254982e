"""Children run after their parent has succeeded, in the order in which they became its children."""

from datetime import timedelta

from kala_server.core.model import effects
from kala_server.core.model.job import RunState, Trigger
from tests.unit.core.simulation import FAILS, FOR_EVER, START, WORKS, World, lasting, seconds, utc


def started_names(world: World) -> list[str]:
    """The jobs in the order in which their attempts started."""
    return [effect.job.spec.name for effect in world.effects if isinstance(effect, effects.StartAttempt)]


def test_a_child_does_not_run_by_itself() -> None:
    world = World()
    world.create("parent", schedule="R/2030-01-01T01:00:00Z/PT1H")
    world.create("child", parent_jobs=["parent"])
    assert world.runs("child") == []
    assert world.job("child").next_at is None


def test_a_child_runs_each_time_that_its_parent_has_succeeded() -> None:
    world = World()
    world.script["parent"] = [lasting(60)]
    world.create("parent", schedule="R2/2030-01-01T01:00:00Z/PT1H")
    world.create("child", parent_jobs=["parent"])
    world.advance(timedelta(days=1))
    assert [run.trigger for run in world.runs("child")] == [Trigger.PARENT] * 3
    assert world.started("child") == [when + seconds(60) for when in world.started("parent")]
    assert [run.parents for run in world.runs("child")] == [(run.id,) for run in world.runs("parent")]


def test_children_start_in_the_order_in_which_they_were_created() -> None:
    world = World(max_running=1)
    world.create("parent", schedule="R0/2030-01-01T01:00:00Z/PT1H")
    names = [f"child {n}" for n in (3, 1, 4, 1.5, 9, 2.6)]
    for name in names:
        world.create(name, parent_jobs=["parent"])
        world.advance(seconds(1))
    world.advance(timedelta(hours=2))
    assert started_names(world) == ["parent", *names]


def test_grandchildren_run_after_their_parents() -> None:
    world = World()
    for name in ("mother", "daughter", "granddaughter"):
        world.script[name] = [lasting(60)]
    world.create("mother", schedule="R0/2030-01-01T01:00:00Z/PT1H")
    world.create("daughter", parent_jobs=["mother"])
    world.create("granddaughter", parent_jobs=["daughter"])
    world.advance(timedelta(hours=2))
    assert world.started("granddaughter") == [utc("2030-01-01 01:02")]


def test_a_child_of_a_failed_parent_does_not_run_and_says_why() -> None:
    world = World()
    world.script["parent"] = [FAILS]
    world.create("child of nobody yet", disabled=True)
    world.create("parent", schedule="R0/2030-01-01T01:00:00Z/PT1H")
    world.create("child", parent_jobs=["parent"])
    world.create("grandchild", parent_jobs=["child"])
    world.advance(timedelta(hours=2))
    skipped, parent = world.only_run("child"), world.only_run("parent")
    assert (skipped.state, skipped.reason) == (RunState.SKIPPED, "its parent did not succeed")
    assert (skipped.cause, skipped.parents) == (parent.id, (parent.id,))
    assert world.runs("grandchild") == []


def test_a_child_waits_until_its_parent_needs_no_further_attempt() -> None:
    world = World()
    world.script["parent"] = [FAILS, WORKS]
    world.create("parent", schedule="R0/2030-01-01T01:00:00Z/PT1H", retries=1, retry_delay="PT1M")
    world.create("child", parent_jobs=["parent"])
    world.advance(timedelta(hours=1))
    assert world.runs("child") == []
    world.advance(seconds(60))
    assert world.states("child") == ["succeeded"]


def test_a_child_of_a_cancelled_parent_does_not_run() -> None:
    world = World()
    world.script["parent"] = [FOR_EVER]
    world.create("parent")
    world.create("child", parent_jobs=["parent"])
    world.cancel(world.only_run("parent"))
    assert world.reasons("child") == ["its parent did not succeed"]


def test_a_parent_that_was_cancelled_while_it_waited_is_told_to_its_children() -> None:
    world = World(max_running=0)
    world.create("parent")
    world.create("child", parent_jobs=["parent"])
    world.cancel(world.only_run("parent"))
    assert world.reasons("child") == ["its parent did not succeed"]


def test_a_skipped_slot_of_the_parent_says_nothing_to_the_child() -> None:
    world = World()
    world.create("parent", schedule="R/2030-01-01T01:00:00Z/PT1H", catch_up="none")
    world.create("child", parent_jobs=["parent"])
    world.crash(down=timedelta(hours=5))
    assert world.runs("child") == []


def test_a_disabled_child_does_not_run_and_says_why() -> None:
    world = World()
    world.create("parent", schedule="R0/2030-01-01T01:00:00Z/PT1H")
    world.create("child", parent_jobs=["parent"], disabled=True)
    world.advance(timedelta(hours=2))
    world.enable("child")
    assert (world.only_run("child").state, world.only_run("child").reason) == (
        RunState.SKIPPED,
        "the job was disabled",
    )
    assert world.only_run("child").parents == (world.only_run("parent").id,)


def test_a_child_runs_after_any_of_its_parents() -> None:
    world = World()
    world.create("mother", schedule="R0/2030-01-01T01:00:00Z/PT1H")
    world.create("father", schedule="R0/2030-01-01T02:00:00Z/PT1H")
    world.create("child", parent_jobs=["mother", "father"])
    world.advance(timedelta(hours=3))
    assert world.started("child") == [utc("2030-01-01 01:00"), utc("2030-01-01 02:00")]


def test_runs_of_a_child_follow_those_of_a_faster_parent_first_in_first_out() -> None:
    world = World()
    world.script["child"] = [lasting(150)]
    world.create("parent", schedule="R3/2030-01-01T00:01:00Z/PT1M")
    world.create("child", parent_jobs=["parent"])
    world.advance(timedelta(hours=1))
    assert world.states("child") == ["succeeded"] * 4
    assert world.started("child") == [START + seconds(60 + 150 * n) for n in range(4)]


def test_a_child_with_a_schedule_of_its_own_follows_both() -> None:
    world = World()
    world.create("parent", schedule="R0/2030-01-01T01:30:00Z/PT1H")
    world.create("child", parent_jobs=["parent"], schedule="R1/2030-01-01T01:00:00Z/PT1H")
    world.advance(timedelta(hours=3))
    assert [run.trigger for run in world.runs("child")] == [
        Trigger.SCHEDULE,
        Trigger.PARENT,
        Trigger.SCHEDULE,
    ]


def test_a_manual_start_of_a_parent_is_followed_as_well() -> None:
    world = World()
    world.create("parent", schedule="R/2030-01-01T01:00:00Z/PT1H")
    world.create("child", parent_jobs=["parent"])
    world.start("parent")
    assert world.states("child") == ["succeeded"]
