"""The value type Period, an ISO 8601 duration. No I/O, no clock.

It must not become a `timedelta` on the way: a month has no fixed length, and a day on the wall clock is not
always 24 hours.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import final

_MICROSECOND = Decimal("0.000001")
_LONGEST = timedelta(days=3_652_059)  # the calendar from year 1 to year 9999
_MOST_CHARACTERS = 200
"""Of a text that is looked at: every part at its longest has some 130."""
_SHOWN = 80
"""Characters of a text in an error."""
_LONGEST_MONTHS = 12 * 9999


# A pattern of our own, not isodate.parse_duration: isodate reads seconds through a float, folds PT90M into
# PT1H30M, and lets fractions and signs of its own through. Weeks beside other parts are ISO 8601-2:2019,
# 4.4.1.
def _pattern(digits: str) -> re.Pattern[str]:
    return re.compile(
        rf"P(?:(?P<years>{digits})Y)?(?:(?P<months>{digits})M)?(?:(?P<weeks>{digits})W)?(?:(?P<days>{digits})D)?"
        rf"(?:T(?=\d)(?:(?P<hours>{digits})H)?(?:(?P<minutes>{digits})M)?"
        rf"(?:(?P<seconds>{digits}(?:[.,]\d{{1,30}})?)S)?)?",
        re.ASCII,
    )


_PATTERN = _pattern(r"\d{1,12}")
_WHATEVER_LENGTH = _pattern(r"\d+")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A length of time in calendar and clock parts, as ISO 8601 writes it: `P1M`, `P1DT12H`, `PT0.5S`.

    Years, months, weeks and days count on the wall clock; hours, minutes and seconds are elapsed time.
    Seconds are kept to the microsecond. Weeks beside other parts become days, as ISO 8601 section 5.5.2 and
    Kala want it. Raises ValueError for a negative part and for more than 9999 years.
    """

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int | float | Decimal = 0

    def __post_init__(self) -> None:
        """Normalise the seconds and the weeks, and refuse what cannot be a period."""
        for name in ("years", "months", "weeks", "days", "hours", "minutes"):
            _check_whole(name, getattr(self, name))
        object.__setattr__(self, "seconds", _exact_seconds(self.seconds))
        if self.weeks and (self.total_months or self.days or self.hours or self.minutes or self.seconds):
            object.__setattr__(self, "days", self.total_days)
            object.__setattr__(self, "weeks", 0)
        if self.total_months > _LONGEST_MONTHS or _length(self) is None:
            raise ValueError(_too_long(str(self)))

    @staticmethod
    def parse(text: str) -> "Period":
        """Read an ISO 8601 duration such as `P1Y2M10DT2H30M15S`, `P2W` or `PT0.5S`.

        Only seconds may have a fraction; it is rounded to the microsecond. Raises ValueError for anything
        else.
        """
        return _parse(text)

    @staticmethod
    def from_timedelta(length: timedelta) -> "Period":
        """Turn elapsed time into hours, minutes and seconds: one day is `PT24H`, not `P1D`."""
        if length < timedelta(0):
            raise ValueError(f"a period cannot be negative, but {length!r} is")
        minutes, rest = divmod(length, timedelta(minutes=1))
        hours, minutes = divmod(minutes, 60)
        seconds = Decimal(rest // timedelta(microseconds=1)) * _MICROSECOND
        return Period(hours=hours, minutes=minutes, seconds=seconds)

    @property
    def total_months(self) -> int:
        """Years and months, in months."""
        return self.years * 12 + self.months

    @property
    def total_days(self) -> int:
        """Weeks and days, in days."""
        return self.weeks * 7 + self.days

    @property
    def exact(self) -> timedelta:
        """The elapsed part: hours, minutes and seconds."""
        if isinstance(self.seconds, int):  # mostly, and each slot that is due asks for it
            return timedelta(hours=self.hours, minutes=self.minutes, seconds=self.seconds)
        microseconds = int(Decimal(self.seconds).scaleb(6))
        return timedelta(hours=self.hours, minutes=self.minutes, microseconds=microseconds)

    @property
    def is_zero(self) -> bool:
        """Whether the period has no length at all."""
        return not (self.total_months or self.total_days or self.exact)

    def as_timedelta(self) -> timedelta:
        """Return the length, a day counted as 24 hours; raises ValueError where years or months are in it."""
        if self.total_months:
            raise ValueError(
                f"{self} has no fixed length, as months differ; say it in days or hours, like P30D"
            )
        return timedelta(days=self.total_days) + self.exact

    def __str__(self) -> str:
        date = _written((self.years, "Y"), (self.months, "M"), (self.weeks, "W"), (self.days, "D"))
        time = _written((self.hours, "H"), (self.minutes, "M"), (self.seconds, "S"))
        if not date and not time:
            return "PT0S"
        return f"P{date}T{time}" if time else f"P{date}"


def _written(*parts: tuple[int | float | Decimal, str]) -> str:
    return "".join(f"{Decimal(value):f}{unit}" for value, unit in parts if value)


def _check_whole(name: str, value: int) -> None:
    if value != int(value):
        raise ValueError(f"{name} must be a whole number, not {value!r}; only seconds may have a fraction")
    if value < 0:
        raise ValueError(f"a period cannot be negative, but {name} is {value}")


def _exact_seconds(value: float | Decimal) -> int | Decimal:
    """Keep a whole number as int, a fraction as Decimal; a float means the digits that it prints."""
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite():
        raise ValueError(f"seconds must be a finite number, not {value!r}")
    if exact < 0:
        raise ValueError(f"a period cannot be negative, but seconds is {value}")
    if exact > _LONGEST.total_seconds():
        return int(exact)
    exact = exact.quantize(_MICROSECOND).normalize()
    return int(exact) if exact == int(exact) else exact


def _length(period: Period) -> timedelta | None:
    """Return the days and the elapsed part together, or None where they leave the calendar."""
    try:
        length = timedelta(days=period.total_days) + period.exact
    except OverflowError:
        return None
    return length if length <= _LONGEST else None


def _too_long(period: str) -> str:
    shown = period if len(period) <= _SHOWN else f"{period[:_SHOWN]}…"
    return f"{shown} is longer than 9999 years, where the calendar ends"


@lru_cache(maxsize=2048)
def _parse(text: str) -> Period:
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"a duration has at most {_MOST_CHARACTERS} characters, not {len(text):,}")
    match = _PATTERN.fullmatch(text)
    if text in {"P", "PT"}:
        raise ValueError(f"{text!r} is no duration at all; one has a number and a unit, such as PT10S or P1D")
    if match is None and _WHATEVER_LENGTH.fullmatch(text):
        raise ValueError(_too_long(text))
    if match is None:
        hint = "; it cannot be negative" if "-" in text else ""
        raise ValueError(
            f"{text[:_SHOWN]!r} is not an ISO 8601 duration such as PT10S, P1DT12H, P2W or P1M{hint}"
        )
    parts = match.groupdict(default="0")
    seconds = Decimal(parts.pop("seconds").replace(",", "."))
    return Period(seconds=seconds, **{name: int(value) for name, value in parts.items()})
