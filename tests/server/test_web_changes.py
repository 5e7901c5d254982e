"""Changing a job: a patch names what changes, a put says all anew, and nobody's change gets lost."""

import asyncio
from datetime import datetime
from typing import Any

import pytest

from tests.every_field import OF_A_COMMAND, on_the_wire
from tests.server.at_home import LATER, Home, fault_in, play

NO_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
EVERYTHING = on_the_wire(OF_A_COMMAND | {"schedule": LATER})


async def job(home: Home, job_id: str) -> dict[str, Any]:
    answer = await home.http.get(f"/job/{job_id}/")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()["job"]
    return found


async def patched(home: Home, job_id: str, **changes: Any) -> dict[str, Any]:
    answer = await home.http.patch(f"/job/{job_id}/", json=changes)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["job"]
    return found


# -- PATCH


@pytest.mark.parametrize(
    "field", [name for name in EVERYTHING if name not in {"name", "command", "schedule"}]
)
def test_a_patch_changes_one_field_and_null_resets_it(field: str) -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(schedule=LATER)
        before = await job(home, job_id)
        changed = await patched(home, job_id, **{field: EVERYTHING[field]})
        assert changed[field] == EVERYTHING[field]
        others = {
            name
            for name in before
            if changed[name] != before[name]
            and (field, name) != ("resume_at_next_scheduled_time", "catch_up")
        }
        assert others - {"next_run_at"} == {field}
        assert changed == await job(home, job_id)
        assert await patched(home, job_id, **{field: None}) == before

    play(scene)


def test_a_patch_of_one_field_leaves_all_others_as_they_are() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(**EVERYTHING)
        before = await job(home, job_id)
        assert await patched(home, job_id, Description="new") == {**before, "description": "new"}
        assert await patched(home, job_id) == {**before, "description": "new"}

    play(scene)


def test_patches_of_different_fields_at_once_lose_nothing() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(schedule=LATER)
        changes = {name: said for name, said in EVERYTHING.items() if name != "name"}
        await asyncio.gather(*(patched(home, job_id, **{name: said}) for name, said in changes.items()))
        now = await job(home, job_id)
        assert {name: now[name] for name in changes} == changes

    play(scene)


def test_patches_of_the_same_field_at_once_all_come_through_and_one_is_the_last() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(schedule=LATER)
        answers = await asyncio.gather(*(patched(home, job_id, retries=number) for number in range(30)))
        assert {answer["retries"] for answer in answers} <= set(range(30))
        assert (await job(home, job_id))["retries"] in range(30)

    play(scene)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"x"', b"{nope", b'{"retries": 1, "Retries": 2}'])
def test_what_is_no_patch_is_400_and_changes_nothing(body: bytes) -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(schedule=LATER)
        before = await job(home, job_id)
        for method in ("PATCH", "PUT"):
            answer = await home.http.request(method, f"/job/{job_id}/", content=body)
            assert answer.status_code == 400, answer.text
        assert await job(home, job_id) == before

    play(scene)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"command": ""}, "command"),
        ({"command": "true | false"}, "command"),
        ({"argv": ["true"]}, "argv"),
        ({"schedule": "R2/2015-06-04T19:25:16Z/P1D"}, "schedule"),
        ({"schedule": "nonsense"}, "schedule"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"parent_jobs": [NO_ID]}, "parent_jobs"),
        ({"parent_jobs": "itself"}, "parent_jobs"),
        ({"retries": "2"}, "retries"),
        ({"type": 1}, "remote_properties"),
        ({"disabled": "no"}, "disabled"),
        ({"keep_runs": 0}, "keep_runs"),
    ],
)
def test_a_change_that_makes_no_job_is_400_names_the_field_and_changes_nothing(
    change: dict[str, Any], field: str
) -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(schedule=LATER)
        before = await job(home, job_id)
        wanted = {"parent_jobs": [job_id]} if change == {"parent_jobs": "itself"} else change
        whole = {"name": "a job", "command": "true", "schedule": LATER, **wanted}
        for method, body in (("PATCH", wanted), ("PUT", whole)):
            assert fault_in(await home.http.request(method, f"/job/{job_id}/", json=body))["field"] == field
        assert await job(home, job_id) == before

    play(scene)


def test_a_change_of_what_is_not_there_is_404_and_creates_nothing() -> None:
    async def scene(home: Home) -> None:
        for method in ("PATCH", "PUT"):
            answer = await home.http.request(
                method, f"/job/{NO_ID}/", json={"name": "x", "command": "true", "schedule": LATER}
            )
            assert answer.status_code == 404
            assert NO_ID in answer.json()["detail"]
        assert (await home.http.get("/job/")).json()["jobs"] == {}

    play(scene)


def test_what_the_server_owns_cannot_be_changed() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(schedule=LATER)
        before = await job(home, job_id)
        owned = {"id": NO_ID, "success_count": 7, "next_run_at": LATER, "metadata": {}, "created_at": "x"}
        assert await patched(home, job_id, **owned) == before

    play(scene)


