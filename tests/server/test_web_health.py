"""Those who watch the server are told whether it lives, can work, and what it did."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from kala_client import KalaClient
from kala_server.config import Settings
from kala_server.ports.store import StoreBrokenError, StoreFullError
from kala_server.server import Server
from kala_server.testing import running_server
from tests.eventually import eventually
from tests.server.at_home import Home, play

IN_2035 = f"R/{datetime(2035, 6, 4, tzinfo=UTC).isoformat()}/P1D"


def figures(url: str) -> dict[str, float]:
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def test_a_server_says_that_it_is_alive_and_ready_without_a_token_but_no_figures() -> None:
    with running_server(token="kala_0123456789abcdef") as server:
        assert httpx.get(f"{server.url}/healthz").json() == {"status": "ok"}
        assert httpx.get(f"{server.url}/readyz/").json() == {"status": "ok"}
        assert httpx.get(f"{server.url}/metrics").status_code == 401


def test_a_server_that_cannot_store_is_alive_but_not_ready_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario() -> None:
        server = Server(Settings(port=0, data_dir=None))
        await server.start()
        async with httpx.AsyncClient(base_url=server.url) as http:
            for error, words in (
                (StoreFullError("disk full"), "there is no room in the store"),
                (StoreBrokenError("fsync failed"), "can no longer be trusted"),
            ):

                async def refuse(*_: object, error: Exception = error) -> None:
                    raise error

                monkeypatch.setattr(server.store, "append", refuse)
                await http.post("/api/v1/job/", json={"name": "x", "command": "true"})
                answer = await http.get("/readyz")
                assert answer.status_code == 503
                assert words in answer.json()["detail"]
                assert (await http.get("/healthz")).status_code == 200
        await server.stop()

    asyncio.run(scenario())


def test_what_ails_a_server_that_works_is_told_in_words_beside_a_200_and_in_figures() -> None:
    async def scene(home: Home) -> None:
        root = home.server.url
        assert (await home.http.get(f"{root}/readyz")).json() == {"status": "ok"}
        assert "\nkala_clock_step_seconds 0.0\n" in (await home.http.get(f"{root}/metrics")).text
        service = home.server.service
        service.last_step = (service.clock.now(), timedelta(hours=-1))
        answer = await home.http.get(f"{root}/readyz")
        assert answer.status_code == 200
        assert answer.json()["status"] == "ok"
        [note] = answer.json()["notes"]
        assert note.startswith("the clock was put back by 1:00:00")
        assert "\nkala_clock_step_seconds -3600.0\n" in (await home.http.get(f"{root}/metrics")).text
        assert (await home.http.get(f"{root}/healthz")).json() == {"status": "ok"}

    play(scene)


def test_what_happens_is_counted() -> None:
    with running_server() as server, KalaClient(server.url) as kala:
        before = figures(server.url)
        assert before["kala_jobs"] == before['kala_runs_total{state="succeeded"}'] == 0
        kala.create_job(name="works", command="true")
        kala.create_job(name="fails", command="false")
        kala.disable_job(kala.create_job(name="later", command="true", schedule=IN_2035))
        eventually(lambda: figures(server.url)["kala_runs_running"] == 0)
        eventually(lambda: figures(server.url)['kala_runs_total{state="failed"}'] == 1)
        after = figures(server.url)
    assert after["kala_jobs"] == 3
    assert after["kala_jobs_disabled"] == 1
    assert after['kala_runs_total{state="succeeded"}'] == 1
    assert after["kala_start_lateness_seconds_count"] == 2
    assert after["kala_store_append_seconds_count"] >= 4
    assert after["kala_connections"] >= 1
    assert not [name for name in after if "works" in name or "later" in name]


def test_the_size_of_the_journal_is_told(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server:
        assert (
            figures(server.url)["kala_journal_bytes"]
            == (tmp_path / "data" / "journal.jsonl").stat().st_size
            > 0
        )
    with running_server() as server:
        assert figures(server.url)["kala_journal_bytes"] == 0
