"""A real server whose database of time zones changes, or lacks a zone that a job names."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from kala_server.service import zone_watch
from kala_server.testing import Kit
from tests.eventually import PATIENCE, eventually
from tests.server.at_home import Home, fault_in, play
from tests.server.server_process import records, server_process
from tests.zone_files import write_zone, zones_in

HERE = "Test/Here"
NO_TIME = "0001-01-01T00:00:00Z"


def in_zones(folder: Path) -> dict[str, str]:
    return {"PYTHONTZPATH": str(folder)}


def create(url: str, **job: Any) -> str:
    answer = httpx.post(f"{url}/api/v1/job/", json={"command": "true", **job})
    assert answer.status_code == 201, answer.text
    job_id: str = answer.json()["id"]
    return job_id


def job_of(url: str, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/api/v1/job/{job_id}/").json()["job"]
    return found


def soon(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("passed", [False, True])
def test_a_server_starts_without_a_zone_that_a_job_names_and_runs_the_others(
    tmp_path: Path, passed: bool
) -> None:
    data, folder = tmp_path / "data", tmp_path / "zones"
    write_zone(folder, HERE, 2)
    with server_process(data, environment=in_zones(folder)) as server:
        stuck = create(server.url, name="stuck", schedule="0 9 1 1 *", timezone=HERE)
        if passed:
            each_second = {"schedule": "R/2020-01-01T00:00:00/PT1S"}
            assert httpx.patch(f"{server.url}/api/v1/job/{stuck}/", json=each_second).status_code == 200
        server.kill()
    (folder / HERE).unlink()
    with server_process(data, environment=in_zones(folder)) as server:
        other = create(server.url, name="other", schedule=f"R/{soon(0.5)}/PT1S")
        assert eventually(lambda: job_of(server.url, other)["success_count"] > 0)
        assert HERE in job_of(server.url, stuck)["stuck"]
        listed = httpx.get(f"{server.url}/api/v1/job/").json()["jobs"]
        assert HERE in listed[stuck]["stuck"]
        assert listed[other]["stuck"] == ""
        [told] = httpx.get(f"{server.url}/api/v1/job/{stuck}/explain/").json()["slots"]
        assert told["state"] == "stuck"
        assert HERE in told["sentence"]
        assert httpx.get(f"{server.url}/api/v1/job/{stuck}/runs/").status_code == 200
        figures = httpx.get(f"{server.url}/metrics").text
        assert "\nkala_jobs_stuck 1.0\n" in figures
        ready = httpx.get(f"{server.url}/readyz")
        assert ready.status_code == 200
        assert ready.json()["notes"][0].startswith("1 job is stuck")
        assert stuck not in ready.text
        mended = httpx.patch(f"{server.url}/api/v1/job/{stuck}/", json={"timezone": "Etc/UTC"})
        assert mended.status_code == 200, mended.text
        assert mended.json()["job"]["stuck"] == ""
        assert server.stop() == 0
        assert server.errors.count(f"the job {stuck} is stuck") == 1


def test_a_zone_that_is_there_again_frees_its_jobs_under_a_running_server(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "zones"
    write_zone(folder, HERE, 2)
    with server_process(data, environment=in_zones(folder)) as server:
        job_id = create(server.url, name="stuck", schedule="0 9 * * *", timezone=HERE)
        server.kill()
    (folder / HERE).unlink()
    with server_process(data, environment=in_zones(folder)) as server:
        assert job_of(server.url, job_id)["stuck"]
        write_zone(folder, HERE, 1)
        assert eventually(lambda: job_of(server.url, job_id)["stuck"] == "")
        assert job_of(server.url, job_id)["next_run_at"].endswith("T08:00:00Z")


def test_a_file_of_a_zone_that_changes_goes_or_comes_is_noticed_once(tmp_path: Path) -> None:
    with zones_in(tmp_path):
        files = zone_watch.ZoneFiles()
        assert files.changed({HERE}) == {HERE}  # it may have changed since it was read
        assert files.changed({HERE}) == set()
        write_zone(tmp_path, HERE, 2)
        assert files.changed({HERE, "Europe/Berlin", "\0"}) == {HERE, "Europe/Berlin", "\0"}
        assert files.changed({HERE, "Europe/Berlin", "\0"}) == set()
        write_zone(tmp_path, HERE, 3)
        assert files.changed({HERE}) == {HERE}
        (tmp_path / HERE).unlink()
        assert files.changed({HERE}) == {HERE}


def test_new_rules_of_a_zone_move_the_next_slot_at_a_start(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "zones"
    write_zone(folder, HERE, 2)
    with server_process(data, environment=in_zones(folder)) as server:
        job_id = create(server.url, name="at nine", schedule="0 9 * * *", timezone=HERE)
        assert job_of(server.url, job_id)["next_run_at"].endswith("T07:00:00Z")
        server.kill()
    write_zone(folder, HERE, 3)
    with server_process(data, environment=in_zones(folder)) as server:
        told = job_of(server.url, job_id)["next_run_at"]
        query = {"schedule": "0 9 * * *", "timezone": HERE}
        foreseen = httpx.get(f"{server.url}/api/v1/preview/", params=query).json()["next"]
        assert told.endswith("T06:00:00Z")
        assert foreseen[0] == told
    assert [told["next_at"][-9:] for told in records(data, "job_changed")] == ["06:00:00Z"]


def test_new_rules_of_a_zone_move_the_next_slot_of_a_running_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zone_watch, "BETWEEN_LOOKS", 0.01)
    write_zone(tmp_path, HERE, 2)

    async def scene(home: Home) -> None:
        async def next_of(job_id: str) -> str:
            found: str = (await home.http.get(f"/job/{job_id}/")).json()["job"]["next_run_at"]
            return found

        async def becomes(job_id: str, end: str) -> None:
            async with asyncio.timeout(PATIENCE):
                while not (await next_of(job_id)).endswith(end):  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.sleep(0.01)

        ids = [
            await home.create(schedule="0 9 * * *", timezone=HERE),
            await home.create(schedule="R/2035-06-04T09:00:00/P1D", timezone=HERE),
        ]
        other = await home.create(schedule="0 9 * * *", timezone="Etc/UTC")
        before = [await next_of(job_id) for job_id in (*ids, other)]
        assert [told[11:] for told in before] == ["07:00:00Z", "07:00:00Z", "09:00:00Z"]
        write_zone(tmp_path, HERE, 3)
        for job_id in ids:
            await becomes(job_id, "T06:00:00Z")
        query = {"schedule": "0 9 * * *", "timezone": HERE}
        foreseen = (await home.http.get("/preview/", params=query)).json()["next"]
        assert foreseen[0] == await next_of(ids[0])
        assert await next_of(other) == before[2]

    with zones_in(tmp_path):
        play(scene)


def test_a_disabled_job_has_no_next_run_that_has_passed() -> None:
    with Kit("2035-06-04T00:00Z") as kit, httpx.Client(base_url=f"{kit.url}/api/v1") as http:

        def told(job_id: str) -> set[str]:
            alone = http.get(f"/job/{job_id}/").json()["job"]["next_run_at"]
            return {alone, http.get("/job/").json()["jobs"][job_id]["next_run_at"]}

        schedule = "R/2035-06-04T03:00:00Z/PT1H"
        job_id = kit.client.create_job(name="off", command="true", schedule=schedule, disabled=True)
        kit.advance("PT2H")
        assert told(job_id) == {"2035-06-04T03:00:00Z"}
        kit.advance("PT1H")
        assert told(job_id) == {NO_TIME}
        [following] = kit.client.explain(job_id)
        assert following.state == "disabled"
        assert following.at == kit.now + timedelta(hours=1)


def test_sentences_are_asked_for_in_a_zone() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create(schedule="R/2035-06-04T03:00:00Z/P1D")
        asked = f"/job/{job_id}/explain/?at=2035-06-04T04:00:00Z&zone="
        [told] = (await home.http.get(f"{asked}Asia/Tokyo")).json()["slots"]
        assert "2035-06-04 12:00" in told["sentence"]
        assert fault_in(await home.http.get(f"{asked}Mars/Olympus"))["field"] == "zone"

    play(scene)