# -- PUT


def test_a_put_says_everything_anew_and_keeps_the_id_and_the_history() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(**{**EVERYTHING, "disabled": False, "user": ""})
        await home.ends(await home.start_job(job_id))
        before = await job(home, job_id)
        body = {"name": "new", "command": "echo new", "schedule": LATER}
        answer = await home.http.put(f"/job/{job_id}/", json=body)
        assert answer.status_code == 200
        now = answer.json()["job"]
        assert now == await job(home, job_id)
        fresh = await job(home, await home.create(**{**body, "command": "echo new"}))
        kept = {
            "id",
            "created_at",
            "stats",
            "metadata",
            "success_count",
            "last_success",
            "last_attempted_run",
        }
        history = {name: before[name] for name in kept}
        assert now == {**fresh, **history}
        assert len((await home.http.get(f"/job/{job_id}/runs/")).json()["runs"]) == 1

    play(scene)


# -- when it is due


def test_a_new_schedule_starts_anew_and_any_other_change_leaves_the_slots_alone() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(schedule=LATER)
        assert (await patched(home, job_id, retries=3))["next_run_at"] == "2035-06-04T19:25:16Z"
        moved = await patched(home, job_id, schedule="R/2036-01-01T00:00:00Z/P1D")
        assert moved["next_run_at"] == "2036-01-01T00:00:00Z"
        moved = await patched(home, job_id, schedule="0 9 * * *", timezone="Europe/Berlin")
        due = datetime.fromisoformat(moved["next_run_at"])
        assert (due.minute, due.hour in {7, 8}) == (0, True)
        gone = await patched(home, job_id, schedule="", timezone=None)
        assert (gone["next_run_at"], gone["is_done"]) == ("0001-01-01T00:00:00Z", True)
        assert (await home.http.get(f"/job/{job_id}/runs/")).json()["runs"] == []

    play(scene)


def test_a_job_is_disabled_and_enabled_by_a_patch() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(schedule=LATER)
        assert (await patched(home, job_id, disabled=True))["disabled"]
        assert (await home.http.post(f"/job/start/{job_id}/")).status_code == 409
        assert not (await patched(home, job_id, disabled=False))["disabled"]
        await home.ends(await home.start_job(job_id))

    play(scene)


def test_fewer_kept_runs_let_the_oldest_go_at_once() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(schedule=LATER)
        runs = [await home.start_job(job_id) for _ in range(2)]
        await home.ends(runs[-1])
        await patched(home, job_id, keep_runs=1)
        [kept] = (await home.http.get(f"/job/{job_id}/runs/")).json()["runs"]
        assert kept["id"] == runs[-1]

    play(scene)


# -- two who change one job


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_who_looked_at_a_job_before_somebody_else_changed_it_is_told_and_changes_nothing(
    method: str, query: str
) -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create("true", schedule=LATER)
        seen = (await home.http.get(f"/job/{job_id}/")).headers["ETag"]
        theirs = await home.http.patch(f"/job/{job_id}/", json={"owner": "somebody else"})
        change = {"name": "mine", "command": "true", "schedule": LATER}
        mine = await home.http.request(
            method, f"/job/{job_id}/{query}", json=change, headers={"If-Match": seen}
        )
        assert mine.status_code == 412
        assert "was changed since" in mine.json()["detail"]
        assert (await job(home, job_id))["owner"] == "somebody else"
        again = {"If-Match": theirs.headers["ETag"]}
        done = await home.http.request(method, f"/job/{job_id}/{query}", json=change, headers=again)
        assert (done.status_code, done.json()["job"]["name"]) == (200, "mine")

    play(scene)


@pytest.mark.parametrize("if_match", ["*", '"other", {}', "{}", '{} , "another"', ""])
def test_a_change_of_the_job_that_is_meant_is_made(if_match: str) -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create("true", schedule=LATER)
        tag = (await home.http.get(f"/job/{job_id}/")).headers["ETag"]
        headers = {"If-Match": if_match.format(tag)}
        changed = await home.http.patch(f"/job/{job_id}/", json={"retries": 3}, headers=headers)
        assert (changed.status_code, changed.json()["job"]["retries"]) == (200, 3)
        assert changed.headers["ETag"] == (await home.http.get(f"/job/{job_id}/")).headers["ETag"] != tag

    play(scene)


def test_a_job_that_only_went_on_is_the_one_that_was_looked_at() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create("true", schedule=LATER)
        tag = (await home.http.get(f"/job/{job_id}/")).headers["ETag"]
        await home.ends(await home.start_job(job_id))
        assert (await home.http.get(f"/job/{job_id}/")).headers["ETag"] == tag
        await home.http.post(f"/job/disable/{job_id}/")
        assert (await home.http.get(f"/job/{job_id}/")).headers["ETag"] != tag

    play(scene)
