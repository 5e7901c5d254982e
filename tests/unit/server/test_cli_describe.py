"""Jobs, runs and figures in words."""

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console, RenderableType

from kala_client import Job, KalaStats, RemoteProperties, Run, SlotExplanation
from kala_server.cli.text import describe
from kala_server.cli.text.reader import named_clock
from kala_server.cli.text.show import moment

AN_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
ANOTHER = "5d5be920-c716-4c99-60e1-055cad95b40f"
PLAIN = named_clock("UTC", plain=True)
AT = datetime(2035, 6, 4, 9, 0, tzinfo=UTC)


def job(**fields: Any) -> Job:
    """Read a job as a server sends it."""
    return Job.model_validate(
        {"name": "hello", "command": "echo hello", "id": AN_ID, **fields}, extra="allow"
    )


def run(**fields: Any) -> Run:
    return Run.model_validate({"id": ANOTHER, "job_id": AN_ID, "state": "succeeded", **fields})


def lines(renderable: RenderableType) -> list[list[str]]:
    console = Console(file=StringIO(), width=200, markup=False, highlight=False)
    with console.capture() as captured:
        console.print(renderable)
    return [line.split() for line in captured.get().splitlines()]


@pytest.mark.parametrize(
    ("fields", "state"),
    [({}, "active"), ({"is_done": True}, "done"), ({"is_done": True, "disabled": True}, "disabled")],
)
def test_the_state_says_whether_a_job_will_run_again(fields: dict[str, Any], state: str) -> None:
    assert describe.job_state(job(**fields)) == state


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"schedule": "R/2035-06-04T09:00:00Z/P1D"}, "R/…/P1D"),
        ({"schedule": "R5/2035-06-04T09:00:00Z/PT10S"}, "R5/…/PT10S"),
        ({"schedule": "R0/2035-06-04T09:00:00Z/PT1S"}, "once"),
        ({"schedule": "0 9 * * 1-5"}, "0 9 * * 1-5"),
        ({"schedule": "*/5 * * * *"}, "*/5 * * * *"),
        ({"schedule": "*/5 */2 * * *"}, "*/5 */2 * * *"),
        ({"parent_jobs": [AN_ID]}, "after 93b65499"),
        ({"parent_jobs": [AN_ID, ANOTHER, AN_ID]}, "after 93b65499 +2"),
        ({}, "once"),
    ],
)
def test_a_schedule_is_told_in_short(fields: dict[str, Any], words: str) -> None:
    assert describe.schedule_in_short(job(**fields)) == words


def test_facts_tell_what_is_not_as_it_is_without_saying() -> None:
    shown = lines(
        describe.job_facts(
            job(
                schedule="R/2035-06-04T09:00:00Z/P1D",
                next_run_at=AT,
                timezone="Europe/Berlin",
                env={"A": "a-secret", "B": "b"},
                keep_runs=5,
                overlap="queue",
                tags=["x", "y"],
            ),
            PLAIN,
        )
    )
    assert ["schedule", "R/2035-06-04T09:00:00Z/P1D"] in shown
    assert ["timezone", "Europe/Berlin"] in shown
    assert ["tags", "x,", "y"] in shown
    assert ["keep", "runs", "5"] in shown
    assert ["env", "A,", "B"] in shown  # their values may be secrets
    assert not [line for line in shown if line[0] in {"overlap", "retries", "catch", "metadata", "calls"}]


def test_facts_of_an_http_job_tell_what_it_calls() -> None:
    call = RemoteProperties(url="http://127.0.0.1:9/hook", method="POST")
    shown = lines(describe.job_facts(job(command="", type=1, remote_properties=call), PLAIN))
    assert ["calls", "POST", "http://127.0.0.1:9/hook"] in shown


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"duration": 1.5}, "1.5 s"),
        ({"duration": 1.5, "state": "failed", "exit_code": 3}, "1.5 s, exit code 3"),
        (
            {"duration": 0.25, "state": "failed", "exit_code": 3, "reason": "exit code 3"},
            "250 ms, exit code 3",
        ),
        ({"state": "skipped", "reason": "the job was disabled"}, "the job was disabled"),
        ({"state": "running"}, "–"),
    ],
)
def test_a_run_is_told_in_a_few_words(fields: dict[str, Any], words: str) -> None:
    assert describe.how(run(**fields), PLAIN) == words


def test_an_entry_for_many_slots_says_how_many_and_until_when() -> None:
    skipped = run(state="skipped", reason="missed", count=3, last_scheduled_at=AT)
    assert describe.how(skipped, PLAIN) == f"missed, 3 of them until {moment(AT, UTC)}"


def test_runs_and_slots_have_a_line_each_and_say_where_there_are_none() -> None:
    assert lines(describe.run_table([run(scheduled_at=AT)], PLAIN))[1][:1] == [ANOTHER]
    slot = SlotExplanation(at=AT, state="skipped", sentence="skipped: the 08:00 run was still running")
    [_, line] = lines(describe.slot_table([slot], named_clock("Pacific/Marquesas")))
    assert line == ["2035-06-03", "23:30", "-09:30", "skipped", *slot.sentence.split()]
    assert describe.run_table([], PLAIN) == "no runs yet"
    assert describe.slot_table([], PLAIN) == "it was not due then"
    assert describe.stat_table([], PLAIN) == "no runs yet"


def test_a_column_of_times_says_their_zone_where_it_is_not_plain() -> None:
    due = job(next_run_at=AT)
    asked = named_clock("Asia/Tokyo", chosen=True)
    [heading, line] = lines(describe.job_table([due], asked))
    assert "next run (Asia/Tokyo)" in " ".join(heading)
    assert "18:00" in line
    [heading, line] = lines(describe.job_table([due], PLAIN))
    assert "next run ok" in " ".join(heading)
    assert "09:00" in line


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (130, ["name", "id", "schedule", "next", "run", "ok", "failed", "state", "last", "failure"]),
        (100, ["name", "id", "schedule", "next", "run", "state", "last", "failure"]),
        (88, ["name", "schedule", "next", "run", "state", "last", "failure"]),
        (80, ["name", "schedule", "next", "run", "state"]),
        (40, ["name", "next", "run", "state"]),
    ],
)
def test_a_narrow_screen_drops_what_matters_least_and_the_schedule_last(
    width: int, titles: list[str]
) -> None:
    due = job(
        name="a-report-of-the-night",
        next_run_at=AT,
        schedule="*/5 9-17 * * MON-FRI",
        disabled=True,
        last_error=AT,
        last_error_reason="exit code 3",
    )
    console = Console(file=StringIO(), width=width, markup=False, highlight=False)
    with console.capture() as captured:
        console.print(describe.job_table([due], PLAIN))
    heading, line = captured.get().splitlines()
    assert heading.split() == titles
    assert len(line) <= width
    assert line.startswith("a-report-of-t" if width > 40 else "a-repor")
    assert "2035-06-04 09:00" in line
    assert "disabled" in line


def test_the_figures_of_a_server_that_has_not_run_anything_leave_out_when() -> None:
    figures = KalaStats(active_jobs=1, disabled_jobs=1, jobs=2)
    assert lines(describe.server_facts(figures, PLAIN)) == [
        ["jobs", "2"], ["active", "1"], ["disabled", "1"], ["succeeded", "0"], ["failed", "0"],
    ]  # fmt: skip
