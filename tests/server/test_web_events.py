"""What happens, as server-sent events: in order, resumable, and without anybody's secrets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from kala_server.core.model.records import AllJobsDeleted, ClockStepped, Record
from kala_server.core.state.state import State
from kala_server.service.feed import BUFFERED
from kala_server.web.routes.events import Events
from kala_server.wire import ledger
from tests.server.at_home import LATER, Home, fault_in, others, play

SECRET = "correct horse battery staple"


class Stream:
    """An open stream of events."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.blocks = self._read()

    async def _read(self) -> AsyncIterator[dict[str, str]]:
        block: dict[str, str] = {}
        async for line in self.answer.aiter_lines():
            if line:
                name, _, value = line.partition(":")
                block[name] = value.removeprefix(" ")
            else:
                yield block
                block = {}

    async def event(self) -> dict[str, Any]:
        """Return the next event that says something; its data is read."""
        async for block in self.blocks:
            if "data" in block:
                return {**block, "data": json.loads(block["data"])}
        raise AssertionError("the stream has ended")

    async def until(self, name: str) -> list[dict[str, Any]]:
        """Return the events up to the first of that name."""
        heard = [await self.event()]
        while heard[-1]["event"] != name:
            heard.append(await self.event())
        return heard


@asynccontextmanager
async def events(home: Home, after: str = "", **params: str) -> AsyncIterator[Stream]:
    headers = {"Last-Event-ID": after} if after else {}
    async with home.http.stream("GET", "/events/", headers=headers, params=params) as answer:
        assert answer.status_code == 200
        yield Stream(answer)


def names(heard: list[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in heard]


def test_what_happens_to_a_job_and_its_run_is_told_in_order_and_says_to_whom() -> None:
    async def scene(home: Home) -> None:
        async with events(home) as stream:
            assert stream.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert stream.answer.headers["cache-control"] == "no-store"
            job_id = await home.create("exit 3", shell=True, name="fails", retries=1)
            heard = await stream.until("run_finished")
            assert names(heard) == [
                "job_created",
                "run_queued",
                "run_started",
                "attempt_failed",
                "run_started",
                "run_finished",
            ]
            assert {(event["data"]["job_id"], event["data"]["job_name"]) for event in heard} == {
                (job_id, "fails")
            }
            last = heard[-1]["data"]
            assert (last["state"], last["exit_code"], last["reason"]) == ("failed", 3, "exit code 3")
            run = await home.run(last["run_id"])
            assert run["finished_at"] == last["at"]

    play(scene)


def test_a_stream_begins_now() -> None:
    async def scene(home: Home) -> None:
        await home.create(schedule=LATER, name="before")
        async with events(home) as stream:
            await home.create(schedule=LATER, name="after")
            assert (await stream.event())["data"]["job_name"] == "after"

    play(scene)


def test_an_id_comes_before_the_first_event_so_that_nothing_is_lost_where_none_came() -> None:
    async def scene(home: Home) -> None:
        async with events(home) as stream:
            first = await anext(stream.blocks)
        assert first.keys() == {"id"}
        await home.create(schedule=LATER, name="between")
        async with events(home, first["id"]) as stream:
            assert (await stream.event())["data"]["job_name"] == "between"

    play(scene)


@pytest.mark.parametrize("way", ["header", "parameter"])
def test_a_stream_is_taken_up_after_any_event_without_loss_or_doubling(way: str) -> None:
    async def scene(home: Home) -> None:
        async with events(home) as stream:
            for number in range(5):
                await home.create(schedule=LATER, name=str(number))
            heard = [await stream.event() for _ in range(5)]
        assert len({event["id"] for event in heard}) == 5
        for number, event in enumerate(heard):
            given = {"after": event["id"]} if way == "header" else {}
            params = {"after": event["id"]} if way == "parameter" else {}
            async with events(home, **given, **params) as stream:
                assert [await stream.event() for _ in heard[number + 1 :]] == heard[number + 1 :]

    play(scene)


@pytest.mark.parametrize("unknown", ["abcd1234-3", "-3", "7", "abcd-1234-5"])
def test_who_comes_with_an_id_of_another_life_is_told_and_then_hears_all_that_there_is(unknown: str) -> None:
    async def scene(home: Home) -> None:
        await home.create(schedule=LATER, name="there")
        async with events(home, unknown) as stream:
            missed, created = await stream.event(), await stream.event()
        assert (missed["event"], created["data"]["job_name"]) == ("missed", "there")
        assert "ask for the state" in missed["data"]["reason"]
        async with events(home, missed["id"]) as stream:
            assert await stream.event() == created

    play(scene)


def test_who_comes_with_an_id_that_is_too_old_or_too_new_is_told_too() -> None:
    async def scene(home: Home) -> None:
        feed = home.server.service.feed
        await home.create(schedule=LATER)
        feed.publish(
            [ClockStepped(at=datetime(2035, 6, 4, tzinfo=UTC), seconds=1)] * BUFFERED
        )  # as after so many more
        await home.create(schedule=LATER, name="new")
        for number in (0, feed.latest + 1, 10**14):
            async with events(home, f"{feed.life}-{number}") as stream:
                assert names(await stream.until("job_created")) == ["missed", "job_created"]

    play(scene)


@pytest.mark.parametrize(
    "bad", ["x", "abcd1234-", "abcd1234-x", "abcd1234--", "a-1.5", f"a-{'9' * 16}", "é-1é"]
)
def test_an_id_that_no_server_sent_is_400_and_its_place_is_named(bad: str) -> None:
    async def scene(home: Home) -> None:
        by_header = await home.http.get("/events/", headers={b"Last-Event-ID": bad.encode()})
        by_parameter = await home.http.get("/events/", params={"after": bad})
        for answer, place in ((by_header, "Last-Event-ID"), (by_parameter, "after")):
            problem = fault_in(answer)
            assert problem["field"] == place
            assert problem["example"].startswith(home.server.service.feed.life)

    play(scene)


def test_a_quiet_stream_shows_that_it_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Events, "heartbeat", 0.01)

    async def scene(home: Home) -> None:
        async with home.http.stream("GET", "/events/") as answer:
            heard = ""
            async for text in answer.aiter_text():
                heard += text
                if heard.count(":\n\n") == 3:
                    break
            feed = home.server.service.feed
            assert heard == f"id: {feed.life}-{feed.latest}\n\n" + ":\n\n" * 3

    play(scene)


