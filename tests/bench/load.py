"""Load as wrk makes it: connections that send the same prebuilt request again as soon as they have an answer.

It runs as a process of its own, `python -m tests.bench.load`: reads a `Plan` as JSON, writes a `Load` as JSON.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import perf_counter, sleep
from typing import TypeVar

from tests.bench.servers import Address

T = TypeVar("T")

_PAUSE = 0.001
"""Seconds between two questions whether the loop is held."""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be sent, where, and how often."""

    host: str
    port: int
    request: str
    connections: int
    seconds: float
    most: int = 1 << 60
    """Stop after so many requests."""
    pause: float = 0
    """Seconds between an answer and the next request of a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What came of it; times in seconds."""

    answers: int
    seconds: float
    refused: int
    """How many answers had another status than 2xx."""
    p50: float
    p99: float
    longest: float

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


class Running:
    """A load that is on its way."""

    def __init__(self, plan: Plan) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(plan)).encode() + b"\n")
        self._process.stdin.flush()
        self._process.stdout.readline()  # it is connected, and begins

    def result(self) -> Load:
        """Wait for its end. An answer that is no success is an AssertionError."""
        text, _ = self._process.communicate(timeout=600)
        load = Load(**json.loads(text))
        assert load.answers, "no answer came"
        assert not load.refused, f"{load.refused} of {load.answers} requests were refused"
        return load


def request(
    address: Address,
    method: str,
    path: str,
    body: bytes | None = None,
    *,
    connections: int = 16,
    **how: float,
) -> Plan:
    """Return a plan for a request that is sent again and again."""
    head = [f"{method} {path} HTTP/1.1", f"Host: {address.host}:{address.port}"]
    if body is not None:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    text = "\r\n".join([*head, "", ""]) + (body or b"").decode()
    return Plan(
        host=address.host,
        port=address.port,
        request=text,
        connections=connections,
        seconds=how.get("seconds", 1.0),
        most=int(how.get("most", 1 << 60)),
        pause=how.get("pause", 0),
    )


def asking(address: Address, seconds: float, path: str = "/healthz") -> Running:
    """Ask again and again whether the loop is held; the longest answer says for how long it was."""
    return Running(request(address, "GET", path, connections=1, pause=_PAUSE, seconds=seconds))


def longest_hold(address: Address, seconds: float, work: Callable[[], T], path: str) -> tuple[T, float]:
    """Do the work while somebody asks; return what it returns, and for how many seconds the loop was held."""
    idle = asking(address, seconds, path).result()
    asked = asking(address, 2 * seconds, path)
    sleep(0.1)
    result = work()
    return result, asked.result().longest - idle.p50


def drive(plan: Plan) -> Load:
    """Carry out a plan in a process of its own."""
    return Running(plan).result()


class _Connection(asyncio.Protocol):
    def __init__(self, crowd: "_Crowd") -> None:
        self._crowd = crowd
        self._transport: asyncio.WriteTransport | None = None
        self._sent = 0.0
        self._pending = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def send(self) -> None:
        assert self._transport is not None
        if self._crowd.take():
            self._sent = perf_counter()
            self._transport.write(self._crowd.request)
        else:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        data = self._pending + data
        if len(data) < _whole_length(data):
            self._pending = data
            return
        self._pending = b""
        self._crowd.answered(perf_counter() - self._sent, success=data[9:10] == b"2")
        if self._crowd.pause:
            asyncio.get_running_loop().call_later(self._crowd.pause, self.send)
        else:
            self.send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._crowd.left()


class _Crowd:
    """All connections, and what they have seen."""

    def __init__(self, plan: Plan) -> None:
        self.request = plan.request.encode()
        self.pause = plan.pause
        self._plan = plan
        self._to_send = plan.most
        self._here = plan.connections
        self._until = 0.0
        self._last = 0.0
        self._refused = 0
        self._times: list[float] = []
        self._all_left = asyncio.Event()

    async def run(self) -> Load:
        loop = asyncio.get_running_loop()
        made = [
            await loop.create_connection(lambda: _Connection(self), self._plan.host, self._plan.port)
            for _ in range(self._plan.connections)
        ]
        print("connected", flush=True)  # noqa: T201
        began = perf_counter()
        self._until = began + self._plan.seconds
        for _, connection in made:
            connection.send()
        await self._all_left.wait()
        times = sorted(self._times)
        return Load(
            answers=len(times),
            seconds=self._last - began,
            refused=self._refused,
            p50=times[len(times) // 2],
            p99=times[len(times) * 99 // 100],
            longest=times[-1],
        )

    def take(self) -> bool:
        """Whether another request is to be sent."""
        self._to_send -= 1
        return self._to_send >= 0 and perf_counter() < self._until

    def answered(self, took: float, *, success: bool) -> None:
        self._last = perf_counter()
        self._times.append(took)
        self._refused += not success

    def left(self) -> None:
        self._here -= 1
        if not self._here:
            self._all_left.set()


def _whole_length(data: bytes) -> int:
    """Return how long the answer is that begins with the data; more than there is where that is not known yet."""
    head_end = data.find(b"\r\n\r\n")
    if head_end < 0:
        return len(data) + 1
    found = _LENGTH.search(data, 0, head_end)
    return head_end + 4 + (int(found[1]) if found else 0)


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_Crowd(Plan(**json.loads(sys.stdin.readline()))).run()))))  # noqa: T201
