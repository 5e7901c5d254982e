"""What can never run, and what would run otherwise than it is meant: how a command is refused, in words for people.

Nothing is looked up here: that a program is not there is found by the run.
"""

import re
from collections.abc import Sequence
from typing import NoReturn

from kala_server.core.commands import kernel

A_JOB_MAY = 'set "shell": true, or '
"""Advice that is of use to a job only, in the words of JSON; `cli/text/wording.py` says it in options."""
A_CALL_IS = "an HTTP call is a job of type 1 with the url in remote_properties"
ITS_ENV = "name the variable in the job's env"

_OPERATOR = re.compile(r"[|&;]+(?:>>?)?|[0-9]*[<>]+[&|]?")
"""What a shell takes for an operator where a word begins with it. Within a word it stays: addresses hold `&`."""
_ENDS_A_COMMAND = re.compile(r"(?<!\\)(?:\\\\)*;$")
_NO_PROGRAM = re.compile(
    r"(?P<variable>[A-Za-z_]\w*\+?=)|(?P<start>[~#(])|[^|&;<>]*(?P<sign>[|&;<>])", re.ASCII
)
"""What cannot stand in the open in the first word: a shell would do something else than to look for such a program."""
_ADDRESS = re.compile(r"""\s*['"]?[A-Za-z][A-Za-z0-9+.-]*://""")
_NO_FILE = re.compile(r"(.*/)?\.{0,2}", re.DOTALL)
"""A path that can only be that of a folder, or of nothing."""


class BadCommandError(ValueError):
    """The command cannot be split into words, or can never run; says why, and what to do."""


def check_program(program: str) -> None:
    """Raise BadCommandError where nothing that can be executed has this name."""
    if _ADDRESS.match(program):
        raise BadCommandError(
            f"an address is no command: {A_CALL_IS}; a command begins with a program, such as curl"
        )
    if _NO_FILE.fullmatch(program):
        raise BadCommandError("the first word must name a program, and it names none")
    if not kernel.is_a_path(program):
        raise BadCommandError(
            f"the path of a program has up to {kernel.LONGEST_PATH:,} bytes, each name in it {kernel.LONGEST_NAME}"
        )


def check_first_word(in_the_open: str) -> None:
    """Raise BadCommandError where the first word, as far as nothing quotes it, means something to a shell only."""
    found = _NO_PROGRAM.match(in_the_open)
    if found is None:
        return
    if found["variable"]:
        raise BadCommandError(
            f"{found['variable']}… before a command means something to a shell only, and the command runs without "
            f"one: write env in front of it, or {ITS_ENV}"
        )
    refuse(found["start"] or found["sign"])


def check_word(written: str) -> None:
    """Raise BadCommandError where a word, as it is written, is what only a shell would understand."""
    if operator := _OPERATOR.match(written):
        refuse(operator.group())
    if _ENDS_A_COMMAND.search(written):
        refuse(";")


def check_shell_text(text: str) -> None:
    """Raise BadCommandError where a text for a shell can never run."""
    if "\0" in text:
        raise BadCommandError("a command cannot hold a NUL character")
    check_sizes([kernel.size(text)])
    if _ADDRESS.match(text):
        check_program(text)


def check_argv(argv: Sequence[str]) -> None:
    """Raise BadCommandError where these words can never run."""
    if any("\0" in word for word in argv):
        raise BadCommandError("no word may hold a NUL character")
    check_sizes([*map(kernel.size, argv)])
    check_program(argv[0])


def check_sizes(sizes: Sequence[int]) -> None:
    """Raise BadCommandError where words of so many bytes are too much for the kernel."""
    if max(sizes) > kernel.LONGEST_WORD:
        raise BadCommandError(
            f"no word, nor a text for a shell, has more than {kernel.LONGEST_WORD:,} bytes: put it into a file"
        )
    if kernel.taken(sizes) > kernel.MOST_IN_ALL:
        raise BadCommandError(
            f"all words together, with 9 bytes more for each, have up to {kernel.MOST_IN_ALL:,} bytes: "
            "put them into a file"
        )


def refuse(operator: str) -> NoReturn:
    """Say that it is for a shell."""
    raise BadCommandError(
        f"{operator!r} means something to a shell only, and the command runs without one: "
        f"{A_JOB_MAY}write bash -c '…'; quote it where the program itself shall get it"
    )


def refuse_line_break(at: int) -> NoReturn:
    """Say that the next line would not be a command."""
    raise BadCommandError(
        f"the line break at character {at + 1} begins a new command for a shell only, and the command runs without "
        f"one: {A_JOB_MAY}write bash -c '…'; put a backslash before it where the line goes on, or quote it"
    )
