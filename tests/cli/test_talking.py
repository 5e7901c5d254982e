"""Whom the commands talk to, and what becomes of them where that fails, or where nobody listens any more."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from kala_client import KalaClient
from tests.cli.command_line import kala, started
from tests.cli.conftest import Kala
from tests.eventually import PATIENCE

NOBODY = "http://127.0.0.1:9"  # the discard port, where nothing listens


@pytest.mark.parametrize("words", [["--url", "{url}", "stats"], ["stats", "--url", "{url}"]])
def test_the_url_may_stand_before_or_after_the_command_and_wins_over_the_environment(
    client: KalaClient, url: str, words: list[str]
) -> None:
    client.create_job(name="one", command="true", disabled=True)
    ended = kala(*(word.format(url=url) for word in words), env={"KALA_URL": NOBODY})
    assert (ended.code, ended.err) == (0, "")
    assert ["jobs", "1"] in [line.split() for line in ended.out.splitlines()]


@pytest.mark.parametrize("words", [["job", "list"], ["stats", "--json"]])
def test_where_nobody_answers_one_line_without_passwords_says_how_to_start_a_server(words: list[str]) -> None:
    ended = kala(*words, env={"KALA_URL": NOBODY.replace("//", "//user:secret@")})
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        f"Error: no Kala answers at {NOBODY}; start one with: kala serve (or name another with --url)\n"
    )


class RealKala(BaseHTTPRequestHandler):
    """A Kala that says yes to everything, and nowhere that it is ours."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        self.send_response(200)
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - the names of http.server

    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""


@pytest.fixture
def real_kala() -> Iterator[HTTPServer]:
    RealKala.asked = []
    with HTTPServer(("127.0.0.1", 0), RealKala) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def test_what_a_real_kala_would_drop_or_end_of_is_told_in_words_and_not_sent(real_kala: HTTPServer) -> None:
    create = ("job", "create", "--url", f"http://127.0.0.1:{real_kala.server_port}", "one", "true")
    ended = kala(*create, "--schedule", "2/2035-06-04T19:25:16Z/PT10S")
    assert (ended.code, ended.out) == (1, "")
    assert "schedule: a schedule begins with R" in ended.err
    assert RealKala.asked == []
    ended = kala(*create, "--timeout", "5s")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(
        "Error: only kala_server understands timeout; this Kala would drop that in silence"
    )
    assert RealKala.asked == ["GET /api/v1/stats/"]


def test_what_is_no_url_is_refused() -> None:
    ended = kala("stats", "--url", "nonsense")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.endswith("Error: the base URL must be such as http://127.0.0.1:8000, not 'nonsense'\n")


def test_ctrl_c_ends_a_command_with_130_and_without_a_word() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with started("job", "list", "--url", url) as process:
            connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                assert process.communicate(timeout=PATIENCE) == ("", "")
    assert process.returncode == 130


def test_a_reader_that_has_gone_is_no_reason_for_a_traceback(client: KalaClient, url: str) -> None:
    client.create_job(name="one", command="true", disabled=True)
    with ExitStack() as stack:
        processes = [
            stack.enter_context(started(*words, env={"KALA_URL": url}))
            for words in (
                ["job", "list"],
                ["job", "list", "--json"],
                ["stats", "--help"],
                ["run", "bash -c 'while echo more; do :; done'"],
            )
        ]
        for process in processes:
            assert process.stdout is not None
            process.stdout.close()
        assert [process.communicate(timeout=PATIENCE)[1] for process in processes] == ["", "", "", ""]
        assert [process.returncode for process in processes] == [1, 1, 1, 1]


def test_text_of_others_cannot_write_to_the_terminal(at_server: Kala, client: KalaClient) -> None:
    client.create_job(name="red \x1b[31m\r\n[bold]", command="true", disabled=True, description="a\x07b")
    listed, got = at_server("job", "list"), at_server("job", "get", "red \x1b[31m\r\n[bold]")
    assert r"red \x1b[31m\r\n[bold]" in listed.out
    assert r"red \x1b[31m\r\n[bold]" in got.out
    assert r"a\x07b" in got.out
    for ended in (listed, got):
        assert ended.code == 0
        assert not set(ended.out) & {"\x1b", "\r", "\x07"}
    missing = at_server("job", "get", "\x1b[31mno")
    assert missing.err.startswith(r"Error: there is no job '\x1b[31mno'; ")
