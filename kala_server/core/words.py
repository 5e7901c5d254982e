r"""How a command becomes words: as a shell would split it, with variables and backticks, yet run without a shell.

The rules are those of the library that Kala uses: quotes, backslashes, `$VAR`, `${VAR}` and `` `command` ``; no
globs, no pipes, no redirections. A pipe or redirection as a word of its own is refused, because Kala's silence about
it is a trap: `date > file` "succeeds" and writes nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from shlex import quote

_OPERATORS = {"|", "||", "&", "&&", ";", ">", ">>", "<", "<<", "2>", "2>>", "2>&1", "&>", "|&"}
_PLAIN = re.compile(r"""[^\s'"\\$`]+""")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_ESCAPED_IN_QUOTES = frozenset('"\\$`')


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


@lru_cache(maxsize=1024)
def split(command: str) -> tuple[Word, ...]:
    """Split a command into words. Raises BadCommandError."""
    if "\0" in command:
        raise BadCommandError("a command cannot hold a NUL character")
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
        return f'"$({part.command}\n)"'
    return quote(_fill(part, environment))


class _Reader:
    """Reads a command once, from left to right."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._at = 0

    def words(self) -> list[Word]:
        found = []
        while self._finds_one():
            begin = self._at
            found.append(self._word())
            if self._command[begin : self._at] in _OPERATORS:
                self._refuse_operator(self._command[begin : self._at])
        return found

    def _finds_one(self) -> bool:
        """Whether another word begins, after the space before it."""
        while self._at < len(self._command) and self._command[self._at].isspace():
            self._at += 1
        return self._at < len(self._command)

    def _word(self) -> Word:
        parts: list[Part] = []
        while self._at < len(self._command) and not self._command[self._at].isspace():
            parts += self._piece()
        return tuple(parts) or (Text(""),)

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
            return [self._variable()]
        match = _PLAIN.match(self._command, self._at)
        assert match is not None
        self._at = match.end()
        return [Text(match.group())]

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
        parts: list[Part] = [Text("")]
        while self._at < len(self._command):
            character = self._command[self._at]
            if character == '"':
                self._at += 1
                return parts
            if character == "`":
                parts.append(Substitution(self._until("`", "a backtick")))
            elif character == "$":
                parts.append(self._variable())
            elif character == "\\" and self._command[self._at + 1 : self._at + 2] in _ESCAPED_IN_QUOTES:
                parts.append(self._escaped())
            else:
                parts.append(Text(character))
                self._at += 1
        raise BadCommandError(f"a double quote at character {opened + 1} is never closed")

    def _escaped(self) -> Text:
        if self._at + 1 >= len(self._command):
            raise BadCommandError("the command ends with a backslash that escapes nothing")
        self._at += 2
        return Text(self._command[self._at - 1])

    def _variable(self) -> Part:
        match = _VARIABLE.match(self._command, self._at)
        if match is None:
            self._at += 1
            return Text("$")
        self._at = match.end()
        return Variable(match.group(1) or match.group(2))

    def _refuse_operator(self, operator: str) -> None:
        raise BadCommandError(
            f"{operator!r} as a word of its own means nothing, because the command runs without a shell: "
            "set \"shell\": true, or write bash -c '…'"
        )
