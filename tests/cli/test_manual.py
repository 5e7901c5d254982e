"""The manual page has every command and option, as their help has them, and formatters take it as it is."""

import shutil
import subprocess

import click
import pytest

from tests.cli.command_line import kala_here
from tests.cli.test_help import COMMANDS


def test_every_command_and_option_is_in_the_manual_page() -> None:
    ended = kala_here("man")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(".TH KALA 1\n")
    assert ended.out.isascii()  # what else there is depends on who reads it
    for path, command in COMMANDS:
        assert f".SS kala {' '.join(path)}".strip().replace("-", "\\-") in ended.out
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert max(option.opts, key=len).replace("-", "\\-") in ended.out, option.name


def test_a_formatter_has_nothing_to_say_against_the_manual_page() -> None:
    if shutil.which("groff") is None:
        pytest.skip("there is no groff here")
    ended = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww"],
        input=kala_here("man").out,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ended.stderr == ""
    assert "run commands on schedule" in ended.stdout
