"""The options of a server: each has its flag and its variable, and becomes the setting that it names."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest

from kala_server.cli.server.kalas_flags import FLAGS, Flag, notes
from kala_server.cli.server.options import settings_of
from kala_server.cli.server.serve import run, serve
from kala_server.config import Database, Settings
from kala_server.wire.shapes import Answers


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("KALA_")]:
        monkeypatch.delenv(name)


def settings(*words: str, command: click.Command = serve) -> Settings:
    """Read the words as those after `kala serve`."""
    with command.make_context("serve", list(words)) as context:
        return settings_of(context.params)


def test_without_a_word_the_settings_are_the_defaults() -> None:
    assert settings() == settings(command=run) == Settings()


EACH: list[tuple[str, str, str, Any]] = [
    ("--host", "::1", "host", "::1"),
    ("--port", "2222", "port", 2222),
    ("--data-dir", "/srv/kala", "data_dir", Path("/srv/kala")),
    ("--no-persist", "", "data_dir", None),
    ("--answers", "2015", "answers", Answers.KALA_2015),
    ("--default-owner", "ops@example.com", "default_owner", "ops@example.com"),
    ("--grace", "2.5", "grace", timedelta(seconds=2.5)),
    ("--max-running", "3", "max_running", 3),
    ("--keep-days", "0.5", "keep_days", 0.5),
    ("--http-allow", "*.example.com", "http_allow", ("*.example.com",)),
    ("--http-deny", "10.0.0.0/8", "http_deny", ("10.0.0.0/8",)),
    ("--survivors", "wait", "wait_for_survivors", True),
    ("--allowed-host", "Kala.Example", "allowed_hosts", frozenset({"kala.example"})),
    ("--insecure-open-to-network", "", "insecure_open_to_network", True),
    ("--jobdb", "memory", "data_dir", None),
    ("--jobdb", "Journal", "data_dir", Path("kala-data")),
]


@pytest.mark.parametrize(("flag", "value", "field", "setting"), EACH)
def test_an_option_is_said_by_its_flag_or_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, flag: str, value: str, field: str, setting: Any
) -> None:
    words = [flag, value] if value else [flag]
    for command in (serve, run):
        assert getattr(settings(*words, command=command), field) == setting
    monkeypatch.setenv("KALA_" + flag.removeprefix("--").replace("-", "_").upper(), value or "1")
    for command in (serve, run):
        assert getattr(settings(command=command), field) == setting


def test_every_option_has_its_variable_and_names_it_in_the_help() -> None:
    options = [option for option in serve.params if isinstance(option, click.Option) and not option.hidden]
    with serve.make_context("serve", []) as context:
        help_text = serve.get_help(context)
    for option in options:
        for variable in [option.envvar] if isinstance(option.envvar, str) else option.envvar or [""]:
            assert variable.startswith("KALA_"), option.name
            assert variable in help_text or not option.show_envvar


@pytest.mark.parametrize(
    ("words", "field", "setting"),
    [
        (["-p", "2222"], "port", 2222),
        (["-i", "127.0.0.2"], "host", "127.0.0.2"),
        (["--interface", "127.0.0.2"], "host", "127.0.0.2"),
        (["--jobDB=memory"], "data_dir", None),
        (["--jobDB=boltdb"], "data_dir", Path("kala-data")),
        (["-n"], "data_dir", None),
        (["--np"], "data_dir", None),
        (["-np"], "data_dir", None),
        (["-o", "ops@example.com"], "default_owner", "ops@example.com"),
        (["--do", "ops@example.com"], "default_owner", "ops@example.com"),
        (["--port", ":2222"], "port", 2222),
        (["--jobstat-ttl", "720"], "keep_days", 0.5),
        (["--jobstat-ttl", "720", "--keep-days", "3"], "keep_days", 3.0),
        (["--jobstat-ttl=-1"], "keep_days", None),
        (["--no-tx-persist"], "data_dir", Path("kala-data")),
        (["--allowed-host", "a", "--allowed-host", "b"], "allowed_hosts", frozenset({"a", "b"})),
    ],
)
def test_kalas_own_spellings_are_known(words: list[str], field: str, setting: Any) -> None:
    assert getattr(settings(*words), field) == setting


@pytest.mark.parametrize(("limit", "head", "tail"), [("10", 5, 5), ("11", 5, 6), ("0", 0, 0)])
def test_the_output_limit_is_shared_by_beginning_and_end(limit: str, head: int, tail: int) -> None:
    made = settings("--output-limit", limit)
    assert (made.output_head, made.output_tail) == (head, tail)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--port", "65536"], "65536 is not in the range"),
        (["--grace", "-1"], "is not in the range"),
        (["--max-running", "0"], "0 is not in the range"),
        (["--keep-days", "0"], "is not in the range"),
        (["--data-dir", __file__], "is a file"),
        (["--jobDB", "consul"], "there is no store 'consul' here; there are journal .* postgres and redis"),
        (
            ["--jobDBAddress", "127.0.0.1:6379"],
            "--jobDBAddress is for a store with an address; there are journal",
        ),
        (["--jobDB", "memory", "--jobdb-password", "x"], "--jobdb-password is for a store with an address"),
        (
            ["--jobDB", "postgres", "--jobdb-tls-capath", "x"],
            "--jobdb-tls-capath is for redis; .*sslrootcert",
        ),
        (["--jobDB", "redis", "--no-persist"], "--no-persist keeps nothing, and --jobDB redis keeps all"),
        (["--lease", "0.1"], "is not in the range"),
        (["--default-queue", "db"], "--default-queue is for --jobDB=postgres"),
        (["--default-queue", "d b"], "the name of a queue has up to 40"),
        (["--public-url", "kala.example.com"], "it is an address such as https://"),
        (["--public-url", "http://user@kala.example.com"], "without a user"),
        (["--public-url", "http://[kala"], "it is an address such as https://"),
    ],
)
def test_a_value_that_cannot_be_is_refused(words: list[str], why: str) -> None:
    with pytest.raises(click.UsageError, match=why):
        settings(*words)


def test_a_database_is_what_kalas_options_say() -> None:
    made = settings(
        "--jobDB=redis", "--jobDBAddress=127.0.0.1:6379", "--jobdb-username=ana", "--jobdb-password=x"
    )
    assert made.data_dir is None
    assert made.database == Database(kind="redis", address="127.0.0.1:6379", username="ana", password="x")
    assert "x" not in repr(made.database).replace("ex", "")
    made = settings("--jobDB=PostgreSQL", "--lease=5", "--public-url=https://a.example.com/kala/")
    assert made.database == Database(kind="postgres")
    assert (made.lease.total_seconds(), made.public_url) == (5, "https://a.example.com/kala")


@pytest.mark.parametrize("variable", ["KALA_JOBDB_ADDRESS", "KALA_JOBDBADDRESS"])
def test_a_database_is_named_by_the_environment(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KALA_JOBDB", "postgres")
    monkeypatch.setenv(variable, "postgresql://db/kala")
    monkeypatch.setenv("KALA_JOBDB_PASSWORD", "x")
    assert settings().database == Database(kind="postgres", address="postgresql://db/kala", password="x")


GIVEN = {True: ["1"], False: []}


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
@pytest.mark.parametrize("command", [serve, run], ids=["serve", "run"])
def test_each_flag_of_kala_is_told_of_where_it_is_given(command: click.Command, flag: Flag) -> None:
    for name in flag.names:
        words = [name, *GIVEN["is_flag" not in flag.takes]]
        if flag.refused:
            with pytest.raises(click.BadParameter, match=re.escape(flag.says)):
                settings(*words, command=command)
        else:
            with command.make_context("serve", words) as context:
                assert list(notes(context.params)) == [f"{flag.name}: {flag.says}"]
                assert settings_of(context.params).data_dir == Path("kala-data")


def test_nothing_is_said_of_flags_that_are_not_given() -> None:
    with serve.make_context("serve", []) as context:
        assert not list(notes(context.params))
    with serve.make_context("serve", ["--jobDB=boltdb"]) as context:
        [note] = notes(context.params)
    assert "those in a BoltDB file are not read" in note


def test_where_listening_beyond_this_machine_is_off_in_the_environment_it_is_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KALA_INSECURE_OPEN_TO_NETWORK", "0")
    assert settings().insecure_open_to_network is False
