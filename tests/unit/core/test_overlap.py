"""What a due slot does while an earlier run of its job is still there, and who gets the next free place."""

from datetime import timedelta

from kala_server.core.decide.transaction import MOST_OF_ONE_JOB
from kala_server.core.model import effects, inputs
from kala_server.core.model import records as r
from kala_server.core.model.job import RunState
from kala_server.core.questions.explain import explain
from tests.unit.core.simulation import FAILS, FOR_EVER, START, WORKS, World, lasting, seconds

EVERY_MINUTE = "R/2030-01-01T00:01:00Z/PT1M"


def minutes(world: World, name: str) -> list[float]:
    return [(when - START) / timedelta(minutes=1) for when in world.started(name)]


def test_queue_lets_one_run_wait_and_skips_the_others_with_the_reason() -> None:
    world = World()
    world.script["job"] = [lasting(210), WORKS]
    world.create("job", schedule=EVERY_MINUTE)
    world.advance(timedelta(minutes=5))
    running, waited, skipped, after = world.runs("job")
    assert minutes(world, "job") == [1, 4.5, 5]
    assert (waited.scheduled_at, waited.started_at) == (START + seconds(120), START + seconds(270))
    assert waited.cause == running.id
    assert (skipped.count, skipped.state, skipped.cause) == (2, RunState.SKIPPED, running.id)
    assert skipped.reason == "an earlier run was still there, and another one was waiting already"
    assert after.state is RunState.SUCCEEDED


def test_a_job_that_was_asked_for_so_many_runs_has_them_all_one_after_the_other() -> None:
    world = World()
    world.script["job"] = [lasting(3)]
    world.create("job", schedule="R3/2030-01-01T00:00:01Z/PT1S")
    world.advance(seconds(30))
    assert world.started("job") == [START + seconds(after) for after in (1, 4, 7, 10)]
    assert world.states("job") == ["succeeded"] * 4
    assert [run.scheduled_at for run in world.runs("job")] == [START + seconds(n) for n in (1, 2, 3, 4)]


def test_of_so_many_runs_no_more_wait_than_may_and_the_others_are_skipped_with_the_reason() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", schedule=f"R{MOST_OF_ONE_JOB + 9}/2030-01-01T00:00:01Z/PT1S")
    world.advance(timedelta(hours=1))
    first, *waiting, skipped = world.runs("job")
    assert len(waiting) == MOST_OF_ONE_JOB - 1
    assert {run.state for run in waiting} == {RunState.WAITING}
    assert (skipped.count, skipped.cause) == (10, first.id)
    [told] = explain(world.state, world.job("job"), world.now, skipped.scheduled_at)
    assert "still running" in told.sentence
    assert "as many as may were waiting already" in told.sentence


def test_of_so_many_runs_those_that_were_missed_are_caught_up_with_as_any() -> None:
    world = World()
    world.create("job", schedule="R3/2030-01-01T00:00:01Z/PT1S")
    world.stop(down=timedelta(hours=1))
    assert world.states("job") == ["skipped", "succeeded"]
    assert world.runs("job")[0].count == 3


def test_skip_lets_no_run_wait() -> None:
    world = World()
    world.script["job"] = [lasting(150), WORKS]
    world.create("job", schedule=EVERY_MINUTE, overlap="skip")
    world.advance(timedelta(minutes=4))
    running, skipped, _ = world.runs("job")
    assert minutes(world, "job") == [1, 4]
    assert (skipped.count, skipped.cause) == (2, running.id)
    assert skipped.reason == "an earlier run was still there"


def test_allow_runs_beside_each_other() -> None:
    world = World()
    world.script["job"] = [lasting(150)]
    world.create("job", schedule=EVERY_MINUTE, overlap="allow")
    world.advance(timedelta(minutes=6))
    assert minutes(world, "job") == [1, 2, 3, 4, 5, 6]
    assert world.most_running == 3


def test_replace_ends_the_earlier_run_and_names_the_later_one() -> None:
    world = World()
    world.script["job"] = [FOR_EVER, WORKS]
    world.create("job", schedule=EVERY_MINUTE, overlap="replace")
    world.advance(timedelta(minutes=2))
    ended, later = world.runs("job")
    assert (ended.state, ended.reason, ended.cause) == (
        RunState.CANCELLED,
        "replaced by a later run",
        later.id,
    )
    assert later.state is RunState.SUCCEEDED
    assert minutes(world, "job") == [1, 2]


