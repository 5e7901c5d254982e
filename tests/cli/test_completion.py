"""A shell completes commands, options, choices and names of jobs: each shell itself, where it is there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kala_client import KalaClient
from tests.cli.command_line import environment, kala_here
from tests.cli.conftest import Kala
from tests.cli.terminal import on_a_terminal


def offered(url: str, words: str, count: int) -> list[str]:
    """Return what bash is offered for the word of that number."""
    asked = {
        "_KALA_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(count),
        "KALA_URL": url,
    }
    ended = kala_here(env=asked, prog_name="kala")
    return [line.partition(",")[2] for line in ended.out.splitlines() if line]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_function(shell: str) -> None:
    ended = kala_here("completion", shell)
    assert (ended.code, ended.err) == (0, "")
    assert f"_KALA_COMPLETE={shell}_complete" in ended.out


def test_commands_choices_and_jobs_are_offered(typed: Kala, client: KalaClient, url: str) -> None:  # noqa: ARG001
    report = client.create_job(name="report", command="true", schedule="never")
    odd = client.create_job(name="two words; rm", command="true", schedule="never")
    assert offered(url, "kala job ed", 2) == ["edit"]
    assert offered(url, "kala job create x true --overlap sk", 6) == ["skip"]
    assert offered(url, "kala job get rep", 3) == ["report"]
    assert offered(url, f"kala job delete {report} {odd[:4]}", 4) == [odd]
    assert offered("http://127.0.0.1:9", "kala job get rep", 3) == []


PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
TYPED = [
    ("kala job ed", "kala job edit"),
    ("kala job create x true --overl", "kala job create x true --overlap"),
    ("kala job create x true --overlap sk", "kala job create x true --overlap skip"),
    ("kala job get repo", "kala job get report"),
    ("kala runs --job repo", "kala runs --job report"),
    ("kala completion f", "kala completion fish"),
]


def needs(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")


@pytest.mark.parametrize(
    ("shell", "program", "before"),
    [
        ("bash", ["bash", "--norc", "--noprofile", "-i"], ""),
        ("zsh", ["zsh", "-f", "-i"], "autoload -U compinit && compinit -u -D; "),
    ],
)
def test_tab_completes_in_bash_and_zsh(
    client: KalaClient, url: str, tmp_path: Path, shell: str, program: list[str], before: str
) -> None:
    needs(shell)
    client.create_job(name="report", command="true", schedule="never")
    with on_a_terminal(program=program, KALA_URL=url, PATH=PATH, HOME=str(tmp_path)) as terminal:
        terminal.type(f'{before}eval "$(kala completion {shell})"; echo rea""dy\n')
        terminal.read_until("ready\r\n")
        for begun, whole in TYPED:
            terminal.shown = ""
            terminal.type(f"\x15{begun}\t")
            terminal.read_until(whole.removeprefix(begun))


def test_fish_is_offered_the_same(client: KalaClient, url: str, tmp_path: Path) -> None:
    needs("fish")
    client.create_job(name="report", command="true", schedule="never")
    folder = tmp_path / ".config/fish/completions"
    folder.mkdir(parents=True)
    (folder / "kala.fish").write_text(kala_here("completion", "fish").out)
    for begun, whole in TYPED:
        ended = subprocess.run(
            ["fish", "-c", f"complete -C '{begun}'"],
            env=environment(KALA_URL=url, PATH=PATH, HOME=str(tmp_path)),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        offered_there = [line.partition("\t")[0] for line in ended.stdout.splitlines()]
        assert offered_there == [whole.rpartition(" ")[2]], ended.stderr
