"""Connections beyond what there may be wait, and cost neither time nor a line in the log each."""

import asyncio
import errno
import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from kala_server.testing import running_server
from kala_server.web.accepting import Acceptor, fitting
from tests.eventually import PATIENCE
from tests.faults.server_child import server_child

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def connected(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


def test_a_connection_beyond_the_limit_waits_until_another_closes() -> None:
    with running_server(max_connections=3) as server, ExitStack() as all_of_them:
        held = [all_of_them.enter_context(connected(server.url)) for _ in range(3)]
        for connection in held:
            connection.sendall(HEALTH)
            assert connection.recv(12) == b"HTTP/1.1 200"
        one_more = all_of_them.enter_context(connected(server.url))
        one_more.sendall(HEALTH)
        one_more.settimeout(0.2)
        with pytest.raises(TimeoutError):
            one_more.recv(12)
        one_more.settimeout(10)
        held[0].close()
        assert one_more.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(
    ("wanted", "descriptors", "running", "fitted"),
    [
        (512, 1024, 64, 512),
        (512, 256, 64, 128),
        (512, 1024, 600, 360),
        (100, 256, 64, 100),
        (512, 64, 64, 8),
        (3, 1024, 64, 3),
        (512, -1, 64, 512),  # no limit
    ],
)
def test_the_number_of_connections_fits_to_that_of_descriptors(
    wanted: int, descriptors: int, running: int, fitted: int
) -> None:
    assert fitting(wanted, descriptors=descriptors, running=running) == fitted


def few_descriptors() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))


def test_silent_connections_cost_no_time_where_there_are_few_descriptors(tmp_path: Path) -> None:
    with server_child(tmp_path / "data", few_descriptors) as server, ExitStack() as all_of_them:
        for _ in range(300):
            all_of_them.enter_context(connected(server.url))
        began, before = time.monotonic(), processor_time(server.pid)
        while time.monotonic() < began + 2:
            time.sleep(0.1)
        assert processor_time(server.pid) - before < 0.4
        assert len(list(Path(f"/proc/{server.pid}/fd").iterdir())) < 200


def processor_time(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class NoneLeft(socket.socket):
    """A listening socket in a process that has no descriptor for a connection."""

    tried = 0
    error = OSError(errno.EMFILE, "Too many open files")

    def accept(self) -> tuple[socket.socket, Any]:
        self.tried += 1
        raise self.error


@contextmanager
def listening() -> Iterator[tuple[NoneLeft, socket.socket]]:
    """Yield such a socket, and a connection that waits for it."""
    with NoneLeft() as there:
        there.bind(("127.0.0.1", 0))
        there.listen()
        there.setblocking(False)
        with socket.create_connection(there.getsockname()) as waiting:
            yield there, waiting


async def many_turns() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


def test_where_no_descriptor_is_left_it_is_told_once_and_tried_again_when_one_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene(there: NoneLeft) -> None:
        acceptor = Acceptor(there, lambda *_: None, lambda: True)
        for tried in (1, 2, 3):
            await many_turns()
            assert there.tried == tried
            acceptor.go_on()
        await many_turns()
        assert acceptor.pausing
        acceptor.stop()
        acceptor.go_on()
        await many_turns()
        assert there.tried == 4

    with listening() as (there, _):
        asyncio.run(scene(there))
    assert [record.message for record in caplog.records] == [
        "no connection can be accepted: Too many open files; more wait until one closes"
    ]


def test_a_connection_that_is_gone_again_is_passed_over() -> None:
    async def scene(there: NoneLeft) -> None:
        there.error = ConnectionAbortedError()
        acceptor = Acceptor(there, lambda *_: None, lambda: there.tried < 3)
        await many_turns()
        assert there.tried == 3
        acceptor.stop()

    with listening() as (there, _):
        asyncio.run(scene(there))
