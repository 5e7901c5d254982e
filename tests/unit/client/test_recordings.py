"""Every answer that two real Kalas gave is read, without a loss."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from kala_client import KalaError
from kala_client._calls import answers, builders, envelopes
from kala_client._calls.envelopes import IdAnswer, JobAnswer, JobsAnswer, JobStatsAnswer, StatsAnswer
from kala_client.models import Job

RECORDINGS = Path(__file__).parents[2] / "compat" / "recordings"
SHAPES: dict[str, type[BaseModel]] = {
    "id": IdAnswer,
    "job": JobAnswer,
    "jobs": JobsAnswer,
    "job_stats": JobStatsAnswer,
    "Stats": StatsAnswer,
}


def recorded_answers() -> list[Any]:
    return [
        pytest.param(call, id=f"{path.stem}-{number}")
        for path in sorted(RECORDINGS.glob("*.json"))
        for number, call in enumerate(json.loads(path.read_text())["calls"])
        if call["response"]
    ]


def answer_of(call: dict[str, Any]) -> answers.Answer:
    response = call["response"]
    body = response["body"].encode()
    url = f"http://kala.test{call['request']['path']}"
    return answers.Answer(call["request"]["method"], url, response["status"], response["headers"], body)


@pytest.mark.parametrize("call", recorded_answers())
def test_a_recorded_answer_is_read(call: dict[str, Any]) -> None:
    answer = answer_of(call)
    if answer.status in {200, 201}:
        shape = SHAPES[next(iter(json.loads(answer.body)))]
        assert not envelopes.read(answer, shape).model_extra
    elif answer.status == 204:
        answers.check_empty(answer)
    else:
        with pytest.raises(KalaError) as raised:
            builders.get_job("x").decode(answer)
        assert raised.value.status == answer.status


@pytest.mark.parametrize(
    "call", [call for call in recorded_answers() if call.values[0]["note"] == "get after a run"]
)
def test_a_recorded_job_loses_nothing(call: dict[str, Any]) -> None:
    answer = answer_of(call)
    sent = json.loads(answer.body)["job"]
    job = envelopes.read(answer, JobAnswer).job
    assert job.success_count == sent["metadata"]["success_count"] == 1
    assert job.last_success is not None
    assert job.last_success.microsecond == int(sent["metadata"]["last_success"][20:26])
    assert job.last_error is None
    assert job.model_extra == {}
    assert sent.keys() - {"TemplateDelimiters"} <= Job.model_fields.keys()
    assert [stat.execution_duration_ns for stat in job.stats] == [
        stat["execution_duration"] for stat in sent["stats"] if stat
    ]
