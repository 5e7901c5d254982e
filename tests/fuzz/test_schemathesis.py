"""Whatever is asked of a real server within or beside its description: no 500, and every answer as described.

It checks the status, the content type, the headers and the body of each answer, that what the description forbids is
refused, and that methods which a route does not take are 405. `KALA_FAULTS=full` tries more than 10,000 requests.
"""

import os
from http import HTTPStatus
from typing import Any, NoReturn

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import one_of
from schemathesis import Case, GenerationMode

from kala_server.core.model.job import RunState
from kala_server.web import base
from kala_server.web.base import Handler
from kala_server.web.openapi.document import document
from kala_server.web.query import Query
from kala_server.web.routes import jobs
from kala_server.web.routes.runs import JobRuns
from kala_server.wire import ledger
from kala_server.wire.passed_over import PassedOver
from tests.fuzz.world import World

FULL = os.environ.get("KALA_FAULTS") == "full"
EXAMPLES = 650 if FULL else 15
"""For each operation that takes anything, beside those at the edges of its schema."""

pytestmark = pytest.mark.timeout(3600 if FULL else 300)

API = schemathesis.openapi.from_dict(document()).exclude(operation_id="events")
"""Without the stream that never ends."""


def trying(examples: int) -> settings:
    # The short run is the same every time, so that it fails for who broke something; the full one looks for more.
    return settings(
        max_examples=examples,
        derandomize=not FULL,
        suppress_health_check=list(HealthCheck),
    )


@API.parametrize()
@trying(EXAMPLES)
def test_every_answer_is_as_described(world: World, case: Case[Any]) -> None:
    world.ask(case)


def breaks(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError("a planted fault")


def refuses(handler: Handler, *_: Any) -> NoReturn:
    handler.refuse(HTTPStatus.IM_A_TEAPOT, "a planted fault")


def takes_anything(_query: Query, _name: str, _kind: object) -> RunState:
    return RunState.SUCCEEDED


def says_less(*_: Any) -> dict[str, Any]:
    return {"id": "a planted fault"}


async def has_another_type(handler: Handler, *_: Any) -> None:
    handler.headers["Content-Type"] = "text/html"
    handler.send(b"<p>a planted fault</p>")


def says_more(warnings: list[str]) -> dict[str, Any]:
    return {"warnigs": warnings} if warnings else {}


RUNS = ("GET", "/api/v1/job/{id}/runs/")
CREATE = ("POST", "/api/v1/job/")
PLANTED: dict[str, tuple[tuple[str, str], object, str, object]] = {
    "a 500": (RUNS, Query, "cursor", breaks),
    "a status that is not described": (RUNS, JobRuns, "get", refuses),
    "a bad value that is let in": (RUNS, Query, "choice", takes_anything),
    "an answer that lacks fields": (RUNS, ledger, "run", says_less),
    "an answer of another type": (RUNS, JobRuns, "get", has_another_type),
    "a header beyond its bound": (CREATE, PassedOver, "header", "a" * 5_000),
    "a member beyond its bound": (CREATE, PassedOver, "warnings", ["a planted fault"] * 30),
    "a member that is not described": (CREATE, jobs, "_told", says_more),
    "a header that is not described": (RUNS, base, "HEADERS", {**base.HEADERS, "Kala-Fault": "planted"}),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    (method, path), where, name, planted = PLANTED[fault]
    monkeypatch.setattr(where, name, planted)
    operation, there = API[path][method], World(world.url, world.session)

    @given(case=one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode]))
    @settings(trying(200), phases=[Phase.generate])
    def trial(case: Case[Any]) -> None:
        there.ask(case)

    with pytest.raises(BaseExceptionGroup):
        trial()
