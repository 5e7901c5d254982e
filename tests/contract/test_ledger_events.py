"""One suite over both clients: the stream of events, which is broken off again and again and loses nothing."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import pytest

from kala_client import Event, InvalidRequestError, KalaClient, KalaConnectionError, RetryPolicy
from kala_server.testing import running_server
from tests.blocking import Kind, client_of
from tests.contract.cutting_proxy import cutting_proxy
from tests.eventually import eventually

LATER = "R/2035-06-04T19:25:16Z/P1D"
PATIENT = RetryPolicy(attempts=1_000, base=0.01, cap=0.05)


def now(url: str) -> str:
    """Where the stream of events is at this moment."""
    with httpx.stream("GET", f"{url}/api/v1/events/") as answer:
        for line in answer.iter_lines():
            return line.removeprefix("id: ")
    raise AssertionError("the stream has ended")


def later(kala: KalaClient, name: str, **fields: Any) -> str:
    return kala.create_job(**{"name": name, "command": "true", "schedule": LATER, **fields})


def names(events: list[Event]) -> list[str]:
    return [event.event for event in events]


def listening(kala: KalaClient, after: str | None = None) -> Generator[Event]:
    """The stream as something that can be closed at the end, and is not left to be collected."""
    return cast("Generator[Event]", kala.events(last_event_id=after))


def test_events_yields_what_happens_as_it_happens(kind: Kind) -> None:
    with running_server() as server, client_of(kind, server.url) as kala:
        after = now(server.url)
        job_id = kala.create_job(name="fails", command="exit 3", shell=True)
        with closing(listening(kala, after)) as events:
            heard = list(islice(events, 4))
        assert names(heard) == ["job_created", "run_queued", "run_started", "run_finished"]
        assert {event.data["job_id"] for event in heard} == {job_id}
        assert (heard[-1].data["state"], heard[-1].data["exit_code"]) == ("failed", 3)
        assert len({event.id for event in heard}) == 4


def test_events_begins_now_where_nothing_else_is_said(kind: Kind) -> None:
    with (
        running_server() as server,
        client_of(kind, server.url) as kala,
        KalaClient(server.url) as other,
        ThreadPoolExecutor(1) as thread,
    ):
        later(other, "before")
        events = listening(kala)
        first = thread.submit(next, events)
        eventually(lambda: later(other, "after") and first.done())
        event = first.result()
        assert isinstance(event, Event)
        assert (event.event, event.data["job_name"]) == ("job_created", "after")
        thread.submit(events.close).result()


@pytest.mark.parametrize("cut_after", [1_200, 1_500, 3_001])
def test_events_loses_and_doubles_nothing_however_often_it_is_broken_off(kind: Kind, cut_after: int) -> None:
    with (
        running_server() as server,
        cutting_proxy(server.url, cut_after) as proxy,
        client_of(kind, proxy.url, retry=PATIENT) as kala,
        KalaClient(server.url) as other,
    ):
        after = now(server.url)
        with closing(listening(kala, after)) as events:
            for number in range(40):
                later(other, str(number))
            heard = list(islice(events, 40))
        assert names(heard) == ["job_created"] * 40
        assert [event.data["job_name"] for event in heard] == [str(number) for number in range(40)]
        assert proxy.broken >= 2


def test_a_stream_that_is_broken_off_before_its_first_event_loses_nothing(kind: Kind) -> None:
    with running_server() as server, KalaClient(server.url) as other:

        def sleep(_seconds: float) -> None:
            later(other, "between")

        async def sleep_too(seconds: float) -> None:
            sleep(seconds)

        with (
            # Behind the id that comes first.
            cutting_proxy(server.url, b"\n\n", None) as proxy,
            client_of(kind, proxy.url, sleep=sleep if kind == "sync" else sleep_too) as kala,
            closing(listening(kala)) as events,
        ):
            assert next(events).data["job_name"] == "between"
            assert proxy.broken == 1


def test_events_goes_on_with_the_next_server_and_says_that_something_was_missed(
    kind: Kind, tmp_path: Path
) -> None:
    with ExitStack() as end:
        with running_server(tmp_path / "data") as first:
            after = now(first.url)
            kala = end.enter_context(client_of(kind, first.url, retry=PATIENT))
            events = end.enter_context(closing(listening(kala, after)))
            later(kala, "before")
            assert next(events).data["job_name"] == "before"
        port = urlsplit(first.url).port
        with running_server(tmp_path / "data", port=port) as second, KalaClient(second.url) as other:
            later(other, "after")
            heard = [next(events)]
            while heard[-1].data.get("job_name") != "after":
                heard.append(next(events))
            assert names(heard) == ["missed", "job_created"]


def test_an_id_that_no_server_sent_is_refused(kind: Kind) -> None:
    with (
        running_server() as server,
        client_of(kind, server.url) as kala,
        pytest.raises(InvalidRequestError, match="Last-Event-ID"),
    ):
        next(kala.events(last_event_id="nonsense"))


def test_events_gives_up_where_no_server_is_left(kind: Kind) -> None:
    with running_server() as server:
        url = server.url
        after = now(url)
    with (
        client_of(kind, url, retry=RetryPolicy(attempts=2, base=0)) as kala,
        pytest.raises(KalaConnectionError, match="no Kala can be reached"),
    ):
        next(kala.events(last_event_id=after))
