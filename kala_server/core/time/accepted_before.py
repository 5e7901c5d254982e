"""What texts stand for that were accepted before and would be refused today: a job in a store goes on as it did.

What is refused of new ones is told by `occurrences.read` and by `validation.py`, not here.
"""

import re

from kala_client.schedules.schedule import Period, Schedule

_LENIENT_OFFSET = re.compile(r"([+-])(\d\d):?([6-9]\d)(?=/)", re.ASCII)
_NO_DURATION = "P"
"""It was read as a duration of zero."""


def schedule(text: str) -> Schedule:
    """Read `R[n]/START/PERIOD`. Raises ValueError."""
    try:
        return Schedule.parse(text)
    except ValueError as error:
        mended = _LENIENT_OFFSET.sub(_carried, text)
        if mended.endswith(f"/{_NO_DURATION}"):
            mended += "T0S"
        if mended == text:
            raise
        try:
            return Schedule.parse(mended)
        except ValueError:
            raise error from None


def period(text: str) -> Period:
    """Read a duration. Raises ValueError."""
    return Period() if text == _NO_DURATION else Period.parse(text)


def _carried(offset: re.Match[str]) -> str:
    """Say +02:60 as it was read: +03:00."""
    return f"{offset[1]}{int(offset[2]) + 1:02}:{int(offset[3]) - 60:02}"
