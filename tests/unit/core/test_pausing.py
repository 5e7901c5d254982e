"""A paused server starts nothing by itself, and each slot of the pause is in the ledger for that reason."""

from datetime import timedelta

import pytest

from kala_server.core.decide.engine import decide, deciding
from kala_server.core.decide.transaction import Limits
from kala_server.core.model import inputs
from kala_server.core.model import records as r
from kala_server.core.model.job import Run
from kala_server.core.questions.explain import explain
from kala_server.core.steps import A_STEP
from kala_server.core.time.occurrences import timetable_of
from tests.unit.core.invariants import contents
from tests.unit.core.simulation import (
    FAILS,
    START,
    WORKS,
    World,
    id_of,
    lasting,
    new_job,
    rebuilt,
    seconds,
    times,
    utc,
)

EACH_HOUR = "R/2030-01-01T09:00:00Z/PT1H"
PAUSED = "the server was paused"


@pytest.fixture
def world() -> World:
    """A job that is due each hour, and a server that was paused at half past nine."""
    world = World()
    world.create("hourly", schedule=EACH_HOUR)
    world.advance("2030-01-01 09:30")
    world.pause()
    return world


def entry(run: Run) -> tuple[str, str, int]:
    return str(run.state), run.reason, run.count


def sentences(world: World, name: str, at: str | None = None) -> list[str]:
    told = explain(world.state, world.job(name), world.now, None if at is None else utc(at))
    return [one.sentence for one in told]


# -- slots


def test_each_slot_of_a_pause_is_skipped_for_it_and_the_next_after_it_runs(world: World) -> None:
    world.advance("2030-01-01 12:30")
    assert [entry(run) for run in world.runs("hourly")] == [("succeeded", "", 1), ("skipped", PAUSED, 3)]
    world.resume()
    assert world.state.pause is None
    world.advance("2030-01-01 13:30")
    assert world.slots_run("hourly") == times("2030-01-01 09:00", "2030-01-01 13:00")


@pytest.mark.parametrize("catch_up", ["one", "none", "all"])
def test_nothing_of_a_pause_is_caught_up(catch_up: str) -> None:
    world = World()
    world.create("hourly", schedule=EACH_HOUR, catch_up=catch_up)
    world.pause()
    world.advance("2030-01-01 12:30")
    world.resume()
    assert [entry(run) for run in world.runs("hourly")] == [("skipped", PAUSED, 4)]


def test_slots_that_were_due_at_once_and_are_decided_on_at_the_end_of_the_pause_are_of_the_pause() -> None:
    world = World()
    many = [f"job {number}" for number in range(250)]
    for name in many:
        world.create(name, schedule=EACH_HOUR)
    world.pause()
    world.now = utc("2030-01-01 09:00")
    world.decide(inputs.Tick())  # decides on the first hundred
    world.resume()
    assert [entry(world.only_run(name)) for name in many] == [("skipped", PAUSED, 1)] * 250


def test_the_slot_of_the_very_instant_in_which_a_pause_begins_or_ends_is_of_the_pause(world: World) -> None:
    world.now = utc("2030-01-01 10:00")
    world.resume()
    assert entry(world.newest("hourly")) == ("skipped", PAUSED, 1)
    world.now = utc("2030-01-01 11:00")
    world.pause()
    world.tell(inputs.Tick())
    assert entry(world.newest("hourly")) == ("skipped", PAUSED, 2)


def test_the_words_of_a_pause_are_in_the_ledger(world: World) -> None:
    world.pause("the database moves")
    world.advance("2030-01-01 10:30")
    assert world.reasons("hourly") == ["", "the server was paused: the database moves"]


def test_a_job_keeps_its_next_slot_and_it_is_said_that_the_server_is_paused(world: World) -> None:
    world.pause("ask Ana")
    assert world.state.next_run_at() == world.job("hourly").next_at == utc("2030-01-01 10:00")
    assert sentences(world, "hourly")[-1] == (
        "due in 30 min, and skipped unless the server is resumed by then: it is paused since 09:30 (ask Ana)"
    )
    world.resume()
    assert sentences(world, "hourly")[-1] == "due in 30 min"


def test_a_slot_of_a_pause_is_explained_by_it(world: World) -> None:
    world.advance("2030-01-01 11:30")
    assert sentences(world, "hourly", "2030-01-01 11:00") == [
        "skipped: the server was paused; so were all 2 times from 10:00 to 11:00"
    ]


def test_a_job_that_is_created_in_a_pause_does_not_run_at_once(world: World) -> None:
    world.create("once")
    assert entry(world.only_run("once")) == ("skipped", PAUSED, 1)
    assert world.started("once") == []


