"""What help and pages show to be typed does what it says, as it is typed: in a real shell."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from kala_client import KalaClient
from tests.cli.command_line import environment
from tests.cli.test_help import COMMANDS
from tests.docs.blocks import DOCS, Block, blocks, read

_PARAGRAPH = re.compile(r"\x08\n(.*?)(?:\n\n|\Z)", re.DOTALL)
_GOES_ON = re.compile(
    r"kala (?:serve|run *#|completion|job edit \w+ *#|store copy|check|plan|apply)|eval |KALA_TOKEN="
)
"""Servers, databases, an editor, files of jobs and a terminal to ask on, and what only a certain shell takes: they have
tests of their own."""


def examples(command: click.Command) -> list[str]:
    """Return the lines that the help of a command shows to be typed."""
    return [
        line
        for paragraph in _PARAGRAPH.findall(command.help or "")
        for line in map(str.strip, paragraph.splitlines())
        if not _GOES_ON.match(line)
    ]


SHOWN = [(path, lines) for path, command in COMMANDS if (lines := examples(command))]
PAGES = blocks(read(DOCS / "jobs.md"), "sh")


def in_a_shell(script: str, url: str, folder: Path) -> str:
    """Run the script as it stands, and return what it prints; fails where one of its lines does."""
    ended = subprocess.run(
        ["sh", "-e"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment(
            KALA_URL=url,
            HOME=str(folder),
            PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            EDITOR="true",
        ),
        timeout=120,
    )
    assert ended.returncode == 0, f"{script}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


@pytest.mark.parametrize(("path", "lines"), SHOWN, ids=lambda value: " ".join(value)[:30])
def test_what_help_shows_can_be_typed(
    client: KalaClient, url: str, tmp_path: Path, path: tuple[str, ...], lines: list[str]
) -> None:
    if path == ("man",) and shutil.which("man") is None:
        pytest.skip("there is no man here")
    if "create" not in path:
        client.create_job(name="report", command="true", schedule="never", tags=["night"])
    if path == ("export",):
        client.apply_set("billing", [{"key": "dump", "command": "true", "schedule": "never"}])
    (tmp_path / ".local/share/man/man1").mkdir(parents=True)
    in_a_shell("\n".join(lines), url, tmp_path)
    client.resume()
    if "create" in path:
        made = {job.name: job for job in client.get_all_jobs().values()}
        assert made.keys() == {"hello", "report", "standup", "mail", "ping", "another report", "hi"}
        assert (made["another report"].command, made["another report"].disabled) == ("make report", True)


@pytest.mark.parametrize("block", PAGES, ids=lambda block: f"line-{block.line}")
def test_what_the_page_of_jobs_shows_can_be_typed(
    client: KalaClient, url: str, tmp_path: Path, block: Block
) -> None:
    in_a_shell(block.text, url, tmp_path)
    made = {job.name: job for job in client.get_all_jobs().values()}
    assert made["said"].command == 'echo "it\'s fine"'
    assert made["exact"].argv == ["printf", "%s\\n", "$HOME stays as it is"]
    assert (made["ping again"].retries, made["health"].retries) == (0, 3)
    assert made["health-of-berlin"].timezone == "Europe/Berlin"


@pytest.mark.parametrize("command", [command for _, command in COMMANDS], ids=lambda command: command.name)
def test_what_an_example_says_beside_is_a_comment_of_the_shell(command: click.Command) -> None:
    for paragraph in _PARAGRAPH.findall(command.help or ""):
        assert not re.findall(r"^.*\S {2,}[^#\s].*$", paragraph, re.MULTILINE)
