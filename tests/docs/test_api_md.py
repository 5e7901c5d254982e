"""docs/api.md: every route, method, parameter, status and event, each with a request that is really answered so."""

import re
from dataclasses import fields
from http import HTTPStatus

import pytest

from kala_server.core.model import records as r
from kala_server.core.model.job import Trigger
from kala_server.web import problems
from kala_server.web.app import PREFIX, WATCHING
from kala_server.web.openapi.operations import OPERATIONS
from kala_server.wire import ledger
from tests.docs.blocks import DOCS, blocks, codes, headings, read, rows
from tests.docs.console import Session, exchanges
from tests.docs.offered import Operation, operations

PAGE = read(DOCS / "api.md")
SESSIONS = blocks(PAGE, "console")


def in_the_tables() -> set[Operation]:
    return {(method, codes(route)[0]) for method, route in rows(PAGE, "method", "route")}


def with_a_section() -> set[Operation]:
    found = [codes(heading)[0].split() for heading in headings(PAGE, 3) if codes(heading)]
    return {(method, route) for method, route in found}


def asked() -> set[Operation]:
    """Return which operations the sessions ask for."""
    found = set()
    for exchange in (one for block in SESSIONS for one in exchanges(block)):
        [path] = re.findall(r"http://127\.0\.0\.1:8000/api/v1(/[^\s'?]*)", exchange.command) or [""]
        path = re.sub(r"(?<=/set/)\w+|(?<=/workers/)[\w-]+", "{name}", re.sub(r"[0-9a-f-]{36}", "{id}", path))
        method = re.search(r" -X (\w+)", exchange.command)
        posts = " -d " in exchange.command and " -G " not in exchange.command
        found.add((method[1] if method else "POST" if posts else "GET", path))
    return found


def test_every_operation_is_in_a_table_and_no_other() -> None:
    assert in_the_tables() == operations()


def test_every_operation_has_a_section_and_no_other() -> None:
    assert with_a_section() == operations()


def test_every_operation_is_asked_for_in_an_example() -> None:
    assert operations() <= asked()


def test_every_place_to_watch_the_server_is_documented_and_asked() -> None:
    for path, _ in WATCHING:
        assert f"`GET {path}`" in PAGE
        assert f"$ curl http://127.0.0.1:8000{path}\n" in PAGE


@pytest.mark.parametrize(("method", "route"), sorted(OPERATIONS))
def test_every_parameter_is_documented_in_the_section_of_its_route(method: str, route: str) -> None:
    section = PAGE.partition(f"### `{method} {route.removeprefix(PREFIX)}`")[2].partition("\n##")[0]
    if "Idempotency-Key" in {parameter["name"] for parameter in OPERATIONS[method, route].parameters}:
        section += PAGE.partition("### Idempotency keys")[2].partition("\n##")[0]
    for parameter in OPERATIONS[method, route].parameters:
        assert f"`{parameter['name']}`" in section


def test_every_member_of_a_run_is_documented() -> None:
    documented = {name for (cell,) in rows(PAGE, "member of a run") for name in codes(cell)}
    [answer] = [one.answer for block in SESSIONS for one in exchanges(block) if "runs/?state=" in one.command]
    shown = re.findall(r'[{,]\s*"(\w+)":', answer)
    assert documented == set(shown) - {"runs", "next"}


def test_every_trigger_is_documented() -> None:
    [told] = [meaning for cell, meaning in rows(PAGE, "member of a run", "meaning") if cell == "`trigger`"]
    assert codes(told) == list(Trigger)


def test_every_status_of_an_error_is_documented_and_no_other() -> None:
    documented = {int(status) for (status,) in rows(PAGE, "status")}
    told_of_elsewhere = {401, 403, 405, 413, 416, 500}
    assert documented == {*problems.STATUS.values(), *told_of_elsewhere}
    assert documented == {HTTPStatus(status) for status in documented}


def test_every_event_and_its_data_are_documented_and_no_others() -> None:
    documented = {
        name: set(codes(data))
        for events, data in rows(PAGE, "event", "beside them in `data`")
        for name in codes(events)
    }
    assert documented == {**told(), "missed": {"reason"}}


def told() -> dict[str, set[str]]:
    """Return the events that a stream can carry, each with its data but for what all of them have."""
    only_in_snapshots = (r.ServerKept, r.JobKept, r.RunKept)
    of_all = {"job_id", "job_name", "run_id", "id", "spec"}
    return {
        r.kind(kind): {field.name for field in fields(kind)} - of_all - ledger.KEPT_BACK
        for kind in r.RECORD_TYPES
        if not issubclass(kind, only_in_snapshots + ledger.OF_THE_SERVER)
    }


def test_every_request_is_answered_as_documented(session: Session) -> None:
    for block in SESSIONS:
        session.play(block)
