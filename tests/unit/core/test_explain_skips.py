"""What did not run says why: skipped, disabled, not there at all, or no longer known."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from kala_server.core.questions.explain import explain
from tests.unit.core.simulation import FOR_EVER, WORKS, Command, World, lasting, times, utc
from tests.unit.core.test_explain import HOURLY, at, hourly, told

# -- skipped


def test_a_slot_that_was_skipped_for_a_run_says_which_and_for_how_long_it_had_run() -> None:
    world = hourly(lasting(timedelta(minutes=90)), overlap="skip")
    world.advance("2030-01-01 09:30")
    world.sleep(timedelta(seconds=1))
    said = at(world, "09:00")
    assert said == "skipped: the 08:00 run was still running (started 08:00:00, 60 min)"


def test_the_sentence_of_the_issue() -> None:
    world = World(script={"job": [lasting(timedelta(minutes=90))]})
    world.create("job", schedule="R/2030-01-01T08:00:00Z/PT61M", overlap="skip")
    world.advance("2030-01-01 10:00")
    assert at(world, "09:01") == "skipped: the 08:00 run was still running (started 08:00:00, 61 min)"


def test_a_slot_that_was_skipped_for_a_run_that_waited_says_that() -> None:
    world = World(max_running=0)
    world.create("job", schedule=HOURLY, overlap="skip")
    world.advance("2030-01-01 09:30")
    assert at(world, "09:00") == "skipped: the 08:00 run was still waiting"


def test_a_slot_that_was_skipped_because_one_waited_already_names_the_one_in_the_way() -> None:
    world = hourly(FOR_EVER)
    world.advance("2030-01-01 10:30")
    assert at(world, "10:00") == (
        "skipped: the 08:00 run was still running (started 08:00:00, 2 h), and another one was waiting already"
    )


def test_each_slot_of_one_entry_says_for_how_long_the_run_had_run_at_its_own_time() -> None:
    world = hourly(FOR_EVER, overlap="skip")
    world.advance("2030-01-01 11:30")
    assert [at(world, time) for time in ("09:00", "10:00", "11:00")] == [
        f"skipped: the 08:00 run was still running (started 08:00:00, {long}); "
        "so were all 3 times from 09:00 to 11:00"
        for long in ("60 min", "2 h", "3 h")
    ]
    assert told(world, "job")[1] == ("skipped", at(world, "11:00"))


def test_a_slot_that_was_noticed_late_says_for_how_long_the_run_had_run_then() -> None:
    world = hourly(FOR_EVER, overlap="skip")
    world.advance("2030-01-01 08:55")
    world.sleep(timedelta(minutes=15))
    assert at(world, "09:00") == "skipped: the 08:00 run was still running (started 08:15:00, 55 min)"


def test_the_slots_of_one_entry_that_are_asked_for_are_told_together_at_the_first_of_them() -> None:
    world = World(script={"job": [FOR_EVER]})
    world.create("job", schedule="R/2030-01-01T08:00:00Z/PT1S", overlap="skip")
    world.advance("2030-01-01 08:02")
    [one] = explain(world.state, world.job("job"), world.now, utc("2030-01-01 08:01"))
    assert one.at == utc("2030-01-01 08:01")
    assert one.sentence == (
        "skipped: the 08:00 run was still running (started 08:00:00, 1 min); "
        "so were all 120 times from 08:00:01 to 08:02"
    )


def test_a_skip_whose_cause_is_no_longer_kept_still_says_what_kind_it_was() -> None:
    world = hourly(Command(succeeds=False), keep_runs=1)
    world.create("child", parent_jobs=["job"])
    world.advance("2030-01-01 09:30")
    assert at(world, "08:00", "child") == "skipped: its parent did not succeed"
    assert at(world, "09:00", "child") == "skipped: its parent 'job' did not succeed (failed)"


def test_a_skip_of_an_earlier_schedule_is_still_told() -> None:
    world = hourly(catch_up="none")
    world.advance("2030-01-01 07:30")
    world.crash(down=timedelta(hours=3))
    world.change("job", schedule="R/2030-01-01T11:15:00Z/PT1H")
    down = "skipped: the server was down; so were all 3 times from 08:00 to 10:00"
    assert [at(world, time) for time in ("08:00", "10:00")] == [down] * 2


def test_several_slots_that_were_skipped_for_one_reason_are_each_explained() -> None:
    world = hourly(catch_up="none")
    world.advance("2030-01-01 07:30")
    world.crash(down=timedelta(hours=3))
    down = "skipped: the server was down; so were all 3 times from 08:00 to 10:00"
    assert [at(world, time) for time in ("08:00", "09:00", "10:00")] == [down] * 3
    assert at(world, "09:30") == "not due then: the nearest times are 09:00 and 10:00"
    assert told(world, "job") == [("skipped", down), ("upcoming", "due in 30 min")]


def test_slots_that_passed_while_the_job_was_disabled_say_so_before_and_after_it_is_enabled() -> None:
    world = hourly(catch_up="none")
    world.disable("job")
    world.advance("2030-01-01 09:30")
    assert told(world, "job", "2030-01-01 09:00") == [
        ("disabled", "passed without a run: the job is disabled")
    ]
    assert told(world, "job", "2030-01-01 10:00") == [
        ("disabled", "will pass without a run: the job is disabled")
    ]
    assert told(world, "job") == [("disabled", "will pass without a run: the job is disabled")]
    world.enable("job")
    assert at(world, "09:00") == "skipped: the job was disabled; so were all 2 times from 08:00 to 09:00"


def test_a_disabled_job_of_which_no_slot_is_left_says_so() -> None:
    world = World()
    world.create("job", schedule="R0/2030-01-01T09:00:00Z/PT1H", disabled=True)
    world.advance("2030-01-01 09:30")
    [told_last] = explain(world.state, world.job("job"), world.now)
    assert (told_last.state, told_last.at) == ("none", world.now)
    assert "while it was disabled" in told_last.sentence


def test_the_last_slot_is_told_though_the_run_before_it_ended_later() -> None:
    world = World()
    world.script["job"] = [lasting(2.5), WORKS]
    world.create("job", schedule="R2/2030-01-01T00:00:01Z/PT1S", overlap="skip")
    world.advance(timedelta(minutes=1))
    *_, last, following = explain(world.state, world.job("job"), world.now)
    assert (last.state, last.at) == ("skipped", utc("2030-01-01 00:00:03"))
    assert "all 2 times from 00:00:02 to 00:00:03" in last.sentence
    assert following.state == "none"


def test_a_slot_beyond_its_grace_says_so() -> None:
    world = hourly(misfire_grace="PT5M")
    world.advance("2030-01-01 07:30")
    world.crash(down=timedelta(minutes=45))
    assert at(world, "08:00") == "skipped: later than its misfire_grace"


def test_a_slot_that_was_noticed_too_late_says_so() -> None:
    world = hourly(catch_up="none")
    world.advance("2030-01-01 07:30")
    world.sleep(timedelta(minutes=45))
    assert at(world, "08:00") == "skipped: the server noticed it too late"


@pytest.mark.parametrize(
    ("failure", "how"),
    [
        (Command(succeeds=False, reason="exit code 3"), "failed: exit code 3"),
        (Command(succeeds=False), "failed"),
    ],
)
def test_a_child_that_was_skipped_says_which_parent_did_not_succeed_and_how(
    failure: Command, how: str
) -> None:
    world = hourly(failure)
    world.create("child", parent_jobs=["job"])
    world.advance("2030-01-01 08:30")
    assert at(world, "08:00", "child") == f"skipped: its parent 'job' did not succeed ({how})"


def test_a_child_of_a_cancelled_parent_says_so() -> None:
    world = hourly(FOR_EVER)
    world.create("child", parent_jobs=["job"])
    world.advance("2030-01-01 08:30")
    world.cancel(world.only_run("job"))
    [(_, sentence)] = told(world, "child", "2030-01-01 08:30")
    assert sentence == "skipped: its parent 'job' did not succeed (cancelled by request)"


def test_a_disabled_child_was_skipped_because_of_that() -> None:
    world = hourly()
    world.create("child", parent_jobs=["job"], disabled=True)
    world.advance("2030-01-01 08:30")
    assert at(world, "08:00", "child") == "skipped: the job was disabled"
    assert told(world, "child")[-1] == ("disabled", "does not run: the job is disabled")


def test_a_run_that_was_one_too_many_for_its_generation_says_whose_it_was() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T08:00:00Z/PT1M")
    world.create("other", schedule="R/2031-01-01T08:00:00Z/P1D")
    world.create("child", parent_jobs=["job", "other"], wait_for="all")
    world.advance("2030-01-01 09:50:30")
    assert at(world, "09:40", "child") == (
        "skipped: too many runs of 'job' were waiting for the other parents"
    )


def test_a_disabled_job_that_a_failure_would_have_called_says_so() -> None:
    world = hourly(Command(succeeds=False))
    world.create("alarm", schedule="R/2031-01-01T08:00:00Z/P1D", disabled=True)
    world.change("job", schedule=HOURLY, on_failure_job="alarm")
    world.advance("2030-01-01 08:30")
    assert at(world, "08:00", "alarm") == "skipped: the job was disabled"


# -- waiting for parents


def test_a_child_of_any_parent_says_after_whom_it_runs() -> None:
    world = hourly()
    world.create("other", schedule=HOURLY)
    world.create("child", parent_jobs=["job"])
    world.create("any", parent_jobs=["job", "other"])
    assert told(world, "child") == [("upcoming", "runs when 'job' has succeeded")]
    assert told(world, "any") == [("upcoming", "runs when 'job' or 'other' has succeeded")]
    assert at(world, "08:00", "any") == "not due then: runs when 'job' or 'other' has succeeded"


def test_a_child_of_all_parents_says_whom_it_waits_for_and_who_is_there() -> None:
    world = World(script={"b": [FOR_EVER]})
    for name in "abc":
        world.create(name, schedule=HOURLY)
    world.create("child", parent_jobs=["a", "b", "c"], wait_for="all")
    assert told(world, "child") == [("upcoming", "waits for a run of 'a' and of 'b' and of 'c'")]
    world.disable("c")
    world.advance("2030-01-01 08:30")
    assert told(world, "child") == [
        ("upcoming", "waits for a run of 'b' and of 'c'; 'a' is there since 08:00")
    ]


def test_a_parents_run_that_is_no_longer_kept_is_there_all_the_same() -> None:
    world = hourly(keep_runs=1)
    world.create("other", schedule="R/2031-01-01T08:00:00Z/P1D")
    world.create("child", parent_jobs=["job", "other"], wait_for="all")
    world.advance("2030-01-01 09:30")
    assert told(world, "child") == [("upcoming", "waits for a run of 'other'; 'job' is there")]


# -- what is no slot


def test_a_time_that_is_none_names_the_nearest_ones() -> None:
    world = hourly()
    assert at(world, "08:17") == "not due then: the nearest times are 08:00 and 09:00"
    assert told(world, "job", "2030-01-02 03:04") == [
        ("none", "not due then: the nearest times are 2030-01-02 03:00 and 2030-01-02 04:00")
    ]


def test_a_time_with_seconds_means_that_second() -> None:
    world = hourly()
    world.advance("2030-01-01 08:30")
    assert at(world, "08:00:30") == "not due then: the nearest times are 08:00 and 09:00"
    assert told(world, "job", utc("2030-01-01 08:00") + timedelta(microseconds=1))[0][0] == "none"


def test_before_the_job_was_there_nothing_was_due() -> None:
    world = World(now=utc("2030-01-01 09:30:10"))
    world.create("job", schedule="0 * * * *")
    only = "not due then: the job was created only at 09:30:10"
    assert [at(world, time) for time in ("03:00", "09:00", "09:15", "09:30")] == [only] * 4
    assert at(world, "09:31") == "not due then: the nearest time is 10:00"


def test_a_one_off_job_has_one_time() -> None:
    world = World()
    world.create("job")
    world.advance("2030-01-01 01:00")
    assert at(world, "00:00") == "succeeded (started 00:00, took 0 s)"
    assert at(world, "00:30") == "not due then: the nearest time is 00:00"


def test_a_slot_that_is_no_longer_kept_is_not_known() -> None:
    world = hourly(keep_runs=2)
    world.advance("2030-01-01 12:30")
    known = "no longer known: the ledger does not go back that far (it keeps 2 runs of this job)"
    assert told(world, "job", "2030-01-01 08:00") == [("unknown", known)]


def test_a_slot_that_is_just_due_is_due_now() -> None:
    world = hourly()
    world.now = utc("2030-01-01 08:00")
    assert told(world, "job", "2030-01-01 08:00") == [("upcoming", "due now")]


# -- on whose clock


def test_times_are_told_on_the_clock_of_the_jobs_zone() -> None:
    world = World(script={"job": [lasting(timedelta(minutes=90))]})
    world.create("job", schedule="0 * * * *", timezone="Europe/Berlin", overlap="skip")
    world.advance("2030-01-01 02:15")
    assert at(world, "02:00") == "skipped: the 02:00 run was still running (started 02:00:00, 60 min)"


def test_times_are_told_on_the_clock_of_whoever_asks() -> None:
    world = hourly()
    world.advance("2030-01-01 09:30")
    last, _ = explain(world.state, world.job("job"), world.now, zone=ZoneInfo("Asia/Tokyo"))
    assert last.sentence.startswith("succeeded (started 18:00")


def test_times_are_told_on_the_clock_of_the_offset_in_start() -> None:
    world = World()
    world.create("job", schedule="R/2030-01-01T08:00:00+05:30/PT1H")
    world.advance("2030-01-01 04:00")
    assert at(world, "02:30") == "succeeded (started 08:00, took 0 s)"


def test_what_is_not_of_today_is_told_with_its_date() -> None:
    world = World(script={"job": [FOR_EVER]})
    world.create("job", schedule="R/2030-01-01T23:30:00Z/PT1H", overlap="skip")
    world.advance("2030-01-02 00:45")
    [(_, sentence)] = told(world, "job", "2030-01-02 00:30")
    assert sentence == "skipped: the 2030-01-01 23:30 run was still running (started 23:30:00, 60 min)"
    assert [run.scheduled_at for run in world.runs("job")] == times("2030-01-01 23:30", "2030-01-02 00:30")
