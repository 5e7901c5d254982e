"""A process that was forked lets go of what it has inherited; told by the number of the process, without forking.

Real children are in tests/contract/test_connections.py.
"""

import asyncio
import gc
import os
import pickle
import weakref
from typing import Any

import httpx
import pytest

import kala_client as kala
from kala_client._http.route import Routes
from tests.blocking import Kind
from tests.unit.client.answers import Streamed, answer


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


@pytest.mark.parametrize("made", [kala.KalaClient, kala.AsyncKalaClient])
def test_a_client_is_not_pickled_as_it_holds_connections(made: Any) -> None:
    with pytest.raises(TypeError, match=f"{made.__name__}"):
        pickle.dumps(made("http://kala.test"))


def test_who_gives_a_client_and_closes_it_is_told(connect: Any, kind: Kind, runner: asyncio.Runner) -> None:
    given: Any = {"sync": httpx.Client, "async": httpx.AsyncClient}[kind](transport=Watched())
    client = connect(None, transport=None, http_client=given)
    assert client.get_all_jobs() == {}
    given.close() if kind == "sync" else runner.run(given.aclose())
    with pytest.raises(kala.KalaConnectionError, match="closed"):
        client.get_all_jobs()


def test_a_stream_that_a_fork_has_brought_along_ends_with_an_error(connect: Any, child: Any) -> None:
    client = connect(lambda _: httpx.Response(200, stream=Streamed(b"one\n", b"two\n")))
    lines = iter(client.follow("r1"))
    assert next(lines) == "one"
    child()
    with pytest.raises(kala.KalaConnectionError, match="the process that opened it"):
        next(lines)


def test_connections_of_a_loop_that_has_ended_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Watched] = []

    def watched(*_: object) -> Watched:
        opened.append(Watched())
        return opened[-1]

    async def ask() -> object:
        return await client.get_all_jobs()

    monkeypatch.setattr(Routes, "asynchronous", watched)
    client = kala.AsyncKalaClient("http://kala.test")
    references = []
    for _ in range(3):
        assert asyncio.run(ask()) == {}
        references.append(weakref.ref(opened[-1]))
        opened.clear()
    gc.collect()
    assert [reference() is None for reference in references[:2]] == [True, True]
