"""What can be done with `priority` once "Add a field" was followed. Run against a copy of the packages that has it."""

import os
import sys
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner

from kala_client import Job, KalaClient
from kala_client.models import ADDED_FIELDS
from kala_server.cli import kala
from kala_server.testing import running_server
from kala_server.wire.shapes import Answers

PATIENCE = 60
FIVE: Any = {"priority": 5}


def typed(*words: str) -> str:
    """Return what a command prints."""
    ended = CliRunner().invoke(kala, words)
    assert ended.exit_code == 0, ended.output
    return ended.stdout.strip()


def by_command_line(http: httpx.Client) -> None:
    job_id = typed("job", "create", "by option", "true", "--schedule", "never", "--priority", "5")
    assert http.get(f"/job/{job_id}/").json()["job"]["priority"] == 5
    typed("job", "edit", job_id, "--priority", "7")
    assert http.get(f"/job/{job_id}/").json()["job"]["priority"] == 7
    shown = typed("job", "get", job_id).splitlines()
    assert ["priority", "7"] in [line.split() for line in shown]


def by_program(client: KalaClient) -> None:
    job_id = client.create_job(Job(name="by program", command="true", schedule="never", **FIVE))
    assert client.get_job(job_id).model_dump()["priority"] == 5
    changed = client.update_job(job_id, **FIVE | {"priority": 6})
    assert changed.model_dump()["priority"] == 6
    assert "priority" in ADDED_FIELDS


def by_json(http: httpx.Client) -> None:
    job = {"name": "by hand", "command": "true", "schedule": "never"}
    assert http.post("/job/", json=job | {"Priority": 5}).status_code == 201
    refused = http.post("/job/", json=job | {"priority": 10}).json()["errors"]
    assert refused == [{"field": "priority", "message": "a priority is between 0 and 9", "example": 5}]
    [hint] = http.post("/job/", json=job | {"priorty": 5}).json()["warnings"]
    assert hint.endswith("did you mean priority?")


def described(http: httpx.Client) -> None:
    schemas = http.get("/openapi.json").json()["components"]["schemas"]
    meaning = "Which of the runs that are ready goes first: that with the greatest."
    asked, told = schemas["NewJob"]["properties"]["priority"], schemas["Job"]["properties"]["priority"]
    assert asked.items() >= {"description": meaning, "minimum": 0, "maximum": 9, "examples": [5]}.items()
    assert told == {"description": meaning, "type": "integer", "minimum": 0}


def in_turn(client: KalaClient) -> None:
    """Hold the only place until two wait for it."""
    fifo = Path.cwd() / "fifo"
    os.mkfifo(fifo)
    first = client.create_job(name="first", argv=["cat", str(fifo)], schedule="never")
    later = [
        client.create_job(Job(name=name, command="true", schedule="never", **said))
        for name, said in (("low", {}), ("high", FIVE))
    ]
    _, low, high = [client.run_job(job_id) for job_id in (first, *later)]
    fifo.write_text("go")
    began = [client.wait(run, timeout=PATIENCE).started_at for run in (high, low)]
    assert None not in began
    assert began == sorted(began, key=str)


def for_a_kala(answers: Answers) -> None:
    """Only this server's own way to answer has the field."""
    with running_server(answers=answers) as server, httpx.Client(base_url=f"{server.url}/api/v1") as http:
        job_id = http.post("/job/", json={"name": "a", "command": "true", "schedule": "never"}).json()["id"]
        job = http.get(f"/job/{job_id}/").json()["job"]
        assert ("priority" in job) is (answers is Answers.BOTH)


def main() -> None:
    with (
        running_server(max_running=1) as server,
        httpx.Client(base_url=f"{server.url}/api/v1") as http,
        KalaClient(server.url) as client,
    ):
        os.environ["KALA_URL"] = server.url
        by_command_line(http)
        by_program(client)
        by_json(http)
        described(http)
        in_turn(client)
    for answers in Answers:
        for_a_kala(answers)
    sys.stdout.write("all of it")


if __name__ == "__main__":
    main()
