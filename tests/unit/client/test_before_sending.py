"""What a client sees before it sends a job: a schedule that is wrong, and what a real Kala would drop in silence."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

import kala_client as kala
from kala_client import Job, RemoteProperties, Schedule
from kala_client.models import ADDED_FIELDS
from kala_client.schedules import due
from tests.every_field import EVERY
from tests.unit.client.answers import ID, answer

OURS = {"Kala-Server": "kala-python/1.0.0"}
STATS = {"Stats": {"active_jobs": 0, "disabled_jobs": 0, "jobs": 0}}
START = "2035-06-04T19:25:16Z"
EVERY_ADDED: dict[str, Any] = {name: EVERY[name] for name in ADDED_FIELDS}


class Kala:
    """A Kala of either kind that has a body for every call, and remembers which it got."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        body = STATS if request.method == "GET" else {"id": ID}
        return httpx.Response(200, headers=self.headers, json=body)


@pytest.mark.parametrize("field", sorted(EVERY_ADDED))
def test_a_field_that_a_real_kala_would_drop_is_never_sent_to_one(connect: Any, field: str) -> None:
    real = Kala({})
    client = connect(real)
    for _ in range(2):
        with pytest.raises(kala.NotSupportedError, match=f"understands {field};.*nothing was sent"):
            client.create_job(name="a", **{field: EVERY_ADDED[field]})
    assert real.asked == ["GET /api/v1/stats/"]  # asked once, and remembered


@pytest.mark.parametrize("schedule", ["*/5 * * * *", "@daily", "never"])
def test_a_schedule_that_only_kala_server_knows_is_never_sent_to_a_real_kala(
    connect: Any, schedule: str
) -> None:
    real = Kala({})
    with pytest.raises(kala.NotSupportedError, match="understands schedule"):
        connect(real).create_job(name="a", schedule=schedule)
    assert real.asked == ["GET /api/v1/stats/"]


def test_all_of_them_are_named(connect: Any) -> None:
    with pytest.raises(kala.NotSupportedError, match="understands shell, timezone;") as raised:
        connect(Kala({})).create_job(name="a", timezone="Europe/Berlin", shell=True, retries=2)
    assert raised.value.needs == ("shell", "timezone")


def test_kala_server_is_asked_once_and_gets_them_all(connect: Any) -> None:
    ours = Kala(OURS)
    client = connect(ours)
    for _ in range(2):
        assert client.create_job(name="a", **EVERY_ADDED) == ID
    assert ours.asked == ["GET /api/v1/stats/", "POST /api/v1/job/", "POST /api/v1/job/"]


def test_an_answer_to_anything_tells_as_well(connect: Any) -> None:
    for headers, error in ((OURS, None), ({}, kala.NotSupportedError)):
        server = Kala(headers)
        client = connect(server)
        client.create_job(name="a")
        if error:
            with pytest.raises(error):
                client.create_job(name="a", shell=True)
        else:
            client.create_job(name="a", shell=True)
        assert "GET /api/v1/stats/" not in server.asked


def test_what_says_what_every_kala_does_anyway_is_for_every_kala(connect: Any) -> None:
    real = Kala({})
    connect(real).create_job(Job(name="a", timezone="", overlap="queue", keep_runs=100, env={}, shell=False))
    assert real.asked == ["POST /api/v1/job/"]


def test_where_nobody_answers_which_kala_it_is_the_job_was_never_sent(connect: Any, serve: Any) -> None:
    with pytest.raises(kala.KalaConnectionError) as raised:
        connect(serve(httpx.ReadError("cut"))).create_job(name="a", shell=True)
    assert raised.value.never_sent
    with pytest.raises(kala.ServerError):
        connect(serve(answer(status=500))).create_job(name="a", shell=True)


def test_a_refusal_of_kala_server_tells_which_kala_it_is(connect: Any, serve: Any) -> None:
    server = serve(httpx.Response(403, headers=OURS), httpx.Response(201, headers=OURS, json={"id": ID}))
    assert connect(server).create_job(name="a", shell=True) == ID


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.create_jobs([Job(name="a"), Job(name="b", shell=True)]),
        lambda client: client.update_job(ID, shell=True),
        lambda client: client.replace_job(ID, Job(name="a", shell=True)),
    ],
)
def test_a_call_that_a_real_kala_lacks_needs_no_question(connect: Any, serve: Any, ask: Any) -> None:
    server = serve(answer(status=405))
    with pytest.raises(kala.NotSupportedError, match="it needs kala_server"):
        ask(connect(server))
    assert len(server.asked) == 1


