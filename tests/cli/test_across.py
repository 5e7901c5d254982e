"""`kala runs`, `kala upcoming`, and the last failure in `kala job list`."""

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any, Never
from zoneinfo import ZoneInfo

import pytest

from kala_client import KalaClient, clock
from tests.cli.conftest import Kala

TOKYO = ZoneInfo("Asia/Tokyo")
IN_2035 = "R/2035-06-04T19:25:16Z/P1D"


def test_runs_of_all_jobs_are_listed_and_those_that_failed_alone(typed: Kala, client: KalaClient) -> None:
    fails = client.create_job(name="fails", command="false", schedule=IN_2035, tags=["night"])
    works = client.create_job(name="works", command="true", schedule=IN_2035)
    failed, worked = [client.wait(client.run_job(one), timeout=30) for one in (fails, works)]
    ended = typed("runs")
    assert (ended.code, ended.err) == (0, "")
    assert [(words[0], words[1], words[4]) for words in ended.words] == [
        ("works", worked.id, "succeeded"),
        ("fails", failed.id, "failed"),
    ]
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    told = json.loads(typed("runs", "--state", "failed", "--since", since, "--json").out)
    assert [(run["job_name"], run["id"]) for run in told] == [("fails", failed.id)]
    assert [words[1] for words in typed("runs", "--job", "works").words] == [worked.id]
    assert [words[1] for words in typed("runs", "--tag", "night").words] == [failed.id]
    assert typed("runs", "--until", since).out == "no such runs\n"
    listed = {words[0]: words for words in typed("job", "list").words}
    assert listed["fails"][-3:] == ["exit", "code", "1"]
    assert listed["works"][-1] == "–"


def test_the_jobs_before_and_after_a_job_are_listed(typed: Kala, client: KalaClient) -> None:
    helper = client.create_job(name="helper", command="true", schedule=IN_2035)
    first = client.create_job(name="first", command="true", schedule=IN_2035, on_failure_job=helper)
    second = client.create_job(name="second", command="true", parent_jobs=[first])
    client.wait(client.run_job(first), timeout=30)
    ended = typed("job", "family", "first")
    assert (ended.code, ended.err) == (0, "")
    assert [words[:2] for words in ended.words] == [["0", "first"], ["1", "helper"], ["1", "second"]]
    assert "a failure of first" in ended.out
    told = json.loads(typed("job", "family", second, "--limit", "1", "--json").out)
    assert (told["cut"], [node["id"] for node in told["nodes"]], told["edges"]) == (True, [second], [])


def test_what_is_due_next_is_listed(typed: Kala, client: KalaClient) -> None:
    daily = client.create_job(name="daily", command="true", schedule=IN_2035, tags=["night"])
    client.create_job(name="hourly", command="true", schedule="R1/2035-06-04T20:00:00Z/PT1H")
    ended = typed("upcoming", "--limit", "4")
    assert (ended.code, ended.err) == (0, "")
    assert [words[:3] for words in ended.words] == [
        ["2035-06-04", "19:25", "daily"],
        ["2035-06-04", "20:00", "hourly"],
        ["2035-06-04", "21:00", "hourly"],
        ["2035-06-05", "19:25", "daily"],
    ]
    told = json.loads(typed("upcoming", "--tag", "night", "--limit", "1", "--json").out)
    assert told == [{"at": "2035-06-04T19:25:16Z", "job_id": daily, "job_name": "daily"}]
    assert typed("upcoming", "--until", "2035-01-01T00:00:00Z").out == "nothing is due\n"
    assert [words[2] for words in typed("upcoming", "--job", "hourly").words] == ["hourly"] * 2


@pytest.mark.parametrize(
    ("command", "since", "until", "meant"),
    [
        ("runs", "18:00", None, ("-1 18:00", None)),
        ("runs", "06:00", None, ("0 06:00", None)),
        ("runs", "18:00", "06:00", ("-1 18:00", "0 06:00")),
        ("runs", "06:00", "05:00", ("-1 06:00", "0 05:00")),
        ("runs", "yesterday 05:00", "yesterday 06:00", ("-1 05:00", "-1 06:00")),
        ("runs", "05:00", "tomorrow 06:00", ("0 05:00", "1 06:00")),
        ("upcoming", "18:00", None, ("0 18:00", None)),
        ("upcoming", None, "06:00", (None, "1 06:00")),
        ("upcoming", "18:00", "06:00", ("0 18:00", "1 06:00")),
        ("upcoming", "06:00", "18:00", ("1 06:00", "1 18:00")),
        ("upcoming", "yesterday 06:00", "08:00", ("-1 06:00", "0 08:00")),
    ],
)
def test_a_time_of_day_is_the_last_one_of_what_was_and_the_next_one_of_what_comes(
    monkeypatch: pytest.MonkeyPatch,
    typed: Kala,
    command: str,
    since: str | None,
    until: str | None,
    meant: tuple[str | None, str | None],
) -> None:
    """It is 7 in the morning in Tokyo. What is to follow the one time follows it, not the other way round."""
    now = datetime.now(TOKYO).replace(hour=7, minute=0, second=0, microsecond=0)
    monkeypatch.setattr(clock, "utc_now", lambda: now.astimezone(UTC))
    asked: dict[str, datetime | None] = {}

    def nothing(_client: KalaClient, *, since: Any, until: Any, **_others: object) -> list[Never]:
        asked.update(since=since, until=until)
        return []

    monkeypatch.setattr(KalaClient, command, nothing)
    words = [word for option in (("--since", since), ("--until", until)) if option[1] for word in option]
    ended = typed(command, "--zone", "Asia/Tokyo", *map(str, words))
    assert (ended.code, ended.err) == (0, "")

    def there(said: str | None) -> datetime | None:
        if said is None:
            return None
        day, clock_time = said.split()
        return datetime.combine(now.date() + timedelta(days=int(day)), time.fromisoformat(clock_time), TOKYO)

    assert (asked["since"], asked["until"]) == (there(meant[0]), there(meant[1]))
