"""docs/cluster.md: from one server to two, as the page says it, on a PostgreSQL of the tests' own."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kala_server.config import Settings
from tests.docs.blocks import DOCS, blocks, codes, read, rows
from tests.docs.console import UUID, Session
from tests.free_port import free_port
from tests.postgres import Postgres, programs

PAGE = read(DOCS / "cluster.md")
TWO_SERVERS, ROLE, WORKER = blocks(PAGE, "console")


class OnTwoServers(Session):
    """Whose servers go on in the background, on ports and a database of their own."""

    def __init__(self, postgres: Postgres, folder: Path) -> None:
        super().__init__("http://127.0.0.1:1", folder)
        name = f"documented_{free_port()}"
        self._names = {
            "127.0.0.1:8000": f"127.0.0.1:{free_port()}",
            "127.0.0.1:8001": f"127.0.0.1:{free_port()}",
            "127.0.0.1:5432/kala": f"127.0.0.1:{postgres.port}/{name}",
            "createdb kala": f"{programs()}/createdb {name}",
            "-p 8000": "",
            "-p 8001": "",
        }
        for port in ("8000", "8001"):
            self._names[f"-p {port}"] = f"-p {self._names[f'127.0.0.1:{port}'].rpartition(':')[2]}"
        parts = httpx.URL(postgres.address())
        self._environment |= {
            "PGHOST": parts.host,
            "PGPORT": str(parts.port),
            "PGUSER": parts.username,
            "PGPASSWORD": parts.password,
        }
        self.servers: list[subprocess.Popen[str]] = []

    def run(self, command: str) -> str:
        for documented, real in self._names.items():
            command = command.replace(documented, real)
        printed = (
            self._serve(command)
            if command.startswith(("kala serve", "kala worker"))
            else super().run(command)
        )
        for documented, real in self._names.items():
            printed = printed.replace(real, documented) if real else printed
        return re.sub(r" +$", "", printed, flags=re.MULTILINE)

    def place(self, documented: str) -> str:
        """Where that server really is."""
        return self._names[documented]

    def _serve(self, command: str) -> str:
        server = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self._folder,
            env=os.environ | self._environment,
        )
        self.servers.append(server)
        assert server.stdout is not None
        return server.stdout.readline()

    def end(self) -> None:
        for server in self.servers:
            server.kill()
            server.communicate()


@pytest.fixture
def on_two_servers(postgres: Postgres, tmp_path: Path) -> Iterator[OnTwoServers]:
    session = OnTwoServers(postgres, tmp_path)
    yield session
    session.end()


def test_two_servers_are_had_in_five_commands_as_documented(on_two_servers: OnTwoServers) -> None:
    assert TWO_SERVERS.text.count("$ ") == 5
    on_two_servers.play(TWO_SERVERS)
    on_two_servers.play(ROLE)
    assert WORKER.text.count("$ ") == 3
    on_two_servers.play(WORKER)
    first, second, _ = on_two_servers.servers
    first.kill()
    command = "KALA_URL=http://127.0.0.1:8000,http://127.0.0.1:8001 kala job list --json"
    assert "nightly dump" in on_two_servers.run(command)
    assert second.poll() is None
    change = command.replace("list --json", "create another true --schedule never")
    assert re.fullmatch(UUID, on_two_servers.run(change).strip())  # which waits until the second one leads


def test_the_figures_of_a_cluster_are_the_documented_ones(on_two_servers: OnTwoServers) -> None:
    on_two_servers.play(TWO_SERVERS)
    told = httpx.get(f"http://{on_two_servers.place('127.0.0.1:8001')}/metrics").text
    documented = {codes(name)[0] for name, _ in rows(PAGE, "figure of a cluster", "what it tells")}
    assert documented == set(re.findall(r"^(kala_(?:leader|epoch|lag\w*|lease\w*)) ", told, re.MULTILINE))


def test_the_lease_is_the_documented_one() -> None:
    assert f"for `--lease` seconds ({Settings().lease.total_seconds():g})" in PAGE
