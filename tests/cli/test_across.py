"""`kala runs`, `kala upcoming`, and the last failure in `kala job list`."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from click import UsageError

from kala_client import KalaClient, clock
from kala_server.cli import across
from tests.cli.conftest import Kala

TOKYO = ZoneInfo("Asia/Tokyo")
IN_2035 = "R/2035-06-04T19:25:16Z/P1D"


def test_runs_of_all_jobs_are_listed_and_those_that_failed_alone(at_server: Kala, client: KalaClient) -> None:
    fails = client.create_job(name="fails", command="false", schedule=IN_2035, tags=["night"])
    works = client.create_job(name="works", command="true", schedule=IN_2035)
    failed, worked = [client.wait(client.run_job(one), timeout=30) for one in (fails, works)]
    ended = at_server("runs")
    assert (ended.code, ended.err) == (0, "")
    assert [(words[0], words[1], words[4]) for words in ended.words] == [
        ("works", worked.id, "succeeded"),
        ("fails", failed.id, "failed"),
    ]
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    told = json.loads(at_server("runs", "--state", "failed", "--since", since, "--json").out)
    assert [(run["job_name"], run["id"]) for run in told] == [("fails", failed.id)]
    assert [words[1] for words in at_server("runs", "--job", "works").words] == [worked.id]
    assert [words[1] for words in at_server("runs", "--tag", "night").words] == [failed.id]
    assert at_server("runs", "--until", since).out == "no such runs\n"
    listed = {words[0]: words for words in at_server("job", "list").words}
    assert listed["fails"][-3:] == ["exit", "code", "1"]
    assert listed["works"][-1] == "–"


def test_what_is_due_next_is_listed(at_server: Kala, client: KalaClient) -> None:
    daily = client.create_job(name="daily", command="true", schedule=IN_2035, tags=["night"])
    client.create_job(name="hourly", command="true", schedule="R1/2035-06-04T20:00:00Z/PT1H")
    ended = at_server("upcoming", "--limit", "4")
    assert (ended.code, ended.err) == (0, "")
    assert [words[:3] for words in ended.words] == [
        ["2035-06-04", "19:25", "daily"],
        ["2035-06-04", "20:00", "hourly"],
        ["2035-06-04", "21:00", "hourly"],
        ["2035-06-05", "19:25", "daily"],
    ]
    told = json.loads(at_server("upcoming", "--tag", "night", "--limit", "1", "--json").out)
    assert told == [{"at": "2035-06-04T19:25:16Z", "job_id": daily, "job_name": "daily"}]
    assert at_server("upcoming", "--until", "2035-01-01T00:00:00Z").out == "nothing is due\n"
    assert [words[2] for words in at_server("upcoming", "--job", "hourly").words] == ["hourly"] * 2


def test_a_time_of_day_is_the_last_one_of_what_was_and_the_next_one_of_what_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = datetime.now(TOKYO).replace(hour=7, minute=0, second=0, microsecond=0)
    monkeypatch.setattr(clock, "utc_now", lambda: now.astimezone(UTC))
    yesterday, tomorrow = now - timedelta(days=1), now + timedelta(days=1)
    assert across._last("18:00", TOKYO) == yesterday.replace(hour=18)
    assert across._last("06:00", TOKYO) == now.replace(hour=6)
    assert across._next("18:00", TOKYO) == now.replace(hour=18)
    assert across._next("06:00", TOKYO) == tomorrow.replace(hour=6)
    assert across._last(None, TOKYO) is across._next(None, TOKYO) is None
    with pytest.raises(UsageError, match="'noon' is no time"):
        across._last("noon", TOKYO)
