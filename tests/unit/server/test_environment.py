"""What a command finds in its environment."""

from datetime import UTC, datetime

import pytest

from kala_server.core.job import JobSpec
from kala_server.runner.environment import environment_of, inherited
from kala_server.runner.output import BoundedOutput
from kala_server.runner.protocol import Attempt

SECRET = """
    KALA_TOKEN KALA_DATA_DIR kala_token AWS_SECRET_ACCESS_KEY AWS_ACCESS_KEY_ID AWS_SESSION_TOKEN PGPASSWORD PGPASSFILE
    MYSQL_PWD DB_PWD DB_PASS SMTP_PASSWORD SSHPASS GPG_PASSPHRASE DATABASE_URL REDIS_URL MONGODB_URI SENTRY_DSN
    GITHUB_TOKEN githubToken SLACK_TOKEN STRIPE_KEY API_KEY OPENAI_API_KEY APIKEY SECRET_KEY_BASE CLIENT_SECRET
    GOOGLE_APPLICATION_CREDENTIALS SSH_PRIVATE_KEY NPM_CONFIG__AUTH BASIC_AUTH SESSION_COOKIE ENCRYPTION_KEY
"""
ORDINARY = """
    PATH HOME LANG LC_ALL TZ TERM SHELL USER LOGNAME PWD OLDPWD TMPDIR EDITOR DISPLAY HOSTNAME VIRTUAL_ENV
    KEYBOARD MONKEY TURKEY LESSKEYIN TOKENIZERS_PARALLELISM SSH_AUTH_SOCK AWS_REGION AWS_PROFILE PGHOST PGUSER COMPASS
    BYPASS XAUTHORITY KALAMARI HTTP_PROXY XDG_RUNTIME_DIR
"""


@pytest.mark.parametrize("name", SECRET.split())
def test_a_secret_of_the_server_is_not_inherited(name: str) -> None:
    assert inherited({name: "canary"}) == {}


@pytest.mark.parametrize("name", ORDINARY.split())
def test_an_ordinary_variable_is(name: str) -> None:
    assert inherited({name: "value"}) == {name: "value"}


@pytest.mark.parametrize(
    "value", ["postgres://me:canary@db/x", "redis://:canary@cache:6379", "http://a:b%40@p"]
)
def test_an_address_with_a_password_is_not_inherited_whatever_its_name(value: str) -> None:
    assert inherited({"UPSTREAM": value}) == {}


@pytest.mark.parametrize("value", ["https://example.com:8080/a@b", "ssh://git@example.com/x", "a:b@c"])
def test_an_address_without_one_is(value: str) -> None:
    assert inherited({"UPSTREAM": value}) == {"UPSTREAM": value}


def attempt(**fields: object) -> Attempt:
    return Attempt(
        run_id="run-1",
        job_id="job-1",
        number=2,
        scheduled_at=datetime(2024, 5, 1, 9, tzinfo=UTC),
        spec=JobSpec(name="nightly\0", **fields),  # type: ignore[arg-type]
        output=BoundedOutput(),
    )


def test_a_run_is_told_what_it_is_about() -> None:
    assert environment_of(attempt(), {}) == {
        "KALA_JOB_ID": "job-1",
        "KALA_JOB_NAME": "nightly",
        "KALA_RUN_ID": "run-1",
        "KALA_SCHEDULED_AT": "2024-05-01T09:00:00Z",
        "KALA_ATTEMPT": "2",
    }


def test_a_job_may_set_anything_but_what_names_its_run() -> None:
    found = environment_of(
        attempt(env={"LANG": "C", "API_KEY": "k", "KALA_RUN_ID": "no"}), {"LANG": "de", "A": "1"}
    )
    assert (found["LANG"], found["API_KEY"], found["A"], found["KALA_RUN_ID"]) == ("C", "k", "1", "run-1")
