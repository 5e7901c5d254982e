"""What a cron line says: its five fields, each read once, with the rules of Debian's cron.

docs/jobs.md says what is taken, and where it differs from crontab(5). Nothing here may know a date, a clock or a zone:
when a line is due is told by the server's `core/time/cron.py`.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import final

EXAMPLE = "0 9 * * MON-FRI"
LONGEST = 1000
"""Characters of a line, and of any schedule: a line that lists every number of each field has 400."""
LAST, LAST_WORKDAY = -1, -2
"""The last day of the month (`L`; of a weekday: its last in the month), and the last from Monday to Friday (`LW`)."""
EVERY = 0

_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


@dataclass(frozen=True, slots=True)
class _Kind:
    """A field: what it is called, and what it may name."""

    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()


_MINUTE, _HOUR, _DAY = _Kind("minute", 0, 59), _Kind("hour", 0, 23), _Kind("day of the month", 1, 31)
_MONTH = _Kind(
    "month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
)
_WEEKDAY = _Kind("day of the week", 0, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))

_ITEM = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d+))?", re.ASCII)
_ONE_WEEKDAY = re.compile(r"(?P<weekday>\w+?)(?:#(?P<nth>[1-5])|L)", re.ASCII)
_ASCII = re.compile(r"[!-~ \t]*")
_SETTING = re.compile(r"[A-Z_]\w*=", re.ASCII)
_LENGTHS = {2: (28, 29), 4: (30,), 6: (30,), 9: (30,), 11: (30,)}
_LONG_MONTH = (31,)


@dataclass(frozen=True, slots=True)
class Days:
    """The days that a line names in any month, by their number and by their weekday (0 is Sunday).

    A weekday goes with which one of the month is meant: `EVERY`, the first (1) to the fifth, the `LAST`.
    """

    of_month: frozenset[int]
    of_week: frozenset[tuple[int, int]]
    either: bool
    """Whether one of both is enough: where neither field begins with a star."""


@dataclass(frozen=True, slots=True)
class CronLine:
    """The five fields, read."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    months: tuple[int, ...]
    follows_elapsed_time: bool
    """Whether minute or hour begins with a star: then it is due whenever the clock shows such a time."""

    def minute_after(self, minute: int) -> int | None:
        """Return the first minute of a day that is named and is later than the minute, both from its midnight."""
        hour, past = divmod(minute, 60)
        if hour in self.hours and past < self.minutes[-1]:
            return hour * 60 + self.minutes[bisect_right(self.minutes, past)]
        later = bisect_right(self.hours, hour)
        return self.hours[later] * 60 + self.minutes[0] if later < len(self.hours) else None

    def minute_until(self, minute: int) -> int | None:
        """Return the last minute of a day that is named and is not later than the minute."""
        hour, past = divmod(minute, 60)
        if hour in self.hours and past >= self.minutes[0]:
            return hour * 60 + self.minutes[bisect_right(self.minutes, past) - 1]
        earlier = bisect_left(self.hours, hour)
        return self.hours[earlier - 1] * 60 + self.minutes[-1] if earlier else None

    def minutes_between(self, low: int, high: int) -> list[int]:
        """Return the minutes of a day that are named, from the first to before the last."""
        named = (hour * 60 + minute for hour in self.hours for minute in self.minutes)
        return [minute for minute in named if low <= minute < high]

    def count_between(self, low: int, high: int) -> int:
        """Return how many minutes of a day are named, from the first to before the last."""
        return self._count_before(high) - self._count_before(low)

    def _count_before(self, minute: int) -> int:
        hour, past = divmod(minute, 60)
        whole = bisect_left(self.hours, hour) * len(self.minutes)
        return whole + (bisect_left(self.minutes, past) if hour in self.hours else 0)

    @property
    def fits_some_day(self) -> bool:
        """Whether there is a day in the calendar that it names: 30 February is none."""
        return any(
            days_in(self.days, first, length)
            for month in self.months
            for length in _LENGTHS.get(month, _LONG_MONTH)
            for first in range(7)
        )


@final
@dataclass(frozen=True, slots=True)
class CronSchedule:
    """A cron line, such as `0 9 * * MON-FRI`: only kala_server understands it. Raises ValueError for a wrong one.

    It is wall time in the job's `timezone`, UTC where the job names none.
    """

    line: str

    def __post_init__(self) -> None:
        """Refuse what cannot be read, and what is never due."""
        check_length(self.line)
        check_line(self.line)
        object.__setattr__(self, "line", " ".join(self.line.split()))

    def __str__(self) -> str:
        return self.line


def check_length(schedule: str) -> None:
    """Raise ValueError for a text that is too long to be looked at."""
    if len(schedule) > LONGEST:
        raise ValueError(f"a schedule has at most {LONGEST} characters, not {len(schedule)}")


def check_line(text: str) -> None:
    """Raise ValueError for a line that cannot be read, and for one that names no day of any year."""
    if not _ASCII.fullmatch(text.strip()):
        raise ValueError(
            f"a cron line is plain ASCII, with spaces or tabs between its fields; a valid one is {EXAMPLE}"
        )
    if not read_line(" ".join(text.split())).fits_some_day:
        raise ValueError(
            f"the day of the month, the month and the day of the week never come together in {text[:80]!r}; "
            f"a valid cron line is {EXAMPLE}"
        )


def is_macro(text: str) -> bool:
    """Whether the text is meant as a name for a cron line, such as `@daily`."""
    return text.startswith("@")


