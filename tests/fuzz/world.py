"""A real server with something in it, and the one way in which cases are tried on it."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict
from schemathesis import Case, CheckContext, CheckFunction, Response
from schemathesis.core import NotSet
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.eventually import PATIENCE
from tests.fuzz import tamed


class World:
    """A server with a job and a run, which are made anew once a request has made an end of them."""

    def __init__(self, url: str, session: requests.Session) -> None:
        self.url = url
        self.session = session
        self.asked: Counter[int] = Counter()
        self.make()

    def make(self) -> None:
        api = f"{self.url}/api/v1"
        created = self.session.post(f"{api}/job/", json={"name": "a", "command": "echo hello"})
        self.job_id = created.json()["id"]
        started = self.session.post(f"{api}/job/start/{self.job_id}/")
        self.run_id = started.headers["kala-run-id"]

    def ask(self, case: Case[Any]) -> None:
        """Send the case, made harmless; fails where the answer is not as described."""
        self.tame(case)
        response = case.call(base_url=self.url, session=self.session, timeout=PATIENCE)
        self.asked[response.status_code] += 1
        if response.status_code == 404 and case.path_parameters.get("id") in {self.job_id, self.run_id}:
            self.make()
        case.validate_response(
            response, additional_checks=[ours_is_described], excluded_checks=list(not_promised(case))
        )

    def tame(self, case: Case[Any]) -> None:
        case.body = tamed.body(case.body, self.url)
        case.query = tamed.parameters(case.query)
        case.headers = CaseInsensitiveDict(tamed.parameters(case.headers))
        if "Idempotency-Key" in case.headers and self.asked.total() % tamed.NOW_AND_THEN:
            # The same few keys come again and again, each time with another body.
            case.headers["Idempotency-Key"] = f"key {self.asked.total()}"
        if "id" in case.path_parameters and tamed.dice(case.path_parameters["id"]):
            case.path_parameters["id"] = self.run_id if "/run/" in case.path else self.job_id


def ours_is_described(_: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """Fail where a header of ours, or a member of an answer, is one that the description does not know."""
    answer, kind = described(case, response.status_code), "".join(response.headers.get("content-type", []))
    headers = {name for name in response.headers if name.startswith("kala-")} - {"kala-server"}
    if surplus := headers - {name.lower() for name in answer.get("headers", {})}:
        raise AssertionError(f"headers that are not described: {sorted(surplus)}")
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    if kind.startswith("application/json") and (members := schema.get("properties")):
        surplus = set(response.json()) - set(members)
        assert not surplus, f"members that are not described: {sorted(surplus)}"
    return None


def described(case: Case[Any], status: int) -> dict[str, Any]:
    """Return what is said of an answer; nothing where it is a problem, which all have in common."""
    said = case.operation.definition.raw["responses"].get(str(status), {})
    return {} if "$ref" in said else dict(said)


def not_promised(case: Case[Any]) -> Iterator[CheckFunction]:
    """Name what the description does not promise of the case."""
    # A schema cannot say all that makes a job wrong; the answer does.
    yield positive_data_acceptance
    if set(case.query) - {parameter.name for parameter in case.operation.query}:
        # Unknown parameters are passed over, for clients that are newer than the server.
        yield negative_data_rejection
    elif isinstance(case.body, NotSet) and not _needs_body(case):
        # Nothing is wrong with a body that is not there and need not be.
        yield negative_data_rejection


def _needs_body(case: Case[Any]) -> bool:
    return bool(case.operation.definition.raw.get("requestBody", {"required": True})["required"])
