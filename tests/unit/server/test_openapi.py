"""The description of the API says what the routes and the models say, and cannot drift away from them."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from kala_client.fields import FIELDS
from kala_server.core.decide.validation import check_job
from kala_server.core.errors import InvalidRequestError
from kala_server.core.state.state import State
from kala_server.core.steps import to_the_end
from kala_server.web.app import PREFIX, ROUTES, WATCHING
from kala_server.web.openapi.document import document
from kala_server.web.problems import PROBLEM
from kala_server.wire import shapes
from kala_server.wire.requests import read_job

DOCUMENT = document()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS = {
    (method.upper(), path): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
EVERY_ROUTE = [*((PREFIX + path, handler) for path, handler in ROUTES), *WATCHING]
HANDLERS = {path.rstrip("/"): handler for path, handler in EVERY_ROUTE}


def test_it_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_every_method_of_every_route_is_described_and_nothing_else() -> None:
    routed = {(method, path) for path, handler in HANDLERS.items() for method in handler.methods()}
    assert {(method, path.rstrip("/")) for method, path in OPERATIONS} == routed


def test_paths_are_those_that_clients_send() -> None:
    slashed = {path for path in DOCUMENT["paths"] if path.endswith("/")}
    assert set(DOCUMENT["paths"]) - slashed == {PREFIX + "/openapi.json", "/healthz", "/readyz", "/metrics"}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_token_is_asked_for_where_the_handler_asks_for_one(method: str, path: str) -> None:
    free = HANDLERS[path.rstrip("/")].for_everybody
    operation = OPERATIONS[method, path]
    assert operation.get("security", DOCUMENT["security"]) == ([] if free else DOCUMENT["security"])
    assert ("401" in operation["responses"]) is not free


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_error_is_a_problem(method: str, path: str) -> None:
    errors = {
        status: answer for status, answer in OPERATIONS[method, path]["responses"].items() if status >= "4"
    }
    assert errors
    for answer in errors.values():
        named = DOCUMENT["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        assert list(named["content"]) == [PROBLEM]


def test_every_field_of_a_job_can_be_said() -> None:
    said = {row.wire for row in FIELDS}
    assert set(SCHEMAS["NewJob"]["properties"]) == set(SCHEMAS["JobChanges"]["properties"]) == said


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_says_what_it_means(name: str) -> None:
    assert all(field.get("description") for field in SCHEMAS[name].get("properties", {}).values())
    assert SCHEMAS[name].get("description")


@pytest.mark.parametrize(
    ("schema", "documented"),
    [("JobStat", shapes.RUN_DOCUMENTED), ("KalaStats", shapes.SERVER_DOCUMENTED)],
)
def test_both_spellings_mean_the_same(schema: str, documented: dict[str, str]) -> None:
    described = SCHEMAS[schema]["properties"]
    ours = {"up_since", "outages", "cluster"}
    shipped = [name for name in described if name not in {*documented, *ours}]
    assert [described[name] for name in shipped] == [described[name] for name in documented]
    for one, other in zip(shipped, documented, strict=True):
        assert other.lower().startswith(one.replace("_", ""))  # `created` is documented as `CreatedAt`


DEFAULTS = {
    name: schema["default"] for name, schema in SCHEMAS["NewJob"]["properties"].items() if "default" in schema
}


@pytest.mark.parametrize("field", DEFAULTS)
def test_a_default_is_what_the_server_takes_for_it(field: str) -> None:
    assert read_job({"name": "a", field: DEFAULTS[field]}) == read_job({"name": "a"})


@pytest.mark.parametrize("field", sorted(set(SCHEMAS["NewJob"]["properties"]) - {"name"}))
def test_null_is_allowed_where_the_server_allows_it(field: str) -> None:
    document = {"name": "a", "command": "true"} | {field: None}
    assert read_job(document)
    assert allowed(document)


def allowed(document: Any) -> bool:
    return bool(
        Draft202012Validator({**SCHEMAS["NewJob"], "components": {"schemas": SCHEMAS}}).is_valid(document)
    )


def accepted(document: Any) -> bool:
    """Whether the server takes the job; its command is checked only where the document has none."""
    try:
        spec, _ = read_job({"command": "true", **document} if isinstance(document, dict) else document)
        to_the_end(check_job(State(), "an id", spec))
    except InvalidRequestError:
        return False
    return True


HTTP = {"name": "a", "command": "", "type": 1}
ON_THE_EDGE = [
    ({}, False),
    ([], False),
    ({"name": None}, False),
    ({"name": " "}, False),
    ({"name": " a"}, True),
    ({"name": 1}, False),
    ({"name": "a", "unknown": [{}]}, True),
    ({"name": "a", "retries": -1}, False),
    ({"name": "a", "retries": 0}, True),
    ({"name": "a", "retries": 0.5}, False),
    ({"name": "a", "retries": "1"}, False),
    ({"name": "a", "type": 2}, False),
    ({"name": "a", "type": 0}, True),
    ({"name": "a", "disabled": 1}, False),
    ({"name": "a", "disabled": True}, True),
    ({"name": "a", "shell": "true"}, False),
    ({"name": "a", "overlap": "skip"}, True),
    ({"name": "a", "overlap": "never"}, False),
    ({"name": "a", "overlap": "", "catch_up": "", "wait_for": ""}, True),
    ({"name": "a", "catch_up": "all"}, True),
    ({"name": "a", "catch_up": "some"}, False),
    ({"name": "a", "wait_for": "both"}, False),
    ({"name": "a", "retry_backoff": 1}, True),
    ({"name": "a", "retry_backoff": 0.99}, False),
    ({"name": "a", "keep_runs": 0}, False),
    ({"name": "a", "keep_runs": 1}, True),
    ({"name": "a", "keep_runs": 100_000}, True),
    ({"name": "a", "keep_runs": 100_001}, False),
    ({"name": "a", "cwd": "tmp"}, False),
    ({"name": "a", "cwd": "/tmp\n"}, True),
    ({"name": "a", "cwd": "/"}, True),
    ({"name": "a", "env": {"A": "b=c"}}, True),
    ({"name": "a", "env": {"A=B": "c"}}, False),
    ({"name": "a", "env": {"": "c"}}, False),
    ({"name": "a", "env": {"A": 1}}, False),
    ({"name": "a", "tags": ["x", None]}, False),
    ({"name": "a", "tags": "x"}, False),
    ({"name": "a", "argv": ["true", 1]}, False),
    ({"name": "a", "parent_jobs": "x"}, False),
    ({**HTTP, "remote_properties": {"url": "http://a"}}, True),
    ({**HTTP, "remote_properties": {"url": "http://a", "method": None, "body": None, "headers": None}}, True),
    ({**HTTP, "remote_properties": {"url": "http://a", "headers": {"A": "b", "C": ["d", "e"]}}}, True),
    ({**HTTP, "remote_properties": {"url": "http://a", "headers": {"A": 1}}}, False),
    ({**HTTP, "remote_properties": {"url": "http://a", "timeout": 1}}, True),
    ({**HTTP, "remote_properties": {"url": "http://a", "timeout": 1.5}}, False),
    ({**HTTP, "remote_properties": {"url": "http://a", "timeout": -1}}, False),
    ({**HTTP, "remote_properties": {"url": "http://a", "expected_response_codes": [200]}}, True),
    ({**HTTP, "remote_properties": {"url": "http://a", "expected_response_codes": ["200"]}}, False),
    ({"name": "a", "remote_properties": {}}, True),
    ({"name": "a", "remote_properties": {"url": "http://a", "timeout": -1}}, False),
    ({"name": "a", "remote_properties": {"url": ""}}, True),
    ({"name": "a", "remote_properties": {"url": None, "method": "", "headers": None}}, True),
    ({"name": "a", "remote_properties": {"url": 0}}, False),
    ({"name": "a", "remote_properties": {"timeout": "1"}}, False),
    ({"name": "a", "remote_properties": {"method": {}}}, False),
    ({"name": "a", "remote_properties": []}, False),
]


@pytest.mark.parametrize(("said", "good"), ON_THE_EDGE, ids=lambda value: str(value)[:80])
def test_the_schema_and_the_server_refuse_the_same_jobs(said: Any, good: bool) -> None:
    assert allowed(said) is good
    assert accepted(said) is good
