"""`kala pause` and `kala resume`, and who tells of a pause."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from kala_client import KalaClient
from kala_client._calls import builders
from tests.cli.conftest import Kala

IN_2035 = "R/2035-06-04T19:25:16Z/P1D"
TOLD = "(ask Ana): no job starts by itself"


@pytest.fixture
def resumed(client: KalaClient) -> Iterator[KalaClient]:
    """The SDK, at a server that is not paused for the tests after this one."""
    yield client
    client.resume()


def test_a_server_is_paused_and_resumed_in_words_and_json(typed: Kala, resumed: KalaClient) -> None:
    ended = typed("pause", "--reason", "ask Ana", "--utc")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("paused since 2")
    assert ended.out.endswith(f"+00:00 {TOLD} until kala resume\n")
    again = json.loads(typed("pause", "--json").out)
    assert (again["paused"], again["reason"]) == (True, "ask Ana")
    assert resumed.get_pause().paused
    assert typed("resume").out == "jobs start by themselves\n"
    assert json.loads(typed("resume", "--json").out) == {"paused": False, "since": None, "reason": ""}


@pytest.mark.parametrize("command", [["job", "list"], ["stats"], ["upcoming"]])
def test_who_looks_at_jobs_sees_that_the_server_is_paused(
    typed: Kala, resumed: KalaClient, command: list[str]
) -> None:
    resumed.create_job(name="later", command="true", schedule=IN_2035)
    before, as_json = typed(*command).out, typed(*command, "--json").out
    assert TOLD not in before
    resumed.pause("ask Ana")
    first, _, rest = typed(*command).out.partition("\n")
    assert first.endswith(TOLD)
    assert rest.splitlines()[:2] == before.splitlines()[:2]
    assert typed(*command, "--json").out.splitlines()[:3] == as_json.splitlines()[:3]


def test_explain_tells_of_the_pause(typed: Kala, resumed: KalaClient) -> None:
    resumed.create_job(name="later", command="true", schedule=IN_2035)
    resumed.pause("ask Ana")
    told = " ".join(typed("job", "explain", "later").out.split())
    assert "skipped unless the server is resumed by then: it is paused since" in told


def test_a_reason_that_is_none_is_refused_in_a_sentence(typed: Kala, resumed: KalaClient) -> None:
    ended = typed("pause", "--reason", "x" * 201)
    assert (ended.code, ended.out) == (1, "")
    assert "reason: String should have at most 200 characters" in ended.err
    assert not resumed.get_pause().paused


def test_a_server_that_knows_no_pause_is_listed_as_ever(typed: Kala, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = replace(builders.get_pause(), path="/no-such-route/")
    monkeypatch.setattr(builders, "get_pause", lambda: elsewhere)
    assert typed("job", "list").out.startswith("no jobs")
