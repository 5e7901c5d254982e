"""Which name is meant by one that is not known: a slip of the fingers is put right, what says something else is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kala_client._model.nearest import is_near, nearest

FIELDS = [
    "name", "command", "retries", "disabled", "parent_jobs", "on_failure_job", "TemplateDelimiters", "timezone",
    "overlap", "catch_up", "timeout", "retry_delay", "shell", "env", "user", "tags", "keep_runs",
]  # fmt: skip
OPTIONS = [
    "--no-persist",
    "--insecure-open-to-network",
    "--tls-cert",
    "--tls-key",
    "--host",
    "--port",
    "--disabled",
]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("retry", "retries"),
        ("retires", "retries"),
        ("timezon", "timezone"),
        ("tmezone", "timezone"),
        ("timeZone", "timezone"),
        ("comand", "command"),
        ("tag", "tags"),
        ("catchup", "catch_up"),
        ("parent_job", "parent_jobs"),
        ("template_delimiters", "TemplateDelimiters"),
        ("retry_dely", "retry_delay"),
        ("disable", "disabled"),
        ("shel", "shell"),
        ("evn", "env"),
    ],
)
def test_a_slip_is_put_right(typed: str, meant: str) -> None:
    assert nearest(typed, FIELDS) == meant


@pytest.mark.parametrize(
    "typed", ["enabled", "time", "zone", "end", "unshell", "delay", "", "___", "x" * 10_000]
)
def test_what_is_another_word_gets_no_advice(typed: str) -> None:
    assert nearest(typed, FIELDS) is None


@pytest.mark.parametrize(
    "typed",
    ["--no-tx-persist", "--persist", "--insecure", "--tls-ca", "--enabled", "--secure-open-to-network"],
)
def test_an_option_that_does_something_else_is_never_advised(typed: str) -> None:
    assert nearest(typed, OPTIONS) is None


@pytest.mark.parametrize(
    ("one", "two"), [("state", "stats"), ("start", "state"), ("run", "rum"), ("http2", "http1")]
)
def test_short_words_with_another_letter_are_other_words(one: str, two: str) -> None:
    assert not is_near(one, two)


@given(st.text(max_size=80), st.text(max_size=80))
def test_whatever_is_typed_the_order_makes_no_difference(one: str, two: str) -> None:
    assert is_near(one, two) in {True, False}
    assert max(len(one), len(two)) > 64 or is_near(one, two) == is_near(two, one)
