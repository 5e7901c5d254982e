"""How Debian's cron reads a line, letter by letter, and which minutes it would run: an oracle for ours.

Written from crontab(5) and from what `crontab` of Debian 12 (3.0pl1-162) takes; it shares no code with ours.
"""

from dataclasses import dataclass
from datetime import datetime

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
BOUNDS = [(0, 59, []), (0, 23, []), (1, 31, []), (1, 12, MONTHS), (0, 7, WEEKDAYS)]


class BadFieldError(Exception):
    """Debian's cron refuses the line."""


@dataclass
class Field:
    """One field as it is read; `rest` is what Debian's cron skips without a look."""

    numbers: set[int]
    rest: str = ""
    backwards: bool = False


def read_field(text: str, low: int, high: int, names: list[str]) -> Field:
    field = Field(set())
    at = 0
    while True:
        at = _read_item(field, text, at, low, high, names)
        if at == len(text) or text[at] != ",":
            field.rest = text[at:]
            return field
        at += 1


def _read_item(field: Field, text: str, at: int, low: int, high: int, names: list[str]) -> int:
    if text[at : at + 1] == "*":
        first, last, at = low, high, at + 1
    else:
        first, at = _read_number(text, at, low, names)
        if text[at : at + 1] == "/":
            raise BadFieldError(text)
        if text[at : at + 1] != "-":
            _add(field, first, low, high)
            return at
        last, at = _read_number(text, at + 1, low, names)
    step = 1
    if text[at : at + 1] == "/":
        step, at = _read_number(text, at + 1, 0, [])
        if not step:
            raise BadFieldError(text)
    if not (low <= first <= high and low <= last <= high):
        raise BadFieldError(text)
    field.backwards |= last < first
    number = first
    while number <= last:
        _add(field, number, low, high)
        number += step
    return at


def _read_number(text: str, at: int, low: int, names: list[str]) -> tuple[int, int]:
    word = ""
    while at < len(text) and (text[at].isalnum() and text[at].isascii()):
        word, at = word + text[at], at + 1
    if word.lower() in names:
        return low + names.index(word.lower()), at
    if not word.isdecimal():
        raise BadFieldError(text)
    return int(word), at


def _add(field: Field, number: int, low: int, high: int) -> None:
    if not low <= number <= high:
        raise BadFieldError(str(number))
    field.numbers.add(number)


class Line:
    """A line that was read. Raises BadFieldError."""

    def __init__(self, text: str) -> None:
        self.texts = text.split()
        self.fields = [read_field(text, *bounds) for text, bounds in zip(self.texts, BOUNDS, strict=True)]

    def runs_at(self, wall: datetime) -> bool:
        """Whether it runs in the minute that a clock shows that is never changed."""
        minute, hour, day, month, weekday = (field.numbers for field in self.fields)
        sunday = {0, 7} if weekday & {0, 7} else set()
        by_day, by_weekday = wall.day in day, wall.isoweekday() % 7 in weekday | sunday
        both = self.texts[2].startswith("*") or self.texts[4].startswith("*")
        fits_day = by_day and by_weekday if both else by_day or by_weekday
        return wall.minute in minute and wall.hour in hour and wall.month in month and fits_day
