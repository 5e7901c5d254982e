"""How a command becomes words."""

import subprocess

import pytest

from kala_server.core.commands import kernel
from kala_server.core.commands.runnable import BadCommandError
from kala_server.core.commands.shell_words import (
    LONGEST,
    MOST_PIECES,
    MOST_WORDS,
    argv_for,
    check_command,
    split,
)

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
        ("echo a\\\r\nb \\\r\n  c \\\r\n", ["echo", "ab", "c"]),
        ("\n\r\n echo 'a\nb' \"c\r\nd\" \r\n\n", ["echo", "a\nb", "c\r\nd"]),
        ('echo "a\\\nb"', ["echo", "ab"]),
        ("ls ab\u00a0c", ["ls", "ab\u00a0c"]),
        ("ls *.txt ~ {a,b} # no", ["ls", "*.txt", "~", "{a,b}", "#", "no"]),
        # Programs may have such names, and Kala looks for them.
        ("/opt/tool?token=s3cret x", ["/opt/tool?token=s3cret", "x"]),
        ("/opt/*/Tools(x86)/a", ["/opt/*/Tools(x86)/a"]),
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
        *("a $((1+2))", "a ${B:-c}"),
        *(
            "(date)",
            "ls|wc",
            "ls;date",
            "sleep&",
            "ls>f",
            "~/bin/a",
            "~",
            "# a",
            "#",
        ),
    ],
)
def test_what_only_a_shell_would_understand_is_refused_with_a_hint(command: str) -> None:
    with pytest.raises(BadCommandError, match=r'"shell": true.*bash -c.*quote it'):
        split(command)


@pytest.mark.parametrize(
    "command",
    [
        *("find -exec ls {} \\;", "a '|' \"&&\" \\> '2>&1'", "a 'x;' \"y;\"", "curl http://h/?a=1&b=2"),
        *("'a|b' c", "\\~/a b", '"/opt/*"/a', "$HOME/bin/a", "'FOO=1' a", "[ -f a ]", "a 1=2"),
        *("a ~ * (b) FOO=1 http://h/", "a#b c", "{{.Name}} a", "a@b:c%d,e+f a"),
    ],
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
        ("echo $(a", "the parenthesis at character 7 is never closed"),
        ("echo $(a ')'", "the parenthesis at character 7 is never closed"),
        ("echo $(a ')", "the parenthesis at character 7 is never closed"),
        ("x " * LONGEST, "cannot be longer than 135,166 characters"),
        ("a" + " b" * MOST_WORDS, "up to 10,000 words: put it into a script"),
        ("a" + " $A" * MOST_PIECES, "up to 2,000 words, quotes, variables and escapes"),
        ('a "' + "$A" * MOST_PIECES + '"', "up to 2,000 words, quotes, variables and escapes"),
        ("a $( " + "(" * 20_000, "can stand in"),
        ("a $( " + "()" * 20_000 + ")", "can stand in"),
        ("a" + " $(a;a;a;a;)" * 1_500, "can stand in"),
        ("FOO=1 date", "FOO=… before a command .* write env in front of it"),
        ("FOO='a b' date", "FOO=… before a command"),
        ("FOO+=1", r"FOO\+=… before a command"),
        ("https://example.com/hook", "an HTTP call is a job of type 1"),
        (" ftp://example.com/hook -x", "an address is no command"),
        ("'HTTP://example.com'/hook", "an address is no command"),
        ("'' a", "must name a program"),
        ("/usr/bin/ a", "must name a program"),
        (". script", "must name a program"),
        ("/a" * 2048, "path of a program has up to 4,095 bytes"),
        ("/" + "a" * 256, "each name in it 255"),
    ],
)
def test_a_command_that_cannot_be_split_says_why(command: str, reason: str) -> None:
    with pytest.raises(BadCommandError, match=reason):
        split(command)


@pytest.mark.parametrize(
    "command",
    [
        "date\nls",
        "date\n\n ls -l",
        "date\r\nls",
        "date\rls",
        "a 'b\nc'\nd",
        "a \\\n\nb",
        "\na\nb",
        "$A\n`b`",
        "a\n# b",
    ],
)
def test_a_line_break_between_words_is_refused_with_the_ways_out(command: str) -> None:
    with pytest.raises(BadCommandError, match=r'line break at .*"shell": true.*bash -c.*backslash.*quote it'):
        split(command)


LONGEST_WORD = kernel.LONGEST_WORD


@pytest.mark.parametrize(
    ("command", "environment"),
    [
        ("echo " + "x" * LONGEST_WORD, {}),
        ("echo " + "é" * (LONGEST_WORD // 2) + "x", {}),
        ("echo '" + "x" * LONGEST_WORD + "'", {}),
        ("echo x${A}", {"A": "x" * (LONGEST_WORD - 1)}),
        ("echo `a` " + "x" * (LONGEST_WORD - len('exec echo "$(eval a)" ')), {}),
    ],
)
def test_a_word_is_as_long_as_the_kernel_takes_it_and_not_a_byte_longer(
    command: str, environment: dict[str, str]
) -> None:
    check_command(command, environment)
    assert max(len(word.encode()) for word in argv_for(split(command), environment)) == LONGEST_WORD
    longer = command[:-1] + "xx'" if command.endswith("'") else command + "x"
    with pytest.raises(BadCommandError, match="has more than 131,071 bytes"):
        check_command(longer, environment)
    with pytest.raises(BadCommandError, match="has more than 131,071 bytes"):
        argv_for(split(longer), environment)


def test_all_words_together_have_a_limit_and_none_is_made_to_find_it() -> None:
    value = "x" * 100_000
    check_command("echo" + " $A" * 20, {"A": value})
    for times in (21, MOST_PIECES - 1):
        with pytest.raises(BadCommandError, match="all words together"):
            check_command("echo" + " $A" * times, {"A": value})


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        ("printf %s. $(echo a b)", "a b."),
        ("printf %s. x$(echo a)y '$(c)'", "xay.$(c)."),
        ('printf %s. "$(c)"', "$(c)."),
        ("printf %s. $(echo ')' \\) `echo ')'`) b", ") ) ).b."),
        ("printf %s. $(echo \")$(echo '(')\" ${X:-)}) b", ")( ).b."),
        ("printf %s. $( (echo a; (echo b)) | tr '\\n' - )c", "a-b-c."),
        ("printf %s. $(echo a # it's )\n)b", "ab."),
        ("printf %s. $(case x in (x) echo a;; esac)", "a."),
        ("printf %s. $() b", ".b."),
        ("printf %s. $(echo a\necho b)", "a\nb."),
        ("printf %s. `echo a b`", "a b."),
        ("printf %s. x`echo a`y \"`echo b`\" '`c`'", "xay.b.`c`."),
        ("printf %s. `echo hi` $NAME \"$QUOTE\" ';' '$X'", 'hi.two words.it\'s "so".;.$X.'),
        ("printf %s. `echo a # b` `echo ')'` c", "a.).c."),
        ('printf %s. `echo "it\'s"` d', "it's.d."),
    ],
)
def test_a_substitution_is_one_word_of_output_and_the_rest_stays_quoted(command: str, printed: str) -> None:
    argv = words(command)
    assert (argv[:2] == ["/bin/sh", "-c"]) is ('"$(c)"' not in command)
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == printed
