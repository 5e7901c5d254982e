"""A Unix socket has one server; one that was killed leaves its place, and nothing but a dead socket is ever removed."""

import os
import socket
import stat
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from kala_server.config import ConfigError
from kala_server.testing import running_server
from kala_server.unix_socket import UnixSocket
from tests.cli.command_line import KALA, environment, kala, line_of
from tests.eventually import PATIENCE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kala.sock"


@contextmanager
def serving_on(path: Path) -> Iterator[subprocess.Popen[str]]:
    words = [*KALA, "serve", "--no-persist", "--unix-socket", str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        try:
            assert line_of(process.stdout) == f"listening on unix:{path}\n"
            yield process
        finally:
            process.kill()


def answers(path: Path) -> bool:
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://localhost") as http:
        return http.get("/healthz").status_code == 200


def refused(path: Path) -> str:
    """Return the one line in which a server says why it cannot listen there."""
    ended = kala("serve", "--no-persist", "--unix-socket", str(path))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.count("\n") == 1
    return ended.err.removeprefix("Error: ").strip()


def stale(path: Path) -> None:
    """Leave a socket as a server does that was killed."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()


def test_a_second_server_says_who_has_the_socket_and_the_first_goes_on(path: Path) -> None:
    with serving_on(path) as first:
        assert refused(path) == f"{path} is in use by process {first.pid}: one server for each socket"
        assert answers(path)
        first.terminate()
        assert first.wait(PATIENCE) == 0
    assert not path.exists()


def test_the_socket_of_a_server_that_was_killed_is_taken_over(path: Path) -> None:
    with serving_on(path) as first:
        first.kill()
        first.wait()
    assert path.exists()
    with running_server(unix_socket=path):
        assert answers(path)
    assert not path.exists()


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        pytest.param(lambda path: path.write_text("mine"), "a file", id="file"),
        pytest.param(lambda path: path.mkdir(), "a folder", id="folder"),
        pytest.param(os.mkfifo, "a pipe or a device", id="pipe"),
        pytest.param(lambda path: path.symlink_to("nowhere"), "a link", id="dangling link"),
        pytest.param(lambda path: path.symlink_to("/dev/null"), "a link", id="link"),
    ],
)
def test_what_is_no_socket_is_named_and_left_as_it_is(path: Path, make: object, kind: str) -> None:
    assert callable(make)
    make(path)
    before = path.lstat()
    with pytest.raises(ConfigError, match=f"is {kind}, no socket; it was left as it is"):
        running_server(unix_socket=path).__enter__()
    after = path.lstat()
    assert (after.st_ino, after.st_mtime_ns, after.st_size) == (
        before.st_ino,
        before.st_mtime_ns,
        before.st_size,
    )


def test_a_file_in_the_way_is_an_error_in_one_line(path: Path) -> None:
    path.write_text("mine")
    assert refused(path).startswith(f"{path} is a file, no socket; it was left as it is")


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
def test_a_socket_of_another_kind_in_use_is_left_alone(path: Path, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_UNIX, kind) as other:
        other.bind(str(path))
        if kind is socket.SOCK_SEQPACKET:
            other.listen()
        with pytest.raises(ConfigError, match="in use by a program of another kind"):
            UnixSocket(path, 1)
    assert path.exists()


def test_a_server_that_takes_no_more_connections_lives(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as busy, socket.socket(socket.AF_UNIX) as one:
        busy.bind(str(path))
        busy.listen(0)
        one.connect(str(path))
        with pytest.raises(ConfigError, match="in use by a process that takes no more connections"):
            UnixSocket(path, 1)


def test_a_server_that_ends_removes_only_its_own_socket(path: Path) -> None:
    with running_server(unix_socket=path):
        path.unlink()
        stale(path)
        theirs = path.stat().st_ino
    assert path.stat().st_ino == theirs


def test_a_server_whose_socket_is_gone_ends_all_the_same(path: Path) -> None:
    with running_server(unix_socket=path):
        path.unlink()
    assert not path.exists()


def test_a_server_that_does_not_come_to_its_start_leaves_no_socket(path: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "journal.jsonl").write_text("damaged\n")
    assert "journal.jsonl" in refused_with(path, tmp_path / "data")
    assert not path.exists()


def refused_with(path: Path, folder: Path) -> str:
    ended = kala("serve", "--data-dir", str(folder), "--unix-socket", str(path))
    assert ended.code == 1
    return ended.err


def test_of_servers_that_find_a_dead_socket_at_once_one_wins(path: Path) -> None:
    def race(start: threading.Barrier) -> UnixSocket | str:
        start.wait()
        try:
            return UnixSocket(path, 8)
        except ConfigError as error:
            return str(error)

    with ThreadPoolExecutor(4) as racers:
        for _ in range(50):
            stale(path)
            start = threading.Barrier(4)
            made = list(racers.map(race, [start] * 4))
            [winner] = [each for each in made if isinstance(each, UnixSocket)]
            assert made.count(f"{path} is in use by process {os.getpid()}: one server for each socket") == 3
            winner.remove()
            winner.listening.close()
            assert not path.exists()


@pytest.mark.parametrize("umask", [0, 0o777])
def test_its_owner_and_nobody_else_can_open_it_from_its_first_instant(
    path: Path, monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    modes = []
    listen = socket.socket.listen

    def looked_at(made: socket.socket, backlog: int) -> None:
        modes.append(stat.S_IMODE(path.stat().st_mode))
        listen(made, backlog)

    monkeypatch.setattr(socket.socket, "listen", looked_at)
    before = os.umask(umask)
    try:
        made = UnixSocket(path, 1)
    finally:
        os.umask(before)
    made.remove()
    made.listening.close()
    assert modes == [0o600]


def test_a_path_that_cannot_be_a_socket_is_named(tmp_path: Path) -> None:
    long = tmp_path / ("é" * 100)
    with pytest.raises(ConfigError, match="has at most 107 bytes"):
        UnixSocket(long, 1)
    missing = Path("/nowhere/kala.sock")
    with pytest.raises(ConfigError, match=r"no socket can be made at /nowhere/kala.sock: No such file"):
        UnixSocket(missing, 1)
    assert refused(missing).startswith("no socket can be made at")
