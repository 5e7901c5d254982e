"""One suite over both clients, against a real server: runs, their output, explanations and previews."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from kala_client import (
    ConflictError,
    InvalidRequestError,
    JobNotFoundError,
    KalaClient,
    KalaTimeoutError,
    RunNotFoundError,
    Schedule,
)
from tests.eventually import PATIENCE, eventually

NO_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
LATER = "R/2035-06-04T19:25:16Z/P1D"


def later(kala: KalaClient, command: str = "true", **fields: Any) -> str:
    """Create a job that is not due for years."""
    return kala.create_job(**{"name": "later", "command": command, "schedule": LATER, **fields})


def until(file: Path) -> str:
    return f"until [ -e {file} ]; do sleep 0.02; done"


# -- runs


def test_run_job_returns_the_run_and_wait_how_it_ended(kala: KalaClient) -> None:
    run = kala.run_job(later(kala, "echo hello; exit 3", shell=True))
    assert run.trigger == "manual"
    ended = kala.wait(run)
    assert not ended.model_extra
    assert ended.queued_at is not None
    assert (ended.id, ended.state, ended.exit_code, ended.succeeded) == (run.id, "failed", 3, False)
    assert ended == kala.get_run(run) == kala.get_run(run.id)
    assert ended.duration is not None
    assert (ended.reason, ended.attempts, ended.output_size, ended.output_cut) == ("exit code 3", 1, 6, False)


def test_wait_gives_up_at_its_deadline_and_the_run_goes_on(kala: KalaClient, tmp_path: Path) -> None:
    run = kala.run_job(later(kala, until(tmp_path / "end"), shell=True))
    eventually(lambda: kala.get_run(run).state == "running")
    with pytest.raises(KalaTimeoutError, match=f"the run {run.id} is still running after 0.5 s"):
        kala.wait(run, timeout=0.5)
    assert kala.get_run(run).state == "running"
    (tmp_path / "end").touch()
    assert kala.wait(run, timeout=PATIENCE).succeeded


def test_runs_pages_by_itself_newest_first(kala: KalaClient) -> None:
    job_id = later(kala, keep_runs=500, overlap="allow")
    started = [kala.start_job(job_id) for _ in range(205)]
    for run_id in started[-3:]:
        assert run_id is not None
        kala.wait(run_id)
    assert [run.id for run in kala.runs(job_id)] == started[::-1]
    assert [run.id for run in kala.runs(job_id, limit=101)] == started[:103:-1]
    assert [run.id for run in islice(kala.runs(job_id), 2)] == started[:-3:-1]
    eventually(lambda: not list(kala.runs(job_id, state="running")))
    assert len(list(kala.runs(job_id, state="succeeded"))) == 205
    assert list(kala.runs(job_id, state="failed")) == []


def test_a_state_that_there_is_not_is_refused(kala: KalaClient) -> None:
    with pytest.raises(InvalidRequestError, match="state: one of waiting, running"):
        list(kala.runs(later(kala), state="over"))  # type: ignore[arg-type]


def test_what_is_not_there_is_not_found(kala: KalaClient) -> None:
    for ask in (kala.get_run, kala.wait, kala.output, kala.cancel):
        with pytest.raises(RunNotFoundError, match=NO_ID):
            ask(NO_ID)
    with pytest.raises(RunNotFoundError, match=NO_ID):
        list(kala.follow(NO_ID))
    with pytest.raises(JobNotFoundError, match=NO_ID):
        list(kala.runs(NO_ID))
    for ask_of_job in (kala.explain, kala.run_job):
        with pytest.raises(JobNotFoundError, match=NO_ID):
            ask_of_job(NO_ID)


def test_cancel_ends_a_running_and_a_waiting_run_but_none_that_is_over(kala: KalaClient) -> None:
    job_id = later(kala, "sleep 100")
    running, waiting = kala.run_job(job_id), kala.run_job(job_id)
    assert (waiting.state, waiting.cause) == ("waiting", running.id)
    assert (waiting.reason or "").startswith("waits: the ")
    kala.cancel(waiting)
    assert kala.get_run(waiting).state == "cancelled"
    kala.cancel(running.id)
    ended = kala.wait(running, timeout=PATIENCE)
    assert (ended.state, ended.reason) == ("cancelled", "cancelled by request")
    for run in (running, waiting):
        with pytest.raises(ConflictError, match="only a waiting or running one can be cancelled"):
            kala.cancel(run)


def test_a_disabled_job_cannot_be_run(kala: KalaClient) -> None:
    with pytest.raises(ConflictError, match="enable it"):
        kala.run_job(later(kala, disabled=True))


# -- output


def test_output_is_all_that_was_printed(kala: KalaClient) -> None:
    run = kala.wait(kala.run_job(later(kala, "echo out; echo err 1>&2; printf '\\377'", shell=True)))
    assert kala.output(run) == "out\nerr\n\ufffd"
    silent = kala.wait(kala.run_job(later(kala)))
    assert kala.output(silent) == ""
    assert list(kala.follow(silent)) == []


def test_follow_yields_each_line_as_it_comes_and_ends_with_the_run(kala: KalaClient, tmp_path: Path) -> None:
    run = kala.run_job(later(kala, f"for n in 1 2 3; do echo $n; {until(tmp_path / '$n')}; done", shell=True))
    heard = []
    for line in kala.follow(run):
        heard.append(line)
        assert kala.get_run(run).state == "running"
        (tmp_path / line).touch()
    assert heard == ["1", "2", "3"]
    assert kala.wait(run).succeeded


def test_follow_can_be_left_at_any_line(kala: KalaClient) -> None:
    run = kala.run_job(later(kala, "yes"))
    assert list(islice(kala.follow(run), 3)) == ["y"] * 3
    kala.cancel(run)
    assert kala.wait(run, timeout=PATIENCE).state == "cancelled"


# -- explain


def test_explain_tells_the_last_and_the_next_slot(kala: KalaClient) -> None:
    job_id = later(kala)
    [following] = kala.explain(job_id)
    assert (following.at, following.state) == (datetime(2035, 6, 4, 19, 25, 16, tzinfo=UTC), "upcoming")
    assert following.sentence.startswith("due in ")
    run = kala.wait(kala.run_job(job_id))
    last, again = kala.explain(job_id)
    assert (last.state, last.run_id) == ("succeeded", run.id)
    assert not last.model_extra
    assert last.sentence.startswith("started by hand, succeeded (started ")
    assert again.at == following.at


def test_explain_tells_of_a_slot_in_any_zone_and_of_what_is_none(kala: KalaClient) -> None:
    start = (datetime.now(UTC) + timedelta(seconds=0.5)).replace(microsecond=0) + timedelta(seconds=1)
    job_id = kala.create_job(name="soon", command="true", schedule=Schedule.once(start))
    eventually(lambda: [run for run in kala.runs(job_id) if run.finished])
    for at in (start, start.astimezone(), start.astimezone(tz=None)):
        [slot] = kala.explain(job_id, at=at)
        assert (slot.at, slot.state) == (start, "succeeded")
    [none] = kala.explain(job_id, at=start + timedelta(hours=1))
    assert none.state == "none"
    assert none.sentence.startswith("not due then: the nearest time is ")


# -- preview


@pytest.mark.parametrize(
    ("first", "offsets"),
    [("2035-03-22", (1, 1, 2, 2)), ("2035-10-25", (2, 2, 1, 1))],
)
def test_preview_is_right_across_both_changes_of_the_clock(
    kala: KalaClient, first: str, offsets: tuple[int, ...]
) -> None:
    start = datetime.fromisoformat(f"{first}T09:00:00+00:00")
    days = (0, 1, 4, 5)  # Thursday and Friday before, Monday and Tuesday after the change
    expected = [start + timedelta(days=day, hours=-offset) for day, offset in zip(days, offsets, strict=True)]
    due = kala.preview("0 9 * 3,10 MON-FRI", timezone="Europe/Berlin", count=1000)
    assert [when for when in due if expected[0] <= when <= expected[-1]] == expected
    assert all(when.utcoffset() == timedelta(0) for when in due)


def test_preview_takes_a_schedule_as_text_or_as_a_value(kala: KalaClient) -> None:
    start = datetime(2035, 6, 4, 19, 25, 16, tzinfo=UTC)
    daily = [start + timedelta(days=day) for day in range(5)]
    assert kala.preview(LATER) == daily
    assert kala.preview(Schedule.parse(LATER), count=2) == daily[:2]
    assert kala.preview(LATER.replace("Z", "+02:00"), count=1) == [start - timedelta(hours=2)]
    assert kala.preview("R1/2015-06-04T19:25:16Z/P1D") == []


def test_preview_of_what_is_no_schedule_says_why(kala: KalaClient) -> None:
    with pytest.raises(InvalidRequestError, match=r"schedule: .*cron line"):
        kala.preview("61 * * * *")
    with pytest.raises(InvalidRequestError, match="timezone: there is no time zone 'Mars/Olympus'"):
        kala.preview(LATER, timezone="Mars/Olympus")
    with pytest.raises(InvalidRequestError) as raised:
        kala.preview(LATER, count=0)
    assert [error.field for error in raised.value.errors] == ["count"]
