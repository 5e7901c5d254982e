"""The ledger over HTTP: every run is there once, page by page, however much goes on meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kala_client.models import Run as ClientsRun
from tests.server.at_home import LATER, Home, fault_in, play

NO_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
BAD_QUERIES = {
    "family": [("limit=0", "limit"), ("limit=1001", "limit")],
    "runs": [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=1001", "limit"),
        ("limit=all", "limit"),
        ("before=x", "before"),
        ("before=%ff", "before"),
        ("state=over", "state"),
        ("state=Running", "state"),
        ("state=failed,over", "state"),
        ("from=noon", "from"),
        ("from=2035-01-02T00:00:00Z&to=2035-01-01T00:00:00Z", "to"),
        ("explain=maybe", "explain"),
        ("zone=Mars/Base", "zone"),
    ],
    "explain": [
        ("at=09:00", "at"),
        ("at=2035-06-04T09:00:00", "at"),
        ("at=9999-12-31T23:59:59Z", "at"),
        ("at=0001-01-01T00:00:00Z", "at"),
        ("at=%ff", "at"),
        ("from=2035-01-01T00:00:00Z", "to"),
        ("to=2035-01-01T00:00:00Z", "from"),
        ("from=2035-01-01T00:00:00Z&to=2035-01-01T00:00:00Z", "to"),
        ("at=2035-01-01T00:00:00Z&from=2035-01-01T00:00:00Z&to=2035-01-02T00:00:00Z", "at"),
        ("limit=101", "limit"),
        ("zone=Mars/Base", "zone"),
    ],
}


async def pages(home: Home, job_id: str, **query: Any) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield the pages of a job's ledger until there is no more."""
    following: str | None = ""
    while following is not None:
        params = {**query, **({"before": following} if following else {})}
        answer = (await home.http.get(f"/job/{job_id}/runs/", params=params)).json()
        assert len(answer["runs"]) <= query.get("limit", 100)
        following = answer["next"]
        yield answer["runs"]


async def ledger(home: Home, job_id: str, **query: Any) -> list[dict[str, Any]]:
    return [run async for page in pages(home, job_id, **query) for run in page]


def ids(runs: list[dict[str, Any]]) -> list[str]:
    return [run["id"] for run in runs]


# -- a run


def test_a_run_tells_what_became_of_it() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create("echo hello; exit 3", shell=True, schedule=LATER)
        run_id = await home.start_job(job_id)
        await home.ends(run_id)
        run = await home.run(run_id)
        times = {name: datetime.fromisoformat(run.pop(name)) for name in ("queued_at", "started_at")}
        ended, due = (datetime.fromisoformat(run.pop(name)) for name in ("finished_at", "scheduled_at"))
        assert due == times["queued_at"] <= times["started_at"] < ended
        assert run.pop("duration") == pytest.approx((ended - times["started_at"]).total_seconds())
        assert run == {
            "id": run_id,
            "job_id": job_id,
            "job_name": "a job",
            "state": "failed",
            "reason": "exit code 3",
            "cause": None,
            "trigger": "manual",
            "attempts": 1,
            "retry_at": None,
            "exit_code": 3,
            "signal": None,
            "output_size": 6,
            "output_cut": False,
            "count": 1,
            "last_scheduled_at": None,
            "parent_runs": [],
        }
        assert ids(await ledger(home, job_id)) == [run_id]

    play(scene)


def test_a_waiting_run_says_what_it_waits_for() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create("sleep 100", schedule=LATER)
        first, second = await home.start_job(job_id), await home.start_job(job_id)
        await home.starts(first)
        run = await home.run(second)
        assert (run["state"], run["cause"], run["duration"]) == ("waiting", first, None)
        assert run["reason"].startswith("waits: the ")
        assert "is still running" in run["reason"]
        other = await home.start("true")
        assert (await home.run(other))["reason"] == "waits for a free place: 1 command is running"

    play(scene, max_running=1)


def test_what_is_not_there_is_404() -> None:
    async def scene(home: Home) -> None:
        gone = await home.start("true")
        await home.ends(gone)
        await home.http.delete("/job/all/")
        for run_id in (NO_ID, gone, "%2e%2e", "x" * 3_000):
            for path in (f"/run/{run_id}/", f"/run/{run_id}/output/"):
                assert (await home.http.get(path)).status_code == 404
            assert (await home.http.post(f"/run/{run_id}/cancel/")).status_code == 404
        for what in ("runs", "explain"):
            answer = await home.http.get(f"/job/{NO_ID}/{what}/")
            assert (answer.status_code, NO_ID in answer.json()["detail"]) == (404, True)

    play(scene)


# -- pages


def test_pages_are_newest_first_and_have_every_run_once() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create("true", schedule=LATER, overlap="allow")
        started = [await home.start_job(job_id) for _ in range(11)]
        await asyncio.gather(*map(home.ends, started))
        for limit in (1, 2, 5, 10, 11, 1000):
            assert ids(await ledger(home, job_id, limit=limit)) == started[::-1]
        sizes = [len(page) async for page in pages(home, job_id, limit=11)]
        assert sizes == [11]

    play(scene)


