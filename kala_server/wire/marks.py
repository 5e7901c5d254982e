"""Marks and instants as those who draw take them: short, as there are many of them in one answer."""

from datetime import UTC, datetime, timedelta

from kala_server.core.questions.marks import Mark

LONGEST_REASON = 200
"""Characters: it is shown beside a mark, and the run itself says all of it."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

Told = tuple[int, int | None, str, int, str, str]


def milliseconds(instant: datetime) -> int:
    """Return the whole milliseconds since 1970."""
    return (instant - _EPOCH) // _MILLISECOND


def told(mark: Mark) -> Told:
    """Return `[begin, end, state, count, run_id, reason]`."""
    reason = mark.reason
    if len(reason) > LONGEST_REASON:
        reason = reason[: LONGEST_REASON - 1] + "…"
    end = None if mark.end is None else milliseconds(mark.end)
    return milliseconds(mark.begin), end, mark.state, mark.count, mark.run_id, reason
