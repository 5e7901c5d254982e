"""The same to many jobs: to all of them or to none, and to none that was not seen."""

from typing import Any

import httpx
import pytest

from tests.server.at_home import LATER, Home, fault_in, play

NO_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
BAD: list[tuple[Any, str]] = [
    ({"action": "rename", "ids": []}, "action"),
    ({"ids": []}, "action"),
    ({"action": "start"}, "ids"),
    ({"action": "start", "ids": [], "filter": {}}, "ids"),
    ({"action": "start", "ids": [7]}, "ids"),
    ({"action": "delete", "filter": {}}, "expect"),
    ({"action": "delete", "filter": {"tags": "night"}, "expect": 1}, "filter"),
    ({"action": "delete", "filter": {"state": "over"}, "expect": 1}, "state"),
    ({"action": "delete", "ids": [], "expect": -1}, "expect"),
    ({"action": "delete", "ids": [], "all": True}, "all"),
    ([], ""),
]


async def ask(home: Home, action: str, **rest: Any) -> httpx.Response:
    return await home.http.post("/job/bulk/", json={"action": action, **rest})


async def done(home: Home, action: str, **rest: Any) -> list[str]:
    answer = await ask(home, action, **rest)
    assert answer.status_code == 200, answer.text
    return [job["name"] for job in answer.json()["jobs"]]


async def disabled(home: Home) -> set[str]:
    jobs = (await home.http.get("/job/")).json()["jobs"].values()
    return {job["name"] for job in jobs if job["disabled"]}


async def names(home: Home, **query: str) -> list[str]:
    return [job["name"] for job in (await home.http.get("/job/", params=query)).json()["jobs"].values()]


def test_those_that_a_filter_finds_are_disabled_and_enabled_and_no_others() -> None:
    async def scene(home: Home) -> None:
        for name, tags in {"a": ["night"], "b": ["night", "big"], "c": []}.items():
            await home.create(schedule=LATER, name=name, tags=tags, owner="Ops")
        assert await done(home, "disable", filter={"tag": "night"}, dry_run=True) == ["a", "b"]
        assert await disabled(home) == set()
        assert await done(home, "disable", filter={"tag": "night"}, expect=2) == ["a", "b"]
        assert await disabled(home) == {"a", "b"}
        assert await done(home, "enable", filter={"state": "disabled", "name": "a"}, expect=1) == ["a"]
        assert await done(home, "disable", filter={}, expect=3) == ["a", "b", "c"]
        assert await done(home, "enable", filter={"q": "oPs"}, expect=3) == ["a", "b", "c"]
        assert await done(home, "enable", filter={"q": "nothing"}, expect=0) == []

    play(scene)


def test_where_others_are_meant_than_were_seen_nothing_is_done() -> None:
    async def scene(home: Home) -> None:
        ids = [await home.create(schedule=LATER, name=name) for name in ("a", "b")]
        answer = await ask(home, "disable", filter={}, expect=3)
        assert (answer.status_code, answer.json()["detail"]) == (
            409,
            "the number of jobs that are meant is 2, not 3: look again which these are",
        )
        missing = await ask(home, "disable", ids=[*ids, NO_ID])
        assert (missing.status_code, NO_ID in missing.json()["detail"]) == (404, True)
        assert await disabled(home) == set()

    play(scene)


def test_all_are_started_or_none() -> None:
    async def scene(home: Home) -> None:
        works, off = [
            await home.create(schedule=LATER, name=name, disabled=name == "off") for name in ("works", "off")
        ]
        answer = await ask(home, "start", ids=[works, off])
        assert (answer.status_code, "'off' is disabled" in answer.json()["detail"]) == (409, True)
        assert (await home.http.get("/runs/")).json()["runs"] == []
        [job] = (await ask(home, "start", ids=[works, works])).json()["jobs"]
        await home.ends(job["run_id"])
        assert (await home.run(job["run_id"]))["job_id"] == works

    play(scene)


def test_what_is_deleted_counts_with_the_children_that_go_with_it() -> None:
    async def scene(home: Home) -> None:
        first, second = [await home.create(schedule=LATER, name=name) for name in ("first", "second")]
        await home.create(name="of both", parent_jobs=[first, second])
        await home.create(name="of one", parent_jobs=[first])
        await home.create(schedule=LATER, name="other")
        assert (await ask(home, "delete", ids=[first], expect=1)).status_code == 409
        assert await done(home, "delete", ids=[first], dry_run=True) == ["first", "of one"]
        gone = await done(home, "delete", ids=[second, first], expect=4)
        assert set(gone) == {"first", "second", "of both", "of one"}
        assert await names(home) == ["other"]

    play(scene)


def test_jobs_are_found_by_what_is_in_their_name_command_owner_or_id() -> None:
    async def scene(home: Home) -> None:
        an_id = await home.create("date --UTC", schedule=LATER, name="Nightly Report", owner="a@b.c")
        await home.create("true", schedule=LATER, name="other")
        for text in ("report", "ly R", "utc", "@B", an_id[3:9].upper()):
            assert await names(home, q=text) == ["Nightly Report"], text
        assert await names(home, q="r", name="other") == ["other"]

    play(scene)


@pytest.mark.parametrize(("document", "field"), BAD)
def test_what_makes_no_sense_is_400_and_named(document: Any, field: str) -> None:
    async def scene(home: Home) -> None:
        assert fault_in(await home.http.post("/job/bulk/", json=document))["field"] == field

    play(scene)


def test_an_answer_about_many_jobs_names_each_once_in_order() -> None:
    async def scene(home: Home) -> None:
        names = [f"job {number:04}" for number in range(2_000)]
        jobs = [{"name": name, "command": "true", "disabled": True} for name in names]
        assert (await home.http.post("/job/batch/", json={"jobs": jobs})).status_code == 201
        assert await done(home, "enable", filter={}, dry_run=True) == names

    play(scene)
