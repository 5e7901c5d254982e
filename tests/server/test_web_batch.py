"""Many jobs at once, all or none; and a request that comes twice creates its jobs once."""

import asyncio
import gc
import json
from typing import Any

import httpx
import pytest

from kala_server.core.model.records import JobCreated
from kala_server.service.garbage import OurGarbage
from kala_server.testing import Kit
from tests.server.at_home import LATER, Home, fault_in, play

MEBIBYTE = 1 << 20


def jobs(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"name": str(number), "command": "true", "schedule": LATER, **fields} for number in range(count)]


async def batch(home: Home, wanted: object, **headers: str) -> httpx.Response:
    return await home.http.post("/job/batch/", json={"jobs": wanted}, headers=headers)


async def stored(home: Home) -> dict[str, Any]:
    found: dict[str, Any] = (await home.http.get("/job/")).json()["jobs"]
    return found


# -- all or none


def test_the_ids_are_in_the_order_of_the_jobs_and_the_jobs_are_as_if_created_one_by_one() -> None:
    async def scene(home: Home) -> None:
        answer = await batch(home, [*jobs(3), {"name": "now", "command": "true", "disabled": True}])
        assert answer.status_code == 201
        ids = answer.json()["ids"]
        there = await stored(home)
        assert [there[job_id]["name"] for job_id in ids] == ["0", "1", "2", "now"]
        assert there.keys() == set(ids)
        assert [there[job_id]["disabled"] for job_id in ids] == [False, False, False, True]
        assert {there[job_id]["owner"] for job_id in ids} == {"ops@example.com"}

    play(scene, default_owner="ops@example.com")


def test_a_batch_of_none_is_a_batch() -> None:
    async def scene(home: Home) -> None:
        for headers in ({}, {"Idempotency-Key": "none"}, {"Idempotency-Key": "none"}):
            answer = await batch(home, [], **headers)
            assert (answer.status_code, answer.json()) == (201, {"ids": []})

    play(scene)


@pytest.mark.parametrize(
    ("count", "fields", "frozen"),
    [
        (3, {}, False),
        (2000, {}, True),
        (3000, {"description": "x" * 100}, True),
        (3000, {"description": "x" * 100, "name": ""}, False),
    ],
)
def test_the_garbage_collector_leaves_a_large_batch_alone_and_goes_on(
    count: int, fields: dict[str, Any], *, frozen: bool
) -> None:
    async def scene(home: Home) -> None:
        before = gc.get_freeze_count()
        await batch(home, jobs(count, **fields))
        assert (gc.get_freeze_count() > before) is frozen
        assert gc.isenabled()

    play(scene, garbage=OurGarbage())


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"schedule": "nonsense"}, "jobs[3].schedule"),
        ({"schedule": "R/2015-06-04T19:25:16Z/P1D"}, "jobs[3].schedule"),
        ({"name": ""}, "jobs[3].name"),
        ({"retries": "2"}, "jobs[3].retries"),
        ({"disabled": 0}, "jobs[3].disabled"),
        ({"parent_jobs": ["no-such-id"]}, "jobs[3].parent_jobs"),
        ({"TemplateDelimiters": 5}, "jobs[3].TemplateDelimiters"),
        ({"remote_properties": {"url": "http://x", "timeout": 1.5}}, "jobs[3].remote_properties"),
    ],
)
def test_one_wrong_job_is_named_by_its_place_and_none_is_stored(wrong: dict[str, Any], field: str) -> None:
    async def scene(home: Home) -> None:
        wanted = jobs(5)
        wanted[3].update(wrong)
        answer = await batch(home, wanted, **{"Idempotency-Key": "k"})
        problem = fault_in(answer)
        assert problem["field"] == field
        assert f"{field}: {problem['message']}" in answer.json()["detail"]
        assert await stored(home) == {}
        # The key is not used up by what was refused.
        assert (await batch(home, jobs(1), **{"Idempotency-Key": "k"})).status_code == 201

    play(scene)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{}", b'{"jobs": {}}', b'{"jobs": null}', b'{"jobs": "x"}', b"{nope"]
)
def test_what_is_no_batch_is_400(body: bytes) -> None:
    async def scene(home: Home) -> None:
        answer = await home.http.post("/job/batch/", content=body)
        assert answer.status_code == 400
        assert len(answer.json()["detail"]) > 5

    play(scene)


@pytest.mark.parametrize(
    ("item", "kind"), [(None, "null"), ([], "an array"), ("x", "a text"), (5, "a number")]
)
def test_what_is_no_job_in_a_batch_is_called_what_it_is(item: object, kind: str) -> None:
    async def scene(home: Home) -> None:
        answer = await batch(home, [*jobs(2), item])
        problem = fault_in(answer)
        assert (problem["field"], f"not {kind}" in problem["message"]) == ("jobs[2]", True)
        assert await stored(home) == {}

    play(scene)


# -- large ones


def test_ten_thousand_jobs_come_in_one_call_while_others_are_answered() -> None:
    async def scene(home: Home) -> None:
        answered = 0
        creating = asyncio.ensure_future(batch(home, jobs(10_000)))
        while not creating.done():
            assert (await home.http.get("/stats/")).status_code == 200
            answered += 1
        assert len(set((await creating).json()["ids"])) == 10_000
        assert answered >= 3
        assert (await home.http.get("/stats/")).json()["Stats"]["jobs"] == 10_000

    play(scene)


