"""`/pause/` and `/resume/`: asked for twice, refused, told to everybody who should know, and kept over a kill."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from kala_server.core.model.records import ServerPaused, ServerResumed
from kala_server.testing import Kit, running_server
from tests.eventually import PATIENCE
from tests.server.at_home import LATER, Home, fault_in, play

HOURLY = "0 * * * *"
NOT_PAUSED = {"paused": False, "since": None, "reason": ""}
BAD: list[tuple[Any, str]] = [
    ({"reason": 7}, "reason"),
    ({"reason": None}, "reason"),
    ({"reason": "x" * 201}, "reason"),
    ({"reason": "two\nlines"}, "reason"),
    ({"reason": "\x1b[31mred"}, "reason"),
    ({"raeson": "x"}, "raeson"),
    ({"until": "18:00"}, "until"),
    ([], ""),
    ("why", ""),
]


async def pause_of(home: Home) -> dict[str, Any]:
    found: dict[str, Any] = (await home.http.get("/pause/")).json()["pause"]
    return found


async def asked(home: Home, route: str, **request: Any) -> dict[str, Any]:
    answer = await home.http.post(route, **request)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["pause"]
    assert found == await pause_of(home)
    return found


def test_a_server_is_paused_and_resumed_and_to_do_so_again_is_no_error() -> None:
    async def scene(home: Home) -> None:
        assert await pause_of(home) == await asked(home, "/resume/") == NOT_PAUSED
        first = await asked(home, "/pause")
        assert (first["paused"], first["reason"]) == (True, "")
        again = await asked(home, "/pause/", json={"reason": " ask Ana "})
        assert again == {**first, "reason": "ask Ana"}
        assert await asked(home, "/pause/", json={}) == again
        assert await asked(home, "/resume") == await asked(home, "/resume/") == NOT_PAUSED
        kinds = [type(entry) for entry in await home.records()]
        assert kinds[-3:] == [ServerPaused, ServerPaused, ServerResumed]

    play(scene)


@pytest.mark.parametrize(("body", "field"), BAD)
def test_what_is_no_reason_is_refused_by_its_field_and_changes_nothing(body: Any, field: str) -> None:
    async def scene(home: Home) -> None:
        assert fault_in(await home.http.post("/pause/", json=body))["field"] == field
        assert await pause_of(home) == NOT_PAUSED

    play(scene)


def test_slots_are_skipped_and_starts_by_hand_are_not() -> None:
    with Kit() as kit:
        kit.client.pause("moving")
        job_id = kit.client.create_job(name="hourly", command="true", schedule=HOURLY)
        kit.advance("PT2H")
        [skipped] = kit.runs_of("hourly")
        assert (skipped.state, skipped.reason, skipped.count) == (
            "skipped",
            "the server was paused: moving",
            2,
        )
        by_hand = kit.client.run_job(job_id)
        kit.advance("PT0S")
        assert kit.client.get_run(by_hand).state == "succeeded"
        assert "skipped unless the server is resumed by then" in kit.client.explain(job_id)[-1].sentence
        stats = kit.client.get_kala_stats()
        assert (stats.success_count, stats.next_run_at) == (1, kit.now + timedelta(hours=1))
        kit.client.resume()
        kit.advance("PT1H")
        assert [run.trigger for run in kit.runs_of("hourly")] == ["schedule", "manual", "schedule"]
        assert kit.client.get_kala_stats().success_count == 2


def test_a_pause_is_told_in_a_200_without_what_somebody_wrote_and_in_a_figure() -> None:
    async def scene(home: Home) -> None:
        root = home.server.url
        await asked(home, "/pause/", json={"reason": "ask Ana"})
        answer = await home.http.get(f"{root}/readyz")
        [note] = answer.json()["notes"]
        assert answer.status_code == 200
        assert note.startswith("paused since 2")
        assert note.endswith("Z: no job starts by itself")
        assert "\nkala_paused 1.0\n" in (await home.http.get(f"{root}/metrics")).text
        await asked(home, "/resume/")
        assert (await home.http.get(f"{root}/readyz")).json() == {"status": "ok"}
        assert "\nkala_paused 0.0\n" in (await home.http.get(f"{root}/metrics")).text

    play(scene)


def test_a_pause_and_its_end_are_events() -> None:
    async def scene(home: Home) -> None:
        await asked(home, "/pause/", json={"reason": "ask Ana"})
        await asked(home, "/resume/")
        told: list[str] = []
        async with home.http.stream("GET", "/events/", params={"after": "earlier-0"}) as answer:
            async for line in answer.aiter_lines():
                told += [line] if "server_" in line or '"ask Ana"' in line else []
                if "server_resumed" in line:
                    break
        assert told[0] == "event: server_paused"
        assert '"job_id":null' in told[1]
        assert told[2] == "event: server_resumed"

    play(scene)


def test_a_web_page_and_a_token_that_only_looks_do_not_pause_a_server(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("full kala_full_0123456789abcdef\nread kala_read_0123456789abcdef\n")
    tokens.chmod(0o600)
    full = {"Authorization": "Bearer kala_full_0123456789abcdef"}
    read = {"Authorization": "Bearer kala_read_0123456789abcdef"}
    with running_server(token_file=tokens) as server:
        for route in ("pause", "resume"):
            url = f"{server.url}/api/v1/{route}/"
            for headers, status in (
                ({}, 401),
                (read, 403),
                ({**full, "Origin": "https://evil.example"}, 403),
            ):
                assert httpx.post(url, headers=headers).status_code == status
        assert httpx.get(f"{server.url}/api/v1/pause/", headers=read).json() == {"pause": NOT_PAUSED}
        assert httpx.post(f"{server.url}/api/v1/pause/", headers=full).status_code == 200


def test_a_pause_outlives_a_crash_and_what_passed_meanwhile_is_of_the_pause() -> None:
    with Kit() as kit:
        kit.client.create_job(name="hourly", command="true", schedule=HOURLY)
        kit.advance("PT1H")
        began = kit.client.pause("ask Ana")
        kit.crash(down="PT2H")
        assert kit.client.get_pause() == began
        ran, skipped = kit.runs_of("hourly")
        assert (ran.state, skipped.state, skipped.count) == ("succeeded", "skipped", 2)
        assert skipped.reason == "the server was paused: ask Ana"
        kit.client.resume()
        kit.advance("PT1H")
        assert [run.state for run in kit.runs_of("hourly")] == ["succeeded", "skipped", "succeeded"]


def test_many_that_wait_are_let_go_while_others_are_answered() -> None:
    async def scene(home: Home) -> None:
        parent = await home.create(schedule=LATER, command="sleep 0.5")
        for number in range(20):
            await home.create(name=f"child {number}", parent_jobs=[parent])
        await home.start_job(parent)
        await asked(home, "/pause/")
        waiting: list[Any] = []
        async with asyncio.timeout(PATIENCE):
            while len(waiting) < 20:
                waiting = (await home.http.get("/runs/", params={"state": "waiting"})).json()["runs"]
        assert {run["reason"].split(":")[0] for run in waiting} == {"waits until the server is resumed"}
        await asked(home, "/resume/")
        for run in waiting:
            await home.ends(run["id"])

    play(scene)
