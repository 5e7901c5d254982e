"""Servers of one store: one leads, the others show what it does, and one of them takes over when it is gone."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from math import inf
from pathlib import Path
from typing import Any

import httpx
import pytest

from kala_server.clock import LoopClock
from kala_server.core.model.job import Run, RunState
from kala_server.core.model.records import JobCreated, Record, ServerKept
from kala_server.ports.store import Fence, Leader, SharedStore, StoreAwayError
from kala_server.server import Server
from kala_server.service.executor import Executor
from kala_server.service.service import Service
from kala_server.stores.memory import MemoryLog, MemoryStore
from kala_server.testing.running import settings_of
from tests.eventually import PATIENCE, eventually

LATER = "R/2035-06-04T19:25:16Z/P1D"
MakeStore = Callable[[MemoryLog, Callable[[], str]], SharedStore]


def in_memory(log: MemoryLog, address: Callable[[], str]) -> SharedStore:
    return MemoryStore(log, address=address)


@dataclass
class Cluster:
    """Servers of one log, in the order in which they were started."""

    log: MemoryLog = field(default_factory=MemoryLog)
    servers: list[Server] = field(default_factory=list)

    async def join(
        self, make: MakeStore = in_memory, clock: LoopClock | None = None, **settings: Any
    ) -> Server:
        """Start one more server."""
        said = settings_of(None, settings)
        server = Server(said, clock=clock, cluster=lambda address: make(self.log, address))
        await server.start()
        self.servers.append(server)
        return server

    async def leave(self, server: Server) -> None:
        """Stop a server."""
        self.servers.remove(server)
        await server.stop()


@asynccontextmanager
async def cluster() -> AsyncIterator[Cluster]:
    there = Cluster()
    try:
        async with asyncio.timeout(PATIENCE):
            yield there
    finally:
        for server in there.servers:
            await server.stop(timedelta(0))


def play(scene: Callable[[Cluster], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with cluster() as there:
            await scene(there)

    asyncio.run(whole())


async def until(true: Callable[[], object]) -> None:
    """Return once it is so."""
    await asyncio.to_thread(eventually, true)


async def leads(server: Server) -> None:
    """Return once it leads, and all that was before it is accounted for."""
    await until(lambda: server.role.name == "leader" and server.service.state.epoch == server.role.epoch)


async def ask(server: Server, method: str, path: str, **what: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url) as http:
        return await http.request(method, path, **what)


async def create(server: Server, **job: Any) -> str:
    answer = await ask(server, "POST", "/api/v1/job/", json={"name": "a job", "command": "true", **job})
    assert answer.status_code == 201, answer.text
    job_id: str = answer.json()["id"]
    return job_id


def test_who_follows_shows_what_the_leader_does_and_how_far_it_is_behind() -> None:
    async def scene(there: Cluster) -> None:
        leader = await there.join()
        await leads(leader)
        follower = await there.join()
        job_id = await create(leader, schedule=LATER)
        await until(lambda: job_id in follower.service.state.jobs)
        answer = await ask(follower, "GET", f"/api/v1/job/{job_id}/")
        assert answer.json()["job"]["name"] == "a job"
        assert float(answer.headers["kala-lag"]) >= 0
        assert "kala-lag" not in (await ask(leader, "GET", "/api/v1/job/")).headers

    play(scene)


def test_each_server_says_what_it_is_to_whoever_watches_it() -> None:
    async def scene(there: Cluster) -> None:
        leader = await there.join()
        await leads(leader)
        follower = await there.join()
        for server, role in ((leader, "leader"), (follower, "follower")):
            told = (await ask(server, "GET", "/readyz")).json()
            assert told["status"] == "ok"
            assert told["cluster"].keys() == {"role", "epoch", "lag", "lease"}
            stats = (await ask(server, "GET", "/api/v1/stats/")).json()["Stats"]["cluster"]
            session = (await ask(server, "GET", "/api/v1/session/")).json()["session"]["cluster"]
            assert stats["leader"] == session["leader"] == leader.url
            notes = (await ask(server, "GET", "/api/v1/session/")).json()["session"]["notes"]
            assert [note.split()[0] for note in notes] == [{"leader": "leads,", "follower": "follows"}[role]]
            assert {each["role"] for each in (told["cluster"], stats, session)} == {role}
            figures = (await ask(server, "GET", "/metrics")).text
            assert f"kala_leader {float(role == 'leader')}" in figures
            assert "kala_epoch 1.0" in figures

    play(scene)


class Unseen(MemoryStore):
    """A store of which its server has seen nothing since it was started."""

    @property
    def leader(self) -> Leader:
        return Leader(epoch=1, address="http://leads:8000", number=1_000_000)


class MovedClock(LoopClock):
    """A clock by which rights last for a shorter time than they do."""

    on = 0.0

    def since_boot(self) -> float:
        return super().since_boot() + self.on


def test_a_follower_that_is_far_behind_is_not_ready() -> None:
    async def scene(there: Cluster) -> None:
        clock = MovedClock()
        there.log.take("http://leads:8000")
        follower = await there.join(lambda log, address: Unseen(log, address=address), clock=clock)
        assert (await ask(follower, "GET", "/readyz")).status_code == 200
        clock.on = 11
        answer = await ask(follower, "GET", "/readyz")
        assert answer.status_code == 503
        assert "is 11 s behind" in answer.json()["detail"]

    play(scene)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/job/", {"name": "b", "command": "true"}),
        ("POST", "/api/v1/job/batch/", {"jobs": [{"name": "b", "command": "true"}]}),
        ("PATCH", "/api/v1/job/{id}/", {"name": "b"}),
        ("DELETE", "/api/v1/job/{id}/", None),
        ("DELETE", "/api/v1/job/all/", None),
        ("POST", "/api/v1/job/start/{id}/", None),
        ("POST", "/api/v1/job/disable/{id}/", None),
        ("POST", "/api/v1/pause/", None),
    ],
)
def test_a_write_to_who_follows_is_refused_with_the_address_of_the_leader(
    method: str, path: str, body: object
) -> None:
    async def scene(there: Cluster) -> None:
        leader = await there.join()
        await leads(leader)
        job_id = await create(leader, schedule=LATER)
        follower = await there.join()
        before = there.log.number
        answer = await ask(follower, method, path.format(id=job_id), json=body)
        assert answer.status_code == 503
        assert answer.headers["kala-leader"] == answer.json()["leader"] == leader.url
        assert leader.url in answer.json()["detail"]
        assert there.log.number == before

    play(scene)


def test_where_nobody_leads_a_write_is_to_be_tried_again() -> None:
    async def scene(there: Cluster) -> None:
        there.log.take("")  # somebody who never said where it is reached, and is gone
        follower = await there.join()
        answer = await ask(follower, "POST", "/api/v1/job/", json={"name": "b", "command": "true"})
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert "kala-leader" not in answer.headers
        assert answer.json()["leader"] is None

    play(scene)


def test_the_next_one_leads_when_the_leader_stops_and_goes_on_with_all_that_there_was() -> None:
    async def scene(there: Cluster) -> None:
        first = await there.join()
        await leads(first)
        second = await there.join()
        job_id = await create(first, schedule=LATER)
        await there.leave(first)
        await leads(second)
        assert second.role.epoch == 2
        assert (await ask(second, "DELETE", f"/api/v1/job/{job_id}/")).status_code == 204
        assert "kala-lag" not in (await ask(second, "GET", "/api/v1/job/")).headers

    play(scene)


async def a_run(server: Server, command: str) -> Run:
    """Start a run, and return it once it runs."""
    await create(server, command=command, shell=True)
    await until(lambda: server.service.state.counts["running"])
    return next(iter(server.service.state.runs.values()))


def test_what_runs_where_a_leader_stops_runs_for_the_next_one_until_word_comes_of_its_end(
    tmp_path: Path,
) -> None:
    async def scene(there: Cluster) -> None:
        os.mkfifo(tmp_path / "go")
        first = await there.join(grace=timedelta(seconds=PATIENCE))
        await leads(first)
        run = await a_run(first, f"read line < {tmp_path}/go; echo $line; exit 3")
        second = await there.join()
        stopping = asyncio.ensure_future(there.leave(first))
        await leads(second)
        assert second.service.state.runs[run.id].state is RunState.RUNNING
        await asyncio.to_thread((tmp_path / "go").write_text, "the last words\n")
        await until(lambda: second.service.state.runs[run.id].state is RunState.FAILED)
        over = second.service.state.runs[run.id]
        assert (over.exit_code, over.output_size) == (3, len("the last words\n"))
        await stopping
        await until(lambda: not there.log.words)

    play(scene)


def test_in_the_grace_of_a_leader_that_stops_whoever_still_speaks_to_it_is_sent_to_the_next_one(
    tmp_path: Path,
) -> None:
    async def scene(there: Cluster) -> None:
        os.mkfifo(tmp_path / "go")
        first = await there.join(grace=timedelta(seconds=PATIENCE))
        await leads(first)
        await a_run(first, f"read line < {tmp_path}/go")
        second = await there.join()
        async with httpx.AsyncClient(base_url=first.url) as http:
            await http.get("/api/v1/stats/")
            stopping = asyncio.ensure_future(there.leave(first))
            await leads(second)
            answer = await http.post("/api/v1/pause/")
        assert (answer.status_code, answer.headers["kala-leader"]) == (503, second.url)
        await asyncio.to_thread((tmp_path / "go").write_text, "\n")
        await stopping

    play(scene)


def test_what_does_not_end_in_the_grace_of_a_leader_that_stops_is_interrupted() -> None:
    async def scene(there: Cluster) -> None:
        first = await there.join()
        await leads(first)
        run = await a_run(first, "exec sleep 1000")
        second = await there.join()
        await there.leave(first)
        await until(lambda: second.service.state.runs[run.id].state is RunState.INTERRUPTED)
        assert second.service.state.runs[run.id].reason == "the server was stopped"

    play(scene)


def test_a_run_of_which_no_word_came_is_interrupted_and_one_that_nobody_knows_is_let_go() -> None:
    async def scene(there: Cluster) -> None:
        first = await there.join()
        await leads(first)
        run = await a_run(first, "exec sleep 1000")
        there.log.words = {
            run.handle: (0.0, ""),
            "nobody.1": (inf, "[]"),
        }  # of a server that was killed meanwhile
        second = await there.join()
        there.log.let_go()
        await leads(second)
        await until(lambda: second.service.state.runs[run.id].state is RunState.INTERRUPTED)
        assert "left no word of its end" in second.service.state.runs[run.id].reason
        await until(lambda: not there.log.words)

    play(scene)


def test_what_is_asked_of_who_begins_to_lead_waits_until_what_was_cut_off_is_accounted_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meet_survivors = Executor.meet_survivors

    async def scene(there: Cluster) -> None:
        begun, asked_for = asyncio.Event(), asyncio.Event()

        async def slowly(executor: Executor, *arguments: Any, **options: Any) -> frozenset[str]:
            begun.set()
            await asked_for.wait()
            return await meet_survivors(executor, *arguments, **options)

        first, second = await there.join(), await there.join()
        await leads(first)
        monkeypatch.setattr(Executor, "meet_survivors", slowly)
        await there.leave(first)
        await begun.wait()
        asking = asyncio.create_task(create(second))
        await until(lambda: second.service.waiting_events or asking.done())
        assert not asking.done()
        asked_for.set()
        await asking
        records = [record for batch in there.log.batches for record in batch.records]
        [at] = [number for number, record in enumerate(records) if isinstance(record, JobCreated)]
        [_, kept] = [number for number, record in enumerate(records) if isinstance(record, ServerKept)]
        assert kept < at

    play(scene)


@pytest.mark.parametrize("method", ["take_in", "lead"])
def test_a_fault_of_ours_in_following_or_leading_ends_the_server_and_is_named(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise AssertionError

    async def scene(there: Cluster) -> None:
        first, second = await there.join(), await there.join()
        await leads(first)
        monkeypatch.setattr(Service, method, fails)
        if method == "lead":
            await there.leave(first)
        else:
            await create(first)
        assert "AssertionError()" in str(await second.ended)

    play(scene)


def test_a_leader_whose_lease_was_taken_ends_its_commands_and_itself() -> None:
    async def scene(there: Cluster) -> None:
        first = await there.join()
        await leads(first)
        await create(first, command="sleep 1000")
        await until(lambda: first.service.state.counts["running"])
        second = await there.join()
        there.log.let_go()  # as if nothing had been heard of it
        await leads(second)
        error = await first.ended
        assert "epoch 1" in str(error)
        await there.leave(first)  # does not return before its commands are gone
        [run] = second.service.state.runs.values()
        assert run.state is RunState.INTERRUPTED

    play(scene)


def test_a_reader_of_the_stream_hears_of_the_leader_through_who_follows() -> None:
    async def scene(there: Cluster) -> None:
        leader = await there.join()
        await leads(leader)
        follower = await there.join()
        before = follower.service.feed.latest
        await create(leader, name="told of", schedule=LATER)
        async for entry in follower.service.feed.follow(before):
            assert entry.record is not None
            break

    play(scene)


class Unreachable(MemoryStore):
    """A store whose connection is lost at an append, before or after the batch was kept."""

    def __init__(self, log: MemoryLog, address: Callable[[], str]) -> None:
        super().__init__(log, address=address)
        self.lost = False
        self.keeps = False
        self.back = asyncio.Event()

    async def append(self, fence: Fence, batch: Sequence[Record]) -> None:
        if self.lost:
            if self.keeps:
                await super().append(fence, batch)
            raise StoreAwayError("connection refused")
        await super().append(fence, batch)

    async def settle(self, fence: Fence) -> bool:
        await self.back.wait()
        self._check(fence)
        return self.keeps


@pytest.mark.parametrize("keeps", [False, True])
def test_while_the_store_is_away_writes_are_refused_reads_answered_and_runs_go_on(*, keeps: bool) -> None:
    async def scene(there: Cluster) -> None:
        stores: list[Unreachable] = []

        def make(log: MemoryLog, address: Callable[[], str]) -> SharedStore:
            stores.append(Unreachable(log, address))
            return stores[-1]

        leader = await there.join(make)
        await leads(leader)
        job_id = await create(leader, command="cat", schedule=LATER)
        [store] = stores
        store.lost, store.keeps = True, keeps
        for _ in range(2):  # the one whose fate is not known, and one after it
            answer = await ask(leader, "POST", "/api/v1/job/", json={"name": "b", "command": "true"})
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
            assert (
                "leader" not in answer.json()
            )  # so nobody takes it for one who follows, and has done nothing
        assert list((await ask(leader, "GET", "/api/v1/job/")).json()["jobs"]) == [job_id]
        assert (await ask(leader, "GET", "/readyz")).status_code == 503
        store.lost = False
        store.back.set()
        await until(lambda: not leader.service.trouble)
        names = [job["name"] for job in (await ask(leader, "GET", "/api/v1/job/")).json()["jobs"].values()]
        assert sorted(names) == (["a job", "b"] if keeps else ["a job"])
        await create(leader, name="c", schedule=LATER)
        if keeps:  # what it asked for was done when the store was back
            await until(lambda: leader.service.state.counts["succeeded"] == 1)

    play(scene)


class Uncertain(MemoryStore):
    """A store of one server of which that may have been paused for longer than its lease."""

    def __init__(self, log: MemoryLog) -> None:
        super().__init__(log)
        self.is_certain = asyncio.Event()
        self.asked = asyncio.Event()

    def held_until(self, fence: Fence) -> float:
        return super().held_until(fence) if self.is_certain.is_set() else -inf

    async def until_held(self, fence: Fence) -> None:
        self.asked.set()
        await self.is_certain.wait()
        await super().until_held(fence)


def test_a_server_alone_on_a_store_with_a_lease_starts_nothing_while_that_may_be_somebody_elses() -> None:
    async def scene(_there: Cluster) -> None:
        store = Uncertain(MemoryLog())
        server = Server(settings_of(None, {}), store=store)
        await server.start()
        try:
            await create(server, command="true")
            await store.asked.wait()
            assert server.executor.at_work is False
            [run] = server.service.state.runs.values()
            assert run.state is RunState.RUNNING  # which is durable, and nothing was started for it
            store.is_certain.set()
            await until(lambda: server.service.state.counts["succeeded"] == 1)
        finally:
            await server.stop(timedelta(0))

    play(scene)