def test_a_body_beyond_a_mebibyte_is_for_batches_alone_and_no_job_of_them_is_larger() -> None:
    async def scene(home: Home) -> None:
        [job] = jobs(1, description="x" * (MEBIBYTE - 1_000))
        assert (await batch(home, [job] * 3)).status_code == 201
        [job] = jobs(1, description="x" * MEBIBYTE)
        answer = await batch(home, [*jobs(2), job])
        assert answer.status_code == 400
        assert "jobs[2] is larger than 1,048,576 bytes" in answer.json()["detail"]
        job_id = (await batch(home, jobs(1))).json()["ids"][0]
        for method, path in (("POST", "/job/"), ("PUT", f"/job/{job_id}/"), ("PATCH", f"/job/{job_id}/")):
            answer = await home.http.request(method, path, json=job)
            assert answer.status_code == 413
            assert "1,048,576 bytes" in answer.json()["detail"]

    play(scene)


def test_a_body_of_64_mebibytes_is_read_and_one_byte_more_is_413() -> None:
    async def scene(home: Home) -> None:
        body = json.dumps({"jobs": jobs(1)}).encode()
        fits = body + b" " * (64 * MEBIBYTE - len(body))
        assert (await home.http.post("/job/batch/", content=fits)).status_code == 201
        # Answered before it is sent, as nobody reads the answer while the server refuses to read the body.
        reader, writer = await asyncio.open_connection("127.0.0.1", home.server.port)
        head = (
            f"POST /api/v1/job/batch/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(fits) + 1}\r\n\r\n"
        )
        writer.write(head.encode())
        answer = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
        assert answer.startswith("HTTP/1.1 413 ")
        assert "67,108,864 bytes" in answer
        assert len(await stored(home)) == 1

    play(scene)


# -- the same request again


def keyed(home: Home, path: str, body: dict[str, Any], key: str = "a key") -> Any:
    return home.http.post(path, json=body, headers={"Idempotency-Key": key})


@pytest.mark.parametrize("path", ["/job/", "/job/batch/"])
def test_the_same_key_and_body_are_the_same_jobs_however_often_and_however_many_at_once(path: str) -> None:
    async def scene(home: Home) -> None:
        body = jobs(1)[0] if path == "/job/" else {"jobs": jobs(2)}
        answers = [await keyed(home, path, body)]
        answers += await asyncio.gather(*(keyed(home, path.rstrip("/"), body) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.text for answer in answers}) == 1
        told = answers[0].json()
        assert (await stored(home)).keys() == set(told.get("ids") or [told["id"]])

    play(scene)


def test_a_batch_that_comes_again_is_the_same_jobs_though_its_start_has_passed() -> None:
    body = {"jobs": jobs(2, schedule="R0/2035-01-01T01:00:00Z/P1D")}
    with Kit("2035-01-01T00:00Z") as kit:
        answers = []
        for _ in range(2):
            answers.append(
                httpx.post(f"{kit.url}/api/v1/job/batch/", json=body, headers={"Idempotency-Key": "a key"})
            )
            kit.advance("PT2H")
        without_key = httpx.post(f"{kit.url}/api/v1/job/batch/", json=body)
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].text == answers[1].text
    assert "has passed" in without_key.json()["detail"]


def test_requests_of_one_key_at_once_create_one_job() -> None:
    async def scene(home: Home) -> None:
        answers = await asyncio.gather(*(keyed(home, "/job/", jobs(1)[0]) for _ in range(20)))
        assert len({answer.json()["id"] for answer in answers}) == 1
        created = [record for record in await home.records() if isinstance(record, JobCreated)]
        assert len(created) == 1

    play(scene)


def test_the_same_key_with_another_body_or_route_is_422_and_creates_nothing() -> None:
    async def scene(home: Home) -> None:
        [job, other] = jobs(2)
        job_id = (await keyed(home, "/job/", job)).json()["id"]
        for path, body in (("/job/", other), ("/job/batch/", {"jobs": [job]})):
            answer = await keyed(home, path, body)
            assert answer.status_code == 422
            assert "another body" in answer.json()["detail"]
        assert (await keyed(home, "/job/", other, key="another key")).status_code == 201
        assert len(await stored(home)) == 2
        await home.http.delete(f"/job/{job_id}/")
        assert (await keyed(home, "/job/", job)).json()["id"] == job_id
        assert len(await stored(home)) == 1

    play(scene)


def test_without_a_key_the_same_request_is_a_new_job() -> None:
    async def scene(home: Home) -> None:
        assert {(await keyed(home, "/job/", jobs(1)[0], key="")).status_code for _ in range(3)} == {201}
        assert len(await stored(home)) == 3

    play(scene)


@pytest.mark.parametrize(
    ("key", "taken"), [("x" * 255, True), ("x" * 256, False), ("a\tb", False), ("é", True)]
)
def test_a_key_is_short_and_printable(key: str, taken: bool) -> None:
    async def scene(home: Home) -> None:
        answer = await home.http.post(
            "/job/", json=jobs(1)[0], headers={b"Idempotency-Key": key.encode("latin-1")}
        )
        assert answer.status_code == (201 if taken else 400)
        if not taken:
            assert [problem["field"] for problem in answer.json()["errors"]] == ["Idempotency-Key"]
            assert await stored(home) == {}

    play(scene)
