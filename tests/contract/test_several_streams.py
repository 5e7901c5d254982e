"""One suite over both clients: streams of a real server by two ways to it, each of which breaks off again and again."""

from contextlib import closing
from itertools import islice
from typing import Any, cast

import pytest

from kala_client import KalaClient, RetryPolicy
from kala_server.testing import running_server
from tests.blocking import Kind, client_of
from tests.contract.cutting_proxy import cutting_proxy

PATIENT = RetryPolicy(attempts=1_000, base=0.01, cap=0.05)
LATER = "R/2035-06-04T19:25:16Z/P1D"
LINES = "seq 1 3000"


@pytest.mark.parametrize("cut_after", [700, 2_001, 9_000])
def test_output_is_followed_to_its_end_and_no_line_is_told_twice(kind: Kind, cut_after: int) -> None:
    cuts = range(cut_after, 40_000, cut_after)
    with (
        running_server() as server,
        cutting_proxy(server.url, *cuts) as one,
        cutting_proxy(server.url, *cuts) as other,
        client_of(kind, f"{one.url},{other.url}", retry=PATIENT) as kala,
        KalaClient(server.url) as direct,
    ):
        run = direct.run_job(direct.create_job(name="counts", command=LINES, schedule=LATER))
        assert list(kala.follow(run)) == [str(number) for number in range(1, 3001)]
        assert one.broken
        assert other.broken


def test_events_of_two_ways_lose_and_double_nothing(kind: Kind) -> None:
    with (
        running_server() as server,
        cutting_proxy(server.url, 1_200) as one,
        cutting_proxy(server.url, 1_500) as other,
        client_of(kind, [one.url, other.url], retry=PATIENT) as kala,
        KalaClient(server.url) as direct,
    ):
        first = direct.create_job(name="0", command="true", schedule=LATER)
        with closing(cast("Any", kala.events(last_event_id="nobody-0"))) as events:
            assert next(events).event == "missed"
            assert next(events).data["job_id"] == first
            for number in range(1, 20):
                direct.create_job(name=str(number), command="true", schedule=LATER)
            assert [event.data["job_name"] for event in islice(events, 19)] == [*map(str, range(1, 20))]
        assert one.broken
        assert other.broken


def test_a_listener_of_a_server_that_is_gone_hears_of_another_one_that_something_was_missed(
    kind: Kind,
) -> None:
    with (
        running_server() as first,
        running_server() as second,
        cutting_proxy(first.url, b"job_created") as way,
        client_of(kind, f"{way.url},{second.url}", retry=PATIENT) as kala,
        KalaClient(first.url) as direct,
        closing(cast("Any", kala.events(last_event_id="nobody-0"))) as events,
    ):
        assert next(events).event == "missed"
        direct.create_job(name="never heard of", command="true", schedule=LATER)
        assert next(events).event == "missed"
        assert kala.find_jobs() == {}
