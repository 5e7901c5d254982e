"""What belongs into a field is said in words and shown by an example, which is right; what was sent is not repeated."""

from typing import Any

import pytest

from kala_client.fields import FIELD, Kind, of_kind
from kala_server.core.decide.validation import check_job
from kala_server.core.errors import MOST_TOLD, InvalidJobError
from kala_server.core.state.state import State
from kala_server.core.steps import to_the_end
from kala_server.wire.requests import read_job

FIELDS = sorted(FIELD)
OF_OTHERS = {"parent_jobs", "on_failure_job"}
"""Their examples are ids, and there is no such job here."""


def refused(**said: Any) -> tuple[str, str, Any]:
    with pytest.raises(InvalidJobError) as raised:
        read_job({"name": "a", "command": "date", **said})
    [problem] = raised.value.problems
    return problem.field, problem.message, problem.example


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_has_an_example_and_it_is_right(field: str) -> None:
    said = {"name": "a", FIELD[field].wire: FIELD[field].example}
    if field not in {"command", "argv"}:
        said["command"] = "date"
    spec, disabled = read_job(said)
    given = disabled if field == "disabled" else getattr(spec, field)
    assert given is not None
    if field not in OF_OTHERS:
        to_the_end(check_job(State(), "a", spec))


@pytest.mark.parametrize("wrong", [{}, [], [[]], 1.5, True, {"a": {}}])
@pytest.mark.parametrize("field", FIELDS)
def test_what_belongs_into_a_field_is_said_with_an_example(field: str, wrong: Any) -> None:
    name = FIELD[field].wire
    try:
        read_job({"name": "a", "command": "date", name: wrong})
    except InvalidJobError as error:
        for problem in error.problems:
            assert problem.field == name
            assert " belongs here, not " in problem.message
            assert problem.example not in ("", None)


@pytest.mark.parametrize(
    ("said", "message", "example"),
    [
        ({"timeout": 30}, "a duration such as PT30S belongs here, not a number", "PT30S"),
        ({"epsilon": -1}, "a duration such as PT5S belongs here, not a number", "PT5S"),
        ({"retry_delay": True}, "a duration such as PT30S belongs here, not a boolean", "PT30S"),
        ({"type": "http"}, "0 (a command) or 1 (an HTTP call) belongs here, not a text", 0),
        ({"tags": "a"}, "an array of texts belongs here, not a text", ["night"]),
        ({"description": 5}, "a text belongs here, not a number", FIELD["description"].example),
        ({"retries": 1.5}, "a whole number belongs here, not a fraction", 2),
        ({"retries": "3"}, "a whole number belongs here, not a text", 2),
        ({"shell": "yes"}, "true or false belongs here, not a text", False),
        ({"disabled": "no"}, "true or false belongs here, not a text", False),
        ({"env": ["A=1"]}, "an object belongs here, not an array", {"LANG": "C.UTF-8"}),
        ({"env": {"A": 1}}, "a text belongs here, not a number (at env.A)", {"LANG": "C.UTF-8"}),
        ({"overlap": "quue"}, "'queue', 'skip', 'allow' or 'replace' belongs here, not 'quue'", "queue"),
        ({"overlap": "x" * 99}, "'queue', 'skip', 'allow' or 'replace' belongs here, not a text", "queue"),
    ],
)
def test_the_words_are_those_of_the_field(said: dict[str, Any], message: str, example: Any) -> None:
    [field] = said
    assert refused(**said) == (field, message, example)


def test_a_text_that_may_be_a_secret_is_not_repeated() -> None:
    for field in ("retries", "env", "tags", "type", "shell", "timeout", "remote_properties"):
        wrong: Any = ["hunter2"] if field == "timeout" else "hunter2"
        assert "hunter2" not in refused(**{field: wrong})[1]


@pytest.mark.parametrize("field", [*sorted(of_kind(Kind.TEXTS, Kind.JOBS)), "expected_response_codes"])
def test_of_a_list_with_many_faults_the_first_are_told_and_a_good_one_is_taken_whole(field: str) -> None:
    in_a_call = field == "expected_response_codes"
    good: list[object] = [200] * 5_000 if in_a_call else [f"x{number}" for number in range(5_000)]
    bad: object = "x" if in_a_call else 1

    def job(items: list[object]) -> dict[str, object]:
        call = {"type": 1, "remote_properties": {"url": "http://h/", field: items}}
        return {"name": "a", **(call if in_a_call else {field: items})}

    spec, _ = read_job(job(good))
    taken = spec.remote_properties.expected_response_codes if spec.remote_properties else getattr(spec, field)
    assert list(taken) == good
    with pytest.raises(InvalidJobError) as refused:
        read_job(job([*good, *[bad] * 5_000]))
    assert 0 < len(refused.value.problems) <= MOST_TOLD
    assert f"{field}.5000)" in str(refused.value)
