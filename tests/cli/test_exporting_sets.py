"""`kala export`: a set as the file that says it, which changes nothing where it is applied."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kala_client import KalaClient
from tests.cli.command_line import kala_here
from tests.cli.conftest import Kala
from tests.every_field import OF_A_COMMAND, on_the_wire

NASTY = "echo \"'''\" @{x} @@{y} ${HOME} \\ \t\x01\x7f é 🐘 # =\nsecond line\r\n\n"
"""What a file has to quote."""


@pytest.fixture
def there(url: str, client: KalaClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kala:  # noqa: ARG001
    monkeypatch.chdir(tmp_path)
    return partial(kala_here, env={"KALA_URL": url})


@pytest.fixture
def exported(client: KalaClient) -> list[dict[str, Any]]:
    """A set with every field, and texts that a file has to quote."""
    by_hand = client.create_job(name="by hand", command="true", schedule="never")
    call = {"url": "https://example.com", "headers": {"X-A": ["1", "2"]}, "body": NASTY}
    jobs = [
        {**on_the_wire(OF_A_COMMAND), "key": "every.field"},
        {"key": "words", "argv": ["a", NASTY, ""], "schedule": "never", "env": {"A b": NASTY}},
        {"key": "shell", "command": NASTY, "shell": True, "schedule": "never", "on_failure_job": "words"},
        {"key": "call", "type": 1, "remote_properties": call, "schedule": "R/2034-01-01T05:30:00Z/PT7H"},
        {"key": "child", "command": "true", "parent_jobs": ["words", f"id:{by_hand}"], "description": NASTY},
    ]
    client.apply_set("exported", jobs)
    return client.get_set("exported").jobs


def test_a_set_that_was_exported_is_the_same_where_it_is_applied(
    there: Kala, exported: list[dict[str, Any]]
) -> None:
    ended = there("export", "exported", "jobs.toml")
    assert (ended.code, ended.out, ended.err) == (0, "jobs.toml: 5 jobs of exported\n", "")
    assert there("export", "exported").out == Path("jobs.toml").read_bytes().decode()
    assert there("check", "jobs.toml").err == ""
    assert there("plan", "jobs.toml", "--prune").out.endswith("nothing to do\n")
    assert [job.pop("key") for job in exported] == ["call", "child", "every.field", "shell", "words"]


def test_a_file_that_is_there_is_left_as_it_is(there: Kala, exported: list[dict[str, Any]]) -> None:
    Path("jobs.toml").write_text("mine")
    ended = there("export", "exported", "jobs.toml")
    assert (ended.code, Path("jobs.toml").read_text()) == (1, "mine")
    assert "jobs.toml is there already, and is left as it is" in ended.err
    assert "No such file or directory" in there("export", "exported", "no/jobs.toml").err
    assert json.loads(there("export", "exported", "--json").out)["jobs"] == exported


def test_a_set_that_is_not_there_is_told(there: Kala) -> None:
    ended = there("export", "nothing")
    assert (ended.code, "there is no set 'nothing'" in ended.err) == (1, True)
