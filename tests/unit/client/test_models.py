"""What the models read, refuse and send."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import BaseModel, ValidationError

from kala_client import (
    Behind,
    Event,
    FailingJob,
    FailingJobs,
    Family,
    FamilyEdge,
    FamilyMember,
    Job,
    JobName,
    JobRow,
    JobRows,
    JobStat,
    KalaStats,
    Period,
    Preview,
    RemoteProperties,
    Run,
    Schedule,
    Session,
    SlotExplanation,
    Summary,
    SummaryPart,
    Timeline,
    TimelineRow,
    Trial,
    UpcomingSlot,
)
from kala_client._model.fields import JobFields
from kala_client.models import CLIENT_FIELDS, RunState


def read(model: Any, sent: Any) -> Any:
    return model.model_validate(sent, extra="allow")


def test_a_typo_in_a_field_is_an_error() -> None:
    with pytest.raises(ValidationError, match="nmae"):
        Job(nmae="a")  # type: ignore[call-arg]


def test_every_field_that_can_be_sent_is_a_field_of_a_job() -> None:
    assert set(JobFields.__annotations__) == CLIENT_FIELDS
    assert set(Job.model_fields) > CLIENT_FIELDS


def test_only_fields_that_were_set_are_sent() -> None:
    assert Job(name="a", command="true").creation_body() == {"name": "a", "command": "true"}
    assert read(Job, {"name": "a", "id": "x", "stats": None, "colour": "red"}).creation_body() == {
        "name": "a"
    }


def test_values_of_our_types_are_sent_as_text() -> None:
    start = datetime(2035, 1, 1, tzinfo=UTC)
    job = Job(
        name="a",
        schedule=Schedule.once(start),
        epsilon=timedelta(seconds=5),
        timeout=Period(hours=1),
        template_delimiters="{{ }}",
        remote_properties=RemoteProperties(url="http://x", headers={"A": ["b"]}),
    )
    assert job.creation_body() == {
        "name": "a",
        "schedule": "R0/2035-01-01T00:00:00Z/PT1S",
        "epsilon": "PT5S",
        "timeout": "PT1H",
        "TemplateDelimiters": "{{ }}",
        "remote_properties": {"url": "http://x", "headers": {"A": ["b"]}}
        | {"method": "", "body": "", "timeout": 0, "expected_response_codes": None},
    }


def test_a_value_of_another_type_is_told_what_would_be_right() -> None:
    with pytest.raises(ValidationError, match="Input should be text, or Period or timedelta"):
        Job(name="a", timeout=5)  # type: ignore[arg-type]


def test_one_header_value_need_not_be_a_list() -> None:
    assert RemoteProperties.model_validate({"headers": {"A": "b"}}).headers == {"A": ["b"]}


def test_the_environment_of_a_job_is_not_shown() -> None:
    assert "canary" not in repr(Job(name="a", env={"PASSWORD": "canary"}))


def test_both_spellings_of_a_job_are_read() -> None:
    documented = read(Job, {"name": "a", "success_count": 3, "last_error": "0001-01-01T00:00:00Z"})
    shipped = read(Job, {"name": "a", "metadata": {"success_count": 3, "colour": "red"}})
    assert documented.success_count == shipped.success_count == 3
    assert documented.last_error is None
    assert shipped.metadata["colour"] == "red"


def test_a_counter_at_the_top_level_counts_before_that_of_the_metadata() -> None:
    job = read(Job, {"name": "a", "success_count": 3, "metadata": {"success_count": 4, "error_count": 5}})
    assert (job.success_count, job.error_count) == (3, 5)


def test_a_counter_inside_the_metadata_is_set_as_one_at_the_top_level_is() -> None:
    sent = {"success_count": 1, "last_error": "2035-01-01T02:00:00+02:00", "number_of_finished_runs": 2}
    documented = read(Job, {"name": "a", "metadata": sent, **sent})
    shipped = read(Job, {"name": "a", "metadata": sent})
    assert shipped == documented
    assert shipped.model_fields_set == documented.model_fields_set == {"name", "metadata", *sent}
    assert shipped.last_error == datetime(2035, 1, 1, tzinfo=UTC)
    assert shipped.metadata == sent


@pytest.mark.parametrize(
    ("counters", "kind"),
    [
        ({"success_count": "canary"}, "int_parsing"),
        ({"last_error": "canary"}, "datetime_from_date_parsing"),
        ({"last_success": "2035-01-01T00:00:00"}, "timezone_aware"),
    ],
)
def test_a_counter_that_is_none_is_an_error_that_says_where_and_shows_nothing(
    counters: dict[str, str], kind: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        read(Job, {"name": "a", "metadata": counters})
    assert [(each["type"], each["loc"]) for each in raised.value.errors()] == [
        (kind, ("metadata", *counters))
    ]
    assert "canary" not in str(raised.value)


def test_both_spellings_of_a_stat_are_read() -> None:
    documented = {"JobId": "x", "RanAt": "2035-01-01T00:00:00.123456789Z", "NumberOfRetries": 1}
    stat = read(JobStat, {**documented, "Success": True, "ExecutionDuration": 3_207_278})
    assert stat.execution_duration == timedelta(microseconds=3207)
    assert stat.ran_at == datetime(2035, 1, 1, 0, 0, 0, 123456, UTC)
    assert stat == read(JobStat, stat.model_dump(mode="json", by_alias=True))


def test_both_spellings_of_the_servers_stats_are_read() -> None:
    stats = read(
        KalaStats, {"ActiveJobs": 1, "DisabledJobs": 0, "Jobs": 1, "CreatedAt": "2035-01-01T02:00:00+02:00"}
    )
    assert stats.created_at == datetime(2035, 1, 1, tzinfo=UTC)
    assert stats.created_at.tzinfo is UTC


@pytest.mark.parametrize("written", ["00:00:01.5Z", "00:00:01.5+00:00", "02:00:01.5+02:00"])
def test_a_time_is_in_utc_whatever_zone_it_was_written_in(written: str) -> None:
    sent = {"name": "a", "next_run_at": f"2035-01-01T{written}"}
    for job in (read(Job, sent), Job.model_validate_json(json.dumps(sent))):
        assert job.next_run_at == datetime(2035, 1, 1, 0, 0, 1, 500_000, UTC)
        assert job.next_run_at.tzinfo is UTC


def test_nulls_are_empty_lists() -> None:
    job = read(Job, {"name": "a", "parent_jobs": None, "stats": [None, {"job_id": "a", "success": True}]})
    assert job.parent_jobs == []
    assert len(job.stats) == 1


def test_unknown_fields_and_states_of_newer_servers_are_kept() -> None:
    run = read(Run, {"id": "r", "job_id": "j", "state": "dreaming", "colour": "red"})
    assert run.model_extra == {"colour": "red"}
    assert run.finished
    assert not run.succeeded


def test_a_run_says_when_it_came_to_be_what_caused_it_and_when_it_is_tried_again() -> None:
    at = {"queued_at": "2035-01-01T00:00:00Z", "retry_at": "2035-01-01T02:00:00+02:00"}
    run = read(Run, {"id": "r", "job_id": "j", "state": "waiting", "cause": "q", **at})
    assert run.cause == "q"
    assert run.queued_at == run.retry_at == datetime(2035, 1, 1, tzinfo=UTC)
    assert not run.model_extra


@pytest.mark.parametrize(("state", "finished"), [("waiting", False), ("running", False), ("succeeded", True)])
def test_a_run_knows_whether_it_is_over(state: str, finished: bool) -> None:
    run = read(Run, {"id": "r", "job_id": "j", "state": state})
    assert run.finished is finished
    assert run.succeeded is finished


def test_a_typo_in_any_model_is_told_with_the_field_that_may_be_meant() -> None:
    wrong: list[tuple[Callable[[], object], str]] = [
        (lambda: Job(name="a", comand="true"), "there is no such field; is 'command' meant?"),  # type: ignore[call-arg]
        (lambda: Job(name="a", colour="{red}"), "there is no such field"),  # type: ignore[call-arg]
        (lambda: Job(name="a", remote_properties={"headrs": {}}), "is 'headers' meant?"),
        (lambda: RemoteProperties(metod="x"), "is 'method' meant?"),  # type: ignore[call-arg]
    ]
    for make, told in wrong:
        with pytest.raises(ValidationError, match=re.escape(told)) as raised:
            make()
        assert "red" not in str(raised.value)


def test_what_is_assigned_is_checked_as_what_is_given_is() -> None:
    job = Job(name="a")
    with pytest.raises(ValidationError, match="is 'command' meant"):
        job.comand = "true"  # type: ignore[attr-defined]
    with pytest.raises(ValidationError, match="valid integer"):
        job.retries = "many"  # type: ignore[assignment]
    with pytest.raises(ValidationError, match="'queue', 'skip'"):
        job.overlap = "never"  # type: ignore[assignment]
    job.schedule = Schedule.once(datetime(2035, 1, 1, tzinfo=UTC))  # type: ignore[assignment]
    job.timeout = timedelta(seconds=5)  # type: ignore[assignment]
    assert job.creation_body() == {"name": "a", "schedule": "R0/2035-01-01T00:00:00Z/PT1S", "timeout": "PT5S"}
    with pytest.raises(AttributeError):
        read(Run, run_of("failed")).failed = True


def test_the_second_spelling_is_no_unknown_field() -> None:
    both = {"jobs": 2, "Jobs": 2, "active_jobs": 1, "ActiveJobs": 1, "disabled_jobs": 1, "DisabledJobs": 1}
    stats = read(KalaStats, {**both, "CreatedAt": "2035-01-01T00:00:00Z", "created": "2035-01-01T00:00:00Z"})
    assert not stats.model_extra
    assert str(stats).count("active_jobs") == 1
    assert "ActiveJobs" not in str(stats)
    stat = {"job_id": "j", "JobId": "j", "success": True, "Success": True, "colour": "red"}
    assert read(JobStat, stat).model_extra == {"colour": "red"}


def run_of(state: str, **more: Any) -> dict[str, Any]:
    return {"id": "r", "job_id": "j", "state": state, **more}


@pytest.mark.parametrize("state", get_args(RunState))
def test_a_run_knows_whether_it_failed(state: str) -> None:
    assert read(Run, run_of(state)).failed is (state in {"failed", "timed_out", "interrupted"})


def test_the_duration_of_a_run_is_a_length_of_time_and_seconds_on_the_wire() -> None:
    run = Run.model_validate_json('{"id": "r", "job_id": "j", "state": "failed", "duration": 1.5}')
    assert run.duration == timedelta(seconds=1.5)
    assert run.model_dump(mode="json")["duration"] == 1.5
    assert read(Run, run_of("running", duration=None)).duration is None
    with pytest.raises(ValidationError):
        read(Run, run_of("failed", duration=1e300))


def test_a_state_and_a_trigger_are_closed_for_checkers_and_open_for_newer_servers() -> None:
    run = read(Run, run_of("dreaming", trigger="moon"))
    assert (run.state, run.trigger) == ("dreaming", "moon")
    hints = get_type_hints(Run)
    assert "failed" in get_args(hints["state"])
    assert "catch_up" in get_args(hints["trigger"])


@pytest.mark.parametrize(
    "model",
    [
        Behind, Event, Family, FamilyEdge, FamilyMember, FailingJob, FailingJobs, Job, JobName, JobRow,
        JobRows, JobStat, KalaStats, Preview, RemoteProperties, Run, Session, SlotExplanation, Summary,
        SummaryPart, Timeline, TimelineRow, Trial, UpcomingSlot,
    ],
)  # fmt: skip
def test_every_field_of_every_model_says_what_it_means(model: type[BaseModel]) -> None:
    assert all(field.description for field in model.model_fields.values())
    described = model.model_json_schema(mode="serialization", by_alias=True)["properties"]
    assert all(each["description"] for each in described.values())
