"""Explanations and previews over HTTP; their sentences are held by tests/unit/core/test_explain.py."""

import pytest

from tests.server.at_home import Home, fault_in, play

BAD_PREVIEWS = [
    ("", "schedule"),
    ("schedule=", "schedule"),
    ("schedule=nonsense", "schedule"),
    ("schedule=R/2035-06-04T19:25:16Z/PT0S", "schedule"),
    ("schedule=61 * * * *", "schedule"),
    ("schedule=* * * * * *", "schedule"),
    ("schedule=0 0 30 2 *", "schedule"),
    ("schedule=%ff", "schedule"),
    ("schedule=0 9 * * *&timezone=Mars/Olympus", "timezone"),
    ("schedule=0 9 * * *&timezone=../../etc/passwd", "timezone"),
    ("schedule=0 9 * * *&timezone=%00", "timezone"),
    ("schedule=0 9 * * *&from=noon", "from"),
    ("schedule=0 9 * * *&count=0", "count"),
    ("schedule=0 9 * * *&count=1001", "count"),
    ("schedule=0 9 * * *&count=x", "count"),
]


def test_a_slot_is_explained_with_its_run() -> None:
    async def scene(home: Home) -> None:
        job_id = await home.create("sleep 100")
        [run] = (await home.http.get(f"/job/{job_id}/runs/")).json()["runs"]
        answer = (await home.http.get(f"/job/{job_id}/explain/")).json()
        last, following = answer["slots"]
        assert (last["at"], last["run_id"], last["state"]) == (run["scheduled_at"], run["id"], "running")
        assert last["sentence"].startswith("running since ")
        assert (following["state"], following["run_id"]) == ("none", None)
        asked = await home.http.get(f"/job/{job_id}/explain/?at={run['scheduled_at']}")
        [slot] = asked.json()["slots"]
        assert slot["sentence"].startswith("running since ")  # and for how long, which has grown
        assert slot | {"sentence": ""} == last | {"sentence": ""}

    play(scene)


@pytest.mark.parametrize(("query", "field"), BAD_PREVIEWS)
def test_what_cannot_be_previewed_is_400_and_says_why(query: str, field: str) -> None:
    async def scene(home: Home) -> None:
        answer = await home.http.get(f"/preview/?{query}")
        problem = fault_in(answer)
        assert problem["field"] == field
        assert len(problem["message"]) > 10

    play(scene)


def test_a_preview_begins_where_it_is_asked_to_and_says_the_schedule_in_words() -> None:
    async def scene(home: Home) -> None:
        query = "schedule=0 9 * * *&timezone=Europe/Berlin&count=1&from=2040-01-01T08:00:00Z"
        answer = await home.http.get(f"/preview/?{query}")
        assert answer.json() == {
            "next": ["2040-01-02T08:00:00Z"],
            "words": "every day at 09:00, Europe/Berlin",
        }

    play(scene)


def test_a_preview_takes_a_plus_as_it_is_and_creates_nothing() -> None:
    async def scene(home: Home) -> None:
        for plus in ("+", "%2B"):
            answer = await home.http.get(f"/preview/?schedule=R/2035-06-04T19:00:00{plus}02:00/P1D&count=2")
            assert answer.json()["next"] == ["2035-06-04T17:00:00Z", "2035-06-05T17:00:00Z"]
        assert len((await home.http.get("/preview/?schedule=* * * * *")).json()["next"]) == 5
        past = await home.http.get("/preview/?schedule=R3/2015-06-04T19:00:00Z/P1D")
        assert past.json()["next"] == []
        assert (await home.http.get("/job/")).json()["jobs"] == {}

    play(scene)


@pytest.mark.parametrize(
    "due",
    [
        # From Thursday to Tuesday around the last Sundays of March and of October.
        ["2035-03-22T08:00:00Z", "2035-03-23T08:00:00Z", "2035-03-26T07:00:00Z", "2035-03-27T07:00:00Z"],
        ["2035-10-25T07:00:00Z", "2035-10-26T07:00:00Z", "2035-10-29T08:00:00Z", "2035-10-30T08:00:00Z"],
    ],
)
def test_a_preview_is_right_across_both_changes_of_the_clock(due: list[str]) -> None:
    async def scene(home: Home) -> None:
        query = {"schedule": "0 9 * 3,10 MON-FRI", "timezone": "Europe/Berlin", "count": "1000"}
        found = (await home.http.get("/preview/", params=query)).json()["next"]
        assert [time for time in found if due[0] <= time <= due[-1]] == due

    play(scene)
