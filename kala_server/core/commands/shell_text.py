r"""Where a piece of shell text ends: the parenthesis that closes a `$(`. It understands no more of it than that.

Quotes, backslashes, backticks, comments, `${…}` and parentheses within are passed over, as a shell passes over them.
Only the lone parenthesis of a `case` pattern is taken for the end; `(pattern)` is as good to a shell.
"""

import re
from collections.abc import Iterator

from kala_server.core.commands.runnable import BadCommandError

_PASSED_OVER = r"\\.|`(?:[^`\\]|\\.)*`|(?P<opening>\$[({]|"
_PLAIN = r"[\w ./:=%@,+-]+"
_STEPS = {
    ")": re.compile(
        rf"""{_PASSED_OVER}[("])|'[^']*'|(?<![^\s;&|()])\#[^\n]*|(?P<closing>\))|(?P<lone>['`\\])|{_PLAIN}|.""",
        re.DOTALL,
    ),
    "}": re.compile(rf"""{_PASSED_OVER}")|'[^']*'|(?P<closing>\}})|(?P<lone>['`\\])|{_PLAIN}|.""", re.DOTALL),
    '"': re.compile(rf"""{_PASSED_OVER}[^\s\S])|(?P<closing>")|(?P<lone>[`\\])|{_PLAIN}|.""", re.DOTALL),
}
"""By what closes the part that is read: its next step."""
MOST_STEPS = 10_000
"""Of one command, beyond which others would wait: what is so long belongs into a script."""
_CLOSED_BY = {"$(": ")", "(": ")", "${": "}", '"': '"'}


def closing_parenthesis(text: str, at: int, counting: Iterator[int]) -> int:
    """Return where the parenthesis is closed whose inside begins at `at`; -1 where it never is.

    `counting` tells how many steps were taken for the whole command. Raises BadCommandError where they are too many.
    """
    closed_by = [")"]
    while (step := _STEPS[closed_by[-1]].match(text, at)) is not None:
        if next(counting) >= MOST_STEPS:
            raise BadCommandError(
                f"up to {MOST_STEPS:,} quotes, parentheses and signs can stand in the $(…) of a command: "
                "put it into a script"
            )
        at = step.end()
        if step["lone"]:
            return -1
        if step["opening"]:
            closed_by.append(_CLOSED_BY[step["opening"]])
        elif step["closing"]:
            closed_by.pop()
            if not closed_by:
                return step.start()
    return -1
