"""A server on a machine without room for what it is to start: runs wait, say why, and run when there is room."""

import asyncio
import errno
import logging
import os
import socket
from contextlib import AsyncExitStack

import httpx
import pytest

from kala_server.core.model.records import StartPutOff
from kala_server.runners.room import want_in
from tests.eventually import PATIENCE
from tests.server.at_home import Home, at_home, play

CALL = {"type": 1, "remote_properties": {"url": "http://localhost:9/hook?token=canary"}}


def no_room(*_: object, **__: object) -> None:
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def test_a_run_waits_and_tells_why_and_runs_when_there_is_room(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        async with asyncio.timeout(PATIENCE), AsyncExitStack() as stack:
            with monkeypatch.context() as patch:
                patch.setattr(
                    socket, "socketpair", no_room
                )  # from the start, so that there is no worker already
                home = await stack.enter_async_context(at_home())
                run_ids = await waiting(home)
            for run_id in run_ids:
                await home.ends(run_id)
                ended = await home.run(run_id)
                assert (ended["state"], ended["attempts"], ended["reason"]) == ("succeeded", 1, "")

    async def waiting(home: Home) -> list[str]:
        run_ids = [await home.start("true"), await home.start("true")]
        for run_id in run_ids:
            await home.happens(StartPutOff, run_id)
        run = await home.run(run_ids[0])
        assert (run["state"], run["attempts"], run["started_at"]) == ("waiting", 0, None)
        assert run["reason"].startswith("waits until the machine has room, and is tried again at ")
        assert run["reason"].endswith(": no further process may be started")
        explained = (await home.http.get(f"/job/{run['job_id']}/explain/")).json()
        assert run["reason"] in str(explained)
        return run_ids

    with caplog.at_level(logging.WARNING, logger="kala.executor"):
        asyncio.run(scene())
    told = [record.getMessage() for record in caplog.records if "cannot be started" in record.getMessage()]
    assert told == [
        "runs wait, as they cannot be started: no further process may be started; they are tried again"
    ]


@pytest.mark.parametrize("how", ["name", "thread"])
def test_an_http_call_that_the_machine_has_no_room_for_waits_too(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    async def no_thread(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def no_descriptor(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    async def scene(home: Home) -> None:
        with monkeypatch.context() as patch:
            if how == "thread":
                patch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_thread)
            else:
                patch.setattr(socket, "getaddrinfo", unknown)
                patch.setattr(os, "open", no_descriptor)
            run_id = await home.start(**CALL, command="")
            await home.happens(StartPutOff, run_id)
        await home.ends(run_id)
        ended = await home.run(run_id)
        assert (ended["state"], ended["attempts"]) == ("failed", 1)  # nobody listens there
        assert "canary" not in ended["reason"]

    play(scene)


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (OSError(errno.EMFILE, ""), True),
        (OSError(errno.ECONNREFUSED, ""), False),
        (OSError("All connection attempts failed"), False),
        (RuntimeError("can't start new thread"), True),
        (RuntimeError("something else"), False),
        (MemoryError(), True),
        (ExceptionGroup("", [OSError(errno.ECONNREFUSED, ""), OSError(errno.ENFILE, "")]), True),
        (None, False),
    ],
)
def test_want_of_room_is_known_by_what_led_to_an_error_too(error: Exception | None, wanted: bool) -> None:
    outer = httpx.ConnectError("All connection attempts failed")
    outer.__cause__ = error
    assert bool(want_in(outer)) is wanted
    assert bool(want_in(error)) is wanted


def test_what_was_being_handled_meanwhile_led_to_nothing() -> None:
    """As of a connection: that it was not there at once is no want."""
    error = ConnectionRefusedError(errno.ECONNREFUSED, "")
    error.__context__ = BlockingIOError(errno.EAGAIN, "")
    assert want_in(error) == ""
