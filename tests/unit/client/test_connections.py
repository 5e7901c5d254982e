"""A process that was forked lets go of what it has inherited; told by the number of the process, without forking.

Real children are in tests/contract/test_connections.py.
"""

import asyncio
import os
from typing import Any

import httpx
import pytest

import kala_client as kala
from kala_client._http.route import Routes
from tests.unit.client.answers import answer


class Watched(httpx.MockTransport):
    """Answers, and counts how often its connections were closed or abandoned."""

    def __init__(self) -> None:
        super().__init__(lambda _: answer({"jobs": {}}))
        self.closed = self.abandoned = 0

    def close(self) -> None:
        self.closed += 1

    def abandon(self) -> None:
        self.abandoned += 1


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Go on as a child would."""
    parent = os.getpid()
    return lambda: monkeypatch.setattr(os, "getpid", lambda: parent + 1)


def test_connections_of_our_own_are_abandoned_and_others_opened(
    child: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = [Watched(), Watched()]
    left = iter(opened)
    monkeypatch.setattr(Routes, "blocking", lambda *_: next(left))
    with kala.KalaClient("http://kala.test") as client:
        assert client.get_all_jobs() == client.get_all_jobs() == {}
        child()
        assert client.get_all_jobs() == client.get_all_jobs() == {}
    assert [(each.abandoned, each.closed) for each in opened] == [(1, 0), (0, 1)]


def test_a_child_that_only_closes_leaves_its_parents_connections_alone(
    child: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Watched()
    monkeypatch.setattr(Routes, "blocking", lambda *_: own)
    with kala.KalaClient("http://kala.test") as client:
        client.get_all_jobs()
        child()
    assert (own.abandoned, own.closed) == (1, 0)


def test_a_transport_that_was_given_drops_its_connections_and_is_used_on(child: Any) -> None:
    given = Watched()
    client = kala.KalaClient("http://kala.test", transport=given)
    client.get_all_jobs()
    assert given.closed == 0
    child()
    client.get_all_jobs()
    client.get_all_jobs()
    assert given.closed == 1


def test_a_client_that_was_given_drops_its_connections_and_is_used_on(child: Any) -> None:
    default, mounted = Watched(), Watched()
    with httpx.Client(transport=default, mounts={"http://kala.test": mounted, "all://x": None}) as given:
        client = kala.KalaClient("http://kala.test", http_client=given)
        client.get_all_jobs()
        child()
        client.get_all_jobs()
        client.get_all_jobs()
        assert (default.closed, mounted.closed) == (1, 1)


def test_what_was_given_for_asyncio_is_refused_in_a_child(child: Any) -> None:
    async def whole() -> None:
        client = kala.AsyncKalaClient("http://kala.test", transport=Watched())
        await client.get_all_jobs()
        child()
        with pytest.raises(kala.KalaConnectionError, match="belongs to another event loop or process"):
            await client.get_all_jobs()
        await client.close()

    asyncio.run(whole())
