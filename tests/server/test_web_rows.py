"""The list of jobs in rows: each job once in the order that is asked for, with what tells at a glance how it is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.server.at_home import LATER, Home, fault_in, play

BAD = [
    ("view=tree", "view"),
    ("view=row&sort=size", "sort"),
    ("sort=size", "sort"),
    ("offset=-1", "offset"),
    ("view=row&offset=-1", "offset"),
    ("view=row&offset=1000000000", "offset"),
    ("view=row&limit=0", "limit"),
    ("view=row&limit=1001", "limit"),
    ("view=row&state=over", "state"),
    ("view=row&q=%ff", "q"),
]


async def page(home: Home, **query: Any) -> dict[str, Any]:
    answer = await home.http.get("/job/", params={"view": "row", **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def names(home: Home, **query: Any) -> list[str]:
    return [row["name"] for row in (await page(home, **query))["rows"]]


def test_a_row_tells_how_a_job_is_and_how_its_latest_runs_went() -> None:
    async def scene(home: Home) -> None:
        fields = {"owner": "ops", "tags": ["night"], "timezone": "Europe/Berlin", "shell": True}
        job_id = await home.create("exit 3", schedule=LATER, name="fails", keep_runs=50, **fields)
        child = await home.create(name="follows", parent_jobs=[job_id])
        runs = [await home.start_job(job_id) for _ in range(18)]
        await home.ends(runs[-1])
        [row, other] = (await page(home))["rows"]
        assert row | {"recent": ...} == {
            "id": job_id,
            "name": "fails",
            "schedule": LATER,
            "timezone": "Europe/Berlin",
            "owner": "ops",
            "tags": ["night"],
            "type": 0,
            "state": "failing",
            "disabled": False,
            "stuck": "",
            "running": 0,
            "waiting": 0,
            "next_at": "2035-06-04T19:25:16Z",
            "parents": 0,
            "followers": 1,
            "recent": ...,
        }
        assert [mark[4] for mark in row["recent"]] == runs[-16:], "the oldest is the first"
        assert {(mark[2], mark[3], mark[5]) for mark in row["recent"]} == {("failed", 1, "exit code 3")}
        assert (other["id"], other["parents"], other["next_at"]) == (child, 1, None)
        assert {(mark[2], mark[5]) for mark in other["recent"]} == {("skipped", "its parent did not succeed")}

    play(scene)


def test_a_mark_begins_with_the_run_and_ends_with_it() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create("sleep 100", schedule=LATER)
        over, there, waits = [await home.start_job(job_id) for _ in range(3)]
        await home.starts(over)
        await home.http.post(f"/run/{over}/cancel/")
        await home.ends(over)
        await home.starts(there)
        [row] = (await page(home))["rows"]
        assert (row["state"], row["running"], row["waiting"]) == ("running", 1, 1)
        first, second, third = row["recent"]
        run = await home.run(over)
        assert first[:3] == [ms(run["started_at"]), ms(run["finished_at"]), "cancelled"]
        run = await home.run(there)
        assert second[:3] == [ms(run["started_at"]), None, "running"]
        run = await home.run(waits)
        assert third[:3] == [ms(run["scheduled_at"]), None, "waiting"]

    play(scene)


def ms(time: str) -> int:
    """How a program in a browser writes a time."""
    return (datetime.fromisoformat(time) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def test_pages_hold_every_job_once_in_the_order_that_is_asked_for() -> None:
    async def scene(home: Home) -> None:
        later = {"pear": 3, "Apple": 1, "fig": 2, "date": 4}
        for name, year in later.items():
            await home.create("false", schedule=f"R/203{year}-01-01T00:00:00Z/P1Y", name=name)
        await home.create(schedule="never", name="cherry", disabled=True)
        failing = next(row["id"] for row in (await page(home, name="fig"))["rows"])
        await home.ends(await home.start_job(failing))
        expected = {
            "created": ["pear", "Apple", "fig", "date", "cherry"],
            "name": ["Apple", "cherry", "date", "fig", "pear"],
            "next": ["Apple", "fig", "pear", "date", "cherry"],
            "last": ["fig", "Apple", "cherry", "date", "pear"],
            "state": ["fig", "Apple", "date", "pear", "cherry"],
        }
        assert await names(home) == expected["created"]
        for sort, order in expected.items():
            for limit in (1, 2, 5, 1000):
                pages = [await page(home, sort=sort, limit=limit, offset=at) for at in range(0, 5, limit)]
                assert [row["name"] for one in pages for row in one["rows"]] == order, sort
                assert [(one["total"], one["offset"]) for one in pages] == [
                    (5, at) for at in range(0, 5, limit)
                ]
        beyond = await page(home, offset=999_999_999)
        assert (beyond["rows"], beyond["total"]) == ([], 5)

    play(scene)


def test_rows_are_found_as_jobs_are_and_counted() -> None:
    async def scene(home: Home) -> None:
        await home.create("dump-it", schedule=LATER, name="a", owner="x", tags=["night"])
        await home.create("true", schedule=LATER, name="Dumping", owner="y")
        await home.create("true", schedule=LATER, name="c", owner="y", disabled=True)
        assert await names(home, q="DUMP") == ["a", "Dumping"]
        assert await names(home, q="dump", owner="y") == ["Dumping"]
        assert await names(home, tag="night") == await names(home, name="a") == ["a"]
        assert await names(home, state="disabled") == ["c"]
        assert (await page(home, q="u", owner="y", limit=1))["total"] == 2

    play(scene)


@pytest.mark.parametrize(("query", "field"), BAD)
def test_a_bad_parameter_is_400_and_named(query: str, field: str) -> None:
    async def scene(home: Home) -> None:
        assert fault_in(await home.http.get(f"/job/?{query}"))["field"] == field

    play(scene)
