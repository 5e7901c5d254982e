"""Servers of one Kala that answer as the API says that leaders and followers do, each as it is told to."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

ID = "7c58ea8f-3753-4428-77c5-ba6103933f1c"
_OURS = {"Kala-Server": "kala-python/1.0.0", "Kala-Lag": "0.412"}
_PAUSE = {"pause": {"paused": False, "since": None, "reason": ""}}


class Does(StrEnum):
    """What a server does about a change; to who only looks it answers, unless it is gone or cut off."""

    LEADS = "carries it out"
    FOLLOWS = "names another one as its leader"
    ALONE = "knows of no leader"
    CUT = "breaks off before it does anything"
    CUT_LATE = "carries it out and breaks off"
    DEAD = "is behind a proxy that does not reach it"
    HANGS = "says nothing until the end"
    GONE = "does not listen"


_NOT_EVEN_LOOKED_AT = {Does.CUT, Does.CUT_LATE, Does.DEAD, Does.HANGS}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, and whether it was carried out."""

    url: str
    method: str
    path: str
    body: bytes
    key: str | None
    token: str | None
    done: bool


@dataclass(slots=True)
class Log:
    """What all servers were asked, in this order."""

    asked: list[Asked] = field(default_factory=list)

    @property
    def done(self) -> int:
        """How many of the requests were carried out; what has a key is so once."""
        done = [one for one in self.asked if one.done]
        return len({one.key or number for number, one in enumerate(done)})


class Member:
    """One server. What it does, and who leads it, may be changed between two requests."""

    def __init__(self, log: Log) -> None:
        self.does = Does.LEADS
        self.leader = ""
        self.log = log
        self.ended = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"member": self}))
        self._server.daemon_threads = False
        self.address: tuple[str, int] = self._server.server_address  # type: ignore[assignment]
        self.url = f"http://127.0.0.1:{self.address[1]}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.005})
        self._thread.start()
        self._held = socket.socket()

    def leave(self) -> None:
        """Stop listening, and let nobody else listen there."""
        self.does = Does.GONE
        self.end()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(self.address)

    def close(self) -> None:
        """Let go of it all."""
        if self.does is not Does.GONE:
            self.end()
        self._held.close()

    def end(self) -> None:
        """Stop listening, and let go of who waits."""
        self.ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Answers one request, and closes the connection."""

    member: Member

    def do_GET(self) -> None:
        member = self.member
        looks = self.command == "GET" and member.does not in _NOT_EVEN_LOOKED_AT
        does = Does.LEADS if looks else member.does
        self.note(done=does in {Does.LEADS, Does.CUT_LATE})
        match does:
            case Does.HANGS:
                member.ended.wait()
            case Does.DEAD:
                self.answer(502, b"Bad Gateway", {})
            case Does.FOLLOWS:
                self.refuse({"Kala-Leader": member.leader}, member.leader)
            case Does.ALONE:
                self.refuse({"Retry-After": "1"}, None)
            case Does.LEADS:
                self.answer(*_done(self.command, self.path), _OURS)

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names of http.server

    def note(self, *, done: bool) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        key, token = self.headers.get("Idempotency-Key"), self.headers.get("Authorization")
        self.member.log.asked.append(Asked(self.member.url, self.command, self.path, body, key, token, done))

    def refuse(self, headers: dict[str, str], leader: str | None) -> None:
        problem = {"title": "Service Unavailable", "status": 503, "detail": "it follows", "leader": leader}
        self.answer(503, json.dumps(problem).encode(), _OURS | headers)

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""


def _done(method: str, path: str) -> tuple[int, bytes]:
    """Return what a Kala answers to what it has carried out."""
    route = path.removeprefix("/api/v1")
    answers: dict[tuple[str, str], tuple[int, Any]] = {
        ("POST", "/job/"): (201, {"id": ID}),
        ("PATCH", f"/job/{ID}/"): (200, {"job": {"name": "a", "id": ID}}),
        ("POST", "/pause/"): (200, _PAUSE),
        ("POST", "/resume/"): (200, _PAUSE),
        ("GET", f"/job/{ID}/"): (200, {"job": {"name": "a", "id": ID}}),
    }
    status, document = answers.get((method, route), (204, None))
    return status, b"" if document is None else json.dumps(document).encode()


@contextmanager
def members(count: int) -> Iterator[tuple[Log, list[Member]]]:
    """Run so many servers, each of which leads as yet."""
    log = Log()
    with ExitStack() as stack:
        made = []
        for _ in range(count):
            made.append(Member(log))
            stack.callback(made[-1].close)
        yield log, made
