"""What was and what is to come on one axis, and all of it in figures."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from kala_client import Job
from kala_server.testing import Kit
from tests.server.at_home import Home, fault_in, play

NO_ID = "93b65499-b211-49ce-57e0-19e735cc5abd"
START = datetime(2035, 6, 4, 9, 0, tzinfo=UTC)
BAD = [
    ("timeline", "from=noon", "from"),
    ("timeline", "from=2035-01-02T00:00:00Z&to=2035-01-01T00:00:00Z", "to"),
    ("timeline", "from=2035-01-01T00:00:00Z&to=2035-01-01T00:00:00Z", "to"),
    ("timeline", "from=2035-01-01T00:00:00Z&to=2035-03-01T00:00:00Z", "to"),
    ("timeline", "width=99", "width"),
    ("timeline", "width=10001", "width"),
    ("timeline", "limit=501", "limit"),
    ("timeline", "offset=-1", "offset"),
    ("timeline", "job=%ff", "job"),
    ("summary", "to=tomorrow", "to"),
    ("summary", "step=0", "step"),
    ("summary", "step=60", "step"),
    ("summary", "step=900&from=2035-01-01T00:00:00Z&to=2035-01-31T00:00:00Z", "step"),
]


def ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def ask(kit: Kit, path: str, **query: Any) -> dict[str, Any]:
    params = {{"since": "from", "until": "to"}.get(name, name): value for name, value in query.items()}
    answer = httpx.get(f"{kit.url}/api/v1/{path}/", params=params, trust_env=False)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


# -- a row for each job


def test_a_row_has_what_was_and_what_is_to_come() -> None:
    with Kit(START) as kit:
        job_id = kit.client.create_job(name="dump", command="dump", schedule="30 * * * *")
        kit.command("dump").takes("PT10M").then_ok().then(exit_code=2).then_ok()
        kit.advance("PT3H")
        answer = ask(kit, "timeline", since=START.isoformat(), until=(START + timedelta(hours=6)).isoformat())
        first, second, third = kit.runs_of("dump")
    [row] = answer["rows"]
    assert (answer["total"], answer["offset"], row["id"], row["state"]) == (1, 0, job_id, "active")
    assert (answer["from"], answer["now"]) == ("2035-06-04T09:00:00Z", "2035-06-04T12:00:00Z")
    began = [START + timedelta(hours=hour, minutes=30) for hour in range(6)]
    ended = [at + timedelta(minutes=10) for at in began]
    assert row["marks"] == [
        [ms(began[0]), ms(ended[0]), "succeeded", 1, first.id, ""],
        [ms(began[1]), ms(ended[1]), "failed", 1, second.id, "exit code 2"],
        [ms(began[2]), ms(ended[2]), "succeeded", 1, third.id, ""],
    ]
    assert row["counts"] == {"succeeded": 2, "failed": 1}
    assert (row["slots"], row["dense"]) == ([ms(at) for at in began[3:]], None)
    assert row["behind"] == {"total": 0, "jobs": []}


def test_what_a_pixel_cannot_tell_apart_is_one_mark_and_what_comes_too_often_says_how_often() -> None:
    with Kit(START) as kit:
        kit.client.create_job(name="tick", command="tick", schedule="* * * * *", keep_runs=1000)
        kit.advance("PT2H")
        window = {"since": START.isoformat(), "until": (START + timedelta(days=1)).isoformat()}
        [wide] = ask(kit, "timeline", width=1440, **window)["rows"]
        [narrow] = ask(kit, "timeline", width=1200, **window)["rows"]
        last = kit.runs_of("tick")[-1]
    assert len(wide["marks"]) == 120
    minute, two_hours = START + timedelta(minutes=1), START + timedelta(hours=2)
    assert narrow["marks"] == [[ms(minute), ms(two_hours), "succeeded", 120, last.id, ""]]
    assert wide["counts"] == narrow["counts"] == {"succeeded": 120}
    assert (wide["slots"], wide["dense"]) == ([], 60.0)


def test_those_that_fail_come_first_by_how_many_wait_behind_them() -> None:
    with Kit(START) as kit:

        def job(name: str, **fields: Any) -> str:
            return kit.client.create_job(**{"name": name, "command": name, **fields})

        job("fine", schedule="0 10 * * *")
        lonely = job("lonely", schedule="0 11 * * *")
        extract = job("extract", schedule="0 10 * * *")
        clean = job("clean", parent_jobs=[extract])
        load = job("load", parent_jobs=[clean])
        job("off", parent_jobs=[load], disabled=True)
        job("by hand", schedule="never")
        kit.command("extract").then(exit_code=1)
        kit.command("lonely").then(exit_code=1)
        kit.advance("PT3H")
        answer = ask(kit, "timeline")
        summary = ask(kit, "summary")
        names = [row["name"] for row in answer["rows"]]
        assert names[:2] == ["extract", "lonely"]
        assert names[2:4] == ["clean", "fine"], "one did not run, and one is due"
        assert names[4:] == ["by hand", "load", "off"]
        waiting = {"total": 2, "jobs": [{"id": clean, "name": "clean"}, {"id": load, "name": "load"}]}
        assert [row["behind"]["total"] for row in answer["rows"]] == [2, 0, 0, 0, 0, 0, 0]
        assert answer["rows"][0]["behind"] == waiting
        failed = kit.runs_of("extract")[0]
        assert summary["failing"]["total"] == 2
        assert summary["failing"]["jobs"][0] == {
            "id": extract,
            "name": "extract",
            "since": "2035-06-04T10:00:00Z",
            "run_id": failed.id,
            "reason": "exit code 1",
            "behind": waiting,
        }
        page = [ask(kit, "timeline", offset=at, limit=1)["rows"][0]["name"] for at in range(7)]
        assert page == names
        asked = ask(kit, "timeline", job=[load, lonely])
        assert ([row["id"] for row in asked["rows"]], asked["total"]) == ([load, lonely], 2)
        assert [row["name"] for row in ask(kit, "timeline", q="LO")["rows"]] == ["lonely", "load"]


# -- all of them in figures


def test_parts_have_jobs_by_their_worst_state_and_jobs_with_slots_to_come() -> None:
    with Kit(START) as kit:
        kit.client.create_job(name="often", command="often", schedule="*/10 * * * *")
        kit.client.create_job(name="hourly", command="hourly", schedule="20 * * * *")
        kit.client.create_job(name="off", command="off", schedule="* * * * *", disabled=True)
        kit.command("hourly").takes("PT5M").then(exit_code=1)
        kit.advance("PT1H12M")
        answer = ask(
            kit,
            "summary",
            since=(START + timedelta(minutes=1)).isoformat(),
            until=(START + timedelta(hours=3)).isoformat(),
        )
    assert (answer["from"], answer["step"]) == ("2035-06-04T09:00:00Z", 1800)
    assert answer["parts"] == [
        {"at": "2035-06-04T09:00:00Z", "jobs": {"failed": 1, "succeeded": 1}, "ahead": 0},
        {"at": "2035-06-04T09:30:00Z", "jobs": {"succeeded": 1}, "ahead": 0},
        {"at": "2035-06-04T10:00:00Z", "jobs": {"succeeded": 1}, "ahead": 2},
        {"at": "2035-06-04T10:30:00Z", "jobs": {}, "ahead": 1},
        {"at": "2035-06-04T11:00:00Z", "jobs": {}, "ahead": 2},
        {"at": "2035-06-04T11:30:00Z", "jobs": {}, "ahead": 1},
    ]
    assert answer["slots"] == {"succeeded": 7, "failed": 1}
    assert (answer["jobs"], answer["disabled"], answer["running"], answer["waiting"]) == (3, 1, 0, 0)
    assert answer["next"]["at"] == "2035-06-04T10:20:00Z"
    assert answer["next"]["job_name"] in {"often", "hourly"}, "both are due then"
    assert answer["pause"] == {"paused": False, "since": None, "reason": ""}


def test_a_run_that_waits_for_its_next_attempt_is_the_one_that_failed() -> None:
    with Kit(START) as kit:
        kit.client.create_job(
            name="again", command="again", schedule="0 * * * *", retries=1, retry_delay="PT9M"
        )
        kit.command("again").then(exit_code=1)
        kit.advance("PT1H5M")
        [told] = ask(kit, "summary")["failing"]["jobs"]
        assert told["run_id"] == kit.runs_of("again")[0].id
        assert ask(kit, "summary")["waiting"] == 1


# -- in sentences, on the reader's clock


def test_each_entry_of_a_ledger_comes_with_its_sentence_on_the_clock_of_who_asks() -> None:
    with Kit(START) as kit:
        job_id = kit.client.create_job(
            name="dump", command="dump", schedule="0 * * * *", timezone="UTC", overlap="skip"
        )
        kit.command("dump").takes("PT70M")
        kit.advance("PT3H")
        told = [
            (run.scheduled_at, run.sentence)
            for run in kit.client.runs(job_id, explain=True, zone="Asia/Tokyo")
        ]
        assert told == [
            (START.replace(hour=12), "running since 21:00 (0 s)"),
            (START.replace(hour=11), "skipped: the 19:00 run was still running (started 19:00:00, 60 min)"),
            (START.replace(hour=10), "succeeded (started 19:00, took 70 min)"),
        ]
        own = [run.sentence for run in kit.client.runs(job_id, state=["succeeded", "running"], explain=True)]
        assert own == ["running since 12:00 (0 s)", "succeeded (started 10:00, took 70 min)"]
        assert {run.sentence for run in kit.client.runs(job_id)} == {None}
        everywhere = list(kit.client.runs(explain=True, zone="Asia/Tokyo", limit=1))
        assert everywhere[0].sentence == told[0][1]


def test_a_time_is_explained_slot_by_slot_in_pages_each_once() -> None:
    with Kit(START) as kit:
        job_id = kit.client.create_job(name="tick", command="tick", schedule="* * * * *", keep_runs=1000)
        kit.advance("PT2H")
        kit.client.disable_job(job_id)
        kit.advance("PT1H")
        kit.client.enable_job(job_id)
        by_hand = kit.client.run_job(job_id).id
        kit.advance("PT30S")
        until = START + timedelta(hours=5)
        every = kit.client.explain(job_id, since=START, until=until)
        states = [slot.state for slot in every]
        assert states[:120] == ["succeeded"] * 120
        assert [slot.at for slot in every] == sorted(slot.at for slot in every)
        assert sum(slot.run_id == by_hand for slot in every) == 1
        rows = [slot for slot in every if slot.state == "skipped"]
        assert len(rows) == 1
        assert "59 times" in rows[0].sentence or "60 times" in rows[0].sentence
        assert states[-1] == "upcoming"
        first = ask(kit, f"job/{job_id}/explain", since=START.isoformat(), until=until.isoformat(), limit=7)
        assert (len(first["slots"]), first["next"]) == (7, "2035-06-04T09:08:00Z")
        last = ask(kit, f"job/{job_id}/explain", since=START.isoformat(), until="2035-06-04T09:05:30Z")
        assert (len(last["slots"]), last["next"]) == (5, None)


def test_of_a_job_with_many_followers_the_nearest_are_told_and_how_many_there_are() -> None:
    with Kit(START) as kit:
        first = kit.client.create_job(name="first", command="first", schedule="0 12 * * *")
        many = [Job(name=f"child {number}", command="true", parent_jobs=[first]) for number in range(300)]
        kit.client.create_jobs(many)
        answer = ask(kit, f"job/{first}/family", limit=100)
        assert (len(answer["nodes"]), len(answer["edges"]), answer["cut"]) == (100, 99, True)
        assert (answer["nodes"][0]["name"], answer["nodes"][0]["followers"]) == ("first", 300)
        assert not ask(kit, f"job/{first}/family", limit=301)["cut"]


def test_times_without_a_server_are_told() -> None:
    with Kit(START) as kit:
        kit.client.create_job(name="tick", command="tick", schedule="* * * * *")
        kit.advance("PT3H12M")
        kit.crash(down="PT26M")
        kit.advance("PT1H")
        stats = kit.client.get_kala_stats()
        down = (START + timedelta(hours=3, minutes=12), START + timedelta(hours=3, minutes=38))
        assert stats.outages == [down]
        assert stats.up_since == down[1]
        assert kit.client.session().up_since == down[1]
        assert kit.client.summary().outages == [down]
        assert kit.client.summary(since=START, until=down[0]).outages == []


def test_nothing_is_told_of_nothing() -> None:
    with Kit(START) as kit:
        assert ask(kit, "timeline")["rows"] == []
        told = ask(kit, "summary")
        assert (told["next"], told["failing"], told["slots"]) == (None, {"total": 0, "jobs": []}, {})
        assert len(told["parts"]) == 72


@pytest.mark.parametrize(("what", "query", "field"), BAD)
def test_a_bad_parameter_is_400_and_named(what: str, query: str, field: str) -> None:
    async def scene(home: Home) -> None:
        assert fault_in(await home.http.get(f"/{what}/?{query}"))["field"] == field

    play(scene)


def test_a_job_that_is_not_there_is_404() -> None:
    async def scene(home: Home) -> None:
        answer = await home.http.get("/timeline/", params={"job": NO_ID})
        assert (answer.status_code, NO_ID in answer.json()["detail"]) == (404, True)

    play(scene)
