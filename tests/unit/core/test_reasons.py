"""What a reason may show of a job, and how long it may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kala_server.core import reasons
from kala_server.core.commands import shell_words

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("/opt/tool", "/opt/tool"),
        ("./é", "./é"),
        ("git@host", "git@host"),
        ("C:/tool", "C:/tool"),
        ("what?", "what?"),
        ("/opt/tool?token=s3cret", "/opt/tool?…"),
        ("TOKEN=s3cret", "TOKEN=…"),
        ("/opt/tool#s3cret", "/opt/tool#…"),
        ("https://user:s3cret@host/x", "https:…"),
        ("https://s3cret@host/x", "https:…"),
        ("ftp://user:s3c/ret@host/x", "ftp:…"),
        ("user:s3cret@host", "user:…"),
        ("mysql -ps3cret", "mysql…"),
        ("mysql\t-ps3cret", "mysql…"),
        ("curl;s3cret", "curl;…"),
        ("x" * 101, "x" * 100 + "…"),
        ("user:" + "s3cret" * 50 + "@host", "user:…"),
    ],
)
def test_a_word_is_shown_up_to_where_a_secret_could_begin(word: str, shown: str) -> None:
    assert reasons.shown(word) == shown


@pytest.mark.parametrize(
    "word", ["x" * 131_072, ":" * 131_072, "?" * 131_072, ":" * 131_071 + "@", "a@" * 65_536]
)
def test_a_long_word_is_looked_at_once(word: str) -> None:
    assert len(reasons.shown(word)) <= 101


@pytest.mark.parametrize("command", ["$TOOL x", "${TOOL} x", "`cat tool` x", 'a"$TOOL"b x', "'a'$TOOL x"])
def test_a_word_is_written_as_its_job_has_it_and_not_as_it_is_filled_in(command: str) -> None:
    assert SECRET not in shell_words.as_written(shell_words.split(command)[0])
    assert shell_words.argv_for(shell_words.split("$TOOL"), {"TOOL": SECRET}) == [SECRET]


@given(st.text(max_size=3_000))
def test_a_reason_is_cut_at_a_character_and_is_as_it_was_where_it_is_short(text: str) -> None:
    cut = reasons.cut(text)
    assert len(cut) <= reasons.LONGEST
    assert cut == text or (len(text) > reasons.LONGEST and cut == text[:999] + "…")


def test_a_fault_of_ours_is_named_and_its_words_are_left_to_the_log() -> None:
    for said in (reasons.not_started(ZeroDivisionError("canary")), reasons.stuck(KeyError("canary"))):
        assert "a fault of the server" in said
        assert "canary" not in said
