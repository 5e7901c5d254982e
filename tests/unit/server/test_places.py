"""A field of a job stands in one table, and nowhere that it need not: a stranger adds one in five places."""

from typing import Any, get_args

import pytest

from kala_client import Job, RemoteProperties
from kala_client._model import fields
from kala_client.fields import FIELD, FIELDS, OF_A_CALL, Kind
from kala_server.core.model.job import CatchUp, OnLost, Overlap, RemoteCall, WaitFor
from tests.unit.server.places import files_with, left_out

MOST_FILES = 6
IN_MORE = {
    **dict.fromkeys(
        (
            "name",
            "command",
            "schedule",
            "timezone",
            "disabled",
            "type",
            "timeout",
            "owner",
            "description",
            "queue",
        ),
        "a word for other things, too",
    ),
    **dict.fromkeys(
        ("retries", "tags"), "attempts of the client, and OpenAPI's groups, have this name as well"
    ),
    **dict.fromkeys(
        ("argv", "shell", "cwd", "env", "user", "remote_properties"),
        "what runs is handed on from step to step: checked, sent to the worker, started",
    ),
    **dict.fromkeys(
        ("parent_jobs", "on_failure_job"), "which job follows which is a topic, and no property of a job"
    ),
}
"""Fields whose names stand in more files, and why."""


def test_nothing_is_left_out_of_any_field() -> None:
    assert list(left_out()) == []


@pytest.mark.parametrize("name", FIELD)
def test_the_name_of_a_field_stands_in_few_files(name: str) -> None:
    files = files_with(name)
    assert (len(files) > MOST_FILES) is (name in IN_MORE), sorted(files)


def test_choices_are_the_same_for_the_table_the_client_and_the_core() -> None:
    enums = {"overlap": Overlap, "catch_up": CatchUp, "wait_for": WaitFor, "on_lost": OnLost}
    typed = {
        "overlap": fields.Overlap,
        "catch_up": fields.CatchUp,
        "wait_for": fields.WaitFor,
        "on_lost": fields.OnLost,
    }
    choices = {row.name: row.choices for row in FIELDS if row.kind is Kind.CHOICE}
    assert choices == {name: tuple(enum) for name, enum in enums.items()}
    assert choices == {name: get_args(literal) for name, literal in typed.items()}


def test_the_client_refuses_what_is_below_the_bounds_of_the_table() -> None:
    described: dict[str, Any] = Job.model_json_schema(by_alias=False)["properties"]
    least = {row.name: row.bounds["minimum"] for row in FIELDS if "minimum" in row.bounds}
    assert least == {name: each["minimum"] for name, each in described.items() if "minimum" in each}


def test_a_call_has_a_row_for_each_of_its_members() -> None:
    names = {row.name for row in OF_A_CALL}
    assert names == RemoteCall.__dataclass_fields__.keys() == RemoteProperties.model_fields.keys()


def test_a_number_out_of_its_bounds_is_told_in_words() -> None:
    assert all(row.refusal for row in FIELDS if "minimum" in row.bounds)
