"""What ails a server, in words: none where nothing does, and one for each thing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kala_server.service.condition import notes
from kala_server.service.role import Role

NOW = datetime(2030, 1, 1, tzinfo=UTC)
WELL: dict[str, Any] = {
    "paused_since": None,
    "stuck": 0,
    "now": NOW,
    "last_step": None,
    "open_connections": 3,
    "max_connections": 4,
    "follows": None,
}


def test_a_server_that_is_well_has_no_notes() -> None:
    assert notes(**WELL) == []


@pytest.mark.parametrize(
    ("by", "words"),
    [
        (timedelta(hours=1), "the clock was put on by 1:00:00 within the last hour"),
        (timedelta(days=-2), "the clock was put back by 2 days, 0:00:00 within the last hour"),
    ],
)
def test_a_step_of_the_clock_is_told_for_an_hour(by: timedelta, words: str) -> None:
    for ago, told in ((0, [words]), (3599, [words]), (3600, []), (-1, [])):
        step = (NOW - timedelta(seconds=ago), by)
        assert notes(**{**WELL, "last_step": step}) == told


@pytest.mark.parametrize(("stuck", "words"), [(1, "1 job is stuck"), (7, "7 jobs are stuck")])
def test_stuck_jobs_are_counted_and_not_named(stuck: int, words: str) -> None:
    [note] = notes(**{**WELL, "stuck": stuck})
    assert note.startswith(words)


def test_a_pause_is_told_with_when_it_began_and_nothing_that_somebody_wrote() -> None:
    [note] = notes(**{**WELL, "paused_since": NOW - timedelta(hours=1, microseconds=5)})
    assert note == "paused since 2029-12-31T22:59:59Z: no job starts by itself"


@pytest.mark.parametrize(
    ("leader", "words"),
    [
        ("http://a:8000", "follows the server that leads; what it shows was so at most 0.4 s ago"),
        ("", "follows none, as none leads for the moment; what it shows was so at most 0.4 s ago"),
    ],
)
def test_a_server_that_follows_says_so_and_names_nobody(leader: str, words: str) -> None:
    assert notes(**{**WELL, "follows": Role(name="follower", leader=leader, lag=0.41)}) == [words]


def test_connections_without_room_for_another_are_told() -> None:
    [note] = notes(**{**WELL, "open_connections": 4})
    assert "--max-connections" in note
    everything = {
        "paused_since": NOW,
        "stuck": 2,
        "open_connections": 4,
        "last_step": (NOW, timedelta(hours=1)),
    }
    assert len(notes(**{**WELL, **everything})) == 4
