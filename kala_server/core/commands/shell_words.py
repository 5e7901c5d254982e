r"""How a command becomes words: as a shell would split it, with variables and substitutions, yet run without a shell.

The rules are those of the library that Kala uses (mattn/go-shellwords): quotes, backslashes, `$VAR`, `${VAR}`,
`` `command` `` and `$(command)`; no globs, no pipes, no redirections. What only a shell would understand is refused
where it stands in the open, because Kala's silence about it is a trap: `date > file` "succeeds" and writes nothing. So
is what can never run. Nothing is executed or looked up here.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import count, groupby
from shlex import quote

from kala_server.core.commands import kernel
from kala_server.core.commands.runnable import (
    BadCommandError,
    check_first_word,
    check_program,
    check_sizes,
    check_word,
    refuse,
    refuse_line_break,
)
from kala_server.core.commands.shell_text import closing_parenthesis
from kala_server.core.frozen import value

_NOTHING_SPECIAL = re.compile(r"[\w./:=,@%+ \t-]*", re.ASCII)
"""Most commands are such, and reading them by character took a fifth of the time of their creation."""
_PLAINLY_FINE = re.compile(r"[ \t]*[\w./+-]*\w(?:[ \t][\w./:=,@%+ \t-]*)?", re.ASCII)
"""Such a command whose first word names a program by a plain name or path."""
_BLANK = re.compile(r"(?:[ \t]|\\\r?\n)*+")
_BLANK_LINES = re.compile(r"(?:[ \t\r\n]|\\\r?\n)*+")
_ESCAPED = re.compile(r"\\(?:\r?\n|(.))", re.DOTALL)
_BEGINS_A_PIECE = frozenset("'\"\\$`")
_PLAIN = re.compile(r"""[^ \t\r\n'"\\$`]+""")
_TEXT_IN_QUOTES = re.compile(r"""(?:[^"\\$`]++|\\.)++""", re.DOTALL)
_ESCAPED_IN_QUOTES = re.compile(r"""\\(?:\r?\n|(["\\$`]))""")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")

_NOTHING_ESCAPED = "the command ends with a backslash that escapes nothing"

_BY_A_SHELL = ("/bin/sh", "-c")
_EXEC = "exec "

_MOST_OF_EACH = 8
"""Bytes that a character can come to: quoted for a shell, or a part of a substitution."""

LONGEST = kernel.LONGEST_WORD + kernel.LONGEST_PATH
"""Characters in a command, as to split it takes time: a program and the longest word have room."""
MOST_WORDS = 10_000
MOST_PIECES = 2_000
"""Words, quotes, variables and escapes in a command that must be read piece by piece: others wait meanwhile. What
stands between two quotes is one, with its escapes."""


@value(frozen=True, slots=True)
class Text:
    """A part of a word that stands for itself."""

    value: str


@value(frozen=True, slots=True)
class Variable:
    """A part of a word that the run's environment fills in; unset is empty."""

    name: str


@value(frozen=True, slots=True)
class Substitution:
    """A part of a word that is the output of a command."""

    command: str


Part = Text | Variable | Substitution
Word = tuple[Part, ...]


def check_command(command: str, environment: Mapping[str, str]) -> None:
    """Raise BadCommandError where `split` would, or `argv_for` with what is known of the environment.

    Of most commands one look tells that they would not.
    """
    if _is_plainly_fine(command):
        return
    words = _read(command)
    longest = max(map(len, environment.values()), default=0)
    if len(command) * (longest + 1) * _MOST_OF_EACH > kernel.LONGEST_WORD:
        check_lengths(words, environment)


def _is_plainly_fine(command: str) -> bool:
    return len(command) <= kernel.LONGEST_NAME and _PLAINLY_FINE.fullmatch(command) is not None


def argv_of(command: str, environment: Mapping[str, str]) -> list[str]:
    """Return what to execute for a command. Raises BadCommandError."""
    return command.split() if _is_plainly_fine(command) else argv_for(split(command), environment)


def split(command: str) -> tuple[Word, ...]:
    """Split a command into words. Raises BadCommandError."""
    words = _read(command)
    check_lengths(words, {})
    return words


def _read(command: str) -> tuple[Word, ...]:
    if "\0" in command:
        raise BadCommandError("a command cannot hold a NUL character")
    if len(command) > LONGEST:
        raise BadCommandError(f"a command cannot be longer than {LONGEST:,} characters: put it into a script")
    if _NOTHING_SPECIAL.fullmatch(command):
        texts = command.split()
        if len(texts) > MOST_WORDS:
            raise BadCommandError(f"a command has up to {MOST_WORDS:,} words: put it into a script")
        words: tuple[Word, ...] = tuple((Text(word),) for word in texts)
        for word in words[:1]:
            _check_first(word, command.split(None, 1)[0])
    else:
        words = tuple(_Reader(command).words())
    if not words:
        raise BadCommandError("a job needs a command")
    return words


def argv_for(words: tuple[Word, ...], environment: Mapping[str, str]) -> list[str]:
    """Return what to execute: the words filled in, or a shell that fills in the substitutions and then executes them.

    The shell does it inside the run's own process, so that a slow substitution holds up nobody and is ended with
    the run; everything else it gets quoted. Raises BadCommandError where it would be too long to run.
    """
    check_lengths(words, environment)
    if not _for_a_shell(words):
        return ["".join(_fill(part, environment) for part in word) for word in words]
    quoted = ("".join(_quote(part, environment) for part in word) for word in words)
    return [*_BY_A_SHELL, f"{_EXEC}{' '.join(quoted)}"]


def check_lengths(words: tuple[Word, ...], environment: Mapping[str, str]) -> None:
    """Raise BadCommandError where what `argv_for` would return is too long to run.

    It is not made for that: a long value may stand there ten thousand times.
    """
    by_a_shell = _for_a_shell(words)
    if by_a_shell:  # to quote a megabyte takes 10 ms, and what is quoted is no shorter
        check_sizes([sum(_at_least(part, environment) for word in words for part in word)])
    put = _quote if by_a_shell else _fill
    known: dict[Part, int] = {}

    def size(part: Part) -> int:
        if isinstance(part, Text):  # as long as it is written, and faster made than looked up
            return kernel.size(put(part, environment))
        if part not in known:
            known[part] = kernel.size(put(part, environment))
        return known[part]

    found = [sum(map(size, word)) for word in words]
    if by_a_shell:
        found = [*map(len, _BY_A_SHELL), len(_EXEC) + sum(found) + len(found) - 1]
    check_sizes(found)


def _for_a_shell(words: tuple[Word, ...]) -> bool:
    return any(isinstance(part, Substitution) for word in words for part in word)


def as_written(word: Word) -> str:
    """Return the word with nothing filled in: what fills it may be secret."""
    return "".join(_written(part) for part in word)


def _written(part: Part) -> str:
    if isinstance(part, Variable):
        return f"${part.name}"
    return part.value if isinstance(part, Text) else f"`{part.command}`"


def _fill(part: Part, environment: Mapping[str, str]) -> str:
    if isinstance(part, Variable):
        return environment.get(part.name, "")
    assert isinstance(part, Text)
    return part.value


def _at_least(part: Part, environment: Mapping[str, str]) -> int:
    return len(part.command if isinstance(part, Substitution) else _fill(part, environment))


def _quote(part: Part, environment: Mapping[str, str]) -> str:
    if isinstance(part, Substitution):
        # By eval, so that a parenthesis or a comment in the command cannot reach beyond it.
        return f'"$(eval {quote(part.command)})"'
    return quote(_fill(part, environment))


def _check_first(word: Word, in_the_open: str) -> None:
    """Raise BadCommandError where the first word names no program, as far as that is known before the run."""
    check_first_word(in_the_open)
    if len(word) == 1 and isinstance(word[0], Text):
        check_program(word[0].value)


class _Reader:
    """Reads a command once, from left to right."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._at = 0
        self._pieces = 0
        self._steps = count()
        self._line_break: int | None = None
        """Where the space before the next word has one."""

    def words(self) -> Iterator[Word]:
        first = True
        while self._finds_one():
            begin = self._at
            if self._line_break is not None and not first:
                refuse_line_break(self._line_break)
            word, in_the_open = self._word()
            check_word(self._command[begin : self._at])
            if first:
                _check_first(word, in_the_open)
            first = False
            yield word

    def _finds_one(self) -> bool:
        """Whether another word begins, after the space before it."""
        blank = _BLANK.match(self._command, self._at)
        blank_lines = _BLANK_LINES.match(self._command, self._at)
        assert blank is not None
        assert blank_lines is not None
        self._line_break = blank.end() if blank.end() < blank_lines.end() else None
        self._at = blank_lines.end()
        return self._at < len(self._command)

    def _word(self) -> tuple[Word, str]:
        """Return the word, and what of it stands in the open, with a mark in place of each quoted piece."""
        parts: list[Part] = []
        in_the_open = ""
        while self._at < len(self._command) and self._command[self._at] not in " \t\r\n":
            begin = self._at
            parts += self._piece()
            plain = self._command[begin] not in _BEGINS_A_PIECE
            in_the_open += self._command[begin : self._at] if plain else "'"
        return _joined(parts), in_the_open

    def _count(self) -> None:
        self._pieces += 1
        if self._pieces > MOST_PIECES:
            raise BadCommandError(
                f"a command has up to {MOST_PIECES:,} words, quotes, variables and escapes: put it into a script"
            )

    def _piece(self) -> list[Part]:
        self._count()
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
            return [self._in_parentheses() or self._variable(quoted=False)]
        return [self._plain()]

    def _in_parentheses(self) -> Substitution | None:
        """Return the command in `$(…)`, if that is what is here."""
        if not self._command.startswith("$(", self._at):
            return None
        if self._command.startswith("$((", self._at):
            refuse("$((")
        begin = self._at + len("$(")
        end = closing_parenthesis(self._command, begin, self._steps)
        if end < 0:
            raise BadCommandError(f"the parenthesis at character {begin} is never closed")
        self._at = end + 1
        return Substitution(self._command[begin:end])

    def _plain(self) -> Text:
        match = _PLAIN.match(self._command, self._at)
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
        self._count()
        if character == "`":
            return Substitution(self._until("`", "a backtick"))
        if character == "$":
            return self._variable(quoted=True)
        text = _TEXT_IN_QUOTES.match(self._command, self._at)
        if text is None:
            raise BadCommandError(_NOTHING_ESCAPED)
        self._at = text.end()
        # What stands between escapes, and what they stand for, by turns: of one at the end of a line nothing.
        return Text("".join(filter(None, _ESCAPED_IN_QUOTES.split(text.group()))))

    def _escaped(self) -> Text:
        """Return the character after a backslash; the end of a line vanishes with it."""
        escaped = _ESCAPED.match(self._command, self._at)
        if escaped is None:
            raise BadCommandError(_NOTHING_ESCAPED)
        self._at = escaped.end()
        return Text(escaped[1] or "")

    def _variable(self, *, quoted: bool) -> Part:
        match = _VARIABLE.match(self._command, self._at)
        if match is not None:
            self._at = match.end()
            return Variable(match.group(1) or match.group(2))
        if not quoted and self._command.startswith("${", self._at):
            refuse("${")
        # In double quotes $(…) stays as it is, as in Kala: in bash -c "echo $(date)" it is meant for the inner shell.
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