def test_slots_that_a_disabled_job_missed_before_the_pause_keep_that_reason() -> None:
    world = World()
    world.create("hourly", schedule=EACH_HOUR, disabled=True)
    world.advance("2030-01-01 10:30")
    world.pause()
    world.advance("2030-01-01 12:30")
    world.enable("hourly")
    assert [entry(run) for run in world.runs("hourly")] == [
        ("skipped", "the job was disabled", 2),
        ("skipped", PAUSED, 2),
    ]
    assert world.started("hourly") == []


def test_slots_of_a_pause_are_no_more_than_there_are_of_a_changed_schedule(world: World) -> None:
    world.now = utc("2030-01-01 10:30")  # nobody has looked yet
    world.change("hourly", schedule="R/2030-01-01T12:00:00Z/PT1H")
    assert entry(world.newest("hourly")) == ("skipped", PAUSED, 1)
    assert world.job("hourly").next_at == utc("2030-01-01 12:00")


# -- runs


def test_what_runs_goes_on_and_its_children_wait_for_the_resume() -> None:
    world = World()
    world.script["parent"] = [lasting(3600)]
    world.create("parent")
    world.create("child", parent_jobs=["parent"])
    world.pause("moving")
    world.advance("2030-01-01 02:00")
    assert world.states("parent") == ["succeeded"]
    assert world.states("child") == ["waiting"]
    assert sentences(world, "child")[0] == (
        "after 'parent', waits until the server is resumed: it is paused since 00:00 (moving)"
    )
    world.resume()
    assert world.states("child") == ["succeeded"]
    assert world.started("child") == times("2030-01-01 02:00")


def test_a_job_that_is_called_for_help_waits_for_the_resume() -> None:
    world = World()
    world.create("helper", schedule="never")
    world.script["fails"] = [lasting(60, succeeds=False)]
    world.create("fails", on_failure_job="helper")
    world.pause()
    world.advance(seconds(120))
    assert world.states("helper") == ["waiting"]
    world.resume()
    assert world.states("helper") == ["succeeded"]


def test_a_retry_waits_for_the_resume_however_long_it_has_been_due() -> None:
    world = World()
    world.script["twice"] = [FAILS, WORKS]
    world.create("twice", retries=1, retry_delay="PT1M")
    world.pause()
    world.advance(timedelta(hours=1))
    assert world.states("twice") == ["waiting"]
    world.resume()
    assert world.states("twice") == ["succeeded"]


def test_a_retry_that_is_not_due_at_the_resume_waits_for_its_time() -> None:
    world = World()
    world.script["twice"] = [FAILS, WORKS]
    world.create("twice", retries=1, retry_delay="PT1H")
    world.pause()
    world.advance(seconds(60))
    world.resume()
    assert world.states("twice") == ["waiting"]
    world.advance(timedelta(hours=1))
    assert world.started("twice") == [START, START + timedelta(hours=1)]


def test_what_waits_for_a_place_starts_at_the_resume_oldest_slot_first() -> None:
    world = World(max_running=1)
    world.script["long"] = [lasting(60)]
    world.create("long")
    world.create("second", schedule="R0/2030-01-01T00:00:20Z/")
    world.create("first", schedule="R0/2030-01-01T00:00:10Z/")
    world.script["first"] = world.script["second"] = [lasting(5)]
    world.advance(seconds(30))
    world.pause()
    world.advance(seconds(60))
    assert (world.states("first"), world.states("second")) == (["waiting"], ["waiting"])
    world.resume()
    world.advance(seconds(60))
    assert world.started("first") == [START + seconds(90)]
    assert world.started("second") == [START + seconds(95)]


def test_what_is_started_by_hand_runs_with_its_retries(world: World) -> None:
    world.script["hourly"] = [FAILS, WORKS]
    world.change("hourly", schedule=EACH_HOUR, retries=1, retry_delay="PT1M")
    run_id = world.start("hourly")
    world.advance(seconds(90))
    assert world.state.runs[run_id].state == "succeeded"
    assert world.state.runs[run_id].attempts == 2


def test_what_is_started_by_hand_goes_by_what_waits_for_the_resume() -> None:
    world = World(max_running=1)
    world.script["long"] = [lasting(60)]
    world.create("long")
    world.create("waits", schedule="R0/2030-01-01T00:00:10Z/")
    world.create("by hand", schedule="never")
    world.advance(seconds(20))
    world.start("by hand")
    world.pause()
    world.advance(seconds(60))
    assert (world.states("waits"), world.states("by hand")) == (["waiting"], ["succeeded"])


def test_a_start_by_hand_behind_a_run_of_its_job_that_waits_for_the_resume_waits_too() -> None:
    world = World()
    world.script["twice"] = [FAILS, WORKS]
    world.create("twice", retries=1, retry_delay="PT1M")
    world.pause()
    run_id = world.start("twice")
    world.advance(seconds(120))
    assert world.state.runs[run_id].state == "waiting"
    world.resume()
    assert world.states("twice") == ["succeeded", "succeeded"]


