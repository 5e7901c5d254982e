r"""How a command becomes words: as a shell would split it, with variables and backticks, yet run without a shell.

The rules are those of the library that Kala uses: quotes, backslashes, `$VAR`, `${VAR}` and `` `command` ``; no
globs, no pipes, no redirections. What only a shell would understand is refused where it stands in the open, because
Kala's silence about it is a trap: `date > file` "succeeds" and writes nothing. Nothing is executed or looked up here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from shlex import quote

_NOTHING_SPECIAL = re.compile(r"[\w./:=,@%+ \t\r\n-]*", re.ASCII)
"""Most commands are such, and reading them by character took a fifth of the time of their creation."""
_BLANK = re.compile(r"[ \t\r\n]+|\\\n")
_PLAIN = re.compile(r"""[^ \t\r\n'"\\$`]+""")
_PLAIN_IN_QUOTES = re.compile(r"""[^"\\$`]+""")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_ESCAPED_IN_QUOTES = frozenset('"\\$`\n')

_OPERATOR = re.compile(r"[|&;]+(?:>>?)?|[0-9]*[<>]+[&|]?")
"""What a shell takes for an operator where a word begins with it. Within a word it stays: addresses hold `&`."""
_ENDS_A_COMMAND = re.compile(r"(?<!\\)(?:\\\\)*;$")

A_JOB_MAY = 'set "shell": true, or '
"""Advice that is of use to a job only."""

LONGEST = 128 * 1024
"""Characters in a command: the longest single word that Linux takes (execve(2), MAX_ARG_STRLEN)."""


class BadCommandError(ValueError):
    """The command cannot be split into words; says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Text:
    """A part of a word that stands for itself."""

    value: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A part of a word that the run's environment fills in; unset is empty."""

    name: str


@dataclass(frozen=True, slots=True)
class Substitution:
    """A part of a word that is the output of a command."""

    command: str


Part = Text | Variable | Substitution
Word = tuple[Part, ...]


def check(command: str) -> None:
    """Raise BadCommandError where `split` would; of most commands one look tells that it would not."""
    at_a_glance = 0 < len(command) <= LONGEST and _NOTHING_SPECIAL.fullmatch(command) and command.strip()
    if not at_a_glance:
        split(command)


def split(command: str) -> tuple[Word, ...]:
    """Split a command into words. Raises BadCommandError."""
    if "\0" in command:
        raise BadCommandError("a command cannot hold a NUL character")
    if len(command) > LONGEST:
        raise BadCommandError(f"a command cannot be longer than {LONGEST:,} characters: put it into a script")
    if _NOTHING_SPECIAL.fullmatch(command):
        words: tuple[Word, ...] = tuple((Text(word),) for word in command.split())
    else:
        words = tuple(_Reader(command).words())
    if not words:
        raise BadCommandError("a job needs a command")
    return words


def argv_for(words: tuple[Word, ...], environment: Mapping[str, str]) -> list[str]:
    """Return what to execute: the words filled in, or a shell that fills in the backticks and then executes them.

    The shell does it inside the run's own process, so that a slow substitution holds up nobody and is ended with
    the run; everything else it gets quoted.
    """
    if not any(isinstance(part, Substitution) for word in words for part in word):
        return ["".join(_fill(part, environment) for part in word) for word in words]
    quoted = ("".join(_quote(part, environment) for part in word) for word in words)
    return ["/bin/sh", "-c", f"exec {' '.join(quoted)}"]


def _fill(part: Part, environment: Mapping[str, str]) -> str:
    if isinstance(part, Variable):
        return environment.get(part.name, "")
    assert isinstance(part, Text)
    return part.value


def _quote(part: Part, environment: Mapping[str, str]) -> str:
    if isinstance(part, Substitution):
        # By eval, so that a parenthesis or a comment in the command cannot reach beyond it.
        return f'"$(eval {quote(part.command)})"'
    return quote(_fill(part, environment))


class _Reader:
    """Reads a command once, from left to right."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._at = 0

    def words(self) -> Iterator[Word]:
        while self._finds_one():
            begin = self._at
            word = self._word()
            _refuse_operators(self._command[begin : self._at])
            yield word

    def _finds_one(self) -> bool:
        """Whether another word begins, after the space before it."""
        while blank := _BLANK.match(self._command, self._at):
            self._at = blank.end()
        return self._at < len(self._command)

    def _word(self) -> Word:
        parts: list[Part] = []
        while self._at < len(self._command) and self._command[self._at] not in " \t\r\n":
            parts += self._piece()
        return _joined(parts)

    def _piece(self) -> list[Part]:
        character = self._command[self._at]
        if character == "'":
            return [Text(self._until("'", "a single quote"))]
        if character == '"':
            return self._in_double_quotes()
        if character == "\\":
            return [self._escaped()]
        if character == "`":
            return [Substitution(self._until("`", "a backtick"))]
        if character == "$":
            return [self._variable(quoted=False)]
        return [self._plain(_PLAIN)]

    def _plain(self, pattern: re.Pattern[str]) -> Text:
        match = pattern.match(self._command, self._at)
        assert match is not None
        self._at = match.end()
        return Text(match.group())

    def _until(self, closing: str, what: str) -> str:
        """Return what stands between the mark here and the next one."""
        end = self._command.find(closing, self._at + 1)
        if end < 0:
            raise BadCommandError(f"{what} at character {self._at + 1} is never closed")
        begin, self._at = self._at + 1, end + 1
        return self._command[begin:end]

    def _in_double_quotes(self) -> list[Part]:
        opened = self._at
        self._at += 1
        parts: list[Part] = []
        while self._at < len(self._command):
            character = self._command[self._at]
            if character == '"':
                self._at += 1
                return parts
            parts.append(self._quoted_piece(character))
        raise BadCommandError(f"a double quote at character {opened + 1} is never closed")

    def _quoted_piece(self, character: str) -> Part:
        if character == "`":
            return Substitution(self._until("`", "a backtick"))
        if character == "$":
            return self._variable(quoted=True)
        if character != "\\":
            return self._plain(_PLAIN_IN_QUOTES)
        if self._command[self._at + 1 : self._at + 2] in _ESCAPED_IN_QUOTES:
            return self._escaped()
        self._at += 1
        return Text("\\")

    def _escaped(self) -> Text:
        """Return the character after a backslash; the end of a line vanishes with it."""
        if self._at + 1 >= len(self._command):
            raise BadCommandError("the command ends with a backslash that escapes nothing")
        self._at += 2
        return Text(self._command[self._at - 1].replace("\n", ""))

    def _variable(self, *, quoted: bool) -> Part:
        match = _VARIABLE.match(self._command, self._at)
        if match is not None:
            self._at = match.end()
            return Variable(match.group(1) or match.group(2))
        if not quoted and self._command[self._at + 1 : self._at + 2] in {"(", "{"}:
            _refuse(self._command[self._at : self._at + 2])
        # In double quotes it stays as it is: in bash -c "echo $(date)" it is meant for the inner shell.
        self._at += 1
        return Text("$")


def _joined(parts: list[Part]) -> Word:
    """Return the word with neighbouring texts as one; a word of nothing but quotes is the empty text."""
    word: list[Part] = []
    for is_text, group in groupby(parts, lambda part: isinstance(part, Text)):
        if is_text:
            word.append(Text("".join(part.value for part in group if isinstance(part, Text))))
        else:
            word.extend(group)
    return tuple(word) or (Text(""),)


def _refuse_operators(written: str) -> None:
    """Raise where a word, as it is written, is what only a shell would understand."""
    operator = _OPERATOR.match(written)
    if operator is not None:
        _refuse(operator.group())
    if _ENDS_A_COMMAND.search(written):
        _refuse(";")


def _refuse(operator: str) -> None:
    raise BadCommandError(
        f"{operator!r} means something to a shell only, and the command runs without one: "
        f"{A_JOB_MAY}write bash -c '…'; quote it where the program itself shall get it"
    )
