"""Runs, slots and events as JSON: what an owner needs to know, and nothing that may be secret."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic_core import to_json

from kala_client import Run as ClientsRun
from kala_client import SlotExplanation
from kala_server.core.model import records as r
from kala_server.core.model.job import JobSpec, Run, RunState, Trigger
from kala_server.core.questions.explain import explain
from kala_server.core.state.apply import apply
from kala_server.core.state.state import State
from kala_server.wire import ledger

NOW = datetime(2035, 6, 4, 19, 25, 16, 828696, UTC)
JOB_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
RUN_ID = "5e0f4e2a-4a1b-4b8c-9d57-0d2f5a1f6f3a"
SECRET = "correct-horse"
SPEC = JobSpec(name="nightly", command=f"echo {SECRET}", env={"PASSWORD": SECRET})
RUN = Run(
    id=RUN_ID,
    job_id=JOB_ID,
    scheduled_at=NOW,
    queued_at=NOW,
    trigger=Trigger.SCHEDULE,
    state=RunState.SUCCEEDED,
    started_at=NOW,
    finished_at=NOW + timedelta(seconds=1.5),
    attempts=1,
    exit_code=0,
)
QUEUED = r.RunQueued(run_id=RUN_ID, job_id=JOB_ID, at=NOW, scheduled_at=NOW, trigger=Trigger.MANUAL)
FINISHED = r.RunFinished(run_id=RUN_ID, at=NOW, state=RunState.FAILED, exit_code=3, reason="exit code 3")


@pytest.fixture
def state() -> State:
    made = State()
    for record in (
        r.ServerKept(created_at=NOW),
        r.JobCreated(id=JOB_ID, at=NOW, spec=SPEC),
    ):
        apply(made, record)
    return made


def told(state: State, run: Run) -> dict[str, Any]:
    return ledger.run(state, run, NOW)


def test_every_field_of_a_run_is_told_but_those_of_its_process(state: State) -> None:
    kept = {field.name for field in fields(Run)}
    hidden = {"attempt_at", "ending", "pid", "pid_started", "parents", "timeout", "put_off", "put_off_for"}
    assert told(state, RUN).keys() == kept - hidden | {"duration", "parent_runs", "job_name"}


@pytest.mark.parametrize("run_state", RunState)
def test_our_own_client_reads_a_run_in_every_state(state: State, run_state: RunState) -> None:
    run = replace(RUN, state=RunState.WAITING)
    apply(state, r.RunKept(run=run))
    read = ClientsRun.model_validate_json(to_json(told(state, replace(RUN, state=run_state))), extra="allow")
    assert read.state == run_state
    assert read.finished == run_state.final
    assert read.scheduled_at == NOW


def test_a_duration_is_in_seconds_and_only_of_what_is_over(state: State) -> None:
    assert told(state, RUN)["duration"] == 1.5
    assert told(state, replace(RUN, finished_at=None, state=RunState.RUNNING))["duration"] is None
    assert told(state, replace(RUN, started_at=None, state=RunState.CANCELLED))["duration"] is None


def test_the_reason_of_a_waiting_run_is_what_it_waits_for(state: State) -> None:
    waiting = replace(RUN, state=RunState.WAITING, started_at=None, finished_at=None, reason="by hand")
    apply(state, r.RunKept(run=waiting))
    assert told(state, waiting)["reason"] == "waits for a free place: 0 commands are running"


def test_a_waiting_run_of_a_job_that_is_gone_keeps_its_own_reason(state: State) -> None:
    waiting = replace(RUN, state=RunState.WAITING, job_id="gone", reason="by hand")
    assert told(state, waiting)["reason"] == "by hand"


def test_a_slot_is_told_with_its_run_where_there_is_one(state: State) -> None:
    apply(state, QUEUED)
    there, following = map(ledger.slot, explain(state, state.jobs[JOB_ID], NOW))
    assert (there["at"], there["state"], there["run_id"]) == (NOW, "waiting", RUN_ID)
    assert (following["state"], following["run_id"]) == ("none", None)
    read = SlotExplanation.model_validate_json(to_json(there), extra="allow")
    assert read.sentence == there["sentence"]


# -- events


def event(state: State, record: r.Record) -> tuple[str, dict[str, Any]]:
    found = ledger.event(state, record)
    assert found is not None
    name, data = found
    return name, json.loads(to_json(data))


@pytest.mark.parametrize(
    "record",
    [
        r.RunsPruned(before=NOW),
        r.KeyKept(key="a key", digest="0", ids=(JOB_ID,), at=NOW),
        r.KeysForgotten(before=NOW),
    ],
)
def test_what_concerns_no_owner_is_no_event(state: State, record: r.Record) -> None:
    assert ledger.event(state, record) is None


def test_an_event_is_called_as_its_record_and_names_its_job(state: State) -> None:
    assert event(state, r.JobDisabled(id=JOB_ID, at=NOW)) == (
        "job_disabled",
        {"job_id": JOB_ID, "job_name": "nightly", "at": "2035-06-04T19:25:16.828696Z"},
    )


def test_an_event_of_a_run_names_the_job_although_its_record_does_not(state: State) -> None:
    apply(state, QUEUED)
    name, data = event(state, FINISHED)
    assert (name, data["run_id"], data["job_id"], data["job_name"]) == (
        "run_finished",
        RUN_ID,
        JOB_ID,
        "nightly",
    )
    assert (data["state"], data["exit_code"], data["reason"]) == ("failed", 3, "exit code 3")


def test_an_event_of_what_is_gone_says_what_is_still_known(state: State) -> None:
    _, deleted = event(state, r.JobDeleted(id="gone", at=NOW))
    assert (deleted["job_id"], deleted["job_name"]) == ("gone", None)
    _, finished = event(state, FINISHED)
    assert (finished["run_id"], finished["job_id"], finished["job_name"]) == (RUN_ID, None, None)
    assert event(state, r.AllJobsDeleted(at=NOW))[1]["job_id"] is None


@pytest.mark.parametrize("kind", [r.JobCreated, r.JobChanged])
def test_an_event_of_a_job_tells_its_name_and_nothing_of_what_it_runs(
    state: State, kind: type[r.JobCreated | r.JobChanged]
) -> None:
    name, data = event(state, kind(id=JOB_ID, at=NOW, spec=replace(SPEC, name="renamed"), next_at=NOW))
    assert name == r.kind(kind)
    assert data.keys() == {"job_id", "job_name", "at", "disabled", "next_at"}
    assert data["job_name"] == "renamed"
    assert SECRET not in json.dumps(data)
