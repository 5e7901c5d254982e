"""A server at whose door things are tried: what it runs and keeps can be told, and bytes can be sent as they are."""

import json
import logging
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx

from kala_client import KalaClient
from kala_server.testing import running_server
from kala_server.web.app import PREFIX, ROUTES
from tests.eventually import PATIENCE, eventually

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
OF_THE_PAGE = ["/", "/webui", "/webui/", "/webui/app.mjs"]
UNKNOWN = ["/favicon.ico", "/api/v1", "/api/v1/nope", "/api/v2/job/", "/api/v1/job/a/b/c/"]
IN_2035 = "R/2035-06-04T19:25:16Z/P1D"


@dataclass(frozen=True, slots=True)
class Door:
    """A running server with one job, `job_id`, that leaves a mark in `marks` whenever a command is run."""

    url: str
    marks: Path
    job_id: str
    http: httpx.Client
    plain: HTTPConnection

    @property
    def a_job(self) -> dict[str, Any]:
        """What creates a job that leaves a mark at once."""
        return {"name": "marks", "command": f"touch {self.marks}/$KALA_RUN_ID"}

    def paths(self) -> list[str]:
        """Return every route, for the job that is there, with and without its slash, and some that are none."""
        known = [PREFIX + re.sub(r"{\w+}", self.job_id, path) for path, _ in ROUTES]
        return [*known, *(f"{path}/" for path in known), *OF_THE_PAGE, *UNKNOWN]

    def kept(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return all that is stored, as far as a client can see it; not when that was."""
        jobs = self.http.get("/api/v1/job/").json()["jobs"]
        stats = self.http.get("/api/v1/stats/").json()["Stats"]
        return jobs, {name: stats[name] for name in stats if name not in {"created", "CreatedAt"}}

    def status(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, document: object = None
    ) -> int:
        """Return the status alone: some routes stream for ever. It takes a fifth of what httpx does."""
        headers, body = headers or {}, b"" if document is None else json.dumps(document).encode()
        self.plain.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.plain.putheader(name, value)
        self.plain.endheaders(body)
        response = self.plain.getresponse()
        if response.length is None:
            self.plain.close()
        else:
            response.read()
        response.close()
        return response.status

    def send(self, data: bytes, *, finish: bool = False) -> bytes:
        """Send bytes as they are, and return what comes until the server closes or says nothing for a while."""
        host, port = self.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
            received = bytearray()
            try:
                connection.sendall(data)
                if finish:
                    connection.shutdown(socket.SHUT_WR)
                while chunk := connection.recv(65_536):
                    received += chunk
            except TimeoutError:
                raise
            except OSError:
                pass  # the server may close at any moment, but not fall silent
            return bytes(received)


@contextmanager
def door(marks: Path) -> Iterator[Door]:
    """Run a server; whatever is tried, it must still answer and run a job at the end, and log no fault of its own."""
    faults = _Faults()
    logging.getLogger().addHandler(faults)
    try:
        with (
            running_server() as server,
            httpx.Client(base_url=server.url) as http,
            KalaClient(server.url) as kala,
            closing(HTTPConnection(server.url.removeprefix("http://"), timeout=PATIENCE)) as plain,
        ):
            there = kala.create_job(name="there", command=f"touch {marks}/$KALA_RUN_ID", schedule=IN_2035)
            yield Door(server.url, marks, there, http, plain)
            kala.resume()  # what was tried may have paused it, as it may
            last = kala.create_job(name="last", command=f"touch {marks}/last")
            eventually(lambda: kala.get_job_stats(last))
            assert (marks / "last").exists()
    finally:
        logging.getLogger().removeHandler(faults)
    assert not faults.told


class _Faults(logging.Handler):
    """Gathers what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(self.format(record))