def test_no_event_tells_what_a_job_runs_or_with_which_secrets() -> None:
    async def scene(home: Home) -> None:
        async with events(home) as stream:
            job_id = await home.create(
                f"echo {SECRET}; echo $PASSWORD",
                shell=True,
                env={"PASSWORD": SECRET},
                retries=1,
                cwd="/",
                tags=["mine"],
            )
            heard = await stream.until("run_finished")
            call = {"url": f"http://127.0.0.1:9/{SECRET.split(maxsplit=1)[0]}", "body": SECRET}
            calls = {"name": "calls", "type": 1, "remote_properties": call}
            await home.http.post("/job/", json=calls)
            heard += await stream.until("run_finished")
            await home.http.patch(f"/job/{job_id}/", json={"env": {"PASSWORD": f"new {SECRET}"}})
            await home.http.post(f"/job/disable/{job_id}/")
            await home.http.post(f"/job/enable/{job_id}/")
            await home.http.delete("/job/all/")
            heard += await stream.until("all_jobs_deleted")
        assert {"job_created", "job_changed", "job_disabled", "job_enabled", "run_started"} <= set(
            names(heard)
        )
        text = json.dumps(heard)
        assert not any(word in text for word in [*SECRET.split(), "PASSWORD", "echo"])

    play(scene)


def test_what_only_the_server_needs_is_no_event() -> None:
    async def scene(home: Home) -> None:
        async with events(home) as stream:
            body = {"name": "keyed", "command": "sleep 0.2", "keep_runs": 1}
            await home.http.post("/job/", json=body, headers={"Idempotency-Key": "a-key"})
            heard = await stream.until("run_finished")
        assert names(heard) == ["job_created", "run_queued", "run_started", "run_finished"]

    play(scene)


def test_listeners_that_go_leave_nothing_behind() -> None:
    async def scene(home: Home) -> None:
        before = asyncio.all_tasks()
        async with events(home), events(home), events(home):
            assert len(asyncio.all_tasks() - before) >= 3
        assert await others(before) == set()
        await home.create(schedule=LATER)

    play(scene)


def test_a_listener_that_does_not_read_holds_up_nobody_and_hears_later_what_it_missed() -> None:
    async def scene(home: Home) -> None:
        feed = home.server.service.feed
        async with events(home) as slow, events(home) as quick:
            for _ in range(300):
                feed.publish([AllJobsDeleted(at=home.server.service.clock.now())] * 400)
                await quick.event()
            await home.create(schedule=LATER, name="last")
            heard = await slow.until("job_created")
        # More than once, where its connection took some more in between and it fell behind again.
        assert "missed" in names(heard)
        assert len(heard) < 120_000

    play(scene)


def test_a_stream_ends_with_the_server_and_not_in_the_middle_of_an_event() -> None:
    async def scene(home: Home) -> None:
        stopping = None
        async with events(home) as stream:
            async for block in stream.blocks:
                assert block.keys() in ({"id"}, {"id", "event", "data"})
                if stopping is None:
                    await home.create("sleep 100", name="a job")
                    stopping = asyncio.ensure_future(home.server.service.stop(timedelta(0)))
        assert stopping is not None
        await stopping

    play(scene)


def test_an_event_is_written_once_however_many_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    event = ledger.event

    def counted(state: State, record: Record) -> tuple[str, dict[str, Any]] | None:
        written.append(type(record).__name__)
        return event(state, record)

    monkeypatch.setattr(ledger, "event", counted)

    async def scene(home: Home) -> None:
        async with AsyncExitStack() as streams:
            all_of_them = [await streams.enter_async_context(events(home)) for _ in range(20)]
            await home.create(schedule=LATER)
            heard = [await stream.event() for stream in all_of_them]
            assert [names([each]) for each in heard] == [["job_created"]] * 20
            assert all(each == heard[0] for each in heard)
        assert written == ["JobCreated"]

    play(scene)
