"""Jobs, runs and figures in words."""

from datetime import UTC, datetime, timedelta, timezone
from io import StringIO
from typing import Any

import pytest
from rich.console import Console, RenderableType

from kala_client import Job, KalaStats, RemoteProperties, Run, SlotExplanation
from kala_server.cli import describe
from kala_server.cli.show import moment

AN_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
ANOTHER = "5d5be920-c716-4c99-60e1-055cad95b40f"
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
            )
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
    shown = lines(describe.job_facts(job(command="", type=1, remote_properties=call)))
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
    assert describe.how(run(**fields)) == words


def test_an_entry_for_many_slots_says_how_many_and_until_when() -> None:
    skipped = run(state="skipped", reason="missed", count=3, last_scheduled_at=AT)
    assert describe.how(skipped) == f"missed, 3 of them until {moment(AT)}"


def test_runs_and_slots_have_a_line_each_and_say_where_there_are_none() -> None:
    assert lines(describe.run_table([run(scheduled_at=AT)]))[1][:1] == [ANOTHER]
    slot = SlotExplanation(at=AT, state="skipped", sentence="skipped: the 08:00 run was still running")
    [_, line] = lines(describe.slot_table([slot], timezone(timedelta(hours=-9, minutes=-30))))
    assert line == ["2035-06-03", "23:30", "-09:30", "skipped", *slot.sentence.split()]
    assert describe.run_table([]) == "no runs yet"
    assert describe.slot_table([], UTC) == "it was not due then"
    assert describe.stat_table([]) == "no runs yet"


def test_the_figures_of_a_server_that_has_not_run_anything_leave_out_when() -> None:
    figures = KalaStats(active_jobs=1, disabled_jobs=1, jobs=2)
    assert lines(describe.server_facts(figures)) == [
        ["jobs", "2"], ["active", "1"], ["disabled", "1"], ["succeeded", "0"], ["failed", "0"],
    ]  # fmt: skip
