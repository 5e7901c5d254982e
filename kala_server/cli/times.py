"""Times and periods as people type them, and as option types. The clock is only read for what is told from today."""

import re
from datetime import date, datetime, time, timedelta, tzinfo

import click

# In this order, each once: what is left of it would be read in two ways.
_PARTS = re.compile(
    r"(?:(?P<years>\d+)y)?(?:(?P<months>\d+)mo)?(?:(?P<weeks>\d+)w)?(?:(?P<days>\d+)d)?"
    r"(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)?",
    re.ASCII,
)
_SHORT_FORMS = "short forms are 30s, 5m, 2h, 1d, 1w, 1mo, 1y, and 1h30m of several"
_OF_DAY = re.compile(r"(\d{1,2})(?::(\d\d)(?::(\d\d))?)? ?(?:([ap])m)?", re.ASCII | re.IGNORECASE)
_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}


def period(text: str) -> str:
    """Read an ISO 8601 duration, or numbers with their units (30s, 5m, 1h30m, 1d, 1w, 1mo, 1y); an option's type."""
    from kala_client import Period

    text = text.strip()
    try:
        if text and (match := _PARTS.fullmatch(text)):
            return str(Period(**{unit: int(number or 0) for unit, number in match.groupdict().items()}))
        return str(Period.parse(text))
    except ValueError as error:
        raise click.BadParameter(f"{error}; {_SHORT_FORMS}") from None


def zone_name(name: str) -> str:
    """Read the name of a time zone, such as Europe/Berlin; an option's type."""
    from kala_server.core.zones import zone_of

    if not name:
        raise click.BadParameter("the name of a time zone belongs here, such as Europe/Berlin")
    try:
        zone_of(name)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return name


def instant(text: str, zone: tzinfo, now: datetime, *, coming: bool) -> datetime:
    """Read a date and time, a day and a time of day, or that alone, on the clock of `zone` unless it has an offset.

    The result has `zone` itself where it was read off that clock. A bare time of day is today's; where it must be a
    `coming` one and has passed, tomorrow's. Raises ValueError.
    """
    text = text.strip()
    try:
        return _placed(datetime.fromisoformat(text), zone)
    except ValueError:
        today = now.astimezone(zone).date()
    day, rest = _day_in(text, today)
    clock = _time_of_day(rest)
    if clock is None:
        raise ValueError(f"{text!r} is no time; say 09:00, 9am, tomorrow 02:00, or 2035-06-04T09:00:00+02:00")
    found = _placed(datetime.combine(day or today, clock), zone)
    if coming and day is None and found <= now:
        return _placed(datetime.combine(today + timedelta(days=1), clock), zone)
    return found


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
    try:
        if (match := _OF_DAY.fullmatch(text)) and (match[2] or match[4]):
            return time(_hour(int(match[1]), match[4]), int(match[2] or 0), int(match[3] or 0))
        return time.fromisoformat(text)
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
