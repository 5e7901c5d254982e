"""When a job is due, from what was typed: a schedule, and whose clock it means. It asks no server.

A wall time is one on the reader's clock: its zone goes with the job, so that nine stays nine in summer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from kala_client.schedules.cron_line import check_line
from kala_server.cli.text.plain import printable
from kala_server.cli.text.reader import Clock, named_clock
from kala_server.cli.text.times import doubt, instant, period

PARTS = ("schedule", "cron", "every", "at", "times")
"""The options that say together when a job is due."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """A schedule; `on_a_wall` is whether it means the clock of some zone, `doubt` what is not plain about its START."""

    schedule: str
    on_a_wall: bool
    doubt: str | None = None


def timetable(given: Mapping[str, Any], clock: Clock, now: datetime) -> Timetable | None:
    """Return what the options say, on that clock; None where they say nothing. Raises UsageError."""
    schedule, cron, every, at, times = (given.get(name) for name in PARTS)
    counted = any(part is not None for part in (every, at, times))
    if sum((schedule is not None, cron is not None, counted)) > 1:
        raise click.UsageError("say either --schedule, or --cron, or --every and --at")
    try:
        if every and every.startswith("@") and not (at or times):
            cron, counted = every, False
        if counted:
            return _counted(every, at, times, clock, now)
        if cron is not None:
            check_line(cron)
            return Timetable(cron, on_a_wall=True)
    except ValueError as error:
        raise click.UsageError(printable(str(error))) from None
    return None if schedule is None else Timetable(as_schedule(schedule), means_a_wall(schedule))


def as_schedule(text: str) -> str:
    """Return the schedule. Raises UsageError for a length of time in its place: that is half of one."""
    short = text.strip()
    try:
        period(short)
    except click.BadParameter:
        return text
    raise click.UsageError(
        f"{short} is how far apart, and no schedule; say --every {short}, or R/START/PERIOD"
    )


def _counted(every: str | None, at: str | None, times: int | None, clock: Clock, now: datetime) -> Timetable:
    from kala_client import Period, Schedule

    if every and every.startswith("@"):
        raise ValueError(f"{every} says by itself when: beside --at or --times say how far apart, such as 1d")
    start = None if at is None else _coming(at, clock, now)
    on_a_wall = start is not None and start.tzinfo is clock.zone
    odd = None if start is None else doubt(start)
    if every:
        repeat = times - 1 if times else None
        return Timetable(str(Schedule.every(Period.parse(every), start=start, repeat=repeat)), on_a_wall, odd)
    if start is None or times:
        raise ValueError("how far apart? --times needs --every")
    return Timetable(str(Schedule.once(start)), on_a_wall, odd)


def _coming(at: str, clock: Clock, now: datetime) -> datetime:
    """Read a time that is to come. Raises ValueError, in the words that were typed, for one that the server refuses."""
    from kala_server.core.decide.slots import ON_TIME

    found = instant(at, clock.zone, now, after=now)
    if found <= now - ON_TIME:
        there = now.astimezone(clock.zone).isoformat(sep=" ", timespec="seconds")
        raise ValueError(f"{at!r} has passed, as it is {there}; say a time that is to come")
    return found


def means_a_wall(schedule: str) -> bool:
    """Whether a schedule is a cron line, or an interval whose START has no offset."""
    from kala_client import Schedule

    text = schedule.strip()
    if not text or text.lower() == "never":
        return False
    try:
        return Schedule.parse(text).floating
    except ValueError:
        return "/P" not in text.upper()


def clock_of_the_job(timezone: str | None, reader: Clock) -> Clock:
    """Return the clock that wall times of a job are on: that of its own zone, else the reader's."""
    try:
        return named_clock(timezone) if timezone else reader
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def with_its_zone(
    found: Timetable | None, timezone: str | None, reader: Clock, notes: list[str]
) -> dict[str, Any]:
    """Return the fields of a job that say when: with the reader's zone where wall times have no other; it is noted."""
    if found is None:
        return {}
    fields: dict[str, Any] = {"schedule": found.schedule}
    if found.on_a_wall and not timezone:
        notes.append(f"its times are on the clock of {reader.name} (another: --timezone)")
        if not reader.is_utc:
            fields["timezone"] = reader.name
    if found.doubt:
        notes.append(found.doubt)
    return fields
