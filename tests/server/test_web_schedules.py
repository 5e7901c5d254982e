"""What no job may have is 400 on every way in, names its field, shows what is right, and changes nothing."""

from typing import Any

import pytest

from tests.server.at_home import LATER, Home, fault_in, play

START = "R/2035-06-04T19:25:16"
REFUSED = [
    ("timezone", "right/Europe/Berlin"),
    ("timezone", "localtime"),
    ("timezone", "posixrules"),
    ("timezone", "Factory"),
    ("timezone", "posix/localtime"),
    ("timezone", "Europe/Berlin/"),
    ("timezone", "zone.tab"),
    ("timezone", "x" * 500_000),
    ("schedule", f"{START}+02:60/P1D"),
    ("schedule", f"{START}+0260/P1D"),
    ("schedule", f"{START}+25:00/P1D"),
    ("schedule", f"{START}Z/P"),
    ("schedule", f"R0{START[1:]}Z/PT"),
    ("schedule", "R/2035-06-04T24:00:00Z/P1D"),
    ("schedule", "R/2035-06-04T23:59:60Z/P1D"),
    ("schedule", "R/0000-06-04T00:00:00Z/P1D"),
    ("schedule", "R/9999-12-31T23:59:59-23:59/P1D"),
    ("schedule", "R/9999-12-31T23:59:59/P1D"),
    ("schedule", "R/10000-01-01T00:00:00Z/P1D"),
    ("schedule", "0 0 * * FRI-MON"),
    ("schedule", "0 0 L/2 * *"),
    ("schedule", "0 0 31 2,4,6,9,11 *"),
    ("schedule", "0\u00a00 * * *"),
    ("schedule", "@reboot"),
    ("schedule", "0 " * 250_000),
    ("schedule", "0," * 250_000 + "0 * * * *"),
    ("schedule", "R/" * 250_000),
    ("schedule", " " * 500_000),
    ("epsilon", "P"),
    ("misfire_grace", "PT"),
    ("timeout", "P1YT"),
    ("retry_delay", "P" + "0" * 500_000 + "D"),
]


@pytest.mark.parametrize(
    ("field", "value"), REFUSED, ids=[f"{field} {value[:24]}" for field, value in REFUSED]
)
def test_what_no_job_may_have_is_refused_on_every_way_in(field: str, value: str) -> None:
    async def scene(home: Home) -> None:
        good: dict[str, Any] = {"name": "a job", "command": "true", "schedule": LATER}
        job_id = await home.create(schedule=LATER)
        before = (await home.http.get(f"/job/{job_id}/")).json()
        answers = [
            await home.http.post("/job/", json=good | {field: value}),
            await home.http.post("/job/batch/", json={"jobs": [good, good | {field: value}]}),
            await home.http.put(f"/job/{job_id}/", json=good | {field: value}),
            await home.http.patch(f"/job/{job_id}/", json={field: value}),
        ]
        if field in {"schedule", "timezone"} and len(value) < 10_000:
            query = {"schedule": "0 9 * * *", field: value}
            answers.append(await home.http.get("/preview/", params=query))
        for answer in answers:
            problem = fault_in(answer)
            assert problem["field"].rpartition(".")[2] == field
            assert 20 < len(problem["message"]) < 400
        assert (await home.http.get(f"/job/{job_id}/")).json() == before
        assert len((await home.http.get("/job/")).json()["jobs"]) == 1

    play(scene)


@pytest.mark.parametrize(
    ("schedule", "timezone"),
    [
        ("@daily", ""),
        ("18 1-1/2 * * *", "Etc/GMT+5"),
        ("0 0 LW * *", "Europe/Berlin"),
        (f"{START}-23:59/PT0.000001S", ""),
        (f"{START}/P1D", "UTC"),
    ],
)
def test_what_is_taken_is_taken_on_every_way_in(schedule: str, timezone: str) -> None:
    async def scene(home: Home) -> None:
        said = {"schedule": schedule, "timezone": timezone}
        job_id = await home.create(**said)
        assert (
            await home.http.put(f"/job/{job_id}/", json={"name": "a", "command": "b", **said})
        ).status_code == 200
        assert (await home.http.patch(f"/job/{job_id}/", json=said)).status_code == 200
        job = (await home.http.get(f"/job/{job_id}/")).json()["job"]
        [following] = (await home.http.get("/preview/", params={**said, "count": 1})).json()["next"]
        assert (job["schedule"], job["timezone"], job["next_run_at"]) == (schedule, timezone, following)

    play(scene)


@pytest.mark.parametrize("offset", ["+02:60", "+0260", "-02:99", "+24:00"])
def test_a_time_with_an_offset_of_no_clock_is_refused_in_a_query_too(offset: str) -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(schedule=LATER)
        answer = await home.http.get(f"/job/{job_id}/explain/", params={"at": f"2035-06-04T19:25:16{offset}"})
        assert fault_in(answer)["field"] == "at"

    play(scene)
