"""docs/operations.md: every option of a server, what is in its folder, how it is backed up and how it ends."""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import httpx
import pytest

from kala_client import KalaClient
from kala_server.cli.server.kalas_flags import FLAGS
from kala_server.cli.server.serve import serve
from kala_server.config import Settings
from kala_server.stores.journal.journal import COMPACT_ANYWAY, COMPACT_FACTOR, COMPACT_FROM
from kala_server.testing import running_server
from tests.docs.blocks import DOCS, blocks, codes, read, rows
from tests.docs.console import Session
from tests.eventually import PATIENCE, eventually
from tests.left_behind import noted

PAGE = read(DOCS / "operations.md")
OPTIONS = {
    frozenset(codes(names)): (codes(variable), codes(default))
    for names, variable, default in rows(PAGE, "option", "environment", "default")
}


def real_options(*, of_kala: bool = False) -> dict[frozenset[str], click.Option]:
    options = (option for option in serve.params if isinstance(option, click.Option))
    return {frozenset(option.opts): option for option in options if option.hidden is of_kala}


def default_of(option: click.Option) -> list[str]:
    """Return the default as the page shows it; nothing where there is none."""
    default: Any = option.to_info_dict()["default"]
    if option.is_flag or option.multiple or default in {None, ""} or "UNSET" in repr(default):
        return []
    return [f"{default:g}" if isinstance(default, float) else str(default)]


def test_every_option_is_documented_and_every_documented_option_exists() -> None:
    assert OPTIONS.keys() == real_options().keys()


def test_what_becomes_of_each_of_kalas_own_flags_is_documented() -> None:
    documented = {frozenset(codes(names)): here for names, here in rows(PAGE, "Kala's flag", "here")}
    assert documented.keys() == real_options(of_kala=True).keys()
    for flag in FLAGS:
        assert documented[frozenset(flag.names)].startswith("refused") is flag.refused


@pytest.mark.parametrize("names", list(OPTIONS), ids=max)
def test_the_variable_and_the_default_of_an_option_are_the_real_ones(names: frozenset[str]) -> None:
    option = real_options()[names]
    variables = [option.envvar] if isinstance(option.envvar, str) else option.envvar
    assert OPTIONS[names] == (variables, default_of(option))


def test_the_options_are_those_that_the_help_shows() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kala_server", "serve", "--help"], check=True, capture_output=True, text=True
    )
    for variable, _ in OPTIONS.values():
        assert variable[0] in done.stdout.replace("\n", " ")


def test_figures_are_the_real_ones() -> None:
    assert (COMPACT_FROM >> 20, COMPACT_FACTOR, COMPACT_ANYWAY) == (4, 2.0, 8.0)
    assert "over 4 MiB and twice the size of the last snapshot, and half of the records would go" in PAGE
    assert "over 32 MiB and eight times the size" in PAGE
    assert Settings().kill_grace.total_seconds() == 5
    assert "KILL after 5 seconds" in PAGE


def test_the_sessions_are_answered_as_documented(tmp_path: Path) -> None:
    with running_server(tmp_path / "kala-data") as server:
        session = Session(server.url, tmp_path)
        for block in blocks(PAGE, "console"):
            session.play(block)
        with KalaClient(server.url) as kala:
            there = kala.get_all_jobs().keys()
    with running_server(tmp_path / "restored") as again, KalaClient(again.url) as kala:
        assert kala.get_all_jobs().keys() == there


def test_what_is_in_the_folder_is_documented_and_for_its_owner_alone(tmp_path: Path) -> None:
    documented = {codes(what)[0].strip("/") for (what,) in rows(PAGE, "what")}
    with running_server(tmp_path / "data") as server, KalaClient(server.url) as kala:
        kala.create_job(name="later", command="true", schedule="R/2035-06-04T03:00:00Z/P1D")
        kala.create_job(name="lasts", command="sleep 1000")
        eventually(lambda: noted(tmp_path / "data"))
        copied_while_it_runs = (tmp_path / "data" / "journal.jsonl").read_bytes()
    found = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
    assert found == {"journal.jsonl": 0o600, "lock": 0o600, "output": 0o700, "commands": 0o700}
    assert noted(tmp_path / "data") == []
    assert documented == found.keys() | {"outages", "journal.torn-*", "journal.damaged-*"}
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "journal.jsonl").write_bytes(copied_while_it_runs[:-10])
    with running_server(tmp_path / "cut"):
        assert list((tmp_path / "cut").glob("journal.torn-*"))
    assert (tmp_path / "cut" / "outages").stat().st_mode & 0o777 == 0o600


class ServerProcess:
    """`kala serve` with the options that are given, on a free port."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [
            sys.executable,
            "-m",
            "kala_server",
            "serve",
            "-p",
            "0",
            "--data-dir",
            str(folder),
            *options,
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.line = self._process.stdout.readline()

    def end(self, number: signal.Signals | None = None) -> tuple[int, str]:
        """Send a signal where one is given, and return the exit code and what was logged."""
        if number is not None:
            self._process.send_signal(number)
        _, errors = self._process.communicate(timeout=PATIENCE)
        return self._process.returncode, errors


def test_the_exit_codes_are_the_documented_ones(tmp_path: Path) -> None:
    assert [code for (code,) in rows(PAGE, "exit code")] == ["0", "1", "2"]
    first = ServerProcess(tmp_path / "data", "--log-format", "json")
    assert first.line.startswith("listening on http://127.0.0.1:")
    code, errors = ServerProcess(tmp_path / "data").end()
    assert (code, "is in use by process" in errors) == (1, True)
    assert ServerProcess(tmp_path / "other", "--jobDB", "consul").end()[0] == 2
    code, errors = first.end(signal.SIGTERM)
    assert (code, json.loads(errors.splitlines()[-1])["message"][:8]) == (0, "stopping")
    shutil.rmtree(tmp_path / "data")


def test_every_figure_is_documented_and_every_documented_one_is_there() -> None:
    with running_server() as server:
        told = httpx.get(f"{server.url}/metrics").text
    there = set(re.findall(r"^# HELP (kala_\w+)", told, re.MULTILINE))
    documented = set(re.findall(r"`(kala_\w+)`", PAGE))
    assert {name for name in there if not name.endswith("_created")} == documented
