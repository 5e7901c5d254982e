"""Of many jobs those that are wanted: every filter, all of them together, page by page, in order."""

from typing import Any

import pytest

from tests.server.at_home import LATER, Home, fault_in, play

BAD = [
    ("limit=0", "limit"),
    ("limit=x", "limit"),
    ("limit=100001", "limit"),
    ("state=over", "state"),
    ("state=succeeded", "state"),
    ("after=x", "after"),
    ("stats=maybe", "stats"),
    ("name=%ff", "name"),
    ("owner=%ff", "owner"),
    ("tag=%ff", "tag"),
]


async def found(home: Home, **query: Any) -> list[str]:
    """The names of the jobs that are found, in their order."""
    answer = await home.http.get("/job/", params=query)
    assert answer.status_code == 200, answer.text
    return [job["name"] for job in answer.json()["jobs"].values()]


def test_jobs_are_found_by_name_owner_and_tag_exactly_and_by_all_of_them() -> None:
    async def scene(home: Home) -> None:
        await home.create(schedule=LATER, name="a", owner="x", tags=["night", "big"])
        await home.create(schedule=LATER, name="b", owner="x", tags=["night"])
        await home.create(schedule=LATER, name="a", owner="y")
        await home.create(schedule=LATER, name="ä b+c")
        assert await found(home, name="a") == ["a", "a"]
        assert await found(home, owner="x") == ["a", "b"]
        assert await found(home, tag="night") == ["a", "b"]
        assert await found(home, tag="big") == ["a"]
        assert await found(home, name="a", owner="x", tag="night", state="active") == ["a"]
        assert await found(home, name="ä b+c") == ["ä b+c"]
        assert await found(home, name="A") == await found(home, tag="nigh") == []
        assert await found(home, name="", owner="") == ["a", "b", "a", "ä b+c"]

    play(scene)


def test_jobs_are_found_by_how_they_are() -> None:
    async def scene(home: Home) -> None:
        parent = await home.create(schedule=LATER, name="active")
        await home.create(name="waits", parent_jobs=[parent])
        await home.create(schedule=LATER, name="disabled", disabled=True)
        await home.create("sleep 100", name="running")
        names = {}
        for name, command in {"done": "true", "failed": "false"}.items():
            names[name] = await home.create(command, name=name)
        recovered = await home.create("[ $KALA_ATTEMPT = 2 ]", name="recovered", shell=True, retries=1)
        for job_id in (*names.values(), recovered):
            [run] = (await home.http.get(f"/job/{job_id}/runs/")).json()["runs"]
            await home.ends(run["id"])
        assert await found(home, state="disabled") == ["disabled"]
        assert await found(home, state="running") == ["running"]
        assert await found(home, state="failing") == ["failed"]
        assert await found(home, state="done") == ["done", "failed", "recovered"]
        assert await found(home, state="active") == ["active", "waits", "running"]

    play(scene)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_have_every_job_once_in_the_order_of_creation_while_others_come_and_go(limit: int) -> None:
    async def scene(home: Home) -> None:
        ids = [await home.create(schedule=LATER, name=str(number)) for number in range(7)]
        seen: list[str] = []
        query = {"limit": str(limit)}
        while True:
            answer = (await home.http.get("/job/", params=query)).json()
            seen += answer["jobs"]
            if answer["next"] is None:
                break
            query["after"] = answer["next"]
            await home.http.delete(f"/job/{ids[0]}/")  # a job that is on a page already
        assert seen == ids

    play(scene)


def test_pages_of_a_batch_have_every_job_once_in_the_order_of_the_request() -> None:
    async def scene(home: Home) -> None:
        jobs = [{"name": "x", "command": "true", "schedule": LATER}] * 10
        ids = (await home.http.post("/job/batch/", json={"jobs": jobs})).json()["ids"]
        seen: list[str] = []
        query: dict[str, Any] = {"limit": 3}
        for size in (3, 3, 3, 1):
            answer = (await home.http.get("/job/", params=query)).json()
            assert len(answer["jobs"]) == size
            seen += answer["jobs"]
            query["after"] = answer["next"]
        assert query["after"] is None
        assert seen == ids
        assert list((await home.http.get("/job/")).json()["jobs"]) == ids

    play(scene)


def test_runs_are_told_only_to_who_asks_for_them() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(schedule=LATER)
        await home.ends(await home.start_job(job_id))
        for query, count in (("", 0), ("stats=false", 0), ("stats=true", 1), ("name=a job&stats=1", 1)):
            answer = (await home.http.get(f"/job/?{query}")).json()
            assert len(answer["jobs"][job_id]["stats"]) == count
            assert ("next" in answer) == ("name" in query)
        assert len((await home.http.get(f"/job/{job_id}/")).json()["job"]["stats"]) == 1

    play(scene)


@pytest.mark.parametrize(("query", "field"), BAD)
def test_a_bad_parameter_is_400_and_named(query: str, field: str) -> None:
    async def scene(home: Home) -> None:
        assert fault_in(await home.http.get(f"/job/?{query}"))["field"] == field

    play(scene)
