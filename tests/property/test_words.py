"""Splitting commands, against the standard library's shlex and a real shell."""

import contextlib
import shlex
import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from kala_server.core.commands import kernel
from kala_server.core.commands.runnable import BadCommandError
from kala_server.core.commands.shell_words import LONGEST, argv_for, check_command, split

# Where shlex and a shell agree: no variables, no backticks, no operators, no backslash before the end of a line.
COMMON = st.text(st.sampled_from("ab'\"\\ \té#*=~"), max_size=30)
ANY = st.text(st.sampled_from("ab'\"\\ \t\n$`{}()|&;<>2\0é\u00a0AB"), max_size=40)
PRINTABLE = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=20)


@given(COMMON)
def test_without_expansions_the_words_are_those_of_shlex(command: str) -> None:
    try:
        expected = ["x", *shlex.split(command)]
    except ValueError:
        expected = []
    try:
        found = argv_for(split(f"x {command}"), {})
    except BadCommandError:
        found = []
    assert found == expected


@given(st.lists(PRINTABLE, min_size=1, max_size=5))
def test_what_shlex_has_quoted_comes_back(words: list[str]) -> None:
    assert argv_for(split(shlex.join(["x", *words])), {}) == ["x", *words]


@given(ANY)
def test_no_text_does_anything_but_split_or_say_why_not(command: str) -> None:
    with contextlib.suppress(BadCommandError):
        found = split(command)
        assert found
        assert all(found)


ODD = [
    "",
    " ",
    "\n",
    "date",
    "a" * kernel.LONGEST_WORD,
    "a" * (kernel.LONGEST_WORD + 1),
    "a" * (LONGEST + 1),
    " \t a",
]
FIRST = st.sampled_from(["A=1 b", "http://a", "a/", ".", "~/a", "a|b", "a*", "/a" * 2_100, "a\nb", "x/. a"])


@given(ANY | COMMON | FIRST | st.sampled_from(ODD))
def test_the_check_of_a_command_says_what_splitting_it_would(command: str) -> None:
    said = []
    for read in (lambda: split(command), lambda: check_command(command, {})):
        try:
            read()
            said.append("")
        except BadCommandError as error:
            said.append(str(error))
    assert said[0] == said[1]


@given(PRINTABLE)
def test_a_variable_is_one_word_whatever_is_in_it(value: str) -> None:
    assert argv_for(split('x $A "${A}"'), {"A": value}) == ["x", value, value]


@settings(max_examples=30)
@given(PRINTABLE)
def test_beside_a_backtick_a_value_reaches_the_program_unharmed(value: str) -> None:
    argv = argv_for(split("printf %s $A `true`"), {"A": value})
    assert subprocess.run(argv, capture_output=True, check=True).stdout == value.encode()


def shell_texts(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return what a shell makes of smaller texts: each prints something, or nothing."""
    return st.one_of(
        inner.map("( {})".format),
        inner.map("echo $( {})".format),
        inner.map('echo "$( {}) ${{X:-)}}"'.format),
        inner.map("( {} # it's )\n)".format),
        st.tuples(inner, inner).map("; ".join),
        st.tuples(inner, inner).map("\n".join),
    )


TEXTS = st.recursive(
    st.sampled_from(
        [
            "echo a",
            "echo ')'",
            "echo '('",
            'echo ")"',
            "echo \\)",
            "echo \\(",
            "echo `echo ')'`",
            "echo ${X:-')'}",
            'echo "\\")"',
            "echo a#b",
            "# it's )\necho c",
            "echo '#' \"'\"",
            "echo ${X:-)}",
            'echo "$(echo ")")"',
        ]
    ),
    shell_texts,
    max_leaves=5,
)


@settings(max_examples=60)
@given(TEXTS)
def test_a_substitution_ends_where_a_shell_ends_it(text: str) -> None:
    expected = subprocess.run(
        ["/bin/sh", "-c", f"printf '<%s>' \"$( {text}\n)\"tail next"], capture_output=True, check=True
    )
    argv = argv_for(split(f"printf '<%s>' $( {text}\n)tail next"), {})
    assert subprocess.run(argv, capture_output=True, check=True).stdout == expected.stdout


@given(st.text(st.sampled_from("ab'\"\\ \n$`(){}#"), max_size=30))
def test_whatever_stands_in_parentheses_is_one_part_or_says_why_not(text: str) -> None:
    with contextlib.suppress(BadCommandError):
        first, second, *_ = split(f"echo $({text}")
        assert first
        assert second
