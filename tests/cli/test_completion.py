"""A shell completes commands, options, choices and names of jobs."""

import pytest

from kala_client import KalaClient
from tests.cli.command_line import kala_here
from tests.cli.conftest import Kala


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
