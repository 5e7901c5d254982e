"""Servers of one store: one leads, the others show what it does, and one of them takes over when it is gone."""

import asyncio
from typing import Any

import pytest

from kala_server.clock import LoopClock
from kala_server.core.model.job import RunState
from kala_server.core.model.records import JobCreated, ServerKept
from kala_server.ports.store import Leader
from kala_server.service.executor import Executor
from kala_server.service.service import Service
from kala_server.stores.memory import MemoryStore
from tests.server.cluster import (
    LATER,
    Cluster,
    ask,
    create,
    leads,
    play,
    until,
)


def test_who_follows_shows_what_the_leader_does_and_how_far_it_is_behind() -> None:
    async def scene(there: Cluster) -> None:
        leader = await there.leader()
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
        leader = await there.leader()
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
        leader = await there.leader()
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
        first = await there.leader()
        second = await there.join()
        job_id = await create(first, schedule=LATER)
        await there.leave(first)
        await leads(second)
        assert second.role.epoch == 2
        assert (await ask(second, "DELETE", f"/api/v1/job/{job_id}/")).status_code == 204
        assert "kala-lag" not in (await ask(second, "GET", "/api/v1/job/")).headers

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
        first = await there.leader()
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
        leader = await there.leader()
        follower = await there.join()
        before = follower.service.feed.latest
        await create(leader, name="told of", schedule=LATER)
        async for entry in follower.service.feed.follow(before):
            assert entry.record is not None
            break

    play(scene)
