"""Every slot is explained in a sentence that a colleague understands: of runs, and of what did not run."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kala_server.core.model import inputs
from kala_server.core.questions.explain import (
    MOST,
    Explanation,
    Window,
    explain,
    explaining_window,
    sentence,
    what_it_waits_for,
)
from kala_server.core.steps import to_the_end
from tests.unit.core.simulation import FOR_EVER, Command, World, id_of, lasting, utc

HOURLY = "R/2030-01-01T08:00:00Z/PT1H"
AT_EIGHT = utc("2030-01-01 08:00")


def told(world: World, name: str, at: str | datetime | None = None) -> list[tuple[str, str]]:
    """The state and the sentence of each slot at that time, or of the last and the next."""
    when = utc(at) if isinstance(at, str) else at
    found = explain(world.state, world.job(name), world.now, when)
    return [(one.state, one.sentence) for one in found]


def at(world: World, time: str, name: str = "job") -> str:
    """The only sentence about a time of the first day."""
    [(_, sentence)] = told(world, name, f"2030-01-01 {time}")
    return sentence


def hourly(*commands: Command, **spec: Any) -> World:
    world = World(script={"job": list(commands)} if commands else {})
    world.create("job", schedule=HOURLY, **spec)
    return world


# -- what ran


def test_a_run_that_worked_says_when_it_started_and_how_long_it_took() -> None:
    world = hourly(lasting(90.5))
    world.advance("2030-01-01 08:30")
    assert at(world, "08:00") == "succeeded (started 08:00, took 2 min)"


def test_a_run_that_failed_says_why_and_after_how_many_attempts() -> None:
    world = hourly(Command(succeeds=False, reason="exit code 3"), retries=2)
    world.advance("2030-01-01 08:30")
    assert at(world, "08:00") == "failed: exit code 3 (started 08:00, took 0 s, attempt 3)"


def test_a_failure_that_says_nothing_is_only_a_failure() -> None:
    world = hourly(Command(succeeds=False))
    world.advance("2030-01-01 08:30")
    assert at(world, "08:00") == "failed (started 08:00, took 0 s)"


def test_a_run_that_waited_for_the_one_before_says_how_late_it_was() -> None:
    world = hourly(lasting(timedelta(minutes=61)), lasting(5))
    world.advance("2030-01-01 09:30")
    assert at(world, "09:00") == "succeeded (started 09:01, 1 min late, took 5 s)"


def test_a_run_that_took_too_long_was_timed_out() -> None:
    world = hourly(FOR_EVER, timeout="PT5S")
    world.advance("2030-01-01 08:30")
    assert at(world, "08:00") == "timed out: took longer than its timeout (started 08:00, took 5 s)"


def test_a_cancelled_run_says_so_once() -> None:
    world = hourly(FOR_EVER)
    world.advance("2030-01-01 08:00:20")
    world.cancel(world.only_run("job"))
    assert at(world, "08:00") == "cancelled by request (started 08:00, took 20 s)"


def test_a_run_that_was_cancelled_while_it_waited_had_not_started() -> None:
    world = hourly(FOR_EVER)
    world.advance("2030-01-01 09:30")
    world.cancel(world.newest("job"))
    assert at(world, "09:00") == "cancelled by request (it had not started)"


def test_a_replaced_run_says_that_a_later_one_took_its_place() -> None:
    world = hourly(FOR_EVER, overlap="replace")
    world.advance("2030-01-01 09:30")
    assert at(world, "08:00") == "cancelled: replaced by a later run (started 08:00, took 60 min)"


def test_an_interrupted_run_says_that_nobody_knows_how_it_went() -> None:
    world = hourly(FOR_EVER)
    world.advance("2030-01-01 08:10")
    world.crash(down=timedelta(minutes=5))
    assert at(world, "08:00") == (
        "interrupted: the server stopped before the command ended; whether it did its work is not known "
        "(started 08:00, took 15 min)"
    )


def test_a_run_that_a_stop_ended_says_so() -> None:
    world = hourly(FOR_EVER)
    world.advance("2030-01-01 08:10")
    world.stop()
    assert at(world, "08:00") == "interrupted: the server was stopped (started 08:00, took 10 min)"


def test_a_repeated_run_is_told_beside_the_one_that_was_interrupted() -> None:
    world = hourly(FOR_EVER, lasting(3), rerun_interrupted=True)
    world.advance("2030-01-01 08:10")
    world.crash()
    world.advance("2030-01-01 08:20")
    (_, first), (_, second) = sorted(told(world, "job", AT_EIGHT), key=lambda one: one[0])
    assert first.startswith("interrupted: the server stopped")
    assert second == "caught up, succeeded (started 08:10, 10 min late, took 3 s)"


# -- what goes on


def test_a_running_run_says_since_when() -> None:
    world = hourly(FOR_EVER)
    world.advance("2030-01-01 08:45")
    assert at(world, "08:00") == "running since 08:00 (45 min)"


def test_a_running_run_says_which_attempt_it_is() -> None:
    world = hourly(lasting(5, succeeds=False), FOR_EVER, retries=1)
    world.advance("2030-01-01 08:00:30")
    assert at(world, "08:00") == "running since 08:00 (30 s, attempt 2)"


def test_a_run_that_is_being_ended_says_why() -> None:
    world = hourly(FOR_EVER)
    world.advance("2030-01-01 08:10")
    run = world.only_run("job")
    # In this world an attempt ends as soon as it is asked to: what is in between is only decided, not done.
    world.decide(inputs.CancelRun(run_id=run.id))
    assert at(world, "08:00") == "running since 08:00 (10 min), and is being ended: cancelled by request"


def test_a_run_that_waits_for_its_next_attempt_says_when_that_is_and_what_failed() -> None:
    world = hourly(Command(succeeds=False, reason="exit code 3"), retries=1, retry_delay="PT10M")
    world.advance("2030-01-01 08:05")
    assert at(world, "08:00") == "waits for its next attempt at 08:10: exit code 3"


def test_a_failure_without_a_reason_is_still_a_failure_when_it_waits_for_its_next_attempt() -> None:
    world = hourly(Command(succeeds=False), retries=1, retry_delay="PT10M")
    world.advance("2030-01-01 08:05")
    assert at(world, "08:00") == "waits for its next attempt at 08:10: it failed"


def test_a_run_that_waits_for_the_one_before_names_it() -> None:
    world = hourly(FOR_EVER)
    world.advance("2030-01-01 09:01")
    assert at(world, "09:00") == "waits: the 08:00 run is still running (started 08:00:00, 61 min)"


@pytest.mark.parametrize(("places", "sentence"), [(1, "1 command is"), (2, "2 commands are")])
def test_a_run_that_waits_for_a_free_place_says_so(places: int, sentence: str) -> None:
    world = World(max_running=places, script={"long": [FOR_EVER]})
    for number in range(places):
        world.script[f"long {number}"] = [FOR_EVER]
        world.create(f"long {number}")
    world.create("job", schedule=HOURLY)
    world.advance("2030-01-01 08:01")
    waits = f"waits for a free place: {sentence} running"
    assert at(world, "08:00") == waits
    assert what_it_waits_for(world.state, world.only_run("job"), world.now) == waits


def test_a_run_behind_one_that_waits_for_a_free_place_says_that_this_waits() -> None:
    world = World(max_running=0)
    world.create("job", schedule=HOURLY)
    world.advance("2030-01-01 09:01")
    assert at(world, "09:00") == "waits: the 08:00 run is still waiting"


# -- what led to it


def test_a_start_by_hand_is_told_by_the_minute_in_which_it_happened() -> None:
    world = hourly(lasting(3))
    world.advance("2030-01-01 07:10:20")
    world.start("job")
    world.advance("2030-01-01 07:20")
    assert at(world, "07:10") == "started by hand, succeeded (started 07:10:20, took 3 s)"
    assert at(world, "07:11") == "not due then: the nearest time is 08:00"


def test_a_start_by_hand_in_the_minute_of_a_slot_does_not_stand_for_it() -> None:
    world = hourly(lasting(3))
    world.advance("2030-01-01 08:00:20")
    world.start("job")
    world.advance("2030-01-01 08:20")
    assert [sentence for _, sentence in told(world, "job", AT_EIGHT)] == [
        "succeeded (started 08:00, took 3 s)",
        "started by hand, succeeded (started 08:00:20, took 3 s)",
    ]


def test_a_run_that_follows_others_names_them() -> None:
    world = World()
    world.create("load", schedule=HOURLY)
    world.advance(timedelta(seconds=1))
    world.create("count", schedule=HOURLY)
    world.create("one", parent_jobs=["load"])
    world.create("both", parent_jobs=["load", "count"], wait_for="all")
    world.advance("2030-01-01 08:30")
    assert at(world, "08:00", "one") == "after 'load', succeeded (started 08:00, took 0 s)"
    assert at(world, "08:00", "both") == "after 'load' and 'count', succeeded (started 08:00, took 0 s)"
    world.delete("count")
    assert at(world, "08:00", "both").startswith("after 'load', ")


def test_a_run_whose_parents_run_is_no_longer_kept_still_says_that_it_followed_one() -> None:
    world = World()
    world.create("load", schedule=HOURLY, keep_runs=1)
    world.create("one", parent_jobs=["load"])
    world.advance("2030-01-01 09:30")
    assert at(world, "08:00", "one") == "after its parents, succeeded (started 08:00, took 0 s)"


def test_a_run_because_of_a_failure_names_whose() -> None:
    world = hourly(Command(succeeds=False), keep_runs=1)
    world.create("alarm")
    world.advance("2030-01-01 07:00")
    world.change("job", schedule=HOURLY, on_failure_job="alarm", keep_runs=1)
    world.advance("2030-01-01 08:30")
    assert at(world, "08:00", "alarm") == "because 'job' failed, succeeded (started 08:00, took 0 s)"
    world.advance("2030-01-01 09:30")
    assert at(world, "08:00", "alarm") == "because another job failed, succeeded (started 08:00, took 0 s)"


def test_a_caught_up_run_says_so() -> None:
    world = hourly()
    world.advance("2030-01-01 07:30")
    world.crash(down=timedelta(minutes=45))
    assert at(world, "08:00") == "caught up, succeeded (started 08:15, 15 min late, took 0 s)"


# -- last and next


def test_without_a_time_the_last_the_present_and_the_next_are_told() -> None:
    world = hourly(lasting(5), lasting(timedelta(minutes=90)), lasting(5))
    world.advance("2030-01-01 10:15")
    assert told(world, "job") == [
        ("succeeded", "succeeded (started 08:00, took 5 s)"),
        ("running", "running since 09:00 (75 min)"),
        ("waiting", "waits: the 09:00 run is still running (started 09:00:00, 75 min)"),
        ("upcoming", "due in 45 min"),
    ]


def test_before_the_first_slot_only_the_next_is_told() -> None:
    world = hourly()
    assert told(world, "job") == [("upcoming", "due in 8 h")]


def test_after_the_last_slot_nothing_more_is_due() -> None:
    world = World()
    world.create("job", schedule="R0/2030-01-01T08:00:00Z/PT1H")
    world.advance("2030-01-01 09:00")
    assert told(world, "job") == [
        ("succeeded", "succeeded (started 08:00, took 0 s)"),
        ("none", "nothing more is due: its last time has passed"),
    ]


def test_one_answer_has_a_hundred_explanations_at_the_most() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T08:00:00Z/PT0.1S", keep_runs=1_000)
    world.advance("2030-01-01 08:00:12")
    assert len(told(world, "job", AT_EIGHT)) == MOST


def test_a_second_has_its_slots_and_no_others() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T08:00:00Z/PT0.1S")
    world.advance("2030-01-01 08:00:02")
    found = explain(world.state, world.job("job"), world.now, utc("2030-01-01 08:00:01"))
    assert [one.at for one in found] == [
        datetime(2030, 1, 1, 8, 0, 1, tenth * 100_000, UTC) for tenth in range(10)
    ]


def test_slots_of_which_the_same_is_to_be_said_are_told_together() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T08:00:00Z/PT1S", keep_runs=1)
    assert told(world, "job", AT_EIGHT) == [
        ("upcoming", "due in 8 h; so it is with all 60 times from 08:00 to 08:00:59")
    ]
    world.disable("job")
    world.advance("2030-01-01 08:30")
    disabled = "passed without a run: the job is disabled; so it is with all 60 times from 08:00 to 08:00:59"
    assert told(world, "job", AT_EIGHT) == [("disabled", disabled)]
    [one] = explain(world.state, world.job("job"), world.now, AT_EIGHT)
    assert (one.at, one.run) == (AT_EIGHT, None)


def test_an_explanation_comes_with_its_run() -> None:
    world = hourly()
    world.advance("2030-01-01 08:30")
    [one] = explain(world.state, world.job("job"), world.now, AT_EIGHT)
    assert one.run == world.only_run("job")
    assert (one.at, one.run.job_id) == (AT_EIGHT, id_of("job"))


# -- a whole time


def in_a_time(world: World, since: str, until: str, most: int) -> list[Explanation]:
    """What is said of a time, page by page."""
    found: list[Explanation] = []
    begin: datetime | None = utc(since)
    while begin is not None:
        window = Window(begin, utc(until), most)
        part = to_the_end(explaining_window(world.state, world.job("job"), world.now, window))
        assert len(part.slots) <= most or part.following is None
        found += part.slots
        begin = part.following
    return found


@pytest.mark.parametrize("schedule", [HOURLY, "0 * * * *"])
def test_a_time_is_explained_slot_by_slot_however_short_its_pages_are(schedule: str) -> None:
    world = World(script={"job": [lasting(60), Command(succeeds=False), lasting(60)]})
    world.advance("2030-01-01 07:30")
    world.create("job", schedule=schedule, catch_up="none")
    world.advance("2030-01-01 09:20")
    world.start("job")
    world.advance("2030-01-01 09:30")
    world.crash(down=timedelta(hours=3))
    world.advance("2030-01-01 13:30")
    whole = in_a_time(world, "2030-01-01 08:00", "2030-01-01 16:00", MOST)
    assert [f"{one.at:%H:%M} {one.state}" for one in whole] == [
        "08:00 succeeded",
        "09:00 failed",
        "09:20 succeeded",
        "10:00 skipped",
        "13:00 succeeded",
        "14:00 upcoming",
        "15:00 upcoming",
    ]
    for most in (1, 2, 3):
        assert in_a_time(world, "2030-01-01 08:00", "2030-01-01 16:00", most) == whole
    for one in whole:
        assert one in explain(world.state, world.job("job"), world.now, one.at)
        if one.run is not None:
            assert sentence(world.state, one.run, world.now) == one.sentence


def test_a_time_that_begins_with_a_job_of_a_cron_line_begins_after_its_creation() -> None:
    world = World()
    world.create("job", schedule="0 * * * *")
    world.advance("2030-01-01 01:30")
    told = in_a_time(world, "2030-01-01 00:00", "2030-01-01 03:00", MOST)
    assert [f"{one.at:%H:%M} {one.state}" for one in told] == ["01:00 succeeded", "02:00 upcoming"]
