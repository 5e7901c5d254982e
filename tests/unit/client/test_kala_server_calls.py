"""The calls that kala_server adds, against both clients; and what they say to a real Kala."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

import kala_client as kala
from kala_client import Job, RetryPolicy, Schedule

ID = "7c58ea8f-3753-4428-77c5-ba6103933f1c"
RUN = {"id": "r1", "job_id": ID, "state": "running"}
OURS = {"Kala-Server": "kala-python/1.0.0"}
START = datetime(2035, 1, 1, tzinfo=UTC)


def answer(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, headers={**OURS, **headers}, json=body)


def run(name: str, state: str = "succeeded") -> dict[str, str]:
    return {"id": name, "job_id": ID, "state": state}


def names(runs: Any) -> list[str]:
    return [each.id for each in runs]


def test_runs_are_paged_through_to_the_end(connect: Any, serve: Any) -> None:
    server = serve(
        answer({"runs": [run("c"), run("b")], "next": "b"}), answer({"runs": [run("a")], "next": None})
    )
    assert names(connect(server).runs(ID, state="succeeded")) == ["c", "b", "a"]
    assert server.asked == [
        f"GET /api/v1/job/{ID}/runs/?state=succeeded&limit=100",
        f"GET /api/v1/job/{ID}/runs/?state=succeeded&limit=100&before=b",
    ]


def test_no_more_runs_are_asked_for_than_are_wanted(connect: Any, serve: Any) -> None:
    server = serve(answer({"runs": [run("c"), run("b")], "next": "b"}))
    client = connect(server)
    assert names(client.runs(ID, limit=2)) == ["c", "b"]
    assert names(client.runs(ID, limit=0)) == []
    assert server.asked == [f"GET /api/v1/job/{ID}/runs/?limit=2"]


def test_runs_of_all_jobs_and_of_a_time_have_a_route_of_their_own(connect: Any, serve: Any) -> None:
    server = serve(
        answer({"runs": [run("c")], "next": "c"}),
        answer({"runs": [run("b")], "next": None}),
        answer({"runs": [], "next": None}),
    )
    client = connect(server)
    assert names(client.runs(state="failed", tag="night")) == ["c", "b"]
    assert names(client.runs(ID, since=START, until=START, limit=7)) == []
    at = "2035-01-01T00%3A00%3A00%2B00%3A00"
    assert server.asked == [
        "GET /api/v1/runs/?tag=night&state=failed&limit=100",
        "GET /api/v1/runs/?tag=night&state=failed&limit=100&before=c",
        f"GET /api/v1/runs/?job={ID}&from={at}&to={at}&limit=7",
    ]


def test_runs_are_told_with_sentences_and_in_several_states_where_that_is_asked_for(
    connect: Any, serve: Any
) -> None:
    told = {**run("c", "failed"), "sentence": "failed: exit code 3"}
    server = serve(answer({"runs": [told], "next": None}), answer({"runs": [], "next": None}))
    client = connect(server)
    found = list(client.runs(ID, state=["failed", "timed_out"], since=START, explain=True, zone="Asia/Tokyo"))
    assert [each.sentence for each in found] == ["failed: exit code 3"]
    assert list(client.runs(tag="night", explain=True)) == []
    at = "2035-01-01T00%3A00%3A00%2B00%3A00"
    assert server.asked == [
        f"GET /api/v1/runs/?job={ID}&from={at}&zone=Asia%2FTokyo&state=failed%2Ctimed_out&explain=true&limit=100",
        "GET /api/v1/runs/?tag=night&explain=true&limit=100",
    ]
    with pytest.raises(kala.InvalidRequestError, match="state must be a list, not of type int"):
        list(client.runs(ID, state=3))


def test_explanations_of_a_time_are_paged_through(connect: Any, serve: Any) -> None:
    slot = {"at": "2035-01-01T00:00:00Z", "state": "succeeded", "sentence": "succeeded"}
    server = serve(
        answer({"slots": [slot], "next": "2035-01-01T01:00:00Z"}),
        answer({"slots": [slot], "next": "2035-01-01T01:00:00Z"}),
    )
    client = connect(server)
    found = client.explain(ID, since=START, until=START.replace(hour=9), zone="Asia/Tokyo")
    assert len(found) == 2, "a page that does not go on is the last"
    to = "to=2035-01-01T09%3A00%3A00%2B00%3A00&zone=Asia%2FTokyo"
    assert server.asked == [
        f"GET /api/v1/job/{ID}/explain/?from=2035-01-01T0{hour}%3A00%3A00%2B00%3A00&{to}" for hour in (0, 1)
    ]
    with pytest.raises(kala.InvalidRequestError, match="say either at, or since and until"):
        client.explain(ID, at=START, until=START)


def test_slots_that_are_to_come_are_paged_through_as_far_as_they_are_wanted(connect: Any, serve: Any) -> None:
    slot = {"at": "2035-01-01T00:00:00Z", "job_id": ID, "job_name": "a"}
    server = serve(answer({"slots": [slot] * 100, "next": "n"}), answer({"slots": [slot] * 50, "next": "m"}))
    found = list(connect(server).upcoming(ID, limit=120, tag="night"))
    assert (len(found), found[0].at, found[0].job_name) == (120, START, "a")
    assert server.asked == [
        f"GET /api/v1/upcoming/?job={ID}&tag=night&limit=100",
        f"GET /api/v1/upcoming/?job={ID}&tag=night&limit=20&after=n",
    ]


def test_the_same_is_asked_of_many_jobs_by_their_ids_or_by_what_they_are(connect: Any, serve: Any) -> None:
    told = {"jobs": [{"id": ID, "name": "a", "run_id": None}]}
    server = serve(answer(told), answer(told))
    client = connect(server)
    assert [job.name for job in client.bulk("disable", [ID])] == ["a"]
    client.bulk("delete", tag="night", q="x", expect=1, dry_run=True)
    assert [json.loads(request.content) for request in server.requests] == [
        {"action": "disable", "ids": [ID], "expect": None, "dry_run": False},
        {"action": "delete", "filter": {"q": "x", "tag": "night"}, "expect": 1, "dry_run": True},
    ]
    with pytest.raises(kala.InvalidRequestError, match="say either job_ids or tag, not both"):
        client.bulk("disable", [ID], tag="night")


def test_a_server_is_paused_and_resumed_and_asked_whether_it_is(connect: Any, serve: Any) -> None:
    told = {"paused": True, "since": "2035-01-01T00:00:00Z", "reason": "ask Ana"}
    server = serve(answer({"pause": told}), answer({"pause": {"paused": False}}), answer({"pause": told}))
    client = connect(server)
    now = client.pause("ask Ana")
    assert (now.paused, now.since, now.reason) == (True, START, "ask Ana")
    assert client.resume() == kala.Pause(paused=False, since=None, reason="")
    assert client.get_pause() == now
    assert server.asked == ["POST /api/v1/pause/", "POST /api/v1/resume/", "GET /api/v1/pause/"]
    assert json.loads(server.requests[0].content) == {"reason": "ask Ana"}


def test_a_client_is_told_what_it_may_do_and_by_what_server(connect: Any, serve: Any) -> None:
    told = {
        "scope": "read",
        "tokens": True,
        "version": "1.0.0",
        "now": "2035-01-01T00:00:00Z",
        "timezone": "Europe/Berlin",
        "max_running": 64,
        "up_since": "2035-01-01T00:00:00Z",
        "pause": {"paused": False, "since": None, "reason": ""},
    }
    server = serve(answer({"session": told}))
    session = connect(server).session()
    assert (session.scope, session.tokens, session.now, session.notes) == ("read", True, START, [])
    assert server.asked == ["GET /api/v1/session/"]


def test_a_time_without_a_zone_is_refused_and_named(connect: Any, serve: Any) -> None:
    with pytest.raises(kala.InvalidRequestError, match="since has no time zone: 2035-01-01"):
        list(connect(serve()).runs(since=datetime(2035, 1, 1)))


def test_a_page_without_runs_is_the_last(connect: Any, serve: Any) -> None:
    assert names(connect(serve(answer({"runs": None, "next": "for ever"}))).runs(ID)) == []


def test_a_job_is_run_and_waited_for(connect: Any, serve: Any, clock: Any) -> None:
    server = serve(
        httpx.Response(204, headers={**OURS, "Kala-Run-Id": "r1"}),
        answer({"run": RUN}),
        answer({"run": RUN}),
        answer({"run": RUN}),
        answer({"run": run("r1")}),
    )
    client = connect(server)
    started = client.run_job(ID)
    assert not started.finished
    assert client.wait(started).succeeded
    assert clock.sleeps == pytest.approx([0.05, 0.075])
    assert server.asked == [f"POST /api/v1/job/start/{ID}/", *["GET /api/v1/run/r1/"] * 4]


def test_a_start_tells_the_id_of_the_run(connect: Any, serve: Any) -> None:
    server = serve(httpx.Response(204, headers={**OURS, "Kala-Run-Id": "r1"}))
    assert connect(server).start_job(ID) == "r1"


def test_a_wait_ends_with_its_deadline(connect: Any, serve: Any, clock: Any) -> None:
    with pytest.raises(kala.KalaTimeoutError, match="the run r1 is still running after 10 s"):
        connect(serve(answer({"run": RUN}))).wait("r1", timeout=10)
    assert clock.now == pytest.approx(1010)
    assert max(clock.sleeps) <= 2.0


@pytest.mark.parametrize("timeout", [60, None])
@pytest.mark.parametrize(
    "away",
    [
        httpx.ConnectError("refused"),
        httpx.RemoteProtocolError("cut"),
        httpx.ReadTimeout("hangs"),
        answer({"detail": "starting"}, 503),
        httpx.Response(502),
    ],
)
def test_a_wait_outlives_a_restart_of_the_server(
    connect: Any, serve: Any, away: httpx.Response | Exception, timeout: float | None
) -> None:
    server = serve(answer({"run": RUN}), *[away] * 20, answer({"run": RUN}), answer({"run": run("r1")}))
    assert connect(server).wait("r1", timeout=timeout).succeeded


def test_a_wait_whose_server_does_not_come_back_ends_with_its_deadline(
    connect: Any, serve: Any, clock: Any
) -> None:
    with pytest.raises(
        kala.KalaTimeoutError, match="nobody knows whether the run is over after 300 s"
    ) as raised:
        connect(serve(httpx.ConnectError("refused"))).wait("r1", timeout=300)
    assert isinstance(raised.value.__cause__, kala.KalaConnectionError)
    assert 1300 <= clock.now < 1302


def test_a_wait_without_a_deadline_is_as_patient_as_a_listener(connect: Any, serve: Any) -> None:
    server = serve(httpx.ConnectError("refused"))
    with pytest.raises(kala.KalaConnectionError):
        connect(server, retry=RetryPolicy(attempts=2)).wait("r1")
    assert len(server.requests) == 20 * 2  # 20 looks, each a call of its own


@pytest.mark.parametrize("timeout", [60, None])
def test_a_wait_ends_at_once_where_nothing_is_to_be_tried_again(
    connect: Any, serve: Any, timeout: float | None
) -> None:
    server = serve(httpx.ConnectError("refused"))
    with pytest.raises(kala.KalaConnectionError):
        connect(server, retry=RetryPolicy(attempts=1)).wait("r1", timeout=timeout)
    assert len(server.requests) == 1
    for final, kind in ((answer({}, 404), kala.RunNotFoundError), (answer({}, 500), kala.ServerError)):
        server = serve(final)
        with pytest.raises(kind):
            connect(server).wait("r1", timeout=timeout)
        assert len(server.requests) == 1


def test_a_run_is_cancelled(connect: Any, serve: Any) -> None:
    server = serve(httpx.Response(204, headers=OURS))
    connect(server).cancel(kala.Run(id="r1", job_id=ID, state="running"))
    assert server.asked == ["POST /api/v1/run/r1/cancel/"]


def test_slots_are_explained(connect: Any, serve: Any) -> None:
    slot = {"at": "2035-01-01T00:00:00Z", "state": "skipped", "sentence": "It was disabled.", "run_id": "r1"}
    server = serve(answer({"slots": [slot]}))
    client = connect(server)
    explained = client.explain(ID, at=START)
    assert (explained[0].at, explained[0].sentence, explained[0].run_id) == (START, "It was disabled.", "r1")
    assert explained == client.explain(ID)
    assert server.asked == [
        f"GET /api/v1/job/{ID}/explain/?at=2035-01-01T00%3A00%3A00%2B00%3A00",
        f"GET /api/v1/job/{ID}/explain/",
    ]
    with pytest.raises(kala.InvalidRequestError, match="no time zone"):
        client.explain(ID, at=datetime(2035, 1, 1))


def test_a_schedule_is_previewed(connect: Any, serve: Any) -> None:
    server = serve(answer({"next": ["2035-01-01T01:00:00+01:00"]}))
    assert connect(server).preview(Schedule.once(START), timezone="Europe/Berlin", count=1) == [START]
    assert dict(server.requests[0].url.params) == {
        "schedule": "R0/2035-01-01T00:00:00Z/PT1S",
        "timezone": "Europe/Berlin",
        "count": "1",
    }


def test_a_job_is_changed_and_replaced(connect: Any, serve: Any) -> None:
    server = serve(answer({"job": {"name": "a", "retries": 3}}))
    client = connect(server)
    assert client.update_job(ID, retries=3, timeout=kala.Period(hours=1)).retries == 3
    assert client.replace_job(ID, Job(name="b")).retries == 3
    assert [json.loads(request.content) for request in server.requests] == [
        {"retries": 3, "timeout": "PT1H"},
        {"name": "b"},
    ]
    assert server.asked == [f"PATCH /api/v1/job/{ID}/", f"PUT /api/v1/job/{ID}/"]


def test_a_change_of_a_call_sends_the_members_that_were_said_and_no_other(connect: Any, serve: Any) -> None:
    server = serve(answer({"job": {"name": "a"}}))
    client = connect(server)
    client.update_job(ID, remote_properties=kala.RemoteProperties(timeout=5))
    client.update_job(ID, remote_properties={"headers": {"X-Mine": "1"}}, env=None)
    assert [json.loads(request.content) for request in server.requests] == [
        {"remote_properties": {"timeout": 5}},
        {"remote_properties": {"headers": {"X-Mine": ["1"]}}, "env": None},
    ]


def test_many_jobs_are_created_at_once(connect: Any, serve: Any) -> None:
    server = serve(answer({"ids": ["x", "y"]}, 201))
    assert connect(server).create_jobs([Job(name="a"), Job(name="b")]) == ["x", "y"]
    assert json.loads(server.requests[0].content) == {"jobs": [{"name": "a"}, {"name": "b"}]}
    assert server.requests[0].headers["Idempotency-Key"]


def test_jobs_are_found(connect: Any, serve: Any) -> None:
    server = serve(answer({"jobs": {ID: {"name": "a"}}}))
    assert connect(server).find_jobs(tag="nightly", limit=5)[ID].name == "a"
    assert server.asked == ["GET /api/v1/job/?tag=nightly&limit=5"]


def test_jobs_are_found_page_by_page(connect: Any, serve: Any) -> None:
    pages = [
        answer({"jobs": {"a": {"name": "a"}, "b": {"name": "b"}}, "next": "b"}),
        answer({"jobs": {"c": {"name": "c"}}, "next": None}),
    ]
    server = serve(*pages)
    assert list(connect(server).find_jobs(owner="x")) == ["a", "b", "c"]
    assert server.asked == ["GET /api/v1/job/?owner=x", "GET /api/v1/job/?owner=x&after=b"]
    server = serve(*pages)
    assert list(connect(server).find_jobs(limit=100_003)) == ["a", "b", "c"]
    assert server.asked == ["GET /api/v1/job/?limit=100000", "GET /api/v1/job/?limit=100000&after=b"]


def test_no_more_jobs_are_asked_for_than_are_wanted(connect: Any, serve: Any) -> None:
    server = serve(answer({"jobs": {"a": {"name": "a"}, "b": {"name": "b"}}, "next": "b"}))
    client = connect(server)
    assert list(client.find_jobs(limit=2)) == ["a", "b"]
    assert client.find_jobs(limit=0) == {}
    assert server.asked == ["GET /api/v1/job/?limit=2"]


def test_a_page_that_begins_where_it_began_itself_does_not_go_on_for_ever(connect: Any, serve: Any) -> None:
    again = {"jobs": {ID: {"name": "a"}}, "runs": [run("a")], "slots": [], "next": "here"}
    client = connect(serve(answer(again)))
    for ask in (client.find_jobs, lambda: list(client.runs()), lambda: list(client.runs(ID))):
        with pytest.raises(kala.UnexpectedResponseError, match="the next page begins where this one did"):
            ask()


def test_a_page_without_jobs_is_the_last(connect: Any, serve: Any) -> None:
    assert connect(serve(answer({"jobs": None, "next": "for ever"}))).find_jobs() == {}


REAL_2015 = httpx.Response(404, text="404 page not found\n")
REAL_LATEST = httpx.Response(405)
ADDED: list[Callable[[Any], Any]] = [
    lambda client: client.get_run("r1"),
    lambda client: list(client.runs(ID)),
    lambda client: list(client.runs()),
    lambda client: list(client.upcoming()),
    lambda client: client.bulk("disable", [ID]),
    lambda client: client.output("r1"),
    lambda client: list(client.follow("r1")),
    lambda client: client.cancel("r1"),
    lambda client: client.explain(ID),
    lambda client: client.preview("R/2035-01-01T00:00:00Z/P1D"),
    lambda client: list(client.events()),
    lambda client: client.update_job(ID, retries=1),
    lambda client: client.replace_job(ID, Job(name="a")),
    lambda client: client.create_jobs([]),
    lambda client: client.pause(),
    lambda client: client.resume(),
    lambda client: client.get_pause(),
    lambda client: client.session(),
    lambda client: client.delete_all_jobs(),
]


@pytest.mark.parametrize("real", [REAL_2015, REAL_LATEST])
@pytest.mark.parametrize("call", ADDED)
def test_a_real_kala_is_told_apart_in_one_sentence(
    connect: Any, serve: Any, call: Callable[[Any], Any], real: httpx.Response
) -> None:
    with pytest.raises(kala.NotSupportedError, match="it needs kala_server"):
        call(connect(serve(real)))


def test_a_real_kala_that_ignores_filters_is_not_believed(connect: Any, serve: Any) -> None:
    with pytest.raises(kala.NotSupportedError):
        connect(serve(httpx.Response(200, json={"jobs": {}}))).find_jobs(name="a")


def test_a_run_on_a_real_kala_is_started_but_not_known(connect: Any, serve: Any) -> None:
    with pytest.raises(kala.NotSupportedError, match="the job was started"):
        connect(serve(httpx.Response(204))).run_job(ID)