@lru_cache(maxsize=16_384)
def read_line(text: str) -> CronLine:
    """Read a cron line. Raises ValueError which says which field is wrong, and why."""
    texts = _fields_of(text)
    minute, hour, day, month, weekday = texts
    return CronLine(
        minutes=_numbers(_MINUTE, minute),
        hours=_numbers(_HOUR, hour),
        days=_days(day, weekday),
        months=_numbers(_MONTH, month),
        follows_elapsed_time=minute.startswith("*") or hour.startswith("*"),
    )


@lru_cache(maxsize=4096)
def days_in(days: Days, first_weekday: int, length: int) -> tuple[int, ...]:
    """Return the days that are named of a month whose first day is that weekday, 0 for Sunday."""
    by_month = {day for day in days.of_month if 0 < day <= length}
    if LAST in days.of_month:
        by_month.add(length)
    if LAST_WORKDAY in days.of_month:
        last_weekday = (first_weekday + length - 1) % 7
        by_month.add(length - {6: 1, 0: 2}.get(last_weekday, 0))
    by_week: set[int] = set()
    for weekday, which in days.of_week:
        begin = 1 + (weekday - first_weekday) % 7
        by_week.update(range(begin, length + 1, 7)[_slice(which)])
    return tuple(sorted(by_month | by_week if days.either else by_month & by_week))


def _slice(which: int) -> slice:
    """Return where it stands among the same weekdays of a month."""
    if which == EVERY:
        return slice(None)
    return slice(-1, None) if which == LAST else slice(which - 1, which)


def _fields_of(text: str) -> list[str]:
    text = text.upper()
    if is_macro(text):
        text = _named_line(text)
    fields = text.split()
    if fields and (setting := _SETTING.match(fields[0])):
        raise ValueError(_no_setting(setting[0]))
    if len(fields) != 5:
        more = "; there is none for seconds, a year, a user or a command" if len(fields) > 5 else ""
        raise ValueError(f"a cron line has 5 fields, not {len(fields)}{more}; a valid one is {EXAMPLE}")
    return fields


def _no_setting(name: str) -> str:
    """Say where a setting of a crontab belongs."""
    where = "the zone of a schedule belongs in timezone, such as Europe/Berlin"
    if name not in {"TZ=", "CRON_TZ="}:
        where = "what the command finds in its environment belongs in env"
    return f"{name[:40]}… is no field of a cron line: {where}"


def _named_line(text: str) -> str:
    name = text.lower()
    if name.startswith("@every"):
        raise ValueError(
            "@every is not taken: a period is the last part of R/START/PERIOD, such as R/2035-06-04T19:25:16Z/PT5M"
        )
    if name == "@reboot":
        raise ValueError(
            "@reboot is no time, and is not taken: a job without a schedule runs once, when it is created"
        )
    if name not in _MACROS:
        raise ValueError(f"there is no {name[:40]!r}; there are {', '.join(_MACROS)}")
    return _MACROS[name]


@lru_cache(maxsize=4096)
def _days(day: str, weekday: str) -> Days:
    """Return the days of both fields; lines share them, as most differ in minute and hour alone."""
    return Days(
        of_month=frozenset(_days_of_month(day)),
        of_week=frozenset(_days_of_week(weekday)),
        either=not day.startswith("*") and not weekday.startswith("*"),
    )


def _days_of_month(text: str) -> Iterator[int]:
    for item in text.split(","):
        if item in {"L", "LW"}:
            yield LAST if item == "L" else LAST_WORKDAY
        else:
            yield from _numbers(_DAY, item)


def _days_of_week(text: str) -> Iterator[tuple[int, int]]:
    for item in text.split(","):
        if match := _ONE_WEEKDAY.fullmatch(item):
            nth = match["nth"]
            yield _number(_WEEKDAY, match["weekday"]) % 7, LAST if nth is None else int(nth)
        else:
            yield from ((number % 7, EVERY) for number in _numbers(_WEEKDAY, item))


@lru_cache(maxsize=4096)
def _numbers(kind: _Kind, text: str) -> tuple[int, ...]:
    """Return what a list of numbers and ranges stands for, in order. Lines share it: their fields are often alike."""
    return tuple(sorted({number for item in text.split(",") for number in _range(kind, item)}))


def _range(kind: _Kind, item: str) -> Iterable[int]:
    match = _ITEM.fullmatch(item)
    if match is None:
        hint = "; * stands for every one" if "?" in item else ""
        raise _wrong(
            kind, f"{item[:40]!r} is neither a number nor a range such as {kind.first}-{kind.last}/2{hint}"
        )
    first, last, step = match["first"], match["last"], int(match["step"] or 1)
    if not step:
        raise _wrong(kind, f"the step of {item[:40]!r} is 0; the least is 1")
    low = _number(kind, first) if first else kind.first
    # Debian's cron refuses 5/15; here, as in many others, it is 5-59/15.
    open_ended = not first or (match["step"] and not last)
    high = kind.last if open_ended else _number(kind, last or first)
    if high < low:
        ends = f"{first}-{kind.last},{kind.first}-{last}"
        raise _wrong(kind, f"the range {item[:40]!r} runs backwards; say its two ends, such as {ends[:40]}")
    return range(low, high + 1, step)


def _number(kind: _Kind, text: str) -> int:
    if text in kind.names:
        return kind.first + kind.names.index(text)
    if not text.isdecimal() or not kind.first <= int(text) <= kind.last:
        names = f" or {kind.names[0]} to {kind.names[-1]}" if kind.names else ""
        raise _wrong(kind, f"{text[:40]!r} is not one of {kind.first} to {kind.last}{names}")
    return int(text)


def _wrong(kind: _Kind, why: str) -> ValueError:
    return ValueError(f"{kind.name}: {why}; a valid cron line is {EXAMPLE}")
