"""What an error says is true of what was typed: in words of the command line, with advice that does what was meant."""

import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from kala_client import FieldError
from kala_server.cli.app import kala as root
from kala_server.cli.text.wording import IN_OPTIONS, in_options
from kala_server.core.commands import shell_words
from kala_server.core.commands.runnable import BadCommandError
from kala_server.testing import running_server


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server."""
    with running_server() as server:
        yield server.url


def said(url: str, *typed: str) -> str:
    """Return what the command line says to something that is wrong."""
    ended = CliRunner().invoke(root, ["--url", url, *typed], env={"COLUMNS": "400"})
    assert ended.exit_code in {1, 2}
    return ended.stderr.strip().splitlines()[-1]


WRONG: list[tuple[list[str], str, str]] = [
    (["job", "create", "a", "date | tee f"], "add --shell, or write bash -c", '"shell"'),
    (["job", "create", "a", "date", "--retries", "9" * 20], "retries: a number beyond 64 bits", "such as"),
    (["job", "create", "a", "date", "--schedule", "61 * * * *"], "0 9 * * MON-FRI", "2035-"),
    (["job", "create", "a", "date", "--schedule", "CRON_TZ=Europe/Berlin 0 9 * * *"], "timezone", "5 fields"),
    (["job", "create", "a", "date", "--every", "99999999999999d"], "'99999999999999d' is longer than", "short"),
    (["job", "create", "a", "date", "--timeout", "99999999999d"], "'99999999999d' is longer than", "P9"),
    (["job", "create", "a", "echo", "hello"], '; a COMMAND of several words is quoted: "echo hello"', "Did you"),
    (["preview", "R/2035-12-01 10:00/P1D"], "'2035-12-01 10:00'; a T stands between date and time", "+10:00"),
    (["preview", "61 * * * *"], "a valid cron line is 0 9 * * MON-FRI", "(such as"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "right", "misleading"), WRONG, ids=lambda value: str(value)[:40])
def test_an_error_says_what_would_be_right_on_the_command_line(
    url: str, typed: list[str], right: str, misleading: str
) -> None:
    words = said(url, *typed)
    assert right in words
    assert misleading not in words


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("/healthz", "the address of this server ends before /healthz"),
        ("/api/v1/job", "the address of this server ends before /api/v1/job"),
    ],
)
def test_an_address_that_says_too_much_is_told_as_such(url: str, address: str, what: str) -> None:
    assert what in said(url + address, "job", "list")


@pytest.mark.parametrize(
    ("typed", "advised"),
    [
        (["job", "create", "a", "date", "--retry", "3"], "'--retries'?"),
        (["job", "create", "a", "date", "--time-out", "3"], "'--timeout'?"),
        (["jobs"], "'job'?"),
        (["job", "lists"], "'list'?"),
    ],
)
def test_a_slip_is_put_right(url: str, typed: list[str], advised: str) -> None:
    assert said(url, *typed).endswith(f"Did you mean {advised}")


@pytest.mark.parametrize(
    "typed",
    [
        ["serve", "--tx-persist"],
        ["serve", "--persist"],
        ["serve", "--insecure"],
        ["job", "create", "a", "date", "--zon", "Europe/Berlin"],
        ["job", "state"],
    ],
)
def test_what_does_something_else_is_never_advised(url: str, typed: list[str]) -> None:
    assert "Did you mean" not in said(url, *typed)


def test_every_option_of_which_an_error_speaks_is_there() -> None:
    create = root.get_command(click.Context(root), "job")
    assert isinstance(create, click.Group)
    options = {name for parameter in create.commands["create"].params for name in parameter.opts}
    assert {name for words in IN_OPTIONS.values() for name in re.findall(r"--[a-z-]+", words)} <= options


@pytest.mark.parametrize("command", ["a | b", "https://example.com/", "A=1 date"])
def test_every_word_of_json_is_one_that_a_refusal_says(command: str) -> None:
    with pytest.raises(BadCommandError) as refused:
        shell_words.check_command(command, {})
    assert sum(said in str(refused.value) for said in IN_OPTIONS) == 1


@pytest.mark.parametrize(
    ("example", "typed"),
    [
        ('{"LANG": "C.UTF-8"}', "LANG=C.UTF-8"),
        ('{"url": "https://example.com/", "method": "POST"}', "https://example.com/"),
        ('["date", "-u"]', "date -u"),
        ("PT5S", "PT5S"),
        ("[not JSON", "[not JSON"),
    ],
)
def test_an_example_is_shown_as_it_is_typed(example: str, typed: str) -> None:
    assert in_options(FieldError("field", "is wrong", example)) == f"field: is wrong (such as {typed})"
