"""What a command finds in its environment."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kala_server.core.model.job import JobSpec
from kala_server.ports.runner import Attempt
from kala_server.runners.local.environment import passed_on, variables_of
from kala_server.runners.text import all_from_system, all_to_system

PASSED_ON = "PATH HOME USER LOGNAME SHELL LANG LC_ALL LC_CTYPE LC_x TZ TMPDIR"
OTHERS = """
    KALA_TOKEN KALA_PORT JWT GH_PAT PGPASS OPENAI_KEY2 SLACK_WEBHOOK DB_PASSWORD AWS_SECRET_ACCESS_KEY DATABASE_URL
    PWD OLDPWD TERM EDITOR PYTHONPATH LD_PRELOAD HTTP_PROXY XDG_RUNTIME_DIR SSH_AUTH_SOCK path MY_PATH LANGUAGE LC TZDIR
"""


@pytest.mark.parametrize("name", PASSED_ON.split())
def test_what_every_command_needs_is_passed_on(name: str) -> None:
    assert passed_on({name: "value"}) == {name: "value"}


@pytest.mark.parametrize("name", OTHERS.split())
def test_nothing_else_is_whatever_it_is_called(name: str) -> None:
    assert passed_on({name: "canary"}) == {}


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ([], "PATH"),
        (["APP_*"], "PATH APP_A APP_B"),
        (["APP_A", "JWT"], "PATH APP_A JWT"),
        (["APP_[!A]", "J?T", ""], "PATH APP_B JWT"),
        (["app_*"], "PATH"),
        (["*"], "PATH APP_A APP_B JWT"),
        (["KALA_TOKEN"], "PATH"),
    ],
)
def test_what_is_named_is_passed_on_but_never_our_own_secret(patterns: list[str], names: str) -> None:
    all_of_them = dict.fromkeys(["PATH", "APP_A", "APP_B", "JWT", "KALA_TOKEN"], "x")
    assert passed_on(all_of_them, patterns).keys() == set(names.split())


@pytest.mark.parametrize(
    ("own", "found"),
    [
        (None, "http://here"),
        ("", "http://here"),
        ("https://kala.example.com/x?a=b", "https://kala.example.com/x?a=b"),
        ("http://kala:s3cret@[::1]:80/", "http://[::1]:80/"),
        ("http://k:s3@cret@a:80/x, https://k:s3,cret@b,http://c", "http://a:80/x, https://b,http://c"),
        ("http://kala:s3cret@[::1", "http://here"),
    ],
)
def test_a_command_is_told_where_the_server_is_and_no_password(own: str | None, found: str) -> None:
    variables = {} if own is None else {"KALA_URL": own}
    assert passed_on(variables, url="http://here") == {"KALA_URL": found}


def test_of_a_server_without_an_address_there_is_none_to_tell() -> None:
    assert passed_on({}) == {}


@given(st.dictionaries(st.binary(min_size=1), st.binary()))
def test_what_the_system_has_comes_through_unchanged_text_or_not(variables: dict[bytes, bytes]) -> None:
    assert all_to_system(all_from_system(variables.items())) == variables


def attempt(**fields: object) -> Attempt:
    return Attempt(
        handle="run-1.2",
        run_id="run-1",
        job_id="job-1",
        number=2,
        scheduled_at=datetime(2024, 5, 1, 9, tzinfo=UTC),
        spec=JobSpec(name="nightly\0", **fields),  # type: ignore[arg-type]
    )


def test_a_run_is_told_what_it_is_about() -> None:
    assert variables_of(attempt()) == {
        "KALA_JOB_ID": "job-1",
        "KALA_JOB_NAME": "nightly",
        "KALA_RUN_ID": "run-1",
        "KALA_SCHEDULED_AT": "2024-05-01T09:00:00Z",
        "KALA_ATTEMPT": "2",
    }


def test_a_job_may_set_anything_but_what_names_its_run() -> None:
    found = variables_of(attempt(env={"API_KEY": "k", "KALA_RUN_ID": "no"}))
    assert (found["API_KEY"], found["KALA_RUN_ID"]) == ("k", "run-1")
