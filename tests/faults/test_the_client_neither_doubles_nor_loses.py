"""The client neither doubles nor loses a job: its connection is cut at every byte, of what it asks and of the answer.

Each call goes through a proxy that cuts it once. What became of it is looked up at the server itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from kala_client import KalaClient, KalaConnectionError, KalaError, RetryPolicy
from kala_client._calls import builders
from kala_client._calls.call import Repeatable
from tests.blocking import KINDS, Kind, client_of
from tests.faults.conftest import Tell
from tests.faults.cutting_proxy import Cut, CuttingProxy, Way, cutting_proxy
from tests.faults.figures import PROXY_EVERY
from tests.faults.promises import client
from tests.faults.server_child import server_child

IN_2035 = "R/2035-06-04T19:25:16Z/P1D"
AT_ONCE = RetryPolicy(base=0)
SOME = 97
"""Every so many bytes is enough to see that a planted bug is noticed."""


@dataclass(slots=True)
class Line:
    """A client, the proxy that cuts it off, and a second way to the same server."""

    kala: KalaClient
    proxy: CuttingProxy
    server: KalaClient
    broken: list[str] = field(default_factory=list)
    calls: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: count(10_000))

    def sweep(self, what: str, *, every: int = PROXY_EVERY) -> None:
        """Make a call for each byte at which it can be cut, until there is none left."""
        for way in Way:
            at = 0
            while getattr(self, f"_{what}")(Cut(way, at, reset=self.calls % 2 == 0)):
                self.calls += 1
                at += every
            assert at, f"no {what} was ever cut {way}"

    def new(self) -> tuple[str, dict[str, Any]]:
        """Return a name that nobody has, and a job of that name."""
        name = f"job-{next(self.numbers)}"
        return name, {"name": name, "command": "true", "schedule": IN_2035}

    def _create(self, cut: Cut) -> bool:
        name, job = self.new()
        self.proxy.arm(cut)
        try:
            told = self.kala.create_job(**job)
        except KalaError as error:
            self.broken.append(f"{name} is given up, {cut}: {error}")
            return self.proxy.disarm()
        self._is_there_once(name, told, cut)
        return self.proxy.disarm()

    def _create_as_the_first_call(self, cut: Cut) -> bool:
        """A client that does not know its server yet must not repeat; its program may, with the same key."""
        name, job = self.new()
        with client(self.proxy.url, retry=AT_ONCE) as fresh:
            self.proxy.arm(cut)
            try:
                told = fresh.create_job(**job, idempotency_key=name)
            except KalaConnectionError:
                told = fresh.create_job(**job, idempotency_key=name)
        self._is_there_once(name, told, cut)
        return self.proxy.disarm()

    def _is_there_once(self, name: str, told: str, cut: Cut) -> None:
        there = [job_id for job_id, job in self.server.find_jobs(name=name).items() if job.name == name]
        if there != [told]:
            self.broken.append(f"{name} is there as {there}, told {told}, {cut}")
        for job_id in there:  # so that looking for the next one stays quick
            self.server.delete_job(job_id)

    def _delete(self, cut: Cut) -> bool:
        name, job = self.new()
        job_id = self.server.create_job(**job)
        self.proxy.arm(cut)
        try:
            self.kala.delete_job(job_id)
        except KalaError as error:
            self.broken.append(f"{name} is given up, {cut}: {error}")
        if job_id in self.server.get_all_jobs():
            self.broken.append(f"{name} is still there, {cut}")
        return self.proxy.disarm()

    def _get(self, cut: Cut) -> bool:
        name, job = self.new()
        job_id = self.server.create_job(**job)
        self.proxy.arm(cut)
        if self.kala.get_job(job_id).name != name:
            self.broken.append(f"{name} is another, {cut}")
        self.server.delete_job(job_id)
        return self.proxy.disarm()

    def _start(self, cut: Cut) -> bool:
        name, job = self.new()
        job_id = self.server.create_job(**job)
        self.proxy.arm(cut)
        told: str | None = None
        with suppress(KalaConnectionError):
            told = self.kala.start_job(job_id)
        runs = [run.id for run in self.server.runs(job_id)]
        if len(runs) > 1 or (told and runs != [told]):
            self.broken.append(f"{name} was started {len(runs)} times, {cut}")
        self.server.delete_job(job_id)
        return self.proxy.disarm()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


@pytest.fixture
def line(tmp_path: Path, kind: Kind) -> Iterator[Line]:
    with a_line(tmp_path, kind) as made:
        yield made


@contextmanager
def a_line(folder: Path, kind: Kind, retry: RetryPolicy = AT_ONCE) -> Iterator[Line]:
    with (
        server_child(folder / "data") as child,
        cutting_proxy(child.url) as proxy,
        client_of(kind, proxy.url, retry=retry) as kala,
        client(child.url) as server,
    ):
        kala.get_kala_stats()
        yield Line(kala, proxy, server)


@pytest.mark.parametrize("what", ["create", "create_as_the_first_call", "delete", "get", "start"])
def test_the_client_neither_doubles_nor_loses(line: Line, what: str, tell: Tell) -> None:
    line.sweep(what)
    assert line.broken == []
    tell(f"{line.calls:,} calls cut, 0 doubled, 0 lost")


@pytest.mark.parametrize("kind", ["sync"], indirect=True)
@pytest.mark.parametrize("what", ["create", "delete", "start"])
def test_a_client_that_repeats_without_thinking_is_noticed(
    line: Line, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    thoughtful = getattr(builders, f"{what}_job")

    def thoughtless(*arguments: Any, **options: Any) -> Any:
        call = thoughtful(*arguments, **options)
        headers = {name: value for name, value in call.headers.items() if name != "Idempotency-Key"}
        return replace(call, headers=headers, repeatable=Repeatable.ALWAYS, gone_is_done=None)

    monkeypatch.setattr(builders, f"{what}_job", thoughtless)
    line.sweep(what, every=SOME)
    assert line.broken


def test_a_client_that_gives_up_at_once_is_noticed(tmp_path: Path) -> None:
    with a_line(tmp_path, "sync", RetryPolicy(attempts=1)) as line:
        line.sweep("create", every=SOME)
        assert line.broken
