"""Every command explains itself, and does so at once."""

import json
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from kala_client import __version__
from kala_server.cli import kala as root
from tests.cli.command_line import environment, kala

SLOW = {"httpx", "pydantic", "rich", "tornado"}
"""What takes longer to import than a person likes to wait for help."""

_HELP_OF_EACH = """
import json, sys
from click.testing import CliRunner
from kala_server.cli import kala

results = [CliRunner().invoke(kala, [*words, "--help"]) for words in json.loads(sys.argv[1])]
print(json.dumps([[result.exit_code, result.output] for result in results]))
print(json.dumps(sorted(sys.modules)))
"""


def commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with the words that call it, groups included."""
    yield path, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


COMMANDS = list(commands(root))


def test_every_command_that_is_promised_is_there() -> None:
    assert {" ".join(path) for path, _ in COMMANDS} >= {
        "", "serve", "run", "demo", "stats", "preview", "events",
        "job", "job create", "job list", "job get", "job start", "job run", "job enable", "job disable",
        "job delete", "job stats", "job runs", "job logs", "job explain", "job family", "job cancel",
    }  # fmt: skip


def test_each_command_explains_itself_without_importing_what_is_slow() -> None:
    paths = [path for path, _ in COMMANDS]
    ended = subprocess.run(
        [sys.executable, "-c", _HELP_OF_EACH, json.dumps(paths)],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
        timeout=60,
    )
    helps, modules = map(json.loads, ended.stdout.splitlines())
    for path, (code, help_text) in zip(paths, helps, strict=True):
        assert code == 0, path
        assert help_text.startswith(" ".join(["Usage: kala", *path]) + " "), path
    assert not SLOW & set(modules)


@pytest.mark.parametrize("path", [path for path, _ in COMMANDS])
def test_every_command_and_option_says_what_it_is_for(path: tuple[str, ...]) -> None:
    command = dict(COMMANDS)[path]
    assert command.help
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help and not option.hidden] == []


@pytest.mark.parametrize("words", [[], ["job"]])
def test_a_group_alone_shows_its_help(words: list[str]) -> None:
    ended = kala(*words)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(" ".join(["Usage: kala", *words]))


def test_the_version_is_told() -> None:
    ended = kala("--version")
    assert (ended.code, ended.out, ended.err) == (0, f"kala {__version__}\n", "")


def test_a_mistyped_command_is_refused_with_the_way_to_help() -> None:
    ended = kala("job", "lits")
    assert (ended.code, ended.out) == (2, "")
    assert "No such command 'lits'" in ended.err
    assert "kala job --help" in ended.err
