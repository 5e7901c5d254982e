"""Between the wire and the core: both of Kala's spellings, and what becomes of what clients send."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kala_client import Job as ClientsJob
from kala_client.models import ADDED_FIELDS, JobStat, KalaStats
from kala_server.core.errors import InvalidJobError
from kala_server.core.model import records as r
from kala_server.core.model.job import CatchUp, Job, JobSpec, RemoteCall, RunState, Trigger
from kala_server.core.state.apply import apply
from kala_server.core.state.state import State
from kala_server.core.steps import to_the_end
from kala_server.wire import answers, listing, requests
from kala_server.wire.listing import Listing, look_at
from kala_server.wire.shapes import WHOLE

NOW = datetime(2035, 6, 4, 19, 25, 16, 828696, UTC)
JOB_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
RUN_ID = "5e0f4e2a-4a1b-4b8c-9d57-0d2f5a1f6f3a"
GO_CLIENT = {
    "name": "x",
    "id": "mine",
    "command": "true",
    "owner": "",
    "disabled": False,
    "dependent_jobs": None,
    "parent_jobs": None,
    "on_failure_job": "",
    "schedule": "",
    "retries": 0,
    "epsilon": "",
    "next_run_at": "0001-01-01T00:00:00Z",
    "TemplateDelimiters": "",
    "resume_at_next_scheduled_time": False,
    "metadata": {"success_count": 7, "last_success": "0001-01-01T00:00:00Z"},
    "type": 0,
    "remote_properties": {
        "url": "",
        "method": "",
        "body": "",
        "headers": None,
        "timeout": 0,
        "expected_response_codes": None,
    },
    "stats": None,
    "is_done": True,
}
EVERYTHING = JobSpec(
    name="everything",
    command="true",
    owner="ops@example.com",
    schedule="R/2035-06-04T19:25:16Z/P1D",
    timezone="Europe/Berlin",
    retries=2,
    epsilon="PT5S",
    on_failure_job="other",
    resume_at_next_scheduled_time=True,
    template_delimiters="{{ }}",
    timeout="PT1H",
    shell=True,
    cwd="/srv",
    env={"LANG": "C.UTF-8"},
    tags=("night",),
    description="a job",
    keep_runs=5,
)


def a_state(spec: JobSpec = EVERYTHING, **fields: Any) -> State:
    state = State()
    apply(state, r.ServerKept(created_at=NOW))
    apply(state, r.JobCreated(id=JOB_ID, at=NOW, spec=spec, **fields))
    return state


def ran(state: State, *, state_of_run: RunState = RunState.SUCCEEDED) -> None:
    apply(
        state,
        r.RunQueued(run_id=RUN_ID, job_id=JOB_ID, at=NOW, scheduled_at=NOW, trigger=Trigger.MANUAL),
    )
    apply(state, r.RunStarted(run_id=RUN_ID, at=NOW))
    apply(state, r.RunFinished(run_id=RUN_ID, at=NOW + timedelta(microseconds=1500), state=state_of_run))


def on_the_wire(document: object) -> Any:
    return json.loads(answers.to_bytes(document))


def shown(state: State) -> Any:
    return json.loads(b"".join(to_the_end(Listing().one(look_at(state, state.jobs[JOB_ID], NOW)))))["job"]


def test_what_the_go_client_sends_for_a_command_is_taken_and_what_is_the_servers_is_passed_over() -> None:
    assert requests.read_job(GO_CLIENT) == (JobSpec(name="x", command="true"), False)


def test_what_the_go_client_sends_for_a_call_is_taken() -> None:
    call = {
        "url": "http://x/",
        "method": "",
        "headers": {"A": ["1", "2"], "B": ["3"], "C": None},
        "timeout": 5,
    }
    spec, _ = requests.read_job({**GO_CLIENT, "command": "", "type": 1, "remote_properties": call})
    assert spec.remote_properties == RemoteCall(
        url="http://x/", headers={"A": ("1", "2"), "B": "3"}, timeout=5
    )


@pytest.mark.parametrize(
    ("sent", "read"),
    [("1", {"A": "1"}), (["1"], {"A": "1"}), (["1", "2"], {"A": ("1", "2")}), ([], {}), (None, {})],
)
def test_a_header_has_one_value_or_several(sent: Any, read: dict[str, Any]) -> None:
    document = {"name": "x", "type": 1, "remote_properties": {"url": "http://x/", "headers": {"A": sent}}}
    spec, _ = requests.read_job(document)
    assert spec.remote_properties == RemoteCall(url="http://x/", headers=read)
    again, _ = requests.read_job(shown(a_state(spec)))
    assert again.remote_properties == spec.remote_properties


@pytest.mark.parametrize("wrong", [1, {}, [1], ["1", None], True])
def test_what_can_be_no_value_of_a_header_is_refused_by_its_name(wrong: Any) -> None:
    call = {"url": "http://x/", "headers": {"X-Mine": wrong}}
    with pytest.raises(InvalidJobError, match="the header 'X-Mine' must be a text or a list of texts"):
        requests.read_job({"name": "x", "type": 1, "remote_properties": call})


@pytest.mark.parametrize("field", sorted(ADDED_FIELDS))
def test_a_member_that_kala_passes_over_is_read_and_refused_where_it_is_none(field: str) -> None:
    with pytest.raises(InvalidJobError) as refused:
        requests.read_job({"name": "x", "command": "true", field: [[5]]})
    [problem] = refused.value.problems
    assert problem.field == field
    assert " belongs here, not an array" in problem.message
    requests.read_job({"name": "x", "command": "", field: problem.example})


def test_names_match_in_any_letter_case_as_in_go() -> None:
    document = {"NAME": "x", "Command": "true", "templateDELIMITERS": "<>", "Disabled": True}
    assert requests.read_job(document) == (JobSpec(name="x", command="true", template_delimiters="<>"), True)


@pytest.mark.parametrize("empty", [None, ""])
def test_null_and_an_empty_choice_are_as_good_as_absent(empty: str | None) -> None:
    choices = dict.fromkeys(("overlap", "catch_up", "wait_for"), empty)
    nothing = {"retries": None, "env": None, "argv": None, "tags": None, "disabled": None}
    assert requests.read_job({"name": "x", **choices, **nothing}) == (JobSpec(name="x"), False)


def test_a_job_without_an_owner_gets_the_default_one_and_no_other() -> None:
    assert requests.read_job({"name": "x"}, default_owner="ops")[0].owner == "ops"
    assert requests.read_job({"name": "x", "owner": ""}, default_owner="ops")[0].owner == "ops"
    assert requests.read_job({"name": "x", "owner": "me"}, default_owner="ops")[0].owner == "me"


@pytest.mark.parametrize("document", [[], "x", 5, 1.5, True, None])
def test_what_is_no_object_is_refused_by_its_kind(document: object) -> None:
    with pytest.raises(InvalidJobError, match="a JSON object belongs here, not"):
        requests.read_job(document)


def test_a_problem_says_where_in_a_field_it_lies() -> None:
    with pytest.raises(InvalidJobError) as raised:
        requests.read_job(
            {"name": "x", "remote_properties": {"url": "http://x", "expected_response_codes": [1, "2"]}}
        )
    [problem] = raised.value.problems
    assert problem.field == "remote_properties"
    assert "remote_properties.expected_response_codes.1" in problem.message
    assert problem.example


def test_a_change_keeps_what_it_does_not_name() -> None:
    job = Job(id=JOB_ID, spec=EVERYTHING, created_at=NOW, disabled=True)
    assert requests.change_job(job, {}) == (EVERYTHING, True)
    spec, disabled = requests.change_job(job, {"Retries": 5, "DISABLED": False, "env": None})
    assert (spec.retries, spec.env, disabled) == (5, {}, False)
    assert spec.template_delimiters == EVERYTHING.template_delimiters
    assert spec.name == EVERYTHING.name


def test_a_change_of_a_call_job_keeps_its_call() -> None:
    call = RemoteCall(url="http://x/", headers={"A": "1"}, timeout=5, expected_response_codes=(200, 204))
    job = Job(id=JOB_ID, spec=JobSpec(name="x", type=1, remote_properties=call), created_at=NOW)
    assert requests.change_job(job, {"retries": 1})[0].remote_properties == call


ENV = {"DB": "prod", "MODE": "slow"}
THE_CALL = RemoteCall(
    url="http://x/",
    method="PUT",
    headers={"Authorization": "a", "X-Mine": "1"},
    expected_response_codes=(200,),
)
A_JOB = Job(id=JOB_ID, spec=JobSpec(name="x", command="true", env=ENV), created_at=NOW)
A_CALL_JOB = Job(id=JOB_ID, spec=JobSpec(name="x", type=1, remote_properties=THE_CALL), created_at=NOW)


@pytest.mark.parametrize(
    ("patch", "env"),
    [
        ({"MODE": "fast"}, {"DB": "prod", "MODE": "fast"}),
        ({"MODE": None}, {"DB": "prod"}),
        ({"mode": "fast"}, {**ENV, "mode": "fast"}),
        ({"NONE": None}, ENV),
        ({}, ENV),
        (None, {}),
    ],
)
def test_a_patch_of_the_environment_changes_the_variables_that_it_names(
    patch: dict[str, Any] | None, env: dict[str, str]
) -> None:
    assert requests.change_job(A_JOB, {"Env": patch})[0].env == env


@pytest.mark.parametrize(
    ("patch", "changed"),
    [
        ({"timeout": 5}, {"timeout": 5}),
        ({"Timeout": 5, "METHOD": None}, {"timeout": 5, "method": "GET"}),
        ({"headers": {"X-Mine": ["2", "3"]}}, {"headers": {"Authorization": "a", "X-Mine": ("2", "3")}}),
        ({"Headers": {"authorization": None}}, {"headers": {"X-Mine": "1"}}),
        (
            {"headers": {"x-mine": "2", "y": "3"}},
            {"headers": {"Authorization": "a", "X-Mine": "2", "y": "3"}},
        ),
        ({"headers": None, "expected_response_codes": None}, {"headers": {}, "expected_response_codes": ()}),
        ({"expected_response_codes": [204]}, {"expected_response_codes": (204,)}),
    ],
)
def test_a_patch_of_a_call_changes_what_it_names_in_any_letter_case(
    patch: dict[str, Any], changed: dict[str, Any]
) -> None:
    spec, _ = requests.change_job(A_CALL_JOB, {"Remote_Properties": patch})
    assert spec.remote_properties == replace(THE_CALL, **changed)


def test_a_patch_gives_a_job_without_a_call_one_and_takes_it_away() -> None:
    spec, _ = requests.change_job(A_JOB, {"type": 1, "remote_properties": {"url": "http://y/"}})
    assert spec.remote_properties == RemoteCall(url="http://y/")
    spec, _ = requests.change_job(A_CALL_JOB, {"type": 0, "remote_properties": None})
    assert spec.remote_properties is None


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"env": "MODE=fast"}, "env"),
        ({"env": {"MODE": {"fast": None}}}, "env"),
        ({"remote_properties": []}, "remote_properties"),
        ({"remote_properties": {"URL": "http://a/", "url": "http://b/"}}, "remote_properties"),
        ({"tags": {"0": "x"}}, "tags"),
        ({"disabled": {}}, "disabled"),
        ({"Retries": 1, "retries": 2}, "retries"),
    ],
)
def test_a_patch_that_makes_no_job_names_the_field(patch: dict[str, Any], field: str) -> None:
    for job in (A_JOB, A_CALL_JOB):
        with pytest.raises(InvalidJobError) as raised:
            requests.change_job(job, patch)
        assert [problem.field for problem in raised.value.problems] == [field]


def test_a_patch_that_names_a_header_twice_is_refused() -> None:
    with pytest.raises(InvalidJobError, match="two spellings"):
        requests.change_job(A_CALL_JOB, {"remote_properties": {"headers": {"X-MINE": None, "x-mine": "2"}}})


def test_a_change_that_is_no_object_is_refused() -> None:
    with pytest.raises(InvalidJobError, match="not an array"):
        requests.change_job(Job(id=JOB_ID, spec=EVERYTHING, created_at=NOW), [])


def test_what_a_job_is_shown_as_creates_the_same_job_again() -> None:
    assert requests.read_job(shown(a_state())) == (replace(EVERYTHING, catch_up=CatchUp.NONE), False)


def test_the_counters_of_a_job_are_in_both_places() -> None:
    state = a_state()
    ran(state)
    job = shown(state)
    counters = {
        "success_count": 1,
        "last_success": "2035-06-04T19:25:16.830196Z",
        "error_count": 0,
        "last_error": "0001-01-01T00:00:00Z",
        "last_attempted_run": "2035-06-04T19:25:16.828696Z",
    }
    assert {name: job[name] for name in counters} == counters
    assert job["metadata"] == {**counters, "number_of_finished_runs": 1}


def test_what_has_not_happened_is_kalas_zero_time() -> None:
    job = shown(a_state())
    assert {job[name] for name in ("last_success", "last_error", "last_attempted_run", "next_run_at")} == {
        "0001-01-01T00:00:00Z"
    }


def job_stats(state: State) -> Any:
    job = state.jobs[JOB_ID]
    return json.loads(b"".join(to_the_end(listing.job_stats(job, look_at(state, job, NOW), WHOLE))))[
        "job_stats"
    ]


def test_empty_relations_are_null_and_no_runs_are_an_empty_list_as_clients_of_both_kalas_read() -> None:
    job = shown(a_state())
    assert job["parent_jobs"] is job["dependent_jobs"] is None
    assert job["stats"] == []
    assert job_stats(a_state()) == []


def test_a_run_is_told_in_both_spellings() -> None:
    state = a_state()
    ran(state, state_of_run=RunState.FAILED)
    [stat] = job_stats(state)
    shipped = {
        "job_id": JOB_ID,
        "ran_at": "2035-06-04T19:25:16.828696Z",
        "number_of_retries": 0,
        "success": False,
        "execution_duration": 1_500_000,
    }
    documented = dict(
        zip(
            ("JobId", "RanAt", "NumberOfRetries", "Success", "ExecutionDuration"),
            shipped.values(),
            strict=True,
        )
    )
    assert stat == shipped | documented
    assert JobStat.model_validate(shipped) == JobStat.model_validate(documented)


def test_a_slot_that_was_skipped_is_no_run_to_kala() -> None:
    state = a_state()
    apply(state, r.SlotsSkipped(run_id=RUN_ID, job_id=JOB_ID, at=NOW, first=NOW, last=NOW, reason="no"))
    assert job_stats(state) == []


def test_a_clock_that_was_set_back_makes_no_negative_duration() -> None:
    state = a_state()
    apply(state, r.RunQueued(run_id=RUN_ID, job_id=JOB_ID, at=NOW, scheduled_at=NOW, trigger=Trigger.MANUAL))
    apply(state, r.RunStarted(run_id=RUN_ID, at=NOW))
    apply(state, r.RunFinished(run_id=RUN_ID, at=NOW - timedelta(hours=1), state=RunState.SUCCEEDED))
    assert job_stats(state)[0]["execution_duration"] == 0


def test_the_figures_of_the_server_are_told_in_both_spellings() -> None:
    state = a_state(disabled=True)
    ran(state)
    shipped = {
        "active_jobs": 0,
        "disabled_jobs": 1,
        "jobs": 1,
        "error_count": 0,
        "success_count": 1,
        "next_run_at": "0001-01-01T00:00:00Z",
        "last_attempted_run": "2035-06-04T19:25:16.828696Z",
        "created": "2035-06-04T19:25:17.828696Z",
    }
    stats = on_the_wire(answers.server_stats(state, NOW + timedelta(seconds=1), WHOLE))
    documented = {name: value for name, value in stats.items() if name not in shipped}
    assert {name: stats[name] for name in shipped} == shipped
    assert KalaStats.model_validate(documented) == KalaStats.model_validate(shipped)


def test_the_call_of_a_job_is_told_as_gos_client_reads_it() -> None:
    call = RemoteCall(url="http://x/", headers={"A": "1, 2", "B": ("1", "2")}, timeout=5.0)
    shown_call = shown(a_state(JobSpec(name="x", type=1, remote_properties=call)))["remote_properties"]
    assert shown_call["headers"] == {"A": ["1, 2"], "B": ["1", "2"]}
    assert shown_call["expected_response_codes"] is None
    assert answers.to_bytes(shown_call["timeout"]) == b"5\n"
    empty = shown(a_state())["remote_properties"]
    assert empty == GO_CLIENT["remote_properties"]


def test_our_own_client_reads_every_field() -> None:
    state = a_state()
    ran(state)
    job = ClientsJob.model_validate(shown(state), extra="allow")
    assert not job.model_extra
    assert job.stats[0].execution_duration_ns == 1_500_000


def test_a_field_of_a_call_in_two_spellings_is_refused() -> None:
    call = {"url": "http://127.0.0.1/", "URL": "http://127.0.0.2/"}
    with pytest.raises(InvalidJobError, match="remote_properties: a field is there in two spellings"):
        requests.read_job({"name": "x", "type": 1, "remote_properties": call})