def test_a_run_that_waits_for_the_resume_can_be_cancelled() -> None:
    world = World()
    world.script["other"] = [lasting(60)]
    world.create("other")
    world.create("child", parent_jobs=["other"])
    world.pause()
    world.advance(seconds(60))
    world.cancel(world.only_run("child"))
    world.resume()
    assert world.states("child") == ["cancelled"]


def test_as_many_as_wait_are_held_back_and_let_go_step_by_step() -> None:
    world = World(max_running=1)
    world.script["first"] = [lasting(60)]
    many = 10 * A_STEP
    world.create("first")
    world.tell(inputs.CreateJobs(jobs=tuple(new_job(f"job {number}") for number in range(many))))
    assert len(world.state.ready) == many
    world.advance(seconds(1))
    paused = deciding(world.state, inputs.PauseServer(), world.now, Limits(max_running=1))
    assert len(list(paused)) >= many
    assert not world.state.ready
    resumed = deciding(world.state, inputs.ResumeServer(), world.now, Limits(max_running=1))
    assert len(list(resumed)) >= many
    assert len(world.state.ready) == many


# -- asked for twice, and kept


def test_a_pause_of_a_paused_server_and_a_resume_of_another_change_nothing(world: World) -> None:
    world.pause("ask Ana")
    began = world.state.pause
    assert began == r.ServerPaused(at=utc("2030-01-01 09:30"), reason="ask Ana")
    world.advance(seconds(60))
    for reason in ("", "ask Ana"):
        assert world.tell(inputs.PauseServer(reason=reason)).records == []
    assert world.state.pause == began
    world.pause("ask Ben")
    assert world.state.pause == r.ServerPaused(at=utc("2030-01-01 09:30"), reason="ask Ben")
    world.resume()
    assert world.tell(inputs.ResumeServer()).records == []


@pytest.mark.parametrize("how", ["crash", "stop"])
def test_a_pause_outlives_the_server_and_what_is_missed_meanwhile_is_of_the_pause(
    world: World, how: str
) -> None:
    world.pause("ask Ana")
    getattr(world, how)(down=timedelta(hours=2))
    assert world.state.pause == r.ServerPaused(at=utc("2030-01-01 09:30"), reason="ask Ana")
    assert entry(world.newest("hourly")) == ("skipped", f"{PAUSED}: ask Ana", 2)
    world.resume()
    assert len(world.started("hourly")) == 1


def test_what_waited_when_the_server_went_down_in_a_pause_starts_at_the_resume() -> None:
    world = World()
    world.script["twice"] = [FAILS, WORKS]
    world.create("twice", retries=1, retry_delay="PT1M", rerun_interrupted=True)
    world.script["cut off"] = [lasting(timedelta(hours=9)), WORKS]
    world.create("cut off", rerun_interrupted=True)
    world.pause()
    world.crash(down=timedelta(hours=1))
    assert world.states("twice") == ["waiting"]
    assert sorted(world.states("cut off")) == ["interrupted", "waiting"]
    world.resume()
    assert world.states("twice") == ["succeeded"]
    assert sorted(world.states("cut off")) == ["interrupted", "succeeded"]


def test_a_pause_is_in_the_snapshot(world: World) -> None:
    assert contents(rebuilt(world.state.snapshot())) == contents(world.state)
    assert len(list(world.state.snapshot())) == world.state.size
    world.resume()
    assert contents(rebuilt(world.state.snapshot())) == contents(world.state)
    assert len(list(world.state.snapshot())) == world.state.size


def test_a_pause_or_a_resume_that_cannot_be_kept_is_taken_back(world: World) -> None:
    began = world.state.pause
    for event in (inputs.PauseServer(reason="x"), inputs.ResumeServer()):
        decide(world.state, event, world.now, Limits())
        assert world.state.pause != began
        world.state.undo.roll_back()
        assert world.state.pause == began


def test_a_stuck_job_in_a_pause_is_its_own_trouble_and_no_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    timetable = timetable_of

    def broken(*_: object) -> None:
        raise ValueError("no such zone")

    monkeypatch.setattr("kala_server.core.decide.transaction.timetable_of", broken)
    world.advance("2030-01-01 10:30")
    assert id_of("hourly") in world.state.stuck
    monkeypatch.setattr("kala_server.core.decide.transaction.timetable_of", timetable)
    world.tell(inputs.LookAnew(job_ids=(id_of("hourly"),)))
    assert entry(world.newest("hourly")) == ("skipped", PAUSED, 1)
    assert not world.state.stuck
