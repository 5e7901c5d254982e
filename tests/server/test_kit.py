"""`Kit`: the whole real server on a clock that moves only when it is told to."""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from zoneinfo import ZoneInfo

import httpx
import pytest

from kala_client import Job, KalaClient, KalaConnectionError, Run
from kala_server.testing import Kit, KitError

START = datetime(2035, 3, 24, tzinfo=UTC)
HOUR = timedelta(hours=1)

_STATES_OF_THE_STORY = {"cancelled", "failed", "interrupted", "running", "skipped", "succeeded", "timed_out"}
_THE_STORY = "92039c3637f115842be5d260bcc8e6da2a1ed8c16fea1bacedd0c11d7e77f691"


def starts(runs: list[Run]) -> list[datetime]:
    return [run.started_at for run in runs if run.started_at]


def test_each_slot_of_a_day_runs_at_its_time() -> None:
    with Kit(START) as kit:
        kit.client.create_job(name="tick", command="tick", schedule="*/30 * * * *")
        kit.advance("P1D")
        runs = kit.runs_of("tick")
    assert [run.scheduled_at for run in runs] == [START + number * HOUR / 2 for number in range(1, 49)]
    assert {run.state for run in runs} == {"succeeded"}
    assert all(run.scheduled_at == run.queued_at == run.started_at == run.finished_at for run in runs)


def test_time_stands_still_until_it_is_told_to_go_on() -> None:
    with Kit(START) as kit:
        kit.client.create_job(name="tick", command="tick", schedule="* * * * *")
        assert kit.now == START
        assert kit.runs_of("tick") == []
        kit.advance(timedelta(seconds=59, microseconds=999_999))
        assert kit.runs_of("tick") == []
        kit.advance(timedelta(microseconds=1))
        assert len(kit.runs_of("tick")) == 1
        assert kit.now == START + timedelta(minutes=1)


def test_a_month_is_that_of_the_calendar() -> None:
    with Kit("2035-01-31T12:00+02:00") as kit:
        kit.advance("P1M")
        assert kit.now == datetime(2035, 2, 28, 10, tzinfo=UTC)


def test_what_is_due_at_once_is_done_at_once() -> None:
    with Kit(START) as kit:
        job_id = kit.client.create_job(name="now", command="now")
        run = kit.client.run_job(kit.client.create_job(name="never", command="x", schedule="never"))
        kit.advance(timedelta(0))
        assert [run.state for run in kit.runs_of(job_id)] == ["succeeded"]
        assert kit.client.get_run(run).finished_at == START


