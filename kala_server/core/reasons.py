"""Why a slot or a run did not go as its schedule says: the sentences of the ledger, in one place.

Reasons are in answers, events and logs, so they hold no secret and are of a length that people read.
"""

import re

LONGEST = 1_000
"""Characters in a reason, wherever it comes from."""
_LONGEST_WORD = 100
_MAY_BE_SECRET = re.compile(r"[?#=&;](?=.)|(?=\s)", re.DOTALL)
"""After this in a word: a query, a value; and what is no word any more."""

DOWN = "the server was down"
DISABLED = "the job was disabled"
PAUSED = "the server was paused"
LATE = "the server noticed it too late"
BEYOND_GRACE = "later than its misfire_grace"
OVERLAP = "an earlier run was still there"
ONE_WAITS = "an earlier run was still there, and another one was waiting already"
TOO_MANY_WAIT = "an earlier run was still there, and as many as may were waiting already"
NO_ROOM = "too many earlier runs were waiting for a free place"
REPLACED = "replaced by a later run"
PARENT_FAILED = "its parent did not succeed"
TOO_MANY_GENERATIONS = "too many runs of this parent were waiting for the other parents"
CANCELLED = "cancelled by request"
TIMED_OUT = "took longer than its timeout"
INTERRUPTED = "the server stopped before the command ended; whether it did its work is not known"
SERVER_STOPPED = "the server was stopped"
NO_WORD = (
    "the server that ran it has handed over and left no word of its end; whether it did its work is not known"
)
HEARD_LATE = "how it went was heard after it had been taken for interrupted"
AGAIN = "again, because the first was interrupted"
RULES = "the rules of its time zone have changed, and it is earlier than it was"
NO_TIMETABLE = (
    "the times of its schedule could not be computed, from this one on until the schedule was changed"
)
NOT_DECIDED = "what follows from its end could not be decided"


def paused(words: str) -> str:
    """Say that the server was paused, and why where that is known."""
    return f"{PAUSED}: {words}" if words else PAUSED


def stuck(error: Exception) -> str:
    """Say why nothing can be decided about a job: what is wrong with it in words, or that the fault is ours."""
    if isinstance(error, ValueError):
        return cut(f"its times cannot be computed: {error}")
    return f"a fault of the server keeps it from being decided on ({type(error).__name__}); the log says more"


def not_started(error: Exception) -> str:
    """Say that a fault of ours kept an attempt from being started."""
    return f"a fault of the server kept it from being started ({type(error).__name__}); the log says more"


def cut(reason: str) -> str:
    """Return the reason, with the end cut off where it is too long."""
    return reason if len(reason) <= LONGEST else reason[: LONGEST - 1] + "…"


def shown(word: str) -> str:
    """Return a word of a job as far as a reason may show it: up to where it could begin to hold a secret."""
    ends = [len(word), _LONGEST_WORD]
    if found := _MAY_BE_SECRET.search(word):
        ends.append(found.end())
    if 0 <= (colon := word.find(":")) < word.rfind("@"):  # a user with a password
        ends.append(colon + 1)
    end = min(ends)
    return word if end == len(word) else word[:end] + "…"
