"""Times and periods as people type them, and as option types. The clock is only read for what is told from today."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import click

# In this order, each once: what is left of it would be read in two ways.
_PARTS = re.compile(
    r"(?:(?P<years>\d+)y)?(?:(?P<months>\d+)mo)?(?:(?P<weeks>\d+)w)?(?:(?P<days>\d+)d)?"
    r"(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)?",
    re.ASCII,
)
_SHORT_FORMS = "short forms are 30s, 5m, 2h, 1d, 1w, 1mo, 1y, and 1h30m of several"
_SHOWN = 60
"""Characters of what was typed in an error."""
# Python's own readers take any sign between day and time, and 1700 for a time of day.
_DAY_AND_TIME = re.compile(r"[\dW-]{8,10}(?:[T ].+)?", re.ASCII | re.IGNORECASE)
_OF_DAY = re.compile(
    r"(\d{1,2})(?::(\d\d)(?::(\d\d))?)?(?: ?([ap])m|(Z|[+-]\d\d:?\d\d))?", re.ASCII | re.IGNORECASE
)
_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_DAY = timedelta(days=1)
_FIRST, _LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)


def period(text: str) -> str:
    """Read an ISO 8601 duration, or numbers with their units (30s, 5m, 1h30m, 1d, 1w, 1mo, 1y); an option's type."""
    from kala_client import Period

    text = text.strip()
    short = _PARTS.fullmatch(text) if text else None
    try:
        if short:
            return str(Period(**{unit: int(number or 0) for unit, number in short.groupdict().items()}))
        return str(Period.parse(text))
    except ValueError as error:
        raise click.BadParameter(_why_no_period(text, error, short=short is not None)) from None


def _why_no_period(text: str, error: ValueError, *, short: bool) -> str:
    """Say what is wrong in the words that were typed: a short form is never told of as the duration that it means."""
    if short:
        return f"{_shown(text)} is longer than 9999 years, where the calendar ends"
    if text.startswith("P"):
        return str(error)
    if text.startswith("-"):
        return f"{_shown(text)} is negative, and no length of time is; {_SHORT_FORMS}"
    return f"{_shown(text)} is no length of time; {_SHORT_FORMS}, or an ISO 8601 duration such as PT5M"


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def zone_name(name: str) -> str:
    """Read the name of a time zone, such as Europe/Berlin; an option's type."""
    from kala_server.core.time.zones import zone_of

    if not name:
        raise click.BadParameter("the name of a time zone belongs here, such as Europe/Berlin")
    try:
        zone_of(name)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return name


def instant(
    text: str, zone: tzinfo, now: datetime, *, after: datetime | None = None, before: datetime | None = None
) -> datetime:
    """Read a date and time, a day and a time of day, or that alone, on the clock of `zone` unless it has an offset.

    The result has `zone` itself where it was read off that clock. A bare time of day is the next one `after` a
    time, the last one `before` it, or today's. Raises ValueError.
    """
    text = text.strip()
    found = _found(text, zone, now, after, before)
    if not _FIRST <= found <= _LAST:
        raise ValueError(
            f"{_shown(text)} is out of reach: times between the years 1 and 9999 can be computed"
        )
    return found


def _found(
    text: str, zone: tzinfo, now: datetime, after: datetime | None, before: datetime | None
) -> datetime:
    if _DAY_AND_TIME.fullmatch(text):
        with suppress(ValueError):
            return _placed(datetime.fromisoformat(text), zone)
    day, rest = _day_in(text, now.astimezone(zone).date())
    clock = _time_of_day(rest)
    if clock is None:
        raise ValueError(
            f"{_shown(text)} is no time; say 09:00, 9am, tomorrow 02:00, or 2035-06-04T09:00:00+02:00"
        )
    near = (after or before or now).astimezone(zone).date()
    found = _placed(datetime.combine(day or near, clock), zone)
    if day is None and after and found <= after:
        return _placed(datetime.combine(near + _DAY, clock), zone)
    if day is None and before and found > before:
        return _placed(datetime.combine(near - _DAY, clock), zone)
    return found


def doubt(moment: datetime) -> str | None:
    """Say what is meant by a time that its clock does not show, or shows twice; None for any other."""
    offset, other = moment.replace(fold=0).utcoffset(), moment.replace(fold=1).utcoffset()
    if offset is None or other is None or offset == other:
        return None
    if offset < other:
        meant = moment.replace(fold=0).astimezone(UTC).astimezone(moment.tzinfo)
        return (
            f"the clock of {moment.tzinfo} does not show {moment:%H:%M on %Y-%m-%d}: {meant:%H:%M} is meant"
        )
    return (
        f"the clock of {moment.tzinfo} shows {moment:%H:%M} twice on {moment:%Y-%m-%d}: the first one is meant "
        f"(the second: {moment.replace(fold=1).isoformat(timespec='minutes')})"
    )


def _day_in(text: str, today: date) -> tuple[date | None, str]:
    """Return the day that the first or the last word names, and the rest."""
    first, _, after = text.partition(" ")
    before, _, last = text.rpartition(" ")
    for word, rest in ((first, after), (last, before)):
        if word.lower() in _DAYS:
            return today + timedelta(days=_DAYS[word.lower()]), rest.strip()
    try:
        return date.fromisoformat(first), after.strip()
    except ValueError:
        return None, text


def _time_of_day(text: str) -> time | None:
    match = _OF_DAY.fullmatch(text)
    if match is None or not (match[2] or match[4]):
        return None
    try:
        clock = time(_hour(int(match[1]), match[4]), int(match[2] or 0), int(match[3] or 0))
        return clock if match[5] is None else time.fromisoformat(f"{clock}{match[5].upper()}")
    except ValueError:
        return None


def _hour(hour: int, half: str | None) -> int:
    """Return the hour of 24: 12am is midnight, 12pm noon."""
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError(f"{hour} is no hour of twelve")
    return hour % 12 + (12 if half.lower() == "p" else 0)


def _placed(moment: datetime, zone: tzinfo) -> datetime:
    return moment if moment.utcoffset() is not None else moment.replace(tzinfo=zone)
