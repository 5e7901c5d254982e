"""A fake clock, and both clients behind one blocking face, so that every test of behaviour runs against both."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from kala_client import AsyncKalaClient, KalaClient
from tests.blocking import KINDS, Blocking, Kind

Handler = Callable[[httpx.Request], httpx.Response]
Connect = Callable[..., Any]
OURS = {"Kala-Server": "kala-python/1.0.0"}


class FakeClock:
    """Time that passes only when somebody sleeps or a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Which of the two clients."""
    kind: Kind = request.param
    return kind


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Where the asyncio client runs."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def connect(kind: Kind, runner: asyncio.Runner, clock: FakeClock) -> Connect:
    """Make a client, blocking or asyncio, of a server that is a function."""

    def make(handler: Handler, url: str = "http://kala.test", **options: Any) -> Any:
        options = {"transport": httpx.MockTransport(handler), "monotonic": clock.monotonic, **options}
        if kind == "sync":
            return KalaClient(url, sleep=clock.sleep, **options)
        return Blocking(AsyncKalaClient(url, sleep=clock.sleep_async, **options), runner)

    return make


class Server:
    """A server that gives prepared answers in order, the last one for ever, and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(
            answer.status_code, headers=answer.headers, content=answer.content, request=request
        )

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]


@pytest.fixture
def ours() -> dict[str, str]:
    return dict(OURS)


@pytest.fixture
def serve() -> type[Server]:
    return Server