@pytest.mark.parametrize("start", ["2035-03-23T23:00Z", "2035-10-26T22:00Z"])
def test_slots_keep_their_place_on_the_clock_where_clocks_are_changed(start: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    with Kit(start) as kit:
        kit.client.create_job(name="early", command="x", schedule="0 6 * * *", timezone=berlin.key)
        kit.client.create_job(name="hourly", command="x", schedule="0 * * * *", timezone=berlin.key)
        kit.advance("P3D")
        early, hourly = kit.runs_of("early"), kit.runs_of("hourly")
    assert [at.astimezone(berlin).hour for at in starts(early)] == [6, 6, 6]
    assert (
        len({later - before for before, later in pairwise(starts(early))}) == 2
    )  # a day has 23 hours, or 25
    assert {later - before for before, later in pairwise(starts(hourly))} == {HOUR}
    assert len(hourly) == 72


def test_a_command_takes_as_long_ends_as_and_prints_what_is_told_of_it() -> None:
    with Kit(START) as kit:
        kit.client.create_job(name="dump", command="pg_dump app", schedule="0 3 * * *")
        kit.command("dump").takes("PT70M").then(exit_code=3, output="boom\n").takes("PT1M").then_ok("fine")
        kit.command("dump").then(exit_code=-9)
        kit.advance("P4D")
        failed, fine, killed, again = kit.runs_of("dump")
        assert (failed.state, failed.exit_code, failed.duration) == ("failed", 3, timedelta(minutes=70))
        assert (fine.state, fine.exit_code, fine.duration) == ("succeeded", 0, timedelta(minutes=1))
        assert (killed.state, killed.signal, again.signal) == ("failed", 9, 9)
        assert [kit.client.output(run) for run in (failed, fine, killed)] == ["boom\n", "fine", ""]
        assert httpx.get(f"{kit.url}/api/v1/run/{failed.id}/output/").text == "boom\n"


def test_a_script_may_be_written_before_there_is_the_job_and_between_its_runs() -> None:
    with Kit(START) as kit:
        kit.command("now").then(exit_code=1)
        kit.client.create_job(name="now", command="x", schedule="0 * * * *")
        kit.advance("PT2H")
        kit.command("now").then_ok()
        kit.advance("PT2H")
        assert [run.state for run in kit.runs_of("now")] == ["failed", "failed", "succeeded", "succeeded"]


def test_retries_come_after_their_delay() -> None:
    with Kit(START) as kit:
        kit.client.create_job(
            name="flaky", command="x", schedule="0 6 * * *", retries=2, retry_delay="PT20M", epsilon="PT2H"
        )
        kit.command("flaky").takes("PT10M").then(exit_code=1).then(exit_code=1).then_ok()
        kit.advance("P1D")
        [run] = kit.runs_of("flaky")
    assert (run.state, run.attempts) == ("succeeded", 3)
    assert run.finished_at == START + timedelta(hours=6, minutes=10 + 20 + 10 + 20 + 10)


def test_a_command_that_takes_too_long_is_ended_at_its_timeout() -> None:
    with Kit(START) as kit:
        kit.client.create_job(name="slow", command="x", schedule="0 6 * * *", timeout="PT45M")
        kit.command("slow").takes("P1Y")
        kit.advance("P1D")
        [run] = kit.runs_of("slow")
    assert (run.state, run.duration, run.signal) == ("timed_out", timedelta(minutes=45), 15)


def test_a_command_that_ends_just_when_it_would_be_too_late_has_ended() -> None:
    with Kit(START) as kit:
        kit.client.create_job(name="just", command="x", schedule="0 * * * *", timeout="PT1H", overlap="skip")
        kit.command("just").takes("PT1H")
        kit.advance("P1D")
        assert Counter(run.state for run in kit.runs_of("just")) == {"succeeded": 23, "running": 1}


def test_overlap_is_as_the_job_says() -> None:
    with Kit(START) as kit:
        for overlap in ("queue", "skip", "allow", "replace"):
            kit.client.create_job(Job(name=overlap, command="x", schedule="0 * * * *", overlap=overlap))
            kit.command(overlap).takes("PT90M")
        kit.advance("PT6H")
        states = {name: [run.state for run in kit.runs_of(name)] for name in ("skip", "allow", "replace")}
        queued = kit.runs_of("queue")
    assert states["skip"] == ["succeeded", "skipped", "succeeded", "skipped", "running", "skipped"]
    assert states["allow"] == ["succeeded"] * 4 + ["running"] * 2
    assert states["replace"] == ["cancelled"] * 5 + ["running"]
    assert queued[1].started_at == queued[0].finished_at == START + timedelta(hours=2, minutes=30)


def test_no_more_run_at_a_time_than_there_may() -> None:
    with Kit(START, max_running=2) as kit:
        kit.client.create_jobs(
            Job(name=f"{number}", command="x", schedule="0 6 * * *") for number in range(4)
        )
        for number in range(4):
            kit.command(f"{number}").takes("PT1H")
        kit.advance("P1D")
        ends = sorted(str(kit.runs_of(f"{number}")[0].finished_at) for number in range(4))
    assert ends == [str(START + hours * HOUR) for hours in (7, 7, 8, 8)]


def test_a_crash_interrupts_what_runs_and_the_ledger_says_what_was_missed() -> None:
    with Kit(START) as kit:
        kit.client.create_job(name="dump", command="x", schedule="0 * * * *")
        kit.command("dump").takes("PT30M")
        kit.advance("PT2H10M")
        kit.crash(down="PT3H")
        assert kit.now == START + timedelta(hours=5, minutes=10)
        kit.advance("PT1H20M")
        runs = kit.runs_of("dump")
    assert [(run.state, run.trigger, run.scheduled_at) for run in runs] == [
        ("succeeded", "schedule", START + 1 * HOUR),
        ("interrupted", "schedule", START + 2 * HOUR),
        ("skipped", "schedule", START + 3 * HOUR),
        ("succeeded", "catch_up", START + 5 * HOUR),
        ("succeeded", "schedule", START + 6 * HOUR),
    ]
    assert (runs[2].count, runs[2].reason) == (2, "the server was down")
    assert runs[3].started_at == START + timedelta(hours=5, minutes=10)


def test_nothing_that_was_answered_is_lost_by_a_crash() -> None:
    with Kit(START) as kit:
        for number in range(5):
            job_id = kit.client.create_job(name=f"{number}", command="x", schedule="0 * * * *")
            kit.crash()
            assert list(kit.client.get_all_jobs())[-1] == job_id
        kit.client.pause("for now")
        kit.crash()
        assert kit.client.get_pause().reason == "for now"


def test_a_server_after_a_crash_answers_at_the_same_address() -> None:
    with Kit(START) as kit, KalaClient(kit.url) as other:
        before = kit.url
        other.create_job(name="here", command="x", schedule="never")
        kit.crash(down=HOUR)
        assert kit.url == before
        assert [job.name for job in other.get_all_jobs().values()] == ["here"]
    with KalaClient(before) as late, pytest.raises(KalaConnectionError):
        late.get_all_jobs()


def test_a_crash_without_a_journal_is_refused_in_words() -> None:
    with (
        Kit(START, journal=False) as kit,
        pytest.raises(KitError, match=r"needs a journal.*Kit\(journal=True\)"),
    ):
        kit.crash()


def test_a_call_is_told_of_like_a_command_and_reaches_nobody() -> None:
    with Kit(START) as kit:
        kit.client.create_job(
            name="hook", type=1, remote_properties={"url": "http://127.0.0.1:9/"}, schedule="0 * * * *"
        )
        kit.command("hook").then_ok("answered")
        kit.advance("PT1H")
        [run] = kit.runs_of("hook")
        assert (run.state, kit.client.output(run)) == ("succeeded", "answered")


def test_a_pause_and_the_days_that_are_kept_are_of_virtual_time() -> None:
    with Kit(START, keep_days=2) as kit:
        kit.client.create_job(name="daily", command="x", schedule="0 6 * * *")
        kit.advance("P2D")
        kit.client.pause()
        kit.advance("P1D")
        kit.client.resume()
        kit.advance("P1D")
        assert [run.state for run in kit.runs_of("daily")] == ["skipped", "succeeded"]


def test_the_settings_are_those_of_a_server() -> None:
    with Kit(START, token="s3cret-s3cret-s3cret", default_owner="ops@example.com") as kit:
        job_id = kit.client.create_job(name="x", command="x", schedule="never")
        assert kit.client.get_job(job_id).owner == "ops@example.com"
    with pytest.raises(TypeError, match="no_such_setting"):
        Kit(no_such_setting=1)


def test_real_commands_run_and_the_clock_waits_for_them() -> None:
    with Kit(START, real_commands=True) as kit:
        said = "bash -c 'echo $KALA_SCHEDULED_AT; sleep 0.01'"
        kit.client.create_job(name="says", command=said, schedule="0 */6 * * *")
        kit.advance("P1D")
        runs = kit.runs_of("says")
        assert [run.scheduled_at for run in runs] == [START + hours * HOUR for hours in (6, 12, 18, 24)]
        for run in runs:
            assert (run.state, run.duration) == ("succeeded", timedelta(0))
            assert datetime.fromisoformat(kit.client.output(run).strip()) == run.scheduled_at


def test_a_real_command_that_does_not_end_is_named() -> None:
    with Kit(START, real_commands=True, patience=0.1) as kit:
        kit.client.create_job(name="endless", command="sleep 1000", schedule="0 6 * * *")
        with pytest.raises(
            KitError, match=r"'endless' is still running after 0\.1 s; the clock stands still"
        ):
            kit.advance("P1D")
        assert kit.now == START + timedelta(hours=6)


def test_of_a_real_command_nothing_can_be_told() -> None:
    with Kit(START, real_commands=True) as kit, pytest.raises(KitError, match="it does what it does"):
        kit.command("dump")


def test_a_name_that_is_no_jobs_is_an_error_that_knows_which_is_meant() -> None:
    with Kit(START) as kit:
        with pytest.raises(KitError, match="there is no job 'dump'; there are none"):
            kit.runs_of("dump")
        kit.client.create_job(name="dump", command="x", schedule="never")
        with pytest.raises(KitError, match=r"there is no job 'dmup'; did you mean 'dump'\?"):
            kit.runs_of("dmup")
        kit.command("dmup").then(exit_code=1)
        with pytest.raises(KitError, match=r"command\('dmup'\) tells of no job: .*did you mean 'dump'"):
            kit.advance("P1D")


def test_a_name_that_is_of_several_jobs_is_an_error_with_their_ids() -> None:
    with Kit(START) as kit:
        ids = [kit.client.create_job(name="twin", command="x", schedule="never") for _ in range(2)]
        with pytest.raises(KitError, match=f"2 jobs are named 'twin'.*{ids[0]}, {ids[1]}"):
            kit.runs_of("twin")
        assert kit.runs_of(ids[0]) == []


def test_a_time_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="no offset from UTC; with one it is 2035-03-24T00:00:00Z"):
        Kit("2035-03-24")
    with Kit(START) as kit:
        with pytest.raises(ValueError, match="ISO 8601"):
            kit.advance("a day")
        with pytest.raises(ValueError, match="negative"):
            kit.advance(-HOUR)
        assert kit.now == START


