"""No secret leaks: canaries in every input of the server are in no log, no figure, no event and no refusal."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import httpx
import pytest

from kala_client import KalaClient
from tests.eventually import PATIENCE, eventually
from tests.faults import canaries as c
from tests.faults.conftest import Tell

IN_2035 = "R/2035-06-04T19:25:16Z/P1D"
SECRET_JOB: dict[str, Any] = {
    "name": "secret",
    "command": f"sh -c 'printf %s-%s canary output; : {c.COMMAND}; exit 3'",
    "env": {"SAID": c.ENV, "TOKEN": c.ENV},
    "retries": 1,
}
HTTP_JOB: dict[str, Any] = {
    "name": "secret",
    "type": 1,
    "remote_properties": {
        "url": f"http://user:{c.PASSWORD}@127.0.0.1:1/?{c.COMMAND}",
        "method": "POST",
        "headers": {"Authorization": [c.HEADER]},
        "body": c.BODY,
    },
}
MISSING: dict[str, Any] = {
    "name": "secret",
    "command": f"/no/such/program {c.COMMAND}",
    "env": {"SAID": c.ENV},
}
BAD_JOBS: list[dict[str, Any]] = [
    {**SECRET_JOB, "schedule": "tomorrow"},
    {**SECRET_JOB, "retries": -1},
    {**SECRET_JOB, "env": {"SAID": [c.ENV]}},
    {**SECRET_JOB, "env": {"SAID": f"{c.ENV}\0"}},
    {**SECRET_JOB, "env": {"NO=NAME": c.ENV}},
    {**SECRET_JOB, "env": c.ENV},
    {**SECRET_JOB, "user": "nobody-here", "timeout": "soon"},
    {**HTTP_JOB, "remote_properties": {**HTTP_JOB["remote_properties"], "method": 7}},
    {**HTTP_JOB, "remote_properties": {**HTTP_JOB["remote_properties"], "headers": [c.HEADER]}},
    {**HTTP_JOB, "remote_properties": {**HTTP_JOB["remote_properties"], "body": [c.BODY]}},
]
LINE = b"GET /api/v1/job/?token=%s HTTP/1.1\r\n" % c.TOKEN.encode()
HOST = b"Host: localhost\r\n"
BEARER = b"Authorization: Bearer " + c.TOKEN.encode()
MALFORMED = [
    LINE + HOST + BEARER + b"\x01\r\n\r\n",
    LINE + HOST + BEARER + b"\r\n" + c.TOKEN.encode() + b"\r\n\r\n",
    LINE + HOST + BEARER.replace(b": ", b" ") + b"\r\n\r\n",
    LINE + HOST + b"Authorization:\r\n\x0b" + c.TOKEN.encode() + b"\r\n\r\n",
    LINE + HOST + c.TOKEN.encode() + b"\xff: x\r\n\r\n",
    LINE.replace(b" HTTP", b" SMTP") + HOST + BEARER + b"\r\n\r\n",
    LINE + b"Host: " + c.TOKEN.encode() + b"@localhost\r\n" + BEARER + b"\r\n\r\n",
    LINE + HOST + BEARER + b"\r\nContent-Length: " + c.TOKEN.encode() + b"\r\n\r\n",
    LINE.replace(b"=", b"=%ff%") + HOST + BEARER + b"\r\n\r\n",
    b"POST /api/v1/job/ HTTP/1.1\r\n" + HOST + BEARER + b"\r\nContent-Length: 90\r\n\r\n{" + c.ENV.encode(),
]


class Seen:
    """Where canaries were seen that should not be there."""

    def __init__(self) -> None:
        self.leaks: list[str] = []
        self.looked_at = 0

    def look(self, where: str, text: str, unwanted: frozenset[str] = c.EVERY) -> None:
        self.looked_at += 1
        self.leaks += [f"{canary} in {where}" for canary in sorted(c.found(text, unwanted))]


def carry_out(seen: Seen, http: httpx.Client, kala: KalaClient) -> None:
    """Send canaries in everything that is right."""
    for job in (SECRET_JOB, HTTP_JOB, MISSING):
        answer = http.post("/api/v1/job/", json=job, headers={"Idempotency-Key": str(uuid4())})
        assert answer.status_code == 201, answer.text
        job_id = answer.json()["id"]
        eventually(lambda: all(run.finished for run in kala.runs(job_id)))  # noqa: B023
        assert c.found(http.get(f"/api/v1/job/{job_id}/").text, c.OF_JOBS), "its owner may read it"
        for path in ("runs/", "explain/"):
            # What an owner is told of a run may name the program, but nothing that was given to it.
            seen.look(path, http.get(f"/api/v1/job/{job_id}/{path}").text)
        assert (
            http.request("PATCH", f"/api/v1/job/{job_id}/", json={"env": {"SAID": c.ENV}}).status_code == 200
        )


def do_wrong(seen: Seen, http: httpx.Client, url: str) -> None:
    """Send canaries in everything that is wrong."""
    for job in BAD_JOBS:
        answer = http.post("/api/v1/job/", json=job)
        assert answer.status_code == 400, job
        seen.look(f"the answer to {job}", answer.text)
    bad_json = f'{{"name": "secret", "env": {{"SAID": "{c.ENV}}}'
    seen.look("the answer to bad JSON", http.post("/api/v1/job/", content=bad_json).text)
    wrong: list[dict[str, Any]] = [
        {"headers": {"Authorization": f"Bearer {c.WRONG_TOKEN}"}},
        {"headers": {"Authorization": f"Digest {c.WRONG_TOKEN}"}},
        {"auth": ("kala", c.PASSWORD)},
        {"auth": (c.WRONG_TOKEN, "")},
        {"params": {"token": c.WRONG_TOKEN, "limit": c.WRONG_TOKEN}},
        {"headers": {"Cookie": c.WRONG_TOKEN, "Last-Event-ID": c.WRONG_TOKEN, "Authorization": ""}},
    ]
    for options in wrong:
        answer = httpx.get(f"{url}/api/v1/job/", **options)
        assert answer.status_code == 401
        seen.look(f"the answer to {options}", answer.text)
    answer = httpx.post(
        f"{url}/api/v1/job/", json=SECRET_JOB, headers={"Authorization": f"Bearer {c.READ_TOKEN}"}
    )
    assert answer.status_code == 403
    seen.look("the answer to a token that only reads", answer.text)
    host, port = url.removeprefix("http://").split(":")
    for data in MALFORMED:
        with (
            socket.create_connection((host, int(port)), timeout=PATIENCE) as connection,
            contextlib.suppress(OSError),
        ):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            seen.look(f"the answer to {data!r}", connection.recv(65_536).decode(), c.CREDENTIALS - {c.TOKEN})


@contextlib.contextmanager
def listening_to_events(http: httpx.Client) -> Iterator[list[str]]:
    """Gather the event stream; it ends with the server."""
    heard: list[str] = []
    with http.stream("GET", "/api/v1/events/", timeout=60) as answer:

        def gather() -> None:
            with contextlib.suppress(httpx.HTTPError):
                heard.extend(answer.iter_lines())

        thread = Thread(target=gather)
        thread.start()
        yield heard
        thread.join()


def look_everywhere(folder: Path, plant: str = "nothing", log_format: str = "text") -> Seen:
    """Send canaries to a server, and look for them."""
    seen = Seen()
    environment = {"KALA_TOKEN": c.TOKEN, "DATABASE_PASSWORD": c.SERVERS_ENV}
    arguments = ["--log-format", log_format]
    with (
        c.logging_server(folder, arguments=arguments, environment=environment, plant=plant) as server,
        httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {c.TOKEN}"}) as http,
        KalaClient(server.url, token=c.TOKEN) as kala,
        listening_to_events(http) as heard,
    ):
        carry_out(seen, http, kala)
        do_wrong(seen, http, server.url)
        for path in ("/metrics", "/healthz", "/readyz", "/api/v1/stats/", "/api/v1/nothing/"):
            seen.look(path, http.get(path).text)
        seen.look("the process list", Path(f"/proc/{server.process.pid}/cmdline").read_text())
        server.stop()
    assert "kala.happens" in server.logged
    assert any("run_finished" in line for line in heard)
    seen.look("the log", server.logged)
    seen.look("the events", "\n".join(heard))
    seen.look(
        "the journal", (folder / "journal.jsonl").read_text(), c.CREDENTIALS - {c.PASSWORD} | {c.OUTPUT}
    )
    for output in (folder / "output").rglob("*-*"):
        seen.look("an output", output.read_text(), c.CREDENTIALS)
    return seen


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_secret_leaks_from_the_server(tmp_path: Path, tell: Tell, log_format: str) -> None:
    seen = look_everywhere(tmp_path / "data", log_format=log_format)
    assert seen.leaks == []
    tell(f"{len(c.EVERY)} canaries, looked for in {seen.looked_at} places, 0 seen")


def test_a_server_that_logs_what_it_is_asked_is_noticed(tmp_path: Path) -> None:
    seen = look_everywhere(tmp_path / "data", plant="logs_what_it_is_asked")
    assert {leak.split()[0] for leak in seen.leaks} >= {
        c.TOKEN,
        c.WRONG_TOKEN,
        c.ENV,
        c.COMMAND,
        c.HEADER,
        c.BODY,
    }
