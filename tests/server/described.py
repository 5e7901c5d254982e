"""A client that holds each answer of a server to its description, to the last field and header."""

from dataclasses import dataclass, field
from typing import Any

import httpx
from jsonschema import Draft202012Validator, FormatChecker

from kala_server.web.openapi.document import document

DOCUMENT = document()


def closed(schema: Any) -> Any:
    """Return the schema so that an object may hold nothing that is not described."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    return {**inner, "additionalProperties": False} if isinstance(schema.get("properties"), dict) else inner


COMPONENTS = closed(DOCUMENT["components"]["schemas"])


def check_headers(described: dict[str, Any], headers: httpx.Headers) -> None:
    """Hold headers to what is said of them, and ours to be described at all; Kala-Server is everywhere."""
    ours = {name for name in headers if name.startswith("kala-")}
    assert ours - {"kala-server"} <= {name.lower() for name in described}
    assert "kala-server" in ours
    for name, header in described.items():
        if header.get("required") or name in headers:
            Draft202012Validator(header["schema"]).validate(headers[name])


@dataclass
class Described:
    """A client of which every answer must be as described."""

    http: httpx.Client
    seen: set[tuple[str, str, int]] = field(default_factory=set)

    def ask(
        self, method: str, path: str, an_id: str = "", *, api: str = "/api/v1", **rest: Any
    ) -> httpx.Response:
        response = self.http.request(
            method, api + path.replace("{id}", an_id).replace("{name}", an_id), **rest
        )
        self.check(DOCUMENT["paths"][api + path][method.lower()], response)
        self.seen.add((method, api + path, response.status_code))
        return response

    def check(self, operation: dict[str, Any], response: httpx.Response) -> None:
        answer = operation["responses"][str(response.status_code)]
        if "$ref" in answer:
            answer = DOCUMENT["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        check_headers(answer.get("headers", {}), response.headers)
        if "content" not in answer:
            assert not response.content
            assert "content-type" not in response.headers
            return
        [(kind, content)] = answer["content"].items()
        assert response.headers["content-type"].partition(";")[0] == kind.partition(";")[0]
        said = response.json() if kind.endswith("json") else response.text
        rules = {**closed(content["schema"]), "components": {"schemas": COMPONENTS}}
        Draft202012Validator(rules, format_checker=FormatChecker()).validate(said)

    def create(self, **fields: Any) -> str:
        return str(self.ask("POST", "/job/", json={"command": "true", **fields}).json()["id"])

    def stats(self, job_id: str) -> list[dict[str, Any]]:
        return list(self.ask("GET", "/job/stats/{id}/", job_id).json()["job_stats"])

    def states(self, job_id: str) -> set[str]:
        return {run["state"] for run in self.runs(job_id)}

    def runs(self, job_id: str) -> list[dict[str, Any]]:
        return list(self.ask("GET", "/job/{id}/runs/", job_id).json()["runs"])
