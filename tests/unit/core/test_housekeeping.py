"""What is no longer kept: runs beyond `keep_runs`, runs that are too old, idempotency keys after their day."""

from datetime import timedelta

from kala_server.core.model import inputs
from kala_server.core.model import records as r
from kala_server.core.model.job import RunState
from tests.unit.core import invariants
from tests.unit.core.simulation import (
    FOR_EVER,
    SILENT,
    START,
    WORKS,
    World,
    dropped_by,
    id_of,
    new_job,
    rebuilt,
    times,
    utc,
)

HOURLY = "R/2030-01-01T01:00:00Z/PT1H"


def checked() -> World:
    world = World()
    world.on_records = lambda world: invariants.check(world.state)
    return world


def test_only_so_many_runs_are_kept_the_latest_ones() -> None:
    world = checked()
    world.create("job", schedule=HOURLY, keep_runs=3)
    world.advance(timedelta(hours=10))
    assert [run.scheduled_at for run in world.runs("job")] == times(
        "2030-01-01 08:00", "2030-01-01 09:00", "2030-01-01 10:00"
    )
    assert len(dropped_by(world.effects)) == 7
    assert world.job("job").tally.success_count == 10


def test_what_runs_is_no_history_yet_and_is_kept() -> None:
    world = checked()
    world.script["job"] = [FOR_EVER]
    world.create("job", schedule=HOURLY, keep_runs=1, overlap="allow")
    world.advance(timedelta(hours=5))
    assert world.states("job") == ["running"] * 5


def test_a_skip_is_an_entry_that_is_kept_like_a_run() -> None:
    world = checked()
    world.create("job", schedule=HOURLY, keep_runs=1, catch_up="none")
    world.advance(timedelta(hours=1))
    world.crash(down=timedelta(hours=5))
    assert world.only_run("job").state is RunState.SKIPPED


def test_of_a_run_that_has_printed_nothing_there_is_no_output_to_drop() -> None:
    world = checked()
    world.create("job", schedule=HOURLY, keep_runs=3)
    world.script["job"] = [SILENT, WORKS, SILENT]
    world.advance(timedelta(hours=2))
    printed = world.newest("job").id
    world.advance(timedelta(hours=8))
    assert dropped_by(world.effects) == {printed}
    assert printed not in world.state.runs


def test_runs_that_are_too_old_are_dropped_with_their_output() -> None:
    world = checked()
    world.create("job", schedule=HOURLY)
    world.create("short", schedule="R0/2030-01-01T00:30:00Z/PT1H")
    world.advance(timedelta(hours=10))
    old = {
        run.id
        for name in ("job", "short")
        for run in world.runs(name)
        if run.scheduled_at < utc("2030-01-01 08:00")
    }
    decision = world.decide(inputs.Housekeep(runs_before=utc("2030-01-01 08:00"), keys_before=START))
    assert dropped_by(decision.effects) == old
    assert len(world.runs("job")) == 3
    assert world.runs("short") == []
    assert invariants.contents(rebuilt(world.journal)) == invariants.contents(world.state)
    assert invariants.contents(rebuilt(world.state.snapshot())) == invariants.contents(world.state)


def test_an_entry_for_many_skipped_slots_is_as_old_as_the_latest_of_them() -> None:
    world = checked()
    world.script["job"] = [FOR_EVER]
    world.create("job", schedule=HOURLY, overlap="skip")
    world.advance(timedelta(hours=10))
    world.tell(inputs.Housekeep(runs_before=utc("2030-01-01 09:00"), keys_before=START))
    assert world.states("job") == ["running", "skipped"]


def test_what_runs_is_never_too_old() -> None:
    world = checked()
    world.script["job"] = [FOR_EVER]
    world.create("job")
    world.advance(timedelta(days=1000))
    world.tell(inputs.Housekeep(runs_before=world.now, keys_before=START))
    assert world.states("job") == ["running"]


def test_keys_are_forgotten_after_their_time_and_not_before() -> None:
    world = checked()
    for name in ("early", "late"):
        world.tell(inputs.CreateJobs(jobs=(new_job(name),), key=name, key_digest="digest"))
        world.advance(timedelta(hours=1))
    world.tell(inputs.Housekeep(keys_before=START + timedelta(hours=1)))
    assert list(world.state.keys) == ["late"]
    assert rebuilt(world.journal).keys == world.state.keys
    world.tell(inputs.CreateJobs(jobs=(new_job("again"),), key="early", key_digest="another"))
    assert id_of("again") in world.state.jobs


def test_where_there_is_nothing_to_forget_nothing_is_written() -> None:
    world = checked()
    world.tell(inputs.CreateJobs(jobs=(new_job("job"),), key="key", key_digest="digest"))
    assert world.decide(inputs.Housekeep(keys_before=START)).records == []
    forgotten = world.decide(inputs.Housekeep(keys_before=START + timedelta(seconds=1))).records
    assert forgotten == [r.KeysForgotten(before=START + timedelta(seconds=1))]


def test_a_long_history_goes_whole_whether_it_is_too_old_or_its_job_is_deleted() -> None:
    for goes in ("pruned", "deleted"):
        world = World()
        world.create("job", schedule="R/2030-01-01T00:01:00Z/PT1M", keep_runs=5_000)
        world.advance(timedelta(minutes=600, seconds=30))
        assert len(world.runs("job")) == 600
        if goes == "pruned":
            world.tell(inputs.Housekeep(runs_before=utc("2030-01-01 09:00"), keys_before=START))
            assert world.runs("job")[0].scheduled_at == utc("2030-01-01 09:00")
        else:
            world.delete("job")
            assert not world.state.runs
        invariants.check(world.state)