def test_nothing_is_doubled_or_missing_while_runs_end_and_new_ones_come(tmp_path: Path) -> None:
    async def scene(home: Home) -> None:
        command = f"until [ -e {tmp_path}/$KALA_RUN_ID ]; do sleep 0.01; done"
        job_id = await home.create(command, shell=True, schedule=LATER, overlap="allow")
        there = [await home.start_job(job_id) for _ in range(20)]
        seen = []
        async for page in pages(home, job_id, limit=3):
            seen += ids(page)
            # From both ends and the middle: a run that ends goes to another place in the server's own tables.
            for run_id in (there[0], there[9], seen[-1]):
                (tmp_path / run_id).touch()
                await home.ends(run_id)
            await home.start_job(job_id)
        assert seen == there[::-1]
        assert len(await ledger(home, job_id, limit=7)) == 20 + 7

    play(scene)


def test_pages_go_on_where_runs_are_no_longer_kept() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create("true", schedule=LATER, keep_runs=6)
        for _ in range(6):
            await home.ends(await home.start_job(job_id))
        seen = []
        async for page in pages(home, job_id, limit=2):
            seen += ids(page)
            await home.ends(await home.start_job(job_id))
        kept = ids(await ledger(home, job_id))
        assert len(seen) == len(set(seen)) == 4
        assert len(kept) == 6

    play(scene)


def test_runs_that_came_to_be_at_one_instant_are_in_the_order_of_their_slots() -> None:
    async def scene(home: Home) -> None:
        start = datetime.now(UTC) - timedelta(seconds=0.2)  # all of its slots have just passed
        job_id = await home.create(schedule=f"R9/{start.isoformat()}/PT0.01S")
        runs = await ledger(home, job_id, limit=3)
        slots = [run["scheduled_at"] for run in runs]
        assert len({run["queued_at"] for run in runs}) == 1
        assert len(slots) == 10
        assert slots == sorted(slots, reverse=True)

    play(scene)


def test_the_state_filters_before_the_pages_are_cut() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create("[ $KALA_ATTEMPT = 2 ]", shell=True, schedule=LATER)
        failed = [await home.start_job(job_id) for _ in range(2)]
        await asyncio.gather(*map(home.ends, failed))
        await home.http.patch(f"/job/{job_id}/", json={"retries": 1})
        worked = [await home.start_job(job_id) for _ in range(2)]
        await asyncio.gather(*map(home.ends, worked))
        assert ids(await ledger(home, job_id, state="failed", limit=1)) == failed[::-1]
        assert ids(await ledger(home, job_id, state="succeeded", limit=1)) == worked[::-1]
        assert await ledger(home, job_id, state="running") == []

    play(scene)


@pytest.mark.parametrize(
    ("what", "query", "field"),
    [(what, query, field) for what, queries in BAD_QUERIES.items() for query, field in queries],
)
def test_a_bad_parameter_is_400_and_named(what: str, query: str, field: str) -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(schedule=LATER)
        answer = await home.http.get(f"/job/{job_id}/{what}/?{query}")
        problem = fault_in(answer)
        assert problem["field"] == field
        assert problem["message"] in answer.json()["detail"]

    play(scene)


# -- cancelling


def test_a_running_run_is_asked_to_end_and_then_made_to_and_asking_again_is_fine() -> None:
    async def scene(home: Home) -> None:
        run_id = await home.start("trap '' TERM; echo up; while :; do sleep 0.01; done", shell=True)
        await home.prints(run_id, b"up\n")
        for _ in range(2):
            assert (await home.http.post(f"/run/{run_id}/cancel/")).status_code == 204
        run = await home.run(run_id)
        assert (run["state"], run["reason"]) == ("running", "cancelled by request")
        await home.ends(run_id)
        run = await home.run(run_id)
        assert (run["state"], run["reason"], run["signal"]) == ("cancelled", "cancelled by request", 9)
        over = await home.http.post(f"/run/{run_id}/cancel/")
        assert over.status_code == 409
        assert "is over (cancelled)" in over.json()["detail"]

    play(scene, kill_grace=timedelta(seconds=0.3))


def test_a_waiting_run_is_cancelled_at_once_and_never_starts() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create("sleep 100", schedule=LATER)
        first, second = await home.start_job(job_id), await home.start_job(job_id)
        assert (await home.http.post(f"/run/{second}/cancel/")).status_code == 204
        run = await home.run(second)
        assert (run["state"], run["started_at"], run["attempts"]) == ("cancelled", None, 0)
        assert (await home.run(first))["state"] == "running"

    play(scene)


def test_our_own_client_reads_every_run() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create("sleep 100", schedule=LATER)
        for _ in range(2):
            await home.start_job(job_id)
        for run in await ledger(home, job_id):
            read = ClientsRun.model_validate(run, extra="allow")
            assert (read.id, read.state, read.finished) == (run["id"], run["state"], False)

    play(scene)