WRONG = [
    f"2/{START}/PT10S",
    f"r2/{START}/PT10S",
    f"R2/{START}/nonsense",
    f"R/{START}/P",
    "R2/2035-06-04/PT10S",
    f"R2/{START}",
    "nonsense",
    "* * * *",
    "60 * * * *",
    "0 0 30 2 *",
    "0 0 1 1 \u0661",
    "@reboot",
    "* " * 501,
]
ASKED: list[Callable[[Any, str], Any]] = [
    lambda client, schedule: client.create_job(name="a", schedule=schedule),
    lambda client, schedule: client.create_job(Job(name="a", schedule=schedule)),
    lambda client, schedule: client.create_jobs([Job(name="a", schedule=schedule)]),
    lambda client, schedule: client.update_job(ID, schedule=schedule),
]


@pytest.mark.parametrize("schedule", WRONG)
def test_a_wrong_schedule_is_told_in_the_servers_words_before_it_is_sent(
    connect: Any, serve: Any, schedule: str
) -> None:
    server = serve(answer())
    client = connect(server)
    with pytest.raises(ValueError) as servers:
        due.check_schedule(schedule)
    for ask in ASKED:
        with pytest.raises(kala.InvalidJobError, match="nothing was sent") as raised:
            ask(client, schedule)
        [error] = raised.value.errors
        assert error.field.endswith("schedule")
        assert error.message == str(servers.value)
        assert error.example
    assert server.asked == []


def test_an_example_is_of_the_kind_that_was_meant() -> None:
    assert due.example_for("60 * * * *") == "0 9 * * MON-FRI"
    due.check_schedule(due.example_for("r/"))


def test_a_cron_line_is_a_value_that_is_checked_when_it_is_made(connect: Any) -> None:
    line = Schedule.cron(" 0  9 * * MON-FRI ")
    assert str(line) == Job(name="a", schedule=line).schedule == "0 9 * * MON-FRI"
    assert line == Schedule.cron("0 9 * * MON-FRI")
    assert str(Schedule.cron("@daily")) == "@daily"
    for wrong in ("", "0 9 * *", "never", f"R/{START}/P1D", "* " * 501):
        with pytest.raises(ValueError, match=r"cron line|characters"):
            Schedule.cron(wrong)
    assert connect(Kala(OURS)).create_job(name="a", schedule=line) == ID


def test_a_zone_may_be_one_of_the_standard_library(connect: Any, serve: Any) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert Job(name="a", timezone=berlin).timezone == "Europe/Berlin"
    bodies: list[Any] = [{"job": {"name": "a"}}, {"next": []}, {"slots": []}]
    server = serve(*(httpx.Response(200, headers=OURS, json=body) for body in bodies))
    client = connect(server)
    client.update_job(ID, timezone=berlin)
    client.preview("0 9 * * *", timezone=berlin)
    client.explain(ID, zone=berlin)
    assert json.loads(server.requests[0].content) == {"timezone": "Europe/Berlin"}
    assert [request.url.params.get("timezone") for request in server.requests[1:]] == ["Europe/Berlin", None]
    assert server.requests[2].url.params["zone"] == "Europe/Berlin"


def test_a_zone_without_a_name_is_told() -> None:
    with (files("tzdata") / "zoneinfo" / "Europe" / "Berlin").open("rb") as file:
        nameless = ZoneInfo.from_file(file)
    with pytest.raises(ValueError, match="should be text, or ZoneInfo"):
        Job(name="a", timezone=nameless)


@pytest.mark.parametrize("more", [{}, {"command": "true"}, {"type": 0}])
def test_a_call_whose_type_was_forgotten_is_told(connect: Any, serve: Any, more: dict[str, Any]) -> None:
    server = serve(answer({"id": ID}, 201))
    client = connect(server)
    call = RemoteProperties(url="https://example.com/hook")
    with pytest.raises(kala.InvalidJobError, match="called by a job of type 1 only"):
        client.create_job(name="a", remote_properties=call, **more)
    assert server.asked == []


def test_a_call_that_is_no_mistake_is_sent(connect: Any, serve: Any) -> None:
    server = serve(answer({"id": ID}, 201))
    client = connect(server)
    call = RemoteProperties(url="https://example.com/hook")
    client.create_job(name="a", type=1, remote_properties=call)
    client.create_job(name="a", remote_properties=RemoteProperties())
    client.create_job(
        Job.model_validate({"name": "a", "type": 0, "command": "true", "remote_properties": call})
    )
    assert len(server.asked) == 3


def test_a_start_that_floats_is_sent_as_it_was_written(connect: Any, serve: Any) -> None:
    server = serve(answer({"id": ID}, 201))
    schedule = Schedule.parse("R/2035-06-04T19:25:16/P1D")
    assert schedule.start > datetime(2035, 1, 1, tzinfo=UTC)
    connect(server).create_job(name="a", schedule=schedule)
    assert json.loads(server.requests[0].content)["schedule"] == "R/2035-06-04T19:25:16/P1D"
