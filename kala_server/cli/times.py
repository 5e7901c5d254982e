"""Times and periods as people type them, and as option types. The clock is only read for a bare time of day."""

import re
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from kala_client import Job

_SHORT_PERIOD = re.compile(r"(\d+)([smhdw])", re.ASCII)
_DATE_UNITS = {"d", "w"}


def period(text: str) -> str:
    """Read an ISO 8601 duration, or a number and a unit (30s, 5m, 2h, 1d, 1w); an option's type."""
    from kala_client import Period

    text = text.strip()
    if match := _SHORT_PERIOD.fullmatch(text):
        number, unit = match.groups()
        text = f"P{'' if unit in _DATE_UNITS else 'T'}{number}{unit.upper()}"
    try:
        return str(Period.parse(text))
    except ValueError as error:
        raise click.BadParameter(f"{error}; short forms are 30s, 5m, 2h, 1d, 1w") from None


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


def clock_of(job: "Job", zone: str | None = None) -> tzinfo:
    """Return the zone that is named, else that of the job's own clock, as the server tells times; UTC for a stuck job.

    Its own is `timezone`, else START's offset, else UTC. Raises ValueError where this machine cannot read it.
    """
    from kala_server.core.occurrences import wall_zone
    from kala_server.core.zones import zone_of

    return zone_of(zone or "") or (UTC if job.stuck else wall_zone(job.schedule, job.timezone or ""))


def instant(text: str, zone: tzinfo | None, now: datetime, *, coming: bool) -> datetime:
    """Read a date and time, or a time of day, on the clock of `zone` (None: of this machine) unless it has an offset.

    A bare time of day is today's; where it must be a `coming` one and has passed, tomorrow's. Raises ValueError.
    """
    try:
        return _placed(datetime.fromisoformat(text), zone)
    except ValueError:
        today = now.astimezone(zone).date()
    try:
        clock = time.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time; say 09:00, or 2035-06-04T09:00:00+02:00") from None
    found = _placed(datetime.combine(today, clock), zone)
    if coming and found <= now:
        return _placed(datetime.combine(today + timedelta(days=1), clock), zone)
    return found


def _placed(moment: datetime, zone: tzinfo | None) -> datetime:
    if moment.utcoffset() is not None:
        return moment
    return moment.replace(tzinfo=zone) if zone else moment.astimezone()
