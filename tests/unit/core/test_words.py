"""How a command becomes words."""

import subprocess

import pytest

from kala_server.core.words import LONGEST, BadCommandError, argv_for, split

ENVIRONMENT = {"NAME": "two words", "QUOTE": 'it\'s "so"', "EMPTY": ""}


def words(command: str) -> list[str]:
    return argv_for(split(command), ENVIRONMENT)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("date -u", ["date", "-u"]),
        ("  date\t-u\r\n", ["date", "-u"]),
        ("bash -c 'date | tee file'", ["bash", "-c", "date | tee file"]),
        ("echo \"a  b\"c'd'", ["echo", "a  bcd"]),
        ("echo '' \"\"", ["echo", "", ""]),
        (r"echo a\ b \"", ["echo", "a b", '"']),
        (r'echo "a\b\"\\\$\`"', ["echo", r'a\b"\$`']),
        ("echo a\\\nb \\\n  c", ["echo", "ab", "c"]),
        ('echo "a\\\nb"', ["echo", "ab"]),
        ("ls ab\u00a0c", ["ls", "ab\u00a0c"]),
        ("ls *.txt ~ {a,b} # no", ["ls", "*.txt", "~", "{a,b}", "#", "no"]),
    ],
)
def test_a_command_is_split_as_a_shell_would(command: str, expected: list[str]) -> None:
    assert words(command) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("echo $NAME", ["echo", "two words"]),
        ("echo a${NAME}b", ["echo", "atwo wordsb"]),
        ('echo "$QUOTE"', ["echo", 'it\'s "so"']),
        ("echo '$NAME'", ["echo", "$NAME"]),
        (r"echo \$NAME", ["echo", "$NAME"]),
        ("echo $UNSET $EMPTY", ["echo", "", ""]),
        ("echo $ 5$ $1", ["echo", "$", "5$", "$1"]),
        ('bash -c "echo $(date) ${X:-1}"', ["bash", "-c", "echo $(date) ${X:-1}"]),
    ],
)
def test_variables_are_filled_in_where_a_shell_would(command: str, expected: list[str]) -> None:
    assert words(command) == expected


@pytest.mark.parametrize(
    "command",
    [
        *("a | b", "a || b", "a |& b", "a & b", "a && b", "a ; b", "a |b"),
        *("a > f", "a >> f", "a < f", "a << E", "a 2> f", "a 2>&1", "a &> f", "a >&2"),
        *("a >f", "a 2>/dev/null", "a <f", "a ; ", "a; b", r"a\\; b", "a 'x y'; b"),
        *("a $(b)", "a ${B:-c}"),
    ],
)
def test_what_only_a_shell_would_understand_is_refused_with_a_hint(command: str) -> None:
    with pytest.raises(BadCommandError, match=r'"shell": true.*bash -c.*quote it'):
        split(command)


@pytest.mark.parametrize(
    "command", ["find -exec ls {} \\;", "a '|' \"&&\" \\> '2>&1'", "a 'x;' \"y;\"", "curl http://h/?a=1&b=2"]
)
def test_quoted_operators_and_those_within_a_word_are_fine(command: str) -> None:
    assert split(command)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("", "a job needs a command"),
        (" \n", "a job needs a command"),
        ("a\0b", "NUL"),
        ("echo 'a", "a single quote at character 6 is never closed"),
        ('echo "a', "a double quote at character 6 is never closed"),
        ("echo `a", "a backtick at character 6 is never closed"),
        ('echo "`a"', "a backtick at character 7 is never closed"),
        ("echo \\", "escapes nothing"),
        ("x" * (LONGEST + 1), "cannot be longer than 131,072 characters"),
    ],
)
def test_a_command_that_cannot_be_split_says_why(command: str, reason: str) -> None:
    with pytest.raises(BadCommandError, match=reason):
        split(command)


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        ("printf %s. `echo a b`", "a b."),
        ("printf %s. x`echo a`y \"`echo b`\" '`c`'", "xay.b.`c`."),
        ("printf %s. `echo hi` $NAME \"$QUOTE\" ';' '$X'", 'hi.two words.it\'s "so".;.$X.'),
        ("printf %s. `echo a # b` `echo ')'` c", "a.).c."),
        ('printf %s. `echo "it\'s"` d', "it's.d."),
    ],
)
def test_a_backtick_is_one_word_of_output_and_the_rest_stays_quoted(command: str, printed: str) -> None:
    argv = words(command)
    assert argv[:2] == ["/bin/sh", "-c"]
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == printed
