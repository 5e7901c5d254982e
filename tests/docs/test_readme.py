"""README.md: its two commands, its Python, its session with curl, and its table of routes."""

import re
from pathlib import Path

import pytest

from kala_server.web.app import PREFIX
from tests.docs import scripts
from tests.docs.blocks import ROOT, Block, blocks, codes, read, rows
from tests.docs.console import Session
from tests.docs.offered import operations

PAGE = read(ROOT / "README.md")
SCRIPTS = blocks(PAGE, "python")
SESSIONS = blocks(PAGE, "console")
KALA_S_OWN = (
    "/job",
    "/job/{id}",
    "/job/all",
    "/job/stats/{id}",
    "/job/start/{id}",
    "/job/enable/{id}",
    "/job/disable/{id}",
    "/stats",
)


def test_there_are_two_commands_and_each_is_one_line() -> None:
    commands = blocks(PAGE, "sh")
    assert len(commands) == 2
    for command in commands:
        assert command.text.count("\n") == 1
        assert command.text.startswith("python3 -m venv .venv && ")


def test_ci_runs_the_command_for_the_tests() -> None:
    [found] = re.findall(r"grep -m1 '([^']+)' README\.md", read(ROOT / ".ci" / "run"))
    assert next(line for line in PAGE.splitlines() if found in line) == blocks(PAGE, "sh")[1].text.strip()


def test_all_that_could_run_is_marked_so() -> None:
    assert len(SCRIPTS) == 2
    assert len(SESSIONS) == 1
    assert all(block.marked for block in (*SCRIPTS, *SESSIONS))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: f"line-{script.line}")
def test_a_script_runs(script: Block, url: str, tmp_path: Path) -> None:
    scripts.run(script.text, url, tmp_path)


def test_the_first_script_prints_what_it_promises(url: str, tmp_path: Path) -> None:
    ran, counted, mended = scripts.run(SCRIPTS[0].text, url, tmp_path).strip().splitlines()[-3:]
    assert (ran, counted[:7]) == ("", "2 jobs;")
    assert mended == "schedule is wrong, such as R5/2035-06-04T19:25:16Z/PT10S would be right"


def test_the_first_script_is_short() -> None:
    assert len([line for line in SCRIPTS[0].text.splitlines() if line]) <= 16


def test_the_session_is_answered_as_documented(session: Session) -> None:
    session.play(SESSIONS[0])


def test_the_table_holds_every_route_of_kala_and_each_is_one_of_the_servers() -> None:
    listed = {
        (method, route.removeprefix(PREFIX))
        for method, cell in rows(PAGE, "method", "route")
        for route in codes(cell)
    }
    assert listed <= operations()
    assert {route.rstrip("/") for _, route in listed} == set(KALA_S_OWN)