def test_to_advance_over_nothing_leaves_nothing() -> None:
    with Kit(START) as kit:
        kit.client.create_job(name="later", command="x", schedule="0 6 1 1 *")
        before = kit.client.get_kala_stats()
        kit.advance("P9M")
        assert kit.client.get_kala_stats().model_dump(exclude={"created_at"}) == before.model_dump(
            exclude={"created_at"}
        )
        assert kit.now == datetime(2035, 12, 24, tzinfo=UTC)


def test_the_same_story_has_the_same_ledger_in_every_process() -> None:
    program = [sys.executable, "-m", "tests.server.kit_story"]
    told = [
        subprocess.run(
            program, env={**os.environ, "PYTHONHASHSEED": seed}, stdout=subprocess.PIPE, check=True
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert {entry["state"] for entry in json.loads(told[0])} == _STATES_OF_THE_STORY
    # With each version of Python: whoever changes what follows from the story writes down the new one.
    assert sha256(told[0]).hexdigest() == _THE_STORY


def test_another_seed_gives_other_ids() -> None:
    ids = []
    for seed in (1, 2, 1):
        with Kit(START, seed=seed) as kit:
            ids.append(kit.client.create_job(name="x", command="x", schedule="never"))
    assert ids[0] == ids[2] != ids[1]