def test_replace_waits_until_the_earlier_command_has_ended() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", schedule=EVERY_MINUTE, overlap="replace")
    world.advance(timedelta(minutes=1))
    world.now += timedelta(minutes=1)
    decision = world.decide(inputs.Tick())
    ended, later = world.runs("job")
    assert decision.effects == [effects.EndAttempt(handle=ended.handle)]
    assert (ended.state, ended.ending, later.state) == (
        RunState.RUNNING,
        RunState.CANCELLED,
        RunState.WAITING,
    )


def test_replace_replaces_also_what_waits() -> None:
    world = World()
    world.create("job", schedule=EVERY_MINUTE, overlap="replace")
    world.create("child", parent_jobs=["job"])
    world.max_running = 0
    world.advance(timedelta(minutes=3))
    assert world.states("job") == ["cancelled", "cancelled", "waiting"]
    assert world.reasons("job") == ["replaced by a later run", "replaced by a later run", ""]
    assert world.reasons("child") == ["its parent did not succeed"] * 2


def test_replace_ends_a_run_that_waits_for_its_retry() -> None:
    world = World()
    world.script["job"] = [FAILS, WORKS]
    world.create("job", schedule=EVERY_MINUTE, overlap="replace", retries=1, retry_delay="PT1H")
    world.advance(timedelta(minutes=2))
    assert world.states("job") == ["cancelled", "succeeded"]


def test_no_more_runs_than_there_are_places() -> None:
    world = World(max_running=3)
    for n in range(10):
        world.script[f"job {n}"] = [lasting(60)]
        world.create(f"job {n}")
    assert world.state.counts["running"] == 3
    world.advance(timedelta(minutes=2))
    assert world.state.counts["running"] == 3
    world.advance(timedelta(minutes=2))
    assert world.most_running == 3
    assert world.state.counts == {"running": 0, "succeeded": 10, "errors": 0}


def test_free_places_are_given_in_the_order_of_the_due_times() -> None:
    world = World(max_running=1)
    world.script["first"] = [lasting(600)]
    world.create("first")
    for name, minute in (("late", 3), ("early", 1), ("middle", 2)):
        world.create(name, schedule=f"R0/2030-01-01T00:0{minute}:00Z/PT1M")
    world.advance(timedelta(hours=1))
    order = [run.scheduled_at for run in world.state.runs.values()]
    assert order == sorted(order)
    began = sorted(
        (run for run in world.state.runs.values() if run.scheduled_at > START),
        key=lambda run: world.history.index(_start_of(world, run.id)),
    )
    assert [run.scheduled_at - START for run in began] == [timedelta(minutes=n) for n in (1, 2, 3)]


def test_a_place_that_a_waiting_run_cannot_take_goes_to_another_job() -> None:
    world = World(max_running=2)
    world.script["slow"] = [FOR_EVER]
    world.create("slow", schedule=EVERY_MINUTE)
    world.advance(timedelta(minutes=2))
    world.create("other")
    assert world.states("slow") == ["running", "waiting"]
    assert world.states("other") == ["succeeded"]


def test_what_waits_for_a_place_starts_after_a_restart_in_the_order_of_the_due_times() -> None:
    world = World(max_running=0)
    world.create("early")
    world.advance(seconds(1))
    world.create("late")
    world.max_running = 1
    world.stop(down=timedelta(minutes=5))
    assert [run.state for run in world.state.runs.values()] == [RunState.SUCCEEDED] * 2
    early, late = (_position(world, name) for name in ("early", "late"))
    assert early < late


def test_a_job_that_now_allows_overlap_starts_what_was_waiting() -> None:
    world = World()
    world.script["job"] = [FOR_EVER]
    world.create("job", schedule=EVERY_MINUTE)
    world.advance(timedelta(minutes=2))
    world.change("job", schedule=EVERY_MINUTE, overlap="allow")
    assert world.states("job") == ["running", "running"]


def test_a_job_that_no_longer_allows_overlap_lets_its_runs_wait_for_each_other() -> None:
    world = World(max_running=1)
    world.script["job"] = [lasting(30)]
    world.script["busy"] = [lasting(60 * 4 + 10)]
    world.create("busy")
    world.create("job", schedule=EVERY_MINUTE, overlap="allow")
    world.advance(timedelta(minutes=4))
    world.max_running = 64
    world.change("job", schedule=EVERY_MINUTE)
    assert world.states("job") == ["running", "waiting", "waiting", "waiting"]
    world.advance(seconds(31))
    assert world.states("job")[:2] == ["succeeded", "running"]


def _start_of(world: World, run_id: str) -> r.RunStarted:
    return next(
        record for record in world.history if isinstance(record, r.RunStarted) and record.run_id == run_id
    )


def _position(world: World, name: str) -> int:
    return world.history.index(_start_of(world, world.only_run(name).id))
