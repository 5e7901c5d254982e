"""What was and what is to come, across all jobs: every run and every slot once, page by page, in order."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.server.at_home import LATER, Home, fault_in, play

NO_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
BAD = [
    ("runs", "limit=0", "limit"),
    ("runs", "limit=1001", "limit"),
    ("runs", "before=x", "before"),
    ("runs", "state=over", "state"),
    ("runs", "from=18:00", "from"),
    ("runs", "from=2035-01-02T00:00:00Z&to=2035-01-01T00:00:00Z", "to"),
    ("runs", "tag=%ff", "tag"),
    ("upcoming", "limit=1001", "limit"),
    ("upcoming", "after=x", "after"),
    ("upcoming", "to=tomorrow", "to"),
    ("upcoming", "job=%ff", "job"),
]


async def every(home: Home, path: str, **query: Any) -> list[dict[str, Any]]:
    """Everything on all of the pages."""
    kind, place = {"/runs/": ("runs", "before"), "/upcoming/": ("slots", "after")}[path]
    found: list[dict[str, Any]] = []
    following: str | None = ""
    while following is not None:
        answer = await home.http.get(path, params={**query, **({place: following} if following else {})})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page[kind]) <= query.get("limit", 100)
        found += page[kind]
        following = page["next"]
    return found


def ids(runs: list[dict[str, Any]]) -> list[str]:
    return [run["id"] for run in runs]


# -- what was


def test_runs_of_all_jobs_are_newest_first_and_say_whose_they_are() -> None:
    async def scene(home: Home) -> None:
        jobs = [await home.create("true", schedule=LATER, name=f"job {number}") for number in range(5)]
        started = [await home.start_job(jobs[number % 5]) for number in range(12)]
        await asyncio.gather(*map(home.ends, started))
        for limit in (1, 3, 11, 12, 1000):
            assert ids(await every(home, "/runs/", limit=limit)) == started[::-1]
        first = (await every(home, "/runs/", limit=1000))[-1]
        assert (first["job_id"], first["job_name"]) == (jobs[0], "job 0")
        assert first == await home.run(started[0])

    play(scene)


def test_runs_are_found_by_state_job_and_tag_before_the_pages_are_cut() -> None:
    async def scene(home: Home) -> None:
        fails = await home.create("false", schedule=LATER, name="fails", tags=["night"])
        works = await home.create("true", schedule=LATER, tags=["night", "big"])
        other = await home.create("false", schedule=LATER)
        failed, worked, third = [await home.start_job(one) for one in (fails, works, other)]
        await asyncio.gather(*map(home.ends, (failed, worked, third)))
        assert ids(await every(home, "/runs/", state="failed", limit=1)) == [third, failed]
        assert ids(await every(home, "/runs/", tag="night", limit=1)) == [worked, failed]
        assert ids(await every(home, "/runs/", tag="night", state="failed")) == [failed]
        assert ids(await every(home, "/runs/", job=works)) == [worked]
        assert await every(home, "/runs/", job=works, tag="nigh") == []
        await home.http.delete(f"/job/{fails}/")
        assert ids(await every(home, "/runs/", limit=1)) == [third, worked]

    play(scene)


def test_runs_of_a_time_are_those_that_were_there_then() -> None:
    async def scene(home: Home) -> None:
        over = await home.start("true")
        await home.ends(over)
        begin = datetime.now(UTC)
        long = await home.start("sleep 100")
        await home.starts(long)
        end = datetime.now(UTC)
        assert ids(await every(home, "/runs/", **{"from": begin.isoformat()})) == [long]
        assert ids(await every(home, "/runs/", to=begin.isoformat())) == [over]
        later = {"from": (end + timedelta(hours=1)).isoformat()}
        assert ids(await every(home, "/runs/", **later)) == [long], "it still runs"
        assert ids(await every(home, "/runs/", to=end.isoformat())) == [long, over]

    play(scene)


# -- what is to come


def test_slots_of_all_jobs_come_in_their_order_whatever_the_pages() -> None:
    async def scene(home: Home) -> None:
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        hourly = await home.create(schedule=f"R5/{start.isoformat()}/PT1H", name="hourly")
        daily = await home.create(schedule=f"R1/{start.isoformat()}/P1D", name="daily", tags=["night"])
        await home.create(schedule=f"R/{start.isoformat()}/PT1S", name="disabled", disabled=True)
        await home.create(schedule="never", name="never")
        await home.create(parent_jobs=[daily], name="child")
        expected = sorted(
            [(start + timedelta(hours=hour), hourly) for hour in range(6)]
            + [(start + timedelta(days=day), daily) for day in range(2)]
        )
        for limit in (1, 2, 7, 8, 1000):
            found = await every(home, "/upcoming/", limit=limit)
            assert [(datetime.fromisoformat(slot["at"]), slot["job_id"]) for slot in found] == expected
        assert {slot["job_name"] for slot in await every(home, "/upcoming/", tag="night")} == {"daily"}
        assert len(await every(home, "/upcoming/", job=hourly, limit=4)) == 6
        window = {
            "from": (start + timedelta(hours=2)).isoformat(),
            "to": (start + timedelta(hours=4)).isoformat(),
        }
        assert [slot["at"] for slot in await every(home, "/upcoming/", limit=2, **window)] == [
            (start + timedelta(hours=hour)).isoformat().replace("+00:00", "Z") for hour in (2, 3, 4)
        ]

    play(scene)


def test_what_is_over_is_not_to_come_and_a_schedule_without_an_end_is_no_trouble() -> None:
    async def scene(home: Home) -> None:
        start = datetime.now(UTC) + timedelta(hours=1)
        await home.create(schedule=f"R/{start.isoformat()}/PT0.5S")
        answer = await home.http.get("/upcoming/", params={"from": "2020-01-01T00:00:00Z", "limit": 1000})
        slots = [datetime.fromisoformat(slot["at"]) for slot in answer.json()["slots"]]
        assert slots == [start + number * timedelta(seconds=0.5) for number in range(1000)]
        assert answer.json()["next"]

    play(scene)


@pytest.mark.parametrize(("what", "query", "field"), BAD)
def test_a_bad_parameter_is_400_and_named(what: str, query: str, field: str) -> None:
    async def scene(home: Home) -> None:
        assert fault_in(await home.http.get(f"/{what}/?{query}"))["field"] == field

    play(scene)


def test_a_job_that_is_not_there_is_404() -> None:
    async def scene(home: Home) -> None:
        for what in ("runs", "upcoming"):
            answer = await home.http.get(f"/{what}/", params={"job": NO_ID})
            assert (answer.status_code, NO_ID in answer.json()["detail"]) == (404, True)

    play(scene)


# -- and of each job


def test_a_job_says_when_and_why_an_attempt_last_failed() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create("exit 3", shell=True, schedule=LATER)
        await home.ends(await home.start_job(job_id))
        for _ in range(2):
            job = (await home.http.get(f"/job/{job_id}/")).json()["job"]
            assert job["last_error_reason"] == "exit code 3"
            assert "last_error_reason" not in job["metadata"], "Kala's own clients read it strictly"
            await home.http.patch(f"/job/{job_id}/", json={"command": "true"})
            await home.ends(await home.start_job(job_id))

    play(scene)
